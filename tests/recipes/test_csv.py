"""The recipe for a table of one's own: folds by speaker or the split that it says, its changes, and mistakes."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
import tiny
from messages import names

from timbre.kaldi.text import read_table

CSV = "egs/csv/ser"
SMALL = tiny.options(CSV, "xvector_mfcc", "train.heldout_utterances=0.3")


@pytest.fixture(scope="module")
def made(run, clone):
    """The stand-in, prepared: four speakers with eight utterances each."""
    code, out, err = run("run.sh", "--table", "synthetic", "--stop-stage", 0, folder=CSV)
    assert code == 0, out + err
    return clone / CSV / "data"


@pytest.fixture
def table(made, run):
    """``table(lines)``: stage 0 with a table of these lines beside the stand-in's audio, as the first."""
    corpus = made / "corpus"

    def prepare(lines, *options):
        (corpus / "other.csv").write_text("\n".join(lines) + "\n")
        (made / "prepared_from").unlink(missing_ok=True)
        what = ["--table", corpus / "other.csv", "--stop-stage", 0, *options]
        code, out, err = run("run.sh", *what, folder=CSV)
        return code, out + err

    return prepare


def lines_of(made, *further):
    """The lines of the stand-in's table, with a further column."""
    lines = (made / "corpus/my.csv").read_text().splitlines()
    return [f"{line},{value}" for line, value in zip(lines, further, strict=True)] if further else lines


@pytest.mark.all
def test_each_speaker_is_a_fold_whose_texts_are_known(made, run, clone):
    for fold, speaker in enumerate(("anna", "ben", "clara", "david"), start=1):
        assert set(read_table(made / f"folds/{fold}/test/utt2spk").values()) == {speaker}
        assert len(read_table(made / f"folds/{fold}/train/utt2spk")) == 24
    code, out, err = run("run.sh", "--stage", 1, *SMALL, "--exp", "exp/x", folder=CSV)
    assert code == 0, out + err
    metrics = json.loads((clone / CSV / "exp/x/metrics.json").read_text())
    assert metrics["verdict"] == ["synthetic speech", "speaker-independent", "text-dependent"]
    assert metrics["utterances"]["count"] == 32 and (clone / CSV / "exp/x/report.html").is_file()


@pytest.mark.all
def test_an_ensemble_on_features_by_speaker(made, run, clone):
    what = ["--seeds", "1 2", "--normalise", "speaker", "--exp", "exp/y"]
    code, out, err = run("run.sh", "--stage", 1, *SMALL, *what, folder=CSV)
    assert code == 0, out + err
    metrics = json.loads((clone / CSV / "exp/y/metrics.json").read_text())
    assert "transductive" in metrics["verdict"] and list(metrics["members"]) == ["1", "2"]


def test_a_second_run_has_nothing_to_do(made, again):
    again("--table", "synthetic", "--stop-stage", 0, folder=CSV)


def test_the_split_of_the_table_is_one_fold_and_stereo_is_mixed(made, table):
    path = made / "corpus/audio/anna/01.wav"
    samples, rate = soundfile.read(path)
    soundfile.write(path, np.stack([samples, samples / 2], axis=1), rate)
    lines = lines_of(made, "split", *["dev"] * 8, *["train"] * 16, *["test"] * 8)
    code, said = table(lines)
    assert code == 0 and names(said, "anna-01", "dev and val (8 of 32"), said
    assert read_table(made / "folds/1/train/wav.scp")["anna-01"] == "data/mixed/anna-01.wav"
    assert set(read_table(made / "folds/1/test/utt2spk").values()) == {"david"} and not (made / "folds/2").exists()
    code, said = table(lines, "--folds", 2, "--force")
    assert code == 1 and names(said, "--folds 2", "split")
    code, said = table(lines_of(made)[:-8], "--folds", 2)  # david is gone, and the split
    assert code == 0, said
    assert len(read_table(made / "folds/2/train/utt2fold")) + len(read_table(made / "folds/1/train/utt2fold")) == 24
    assert not (made / "all/utt2split").exists() and "david-01" not in read_table(made / "all/utt2spk")


@pytest.mark.all
def test_a_fusion_has_a_gate_for_each_language_of_the_table(made, table, front_ends, run, clone):
    lines = [
        line.replace(",en", ",de") if "audio/ben" in line or "david" in line else line for line in lines_of(made)
    ]
    code, said = table(lines, "--folds", 2)
    assert code == 0, said
    small = tiny.options(CSV, "fusion", "train.heldout_unit=utterance", "fusion.gate=true")
    code, out, err = run("run.sh", "--stage", 1, "--exp", "exp/fused", *small, folder=CSV)
    assert code == 0, out + err
    gates = json.loads((clone / CSV / "exp/fused/gates.json").read_text())
    assert set(gates["languages"]) == {"de", "en"}


def test_mistakes_are_named(made, table, run):
    code, said = table([line.replace("ben/03", "ben/99") for line in lines_of(made)])
    assert code == 1 and names(said, "other.csv:12:", "audio/ben/99.wav", "stage 0")
    (made / "prepared_from").write_text("/elsewhere/my.csv\n")
    code, _, err = run("run.sh", "--table", "synthetic", folder=CSV)
    assert code == 1 and names(err, "/elsewhere/my.csv", "remove data")
    (made / "prepared_from").unlink()
    for words, named in (([], ["--table FILE", "synthetic"]), (["--table", "no.csv"], ["no.csv", "--table"])):
        code, _, err = run("run.sh", *words, folder=CSV)
        assert code == 1 and names(err, *named)
