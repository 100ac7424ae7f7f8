"""A small data directory and a step that writes what it reads, for the rules of records."""

from __future__ import annotations

import pytest

from timbre.kaldi.text import write_table
from timbre.pipeline.declaration import Declaration
from timbre.pipeline.output import begin, end


@pytest.fixture
def data(tmp_path, monkeypatch):
    """The data directory ``data``, and its audio, in the working directory."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        (tmp_path / f"{name}.wav").write_bytes(name.encode() * 100)
    write_table(tmp_path / "data/wav.scp", {"a": "a.wav", "b": "b.wav"})
    write_table(tmp_path / "data/utt2spk", {"a": "s", "b": "t"})
    write_table(tmp_path / "data/spk2utt", {"s": "a", "t": "b"})
    (tmp_path / "conf.yaml").write_text(
        "features: {kind: mfcc, num_mel_bins: 40}\ntrain: {epochs: 3, workers: 0}\n"
    )
    return tmp_path


@pytest.fixture
def step(data):
    """A step that makes the folder ``out`` of the audio and the features of the conf."""
    paths = {"audio": (data / "data",), "conf": (data / "conf.yaml",)}
    relative = {name: tuple(path.relative_to(data) for path in each) for name, each in paths.items()}
    return Declaration("make_feats", data.relative_to(data) / "out", keys=("features",), **relative)


@pytest.fixture
def make():
    """``make(step, text="", force=False)`` runs a step; the words of what it said, and whether it ran."""

    def make(step, text="made", force=False):
        state, work = begin(step, force)
        if work is None:
            return state, False
        for name in step.files or ("frames.txt",):
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_text(text)
        end(step, work)
        return state, True

    return make
