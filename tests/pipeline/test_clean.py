"""What of data and experiments is listed as of no use, and what is never."""

from __future__ import annotations

import fcntl
from dataclasses import replace
from pathlib import Path

from messages import refused

from timbre.kaldi.text import write_table
from timbre.pipeline.clean import leftovers
from timbre.pipeline.output import begin


def test_leftovers_are_listed_and_what_is_read_is_not(data, step, make):
    feats = replace(step, output=Path("data/mfcc24-0a1b2c/train"), keep=True)
    make(feats, "first")
    make(feats, "second", force=True)
    make(replace(step, output=Path("data/fbank80-aaaaaa/train")))
    _, work = begin(replace(step, output=Path("data/mfcc24-0a1b2c/test")))
    (data / "data/mfcc24-0a1b2c/.utt2spk.123.tmp").write_text("")
    write_table(data / "exp/x/plan/names", {"exp": "exp/x", "feats": "data/mfcc24-0a1b2c"})
    model = replace(step, output=Path("exp/x"), files=("final.pt",), resumable=True)
    make(model)
    make(model, "other", force=True)
    found = {str(item.path): item for item in leftovers([Path("data"), Path("exp")], Path("exp"))}
    current = str(Path("data/mfcc24-0a1b2c/train").resolve().relative_to(data))
    (old,) = {str(path) for path in Path("data/mfcc24-0a1b2c").glob(".train.*")} - {current}
    (aside,) = (str(path) for path in Path("exp/x").glob(".make_feats.*") if path.is_dir())
    expected = {old, aside, str(work), "data/mfcc24-0a1b2c/.utt2spk.123.tmp", "data/fbank80-aaaaaa"}
    assert found.keys() == expected and found["data/fbank80-aaaaaa"].size > 0
    for item in found.values():
        item.remove()
    assert leftovers([Path("data"), Path("exp")], Path("exp")) == []
    assert (data / "data/mfcc24-0a1b2c/train/frames.txt").read_text() == "second"
    assert (data / "exp/x/final.pt").read_text() == "other"


def test_nothing_is_removed_while_a_run_is_under_way(data, step, make):
    make(step)
    with open(data / "data/.train.lock", "w") as lock:
        lock.write("process 7")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        with refused("data/.train.lock", "process 7"):
            leftovers([Path("data")], Path("data"))
    with refused("none"):
        leftovers([Path("none")], Path("data"))
