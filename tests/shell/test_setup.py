"""path.sh and utils/setup.sh, with stand-ins for Python, pip and df: nothing is downloaded."""

import os
import shutil
import subprocess

import pytest
from messages import names
from waiting import LIMIT, wait_for

# What setup.sh asks of a Python; `-m venv` puts the stand-in itself into the environment.
PYTHON = """\
echo "$*" >> "$CALLS.all"
case "$1 $2" in
  "-c import sys;"*) exit ${FAKE_UNSUITABLE:-0} ;;
  "-c import venv"*) exit ${FAKE_NO_VENV:-0} ;;
  "-m venv") mkdir -p "$3/bin"; cp "$0" "$3/bin/python3" ;;
  "-m pip") echo "pip ${*:3}" >> "$CALLS"; until [[ -e ${FAKE_UNTIL:-/} ]]; do sleep 0.02; done
    printf '  Downloading %s\\n' "torch-2.0-cp311.whl (800.5 MB)" "tiny-1-py3.whl (1.5 MB)"
    [[ -z ${FAKE_PIP:-} ]] || { printf '%s\\n' "$FAKE_PIP" "[notice] a new pip"; exit 1; } ;;
  *) echo "FAKE 3.9" ;;
esac
"""


@pytest.fixture
def checkout(root, tmp_path, script):
    """A checkout with only what sets up, and stand-ins on its PATH."""
    for name in ("path.sh", "utils/setup.sh"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(root / name, tmp_path / name)
    (tmp_path / "requirements.txt").write_text("# pins\ntorch==2.0\ntorchaudio==2.0\nnumpy==2\n")
    script("bin/python3", PYTHON)
    script("bin/df", "echo Filesystem; echo x 1 1 ${FAKE_FREE:-99000000} 1% /\n")
    return tmp_path


@pytest.fixture
def source(checkout, run):
    """Sources path.sh and runs a command in its environment."""

    def source(command="true", **environment):
        environment = {
            "TIMBRE_PYTHON": "",
            "PATH": f"{checkout}/bin:{os.environ['PATH']}",
            "TIMBRE_BOOTSTRAP_PYTHON": f"{checkout}/bin/python3",
            "CALLS": f"{checkout}/calls",
        } | environment
        return run("bash", "-c", f"set -euo pipefail; . ./path.sh; {command}", **environment)

    return source


def calls(checkout):
    return (checkout / "calls").read_text().splitlines() if (checkout / "calls").exists() else []


def test_set_up_once_and_again_when_the_requirements_change(source, checkout):
    done = source("command -v python3; echo $PYTHONPATH $TIMBRE_ROOT")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert names(lines[0], "setup.sh: ", f"{checkout}/.venv", f"{checkout}/bin/python3")
    assert names(lines[1], "torch 2.0", "800.5 MB") and names(lines[2], "ready"), "small packages have no line"
    assert lines[3:] == [f"{checkout}/.venv/bin/python3", f"{checkout}/src {checkout}"]
    assert len(calls(checkout)) == 1
    assert source().stdout == "", "up to date"
    (checkout / "requirements.txt").write_text("numpy==3\n")
    assert names(source().stdout, "ready")
    assert len(calls(checkout)) == 2


def test_an_interrupted_set_up_is_made_anew(source, checkout):
    source()
    (checkout / ".venv/.stamp").unlink()
    (checkout / ".venv/half").touch()
    assert names(source().stdout, "ready")
    assert not (checkout / ".venv/half").exists()


def test_another_index_is_for_torch_alone(source, checkout):
    source(TIMBRE_TORCH_INDEX="https://x/whl/cpu", FAKE_FREE="3000000")
    first, second = calls(checkout)
    assert first.endswith("--no-deps --index-url https://x/whl/cpu torch==2.0 torchaudio==2.0")
    assert "index-url" not in second and second.endswith("-r " + str(checkout / "requirements.txt"))


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({"FAKE_UNSUITABLE": "1"}, ["3.10, 3.11 or 3.12"]),
        ({"FAKE_NO_VENV": "1"}, ["venv", "apt install python3-venv"]),
        ({"FAKE_FREE": "3000000"}, ["2.9 GB", "8 GB", "2 GB with TIMBRE_TORCH_INDEX"]),
        (
            {"FAKE_PIP": "ERROR: No matching distribution found for torch"},
            ["pip", "ERROR: No matching distribution found for torch"],
        ),
        ({"FAKE_PIP": "x connection broken by y"}, ["network", "index"]),
    ],
)
def test_what_is_missing_is_said_in_one_line(source, checkout, environment, wanted):
    done = source("echo not here", **environment)
    assert done.returncode == 1
    assert done.stderr.startswith("setup.sh: error: ") and done.stderr.count("\n") == 1
    assert names(done.stderr, *wanted)
    assert "not here" not in done.stdout
    if "FAKE_PIP" in environment:
        assert names(done.stderr, f"{checkout}/.venv/setup.log")
    assert names(source().stdout, "ready"), "mended, it is made"


def test_two_set_ups_at_once_make_one_environment(source, checkout, root):
    environment = os.environ | {
        "TIMBRE_PYTHON": "",
        "TIMBRE_BOOTSTRAP_PYTHON": f"{checkout}/bin/python3",
        "CALLS": f"{checkout}/calls",
        "FAKE_UNTIL": f"{checkout}/go",
    }
    set_up = {"args": [checkout / "utils/setup.sh"], "env": environment, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(**set_up) as first:
        wait_for(lambda: calls(checkout))
        with subprocess.Popen(**set_up) as second:
            assert names(second.stdout.readline(), "setup.sh: ", "waiting")
            (checkout / "go").touch()
            assert names(first.communicate(timeout=LIMIT)[0], "ready")
            assert second.communicate(timeout=LIMIT)[0] == "" and second.returncode == 0
    assert len(calls(checkout)) == 1


def test_own_python_sets_up_nothing(source, checkout):
    done = source(
        "echo $PYTHONPATH; command -v python3", TIMBRE_PYTHON=f"{checkout}/bin/python3", PYTHONPATH="/mine"
    )
    assert done.stdout.splitlines() == [f"{checkout}/src:/mine", f"{checkout}/bin/python3"]
    assert not (checkout / ".venv").exists()
    missing = source("echo not here", TIMBRE_PYTHON="/nowhere/python3")
    assert missing.returncode == 1
    assert names(missing.stderr, "path.sh: ", "TIMBRE_PYTHON=/nowhere/python3")


def test_environment(source, checkout):
    source()
    show = "echo $LC_ALL $PYTHONUTF8 ${MALLOC_MMAP_MAX_-unset}; printf 'b\\na\\nB\\n' | sort | tr -d '\\n'"
    assert source(show).stdout == "C 1 0\nBab"
    assert source(show, TIMBRE_DEFAULT_MALLOC="1").stdout == "C 1 unset\nBab"
    twice = source(". ./path.sh; echo $PATH")
    assert twice.stdout.count(f"{checkout}/utils") == 1
    (checkout / "egs/x").mkdir(parents=True)
    (checkout / "egs/x/path.sh").symlink_to("../../path.sh")
    assert source("cd egs/x; . ./path.sh; echo $TIMBRE_ROOT").stdout == f"{checkout}\n"
    (checkout / "calls.all").unlink()
    source()
    assert not (checkout / "calls.all").exists(), "sourcing starts no Python"
