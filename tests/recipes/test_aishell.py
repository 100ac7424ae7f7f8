"""The AISHELL-1 recipe on a synthetic stand-in: its protocols, each conf's training, and what users do wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

HERE = "egs/aishell/sv"
CONFS = sorted(path.stem for path in (Path(__file__).parents[2] / HERE / "conf").glob("*.yaml"))
CONFS = [name for name in CONFS if name not in ("fbank", "mfcc")]
SMALL = ["train.epochs=1", "train.heldout_speakers=2", "train.batch_size=16", "train.crop_frames=60"]
ENCODERS = {
    "xvector": ["encoder.channels=16", "encoder.pooling_channels=24"],
    "ecapa": ["encoder.channels=16", "encoder.aggregation_channels=24"],
    "ge2e": ["encoder.hidden=16", "encoder.layers=1", "train.utterances_per_speaker=4"],
}


def options(conf):
    """The options that make a conf train in seconds."""
    tiny = [word for key in SMALL + ENCODERS[conf.split("_")[0]] for word in ("--set", key)]
    return [*tiny, "--conf", f"conf/{conf}.yaml"]


@pytest.fixture(scope="module")
def prepared(run):
    """Stage 0 of the protocol lab, and what it said."""
    code, out, err = run("run.sh", "--corpus", "synthetic", "--stop-stage", 0, folder=HERE)
    assert code == 0, out + err
    return out


def test_the_stand_in_is_prepared_as_the_corpus(prepared, clone):
    for said in ("train: 96 utterances, 12 speakers", "lab: 12 training speakers instead of 300", "SHA-256"):
        assert said in prepared
    assert (clone / HERE / "data/lab/test/trials_balanced").exists()


@pytest.mark.parametrize("conf", CONFS)
def test_every_conf_trains(prepared, run, clone, conf):
    where = ["--stage", 1, "--stop-stage", 2, "--exp", f"exp/lab/{conf}"]
    code, out, err = run("run.sh", *where, *options(conf), folder=HERE)
    assert code == 0, out + err
    assert (clone / HERE / f"exp/lab/{conf}/final.pt").exists()


@pytest.mark.parametrize("protocol,lists", [("lab", ["balanced"]), ("hard", [])])
def test_from_nothing_to_a_report(prepared, run, clone, eer_of, protocol, lists):
    """Lists and models are scored, and the report says that nobody spoke."""
    what = ["--corpus", "synthetic", "--protocol", protocol, "--exp", f"exp/{protocol}/whole"]
    code, out, err = run("run.sh", *what, *options("xvector_gap_softmax"), folder=HERE)
    assert code == 0, out + err
    assert 0 <= eer_of(out) <= 100
    exp = clone / HERE / f"exp/{protocol}/whole"
    trials = (clone / HERE / f"data/{protocol}/test/trials").read_text().splitlines()
    assert json.loads((exp / "metrics.json").read_text())["trials"]["count"] == len(trials)
    for name in lists:
        assert (exp / name / "metrics.json").exists()
    assert "Synthetic speech" in (exp / "report.html").read_text()


@pytest.mark.parametrize(
    "given,message",
    [
        ([], "--corpus DIR or --download DIR is missing"),
        (["--protocol", "easy"], "--protocol takes lab, full or hard, found 'easy'"),
        (["--corpus", "/nowhere"], "no AISHELL-1 there"),
    ],
)
def test_mistakes_are_one_line(run, given, message):
    code, _, err = run("run.sh", *given, folder=HERE)
    assert code == 1 and message in err and "Traceback" not in err
