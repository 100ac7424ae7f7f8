"""Speaker identification: the course's data as a stand-in and speechocean762's layout, each conf, and mistakes."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
import tiny
from messages import names

from timbre.training.experiment import load_experiment

ROOT, HERE = Path(__file__).parents[2], "egs/ml2023hw4/sid"
CONFS = tiny.confs(HERE)


def accuracy_of(out):
    """The accuracy (per cent) of the first system in the table that a recipe prints."""
    row = re.search(r"^system .*\n\S+ +(\d+\.\d+) ", out, re.M)
    assert row, out
    return float(row[1])


@pytest.fixture(scope="module")
def prepared(run, clone):
    """Stages 0 and 1 on a stand-in, and what they said."""
    code, out, err = run("run.sh", "--corpus", "synthetic", "--stop-stage", 1, folder=HERE)
    assert code == 0, out + err
    return out


def test_the_parts_are_disjoint_and_whole(prepared, clone):
    data = clone / HERE / "data"
    labelled, train, valid = (
        {line.split()[0] for line in (data / part / "utt2spk").open()} for part in ("labelled", "train", "valid")
    )
    assert not train & valid and train | valid == labelled and len(labelled) == 36
    assert "recordings of one session may stand in both" in prepared
    assert "Synthetic speech" in (data / "about").read_text()


@pytest.mark.all
@pytest.mark.parametrize("conf", CONFS)
def test_every_conf_trains(prepared, run, clone, conf):
    where = ["--stage", 1, "--stop-stage", 2, "--exp", f"exp/{conf}"]
    code, out, err = run("run.sh", *where, *tiny.options(HERE, conf), folder=HERE)
    assert code == 0, out + err
    assert (clone / HERE / f"exp/{conf}/final.pt").exists()


def test_from_training_to_a_submission(prepared, run, again, timbre, clone):
    """It learns, the report shows who is taken for whom, and the submission is the one that is asked for."""
    what = ["--corpus", "synthetic", "--conf", "conf/transformer_simple.yaml", "--exp", "exp/whole"]
    what += ["--set", "train.epochs=20", "--set", "train.batch_size=8"]
    code, out, err = run("run.sh", *what, folder=HERE)
    assert code == 0, out + err
    again(*what, folder=HERE)
    assert accuracy_of(out) >= 50  # of four speakers; by chance 25
    exp = clone / HERE / "exp/whole"
    metrics = json.loads((exp / "metrics.json").read_text())
    assert metrics["utterances"]["count"] == 4 and list(metrics["systems"]) == [
        "whole",
        "majority",
        "LDA of statistics",
    ]
    report = (exp / "report.html").read_text()
    assert "Synthetic speech" in report and "random crops of 128 frames" in report
    rows = list(csv.reader((exp / "submission.csv").open()))
    asked = json.loads((clone / HERE / "data/corpus/testdata.json").read_text())["utterances"]
    assert rows[0] == ["Id", "Category"] and [row[0] for row in rows[1:]] == [one["feature_path"] for one in asked]
    speakers = json.loads((clone / HERE / "data/corpus/mapping.json").read_text())["speaker2id"]
    assert {row[1] for row in rows[1:]} <= set(speakers)
    wav = sorted((clone / HERE / "data/corpus_speech/corpus/train/wav").glob("*/*.wav"))[0]
    code, _, err = timbre("identify", wav, "--model", "exp/whole", folder=HERE)
    assert code == 1 and names(err, "features.kind", "given")


def test_speakers_of_audio_are_identified(run, again, timbre, speechocean762):
    folder = "egs/speechocean762/sid"
    what = ["--corpus", speechocean762, "--exp", "exp/x", *tiny.options(folder, "conformer_sap_am")]
    code, out, err = run("run.sh", *what, folder=folder)
    assert code == 0, out + err
    assert "recordings of one session may stand in both" in out
    again(*what, folder=folder)
    wav = speechocean762 / "WAVE/SPEAKER0001/000010000.WAV"
    code, out, err = timbre("identify", wav, "--model", "exp/x", folder=folder)
    assert code == 0, err
    speakers, shares = zip(*(line.split() for line in out.splitlines()), strict=True)
    assert len(speakers) == 5 and set(speakers) <= {f"{speaker:04d}" for speaker in range(7)}
    assert sorted(map(float, shares), reverse=True) == list(map(float, shares))


@pytest.mark.parametrize("conf", CONFS)
def test_the_same_confs_stand_on_audio(conf):
    ours, theirs = (
        load_experiment(ROOT / f"egs/{corpus}/sid/conf/{conf}.yaml") for corpus in ("speechocean762", "ml2023hw4")
    )
    assert ours.features.kind == "logmel" and ours.task == "classification"
    assert ours.encoder == theirs.encoder and ours.loss == theirs.loss


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (["--corpus", "/nowhere"], ["/nowhere"]),
        (["--conf", "../../speechocean762/sv/conf/xvector_am.yaml"], ["xvector_am.yaml", "verification"]),
        (["--set", "speeds=[0.9]"], ["speeds"]),
        (["--set", "train.features=online"], ["train.features"]),
    ],
)
def test_mistakes_are_one_line(run, given, named):
    code, _, err = run("run.sh", *given, folder=HERE)
    assert code == 1 and names(err, *named)


def test_the_corpus_is_known_after_the_first_run(prepared, run, clone):
    assert run("run.sh", "--stop-stage", 0, folder=HERE)[0] == 0
    (clone / HERE / "data/prepared_from").unlink()
    code, _, err = run("run.sh", "--stop-stage", 0, folder=HERE)
    assert code == 1 and names(err, "--corpus", "synthetic")
