"""Scripts under test are run as a user runs them: by bash, in a folder of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from waiting import LIMIT

ROOT = Path(__file__).parents[2]


@pytest.fixture
def root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture
def run(tmp_path):
    """``run(program, *arguments, stdin=…, **environment)`` in ``tmp_path``."""

    def run(*command, stdin: str = "", **environment: str) -> subprocess.CompletedProcess:
        inherited = {
            key: value for key, value in os.environ.items() if not key.startswith(("TIMBRE_", "PYTHON", "MALLOC_"))
        }
        return subprocess.run(
            [str(word) for word in command],
            cwd=tmp_path,
            env=inherited | {"TIMBRE_PYTHON": sys.executable} | environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )

    return run


@pytest.fixture
def script(tmp_path):
    """Writes an executable bash script: ``script("x.sh", "echo hi")``."""

    def script(name: str, body: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/usr/bin/env bash\n{body}")
        path.chmod(0o755)
        return path

    return script
