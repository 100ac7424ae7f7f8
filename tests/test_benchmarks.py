"""Every benchmark runs, at its smallest size, and prints figures."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = [path for path in sorted((ROOT / "benchmarks").glob("*.py")) if "__name__ ==" in path.read_text()]


def tables(output: str) -> list[list[list[str]]]:
    """The tables of the output, each as rows of cells, the header first."""
    blocks = [[line for line in block.splitlines() if line.startswith("|")] for block in output.split("\n\n")]
    rows = [[[cell.strip() for cell in line[1:-1].split("|")] for line in block] for block in blocks if block]
    return [[header, *body] for header, _, *body in rows]


def numbers(cells: Iterable[str]) -> list[float]:
    found = []
    for word in " ".join(cells).split():
        with suppress(ValueError):
            found.append(float(word))
    return found


@pytest.mark.all
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_benchmark_ends_well_and_prints_figures(script, tmp_path):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, script, "--smallest"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    printed = tables(done.stdout)
    assert printed, done.stdout
    for header, *rows in printed:
        figures = numbers(cell for row in rows for cell in row[1:])
        assert figures and all(map(math.isfinite, figures)), done.stdout
        for name, *column in zip(header, *rows, strict=True):
            if {"ratio", "times"} & set(name.split()):
                assert all(float(cell) > 0 for cell in column), f"{name}: {column}"


def test_the_readme_tells_of_every_benchmark():
    text = (ROOT / "benchmarks/README.md").read_text()
    assert [path.name for path in SCRIPTS if f"| `{path.name}` |" not in text] == []
