"""`pip install .`: the command and all that it needs, without the checkout."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from messages import names


@pytest.mark.all
def test_pip_install_gives_the_command(root, tmp_path):
    subprocess.run(["git", "clone", "-q", root, tmp_path / "clone"], check=True)
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", tmp_path / "lib"]
    done = subprocess.run([*install, tmp_path / "clone"], capture_output=True, text=True, check=False)
    if "No matching distribution" in done.stderr:
        pytest.skip("pip cannot fetch setuptools, which builds the package")
    assert done.returncode == 0, done.stderr
    sources = tmp_path / "clone/src/timbre"
    data = [path.relative_to(sources) for path in sources.rglob("*") if path.suffix not in (".py", "")]
    assert data and all((tmp_path / "lib/timbre" / path).is_file() for path in data)
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "lib")}
    said = subprocess.run(
        [tmp_path / "lib/bin/timbre", "enrol", "--people", "people", "alice"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 1 and names(said.stderr, "timbre enrol: error", "alice", "audio files")
