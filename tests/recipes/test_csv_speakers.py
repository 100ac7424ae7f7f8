"""The recipe for speakers of one's own: from random weights, fine-tuned, and what is refused."""

from __future__ import annotations

import json

import pytest
import tiny
from messages import names

from timbre.kaldi.text import read_table

HERE = "egs/csv/sv"
TUNED = ["epochs=2", "average=1", "batch_size=8", "crop_frames=50", "heldout_speakers=2", "crops_per_utterance=1"]
TUNED = [word for setting in TUNED for word in ("--set", f"train.{setting}")]


@pytest.fixture(scope="module")
def trained(run, clone):
    """An experiment from random weights on the stand-in."""
    small = tiny.options(HERE, "ecapa_aam", "speeds=[]")
    code, out, err = run("run.sh", "--table", "synthetic", *small, "--exp", "exp/first", folder=HERE)
    assert code == 0, out + err
    return clone / HERE


@pytest.mark.all
def test_fine_tuning_is_compared_with_the_model_as_it_was(trained, run, again):
    words = ["--init", trained / "exp/first/final.pt", "--exp", "exp/tuned", *TUNED]
    code, out, err = run("run.sh", *words, folder=HERE)
    assert code == 0, out + err
    metrics = json.loads((trained / "exp/tuned/metrics.json").read_text())
    assert list(metrics["systems"]) == ["tuned", "before fine-tuning", "untrained baseline"]
    assert {"value", "low", "high"} <= metrics["differences"]["before fine-tuning"]["eer"].keys()
    assert "before fine-tuning" in (trained / "exp/tuned/report.html").read_text()
    speakers = [set(read_table(trained / f"data/{part}/utt2spk").values()) for part in ("train", "test")]
    assert not speakers[0] & speakers[1] and len(speakers[1]) >= 2
    log = (trained / "exp/tuned/train.log").read_text()
    assert names(log, "started from", "weights of")
    again(*words, folder=HERE)


@pytest.mark.all
def test_a_data_directory_in_the_place_of_the_table(trained, run):
    (trained / "data/prepared_from").unlink()
    code, out, err = run("run.sh", "--table", trained / "data/all", "--stop-stage", 0, folder=HERE)
    assert code == 0 and names(out, "data/train", "data/test"), out + err


def test_mistakes_are_named(clone, run):
    for words, named in (
        (["--table", "elsewhere.csv"], ["elsewhere.csv", "--table"]),
        (["--table", clone / HERE / "conf"], ["conf", "utt2spk"]),
        (["--conf", "conf/fine_tuning.yaml"], ["fine_tuning.yaml", "frozen_epochs", "--init FILE"]),
        (["--init", "none.pt"], ["none.pt"]),
    ):
        code, _, err = run("run.sh", *words, folder=HERE)
        assert code == 1 and names(err, *named)
