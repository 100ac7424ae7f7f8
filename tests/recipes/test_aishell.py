"""The AISHELL-1 recipe on a synthetic stand-in: its protocols, each conf's training, and what users do wrong."""

from __future__ import annotations

import json

import pytest
import tiny
from messages import names

HERE = "egs/aishell/sv"


@pytest.fixture(scope="module")
def prepared(run):
    """Stage 0 of the protocol lab, and what it said."""
    code, out, err = run(
        "run.sh", "--corpus", "synthetic", "--stop-stage", 0, *tiny.options(HERE, "ge2e"), folder=HERE
    )
    assert code == 0, out + err
    return out


def test_the_stand_in_is_prepared_as_the_corpus(prepared, clone):
    for said in ("train: 24 utterances, 6 speakers", "lab: 6 training speakers instead of 300", "SHA-256"):
        assert said in prepared
    assert (clone / HERE / "data/lab/test/trials_balanced").exists()


def test_a_conf_that_does_not_fit_ends_stage_1(prepared, run, clone):
    """By name and before there are features, with settings that fit."""
    code, _, err = run("run.sh", "--corpus", "synthetic", folder=HERE)
    fits = ["--set train.heldout_speakers=4"]
    assert code == 1 and names(err, "train.heldout_speakers=12", "6 speakers", *fits, "stage 1")
    assert not list(clone.glob(f"{HERE}/data/*/mfcc*"))


@pytest.mark.all
@pytest.mark.parametrize("conf", tiny.confs(HERE))
def test_every_conf_trains(prepared, run, clone, conf):
    where = ["--stage", 1, "--stop-stage", 2, "--exp", f"exp/lab/{conf}"]
    code, out, err = run("run.sh", *where, *tiny.options(HERE, conf), folder=HERE)
    assert code == 0, out + err
    assert (clone / HERE / f"exp/lab/{conf}/final.pt").exists()


@pytest.mark.parametrize(
    ("protocol", "lists"),
    [
        ("lab", ["balanced"]),
        pytest.param("hard", [], marks=pytest.mark.all),
        pytest.param("full", [], marks=pytest.mark.all),
    ],
)
def test_from_nothing_to_a_report(prepared, run, again, clone, eer_of, protocol, lists):
    """Lists and models are scored, and the report says that nobody spoke."""
    what = ["--corpus", "synthetic", "--protocol", protocol, "--exp", f"exp/{protocol}/whole", "--nj", 1]
    what += tiny.options(HERE, "xvector_gap_softmax")
    code, out, err = run("run.sh", *what, folder=HERE)
    assert code == 0, out + err
    again(*what, folder=HERE)
    assert 0 <= eer_of(out) <= 100
    exp = clone / HERE / f"exp/{protocol}/whole"
    trials = (clone / HERE / f"data/{protocol}/test/trials").read_text().splitlines()
    assert json.loads((exp / "metrics.json").read_text())["trials"]["count"] == len(trials)
    assert (exp / "balanced/metrics.json").exists() == (protocol == "lab")
    assert "Synthetic speech" in (exp / "report.html").read_text()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (["--protocol", "easy"], ["easy", "lab", "full", "hard"]),
        (["--corpus", "/nowhere"], ["/nowhere", "--help"]),
        (["--corpus", "conf"], ["conf", "AISHELL-1"]),
    ],
)
def test_mistakes_are_one_line(prepared, run, given, named):
    code, _, err = run("run.sh", *given, folder=HERE)
    assert code == 1 and names(err, *named)


def test_the_corpus_is_known_after_the_first_run(prepared, run, clone):
    what = ["--stop-stage", 0, *tiny.options(HERE, "ge2e")]
    assert run("run.sh", *what, folder=HERE)[0] == 0
    (clone / HERE / "data/lab/prepared_from").unlink()
    code, _, err = run("run.sh", *what, folder=HERE)
    assert code == 1 and names(err, "--corpus", "--download")
