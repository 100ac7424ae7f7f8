"""Published weights out of a wheel: by pip from a folder, from a file, once, whole, and none but the right ones."""

from __future__ import annotations

import dataclasses
import hashlib
import zipfile
from pathlib import Path

import pytest
from messages import names, refused

from timbre.features import fetch as module
from timbre.features.fetch import WEIGHTS, fetch

DATA = bytes(range(256)) * 40
MEMBER = "resemblyzer/pretrained.pt"


def make_wheel(folder: Path, **files: bytes) -> Path:
    """A wheel that pip takes for the package's."""
    folder.mkdir(parents=True, exist_ok=True)
    path, info = folder / "resemblyzer-0.1.4-py3-none-any.whl", "resemblyzer-0.1.4.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("resemblyzer/__init__.py", "raise SystemExit('imported')")
        for name, data in (files or {MEMBER: DATA}).items():
            archive.writestr(name, data)
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: resemblyzer\nVersion: 0.1.4\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """The weights are the small ones of these tests."""
    changed = {"size": len(DATA), "sha256": hashlib.sha256(DATA).hexdigest()}
    monkeypatch.setitem(WEIGHTS, "resemblyzer", dataclasses.replace(WEIGHTS["resemblyzer"], **changed))


def test_pip_brings_the_wheel_and_a_second_run_does_not_ask_again(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(make_wheel(tmp_path / "index").parent))
    said = fetch("resemblyzer", tmp_path / "models")
    assert names(said, tmp_path / "models/resemblyzer.pt", "resemblyzer==0.1.4", "Apache-2.0", "SHA-256")
    assert (tmp_path / "models/resemblyzer.pt").read_bytes() == DATA
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["resemblyzer.pt"]
    monkeypatch.setattr(module, "_download", None)
    assert names(fetch("resemblyzer", tmp_path / "models"), "is there", "Apache-2.0")


def test_a_file_that_was_changed_is_refused_and_stays(tmp_path):
    wheel, file = make_wheel(tmp_path), tmp_path / "models/resemblyzer.pt"
    fetch("resemblyzer", file.parent, wheel)
    file.write_bytes(DATA[:-1])
    with refused(file, hashlib.sha256(DATA[:-1]).hexdigest(), hashlib.sha256(DATA).hexdigest(), "move it away"):
        fetch("resemblyzer", file.parent, wheel)
    assert file.read_bytes() == DATA[:-1]
    file.rename(tmp_path / "away")
    fetch("resemblyzer", file.parent, wheel)
    assert file.read_bytes() == DATA


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ({MEMBER: DATA[:-1]}, ["10239 bytes", "10240"]),
        ({MEMBER: DATA[:-1] + b"x"}, ["SHA-256", hashlib.sha256(DATA).hexdigest()]),
        ({"other.pt": DATA}, [f"no {MEMBER}", "resemblyzer==0.1.4"]),
    ],
)
def test_another_wheel_is_refused_and_nothing_written(tmp_path, files, wanted):
    wheel = make_wheel(tmp_path, **files)
    with refused(wheel, *wanted):
        fetch("resemblyzer", tmp_path / "models", wheel)
    assert not (tmp_path / "models").exists()


def test_a_damaged_wheel_and_one_that_is_not_there_are_refused(tmp_path):
    wheel = make_wheel(tmp_path)
    whole = wheel.read_bytes()
    place = whole.index(MEMBER.encode()) + len(MEMBER) + 20
    for damaged in (whole[:300], b"", whole[:place] + b"\xff" * 9 + whole[place + 9 :]):
        wheel.write_bytes(damaged)
        with refused(wheel, "download it again"):
            fetch("resemblyzer", tmp_path / "models", wheel)
    with refused("--wheel", "nowhere.whl", "no such file"):
        fetch("resemblyzer", tmp_path / "models", tmp_path / "nowhere.whl")
    assert not (tmp_path / "models").exists()


def test_without_a_network_it_is_one_line_with_cause_and_remedy(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    with refused("resemblyzer==0.1.4", "reachable", "pip download --no-deps", "--wheel") as caught:
        fetch("resemblyzer", tmp_path / "models")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "models").exists()
    fetch("resemblyzer", tmp_path / "models", make_wheel(tmp_path))
