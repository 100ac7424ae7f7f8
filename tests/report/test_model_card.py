"""The card of a model: what its files say, and no word on what they do not."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from messages import refused

import timbre
from timbre.__main__ import main
from timbre.features.published import read_model
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.text import write_table
from timbre.report.model_card import write_model_card
from timbre.training.train import train_experiment


@pytest.fixture
def exp(toy_data, toy_conf, tmp_path):
    """A trained model with results on synthetic speech."""
    train_experiment(
        toy_conf("train.epochs=2", "loss={kind: am_softmax, margin: 0.3}"), toy_data(), tmp_path / "exp", "cpu"
    )
    log = "2026-01-01 10:00:00 6 speakers, 24 utterances to train on; held out: 2 speakers, 8 utterances\n"
    (tmp_path / "exp" / "train.log").write_text(log)  # pytest has the log that training writes
    (tmp_path / "data" / "fbank" / "test").mkdir(parents=True)
    (tmp_path / "data" / "about").write_text("Synthetic speech:\nnobody spoke.\n")
    bounds = {"value": 0.05, "low": 0.02, "high": 0.09}
    metrics = {
        "data": str(tmp_path / "data" / "fbank" / "test"),
        "trials": {"sha256": "c" * 64, "count": 200, "targets": 20, "nontargets": 180, "speakers": 7},
        "systems": {"exp": {"eer": bounds, "min_dcf_0.01": bounds, "min_dcf_0.05": bounds}},
    }
    (tmp_path / "exp" / "metrics.json").write_text(json.dumps(metrics))
    return tmp_path / "exp"


def test_the_card_says_what_the_files_say(exp):
    main(["make-model-card", str(exp)])
    card, encoder = (exp / "model_card.md").read_text(), timbre.load(exp).encoder
    for said in (
        "# exp\n",
        "> Synthetic speech: nobody spoke.\n",
        "The speech is synthetic: nothing here says how the model does on people's voices.",
        "| trained on | 6 classes: speakers; 24 utterances |",
        "| front-end | mfcc, ",
        ", sample_rate 16000, ",
        "| encoder | xvector, channels 16",
        f": {sum(map(torch.Tensor.numel, encoder.parameters())):,} parameters |",
        "| loss | am_softmax",
        "margin 0.3",
        "| epochs | 2 |",
        "of 2 held-out training speakers (EER ",
        "| calibration | log-likelihood ratio = ",
        "5.00 [2.00, 9.00]",
        "c" * 64,
        "7 test speakers are few",
        "Audio at 16000 Hz (at another rate it is refused), of 15 frames or more.",
        "timbre verify --model exp one.wav other.wav",
        "The weights: none recorded",
    ):
        assert said in card, said
    assert "Left out" not in card and "None" not in card
    table = card.split("## Model")[1].split("##")[0].strip().splitlines()
    assert all(line.startswith("| ") or line == "| | |" for line in table)  # no gap that would end it


def test_what_is_missing_is_left_out_by_name(exp, tmp_path):
    for name in ("metrics.json", "history.jsonl", "train.log"):
        (exp / name).unlink()
    card = write_model_card(exp).read_text()
    assert (
        "Left out, because it is not in this directory: about (what the speech is); metrics.json (results);" in card
    )
    assert "history.jsonl (epochs); train.log (utterances trained on)." in card
    assert "Not measured: this directory has no results." in card
    for gone in ("## Results", "| epochs |", "utterances,", "ynthetic", "None"):
        assert gone not in card
    assert "> Read speech.\n" in write_model_card(exp, about="Read speech.").read_text()
    shutil.rmtree(exp)
    with refused(exp, "steps/train_encoder.sh"):
        write_model_card(exp)


def test_a_model_without_threshold_says_so(toy_data, toy_conf, tmp_path):
    train_experiment(toy_conf("train.epochs=1", "train.heldout_speakers=0"), toy_data(), tmp_path / "a", "cpu")
    card = write_model_card(tmp_path / "a").read_text()
    assert "| threshold |" not in card and "| calibration |" not in card
    assert "threshold and calibration (nobody was held out in training)" in card


def test_a_classifier_says_that_it_is_one(toy_data, toy_conf, classified, tmp_path):
    conf = toy_conf("task=classification", "loss={kind: softmax}", "train.epochs=1", "train.heldout_utterances=0.2")
    train_experiment(conf, toy_data(speakers=3, utterances=10), tmp_path / "exp", "cpu")
    train = {"data": "data/train", "utterances": 30, "shared_speakers": 3, "sessions": None}
    classified(tmp_path / "exp", np.diag([4, 5, 6]), train=train)
    card, model = write_model_card(tmp_path / "exp", "Read speech.").read_text(), timbre.load(tmp_path / "exp")
    size = sum(map(torch.Tensor.numel, model.encoder.parameters())) + 8 * 3 + 3  # a linear layer of the classes
    error, temperature = 100 * model.backend["heldout_error"], model.backend["temperature"]
    for said in (
        "> Read speech.\n",
        "A classifier of 3 classes (speakers): speech in, probabilities out.",
        "| classes | 3, of the table `utt2spk`: s00, s01, s02 |",
        f": {size:,} parameters, those of the classes included |",
        f"| held-out error | {error:.2f} % of 6 training utterances that were held out |",
        f"| temperature | {temperature:.3f},",
        "15 utterances of 3 classes",
        "Measured on the utterances above alone",
        "3 test speakers are few",
        "an unknown speaker is always taken for one of the classes.",
        "Recordings of one session may stand in both parts",
        "Probabilities are scaled by a temperature fitted on held-out training utterances.",
        "timbre identify --model exp one.wav",
        'model.classify("one.wav")',
    ):
        assert said in card, said
    for other in ("| threshold", "EER", "embedding =", "verify", "None"):
        assert other not in card, other
    table = card.split("## Model")[1].split("##")[0].strip().splitlines()
    assert all(line.startswith("| ") or line == "| | |" for line in table)


def test_a_classifier_of_given_frames_takes_no_audio_and_what_is_missing_is_named(toy_data, toy_conf, tmp_path):
    data = toy_data(speakers=12, utterances=2, dim=23)
    (data.path / "utt2emotion").write_text((data.path / "utt2spk").read_text().replace(" s", " e|"))
    settings = ("features={kind: given, dim: 23}", "labels=utt2emotion", "train.heldout_utterances=0")
    conf = toy_conf("task=classification", "loss={kind: softmax}", "train.epochs=1", *settings)
    train_experiment(conf, data, tmp_path / "exp", "cpu", trust_features=True)
    card = write_model_card(tmp_path / "exp").read_text()
    for said in (
        "A classifier of 12 classes (emotions): frames in, probabilities out.",
        "| classes | 12, of the table `utt2emotion` |",  # too many to be named
        "It takes frames of its corpus only, no audio; utterances of 15 frames or more.",
        "an unknown emotion is always taken for one of the classes.",
        "held-out error and temperature (nothing was held out in training)",
        "steps/predict.sh exp <data> <out>",
    ):
        assert said in card, said
    for other in ("Hz", "one.wav", "| held-out error", "| temperature", "None"):
        assert other not in card, other


def test_the_card_of_folds_says_what_the_models_are_and_whom_each_knows(toy_data, toy_conf, classified, tmp_path):
    short = ("train.epochs=2", "train.heldout_utterances=0.2")
    conf = toy_conf("task=classification", "labels=utt2emotion", "loss={kind: softmax}", *short)
    exp, speakers = tmp_path / "net", [f"s{number:02d}" for number in range(4)]
    for fold, tested in enumerate((speakers[:1], speakers[1:]), start=1):
        data = toy_data(f"folds/{fold}/train", 4, 10)
        chosen = {utt: spk for utt, spk in data.utt2spk.items() if spk not in tested}
        for table in ("feats.scp", "utt2num_frames"):
            write_table(data.path / table, {utt: data.table(table)[utt] for utt in chosen})
        write_table(data.path / "utt2spk", chosen)
        write_table(data.path / "utt2emotion", {utt: "ab"[int(utt[-1]) % 2] for utt in chosen})
        rest = {utt: spk for utt, spk in data.utt2spk.items() if spk in tested}
        write_table(tmp_path / f"folds/{fold}/test/utt2spk", rest)
        train_experiment(conf, DataDir(data.path), exp / f"fold_{fold}", "cpu")
        line = f"2026-01-01 10:00:00 2 classes, {1000 * fold} utterances to train on; held out: 1 utterances\n"
        (exp / f"fold_{fold}" / "train.log").write_text(line)
    train = {"data": str(tmp_path / "folds"), "folds": 2, "shared_speakers": 0, "sessions": None, "texts": 5}
    verdict = ["speaker-independent", "text-dependent"]
    bootstrap = {"resampled": "utterances", "level": 0.95, "seed": 0, "replicates": 1000}
    tested = {"count": 20, "classes": 2, "speakers": 2, "sha256": "d" * 64, "frames": None}
    changes = {"train": train, "verdict": verdict, "bootstrap": bootstrap, "utterances": tested}
    classified(exp, np.diag([10, 10]), ["a", "b"], labels="utt2emotion", **changes)
    card = write_model_card(exp, "Read speech.").read_text()
    backends = [read_model(exp / f"fold_{fold}")["backend"] for fold in (1, 2)]
    temperatures = sorted(backend["temperature"] for backend in backends)
    errors = [f"{100 * backend['heldout_error']:.2f}" for backend in backends]
    for said in (
        "A classifier of 2 classes (emotions): speech in",
        "It is 2 models, one for each fold of a cross-validation (fold_1, fold_2), each trained on the",
        "`timbre classify` takes the mean of their probabilities.",
        "| trained on | 1,000 to 2,000 utterances, by fold |",
        "| epochs | 2, by fold |",
        "| `fold_1` | 3: s01, s02, s03 | 1: s00 |\n| `fold_2` | 1: s00 | 3: s01, s02, s03 |",
        f"| temperature | {temperatures[0]:.3f} to {temperatures[1]:.3f}, by fold,",
        "| held-out error | ",
        " % of 2 to 6 training utterances that were held out, by fold |",
        "speaker-independent, text-dependent; SHA-256",
        "Intervals are 95 %, by resampling utterances.",
        "Each model was measured alone, on the test part of its fold. The mean of the models was not",
        "No speaker stands in both parts of a fold.",
        "Tested on 2 speakers: intervals resample utterances",
        "timbre classify --model net one.wav",
        'timbre.load("net/fold_1")',
        "Of an experiment of folds the parameters are those of one model",
    ):
        assert said in card, said
    assert "test speakers are few" not in card and "Left out" not in card and "None" not in card
    assert all(error in card for error in errors)
    tables = [block for block in card.split("\n\n") if block.startswith("| ")]
    assert len(tables) == 3 and all(line.startswith("| ") for table in tables for line in table.splitlines())

    shutil.rmtree(tmp_path / "folds")
    (exp / "fold_2/train.log").unlink()
    card = write_model_card(exp).read_text()
    assert "## Folds" not in card and "| trained on |" not in card
    assert "train.log (utterances trained on); the folds' data (speakers of each)." in card
    (exp / "fold_2/final.pt").unlink()
    with refused(exp / "fold_2/final.pt", "steps/train_encoder.sh"):
        write_model_card(exp)


def test_measures_of_another_task_are_refused(toy_data, toy_conf, tmp_path, classified):
    train_experiment(toy_conf("train.epochs=1"), toy_data(), tmp_path / "exp", "cpu")
    classified(tmp_path / "exp/valid", np.diag([4, 5, 6]))
    with refused(tmp_path / "exp/valid/metrics.json", "verification"):
        write_model_card(tmp_path / "exp")


def test_the_card_of_one_fold_speaks_of_one_model(toy_data, toy_conf, classified, tmp_path):
    conf = toy_conf("task=classification", "loss={kind: softmax}", "train.epochs=1", "train.heldout_utterances=0.2")
    train_experiment(conf, toy_data(speakers=3, utterances=10), tmp_path / "net/fold_1", "cpu")
    classified(tmp_path / "net", np.diag([4, 5, 6]))
    card = write_model_card(tmp_path / "net").read_text()
    assert "timbre classify --model net one.wav" in card and 'timbre.load("net/fold_1")' in card
    assert "by fold" not in card and "one for each fold" not in card and "Each model" not in card
