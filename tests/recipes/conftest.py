"""Recipes run in a copy of the tree, as a user has it after cloning: nothing they write touches this one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def clone(tmp_path_factory):
    """The folder of the copy."""
    copy = tmp_path_factory.mktemp("clone") / "timbre"
    copy.mkdir()
    for name in ("src", "steps", "utils", "conf", "local", "egs", "docs"):
        ignore = shutil.ignore_patterns("__pycache__", "data", "exp") if name == "egs" else None
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=ignore)
    for name in ("run.sh", "path.sh", "cmd.sh"):
        shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture(scope="session")
def run(clone):
    """``run("run.sh", "--stage", 2)`` → ``(exit code, stdout, stderr)``, in the copy or a folder of it."""

    def call(script, *options, folder="."):
        variables = {name: value for name, value in os.environ.items() if not name.startswith("TIMBRE")}
        variables |= {"TIMBRE_PYTHON": sys.executable, "OMP_NUM_THREADS": "1", "PYTHONPATH": ""}
        command = [f"./{script}", *map(str, options)]
        result = subprocess.run(
            command, cwd=clone / folder, env=variables, capture_output=True, text=True, check=False
        )
        return result.returncode, result.stdout, result.stderr

    return call


@pytest.fixture(scope="session")
def eer_of():
    """The EER (per cent) of the first system in the table that a recipe prints."""

    def read(stdout):
        row = re.search(r"^system .*\n\S+ +(\d+\.\d+) ", stdout, re.M)
        assert row, stdout
        return float(row[1])

    return read
