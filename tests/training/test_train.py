"""Training end to end on features of a second: resumed to the same bits, chosen by held-out speakers, refused."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from messages import names, refused
from trained_weights import assert_same_bits, interrupt, weights
from waiting import wait_for

from timbre.features.front_end import FrameReader
from timbre.features.published import read_model
from timbre.features.tensors import load_tensors
from timbre.kaldi.datadir import DataDir
from timbre.models.xvector import Encoder
from timbre.training.averaging import average_epochs
from timbre.training.train import train_experiment
from timbre.training.trainer import State, Trainer


def test_training_learns_and_leaves_what_it_promises(toy_data, toy_conf, tmp_path):
    said = train_experiment(toy_conf("train.epochs=8"), toy_data(), tmp_path / "exp", "cpu")
    state = read_model(tmp_path / "exp")
    assert len(state["classes"]) == 6 and names(said, "6 classes")
    assert set(state["backend"]["heldout_speakers"]).isdisjoint(state["classes"])
    history = [json.loads(line) for line in (tmp_path / "exp/history.jsonl").read_text().splitlines()]
    assert [row["epoch"] for row in history] == list(range(1, 9))
    assert history[-1]["loss"] < history[0]["loss"]
    assert history[-1]["accuracy"] >= history[-1]["accuracy_margin"]
    assert {"heldout_eer", "learning_rate", "utterances_per_second"} <= history[0].keys()
    assert (tmp_path / "exp/conf.yaml").exists() and list((tmp_path / "exp/tensorboard").iterdir())
    assert 2 <= len(list((tmp_path / "exp").glob("epoch_*.pt"))) <= 3
    assert "trained already" in train_experiment(toy_conf("train.epochs=8"), toy_data(), tmp_path / "exp", "cpu")


def test_interrupted_anywhere_it_ends_with_the_same_bits(toy_data, toy_conf, tmp_path, monkeypatch):
    data, conf = toy_data(), toy_conf("encoder.channels=8")
    train_experiment(conf, data, tmp_path / "whole", "cpu")
    for stop in (1, 3, 4, 7, 11):
        with monkeypatch.context() as patched:
            interrupt(patched, stop)
            with pytest.raises(KeyboardInterrupt):
                train_experiment(conf, data, tmp_path / f"stopped{stop}", "cpu")
        torch.rand(3)  # whatever the interrupted process's generator was at
        train_experiment(conf, data, tmp_path / f"stopped{stop}", "cpu")
        assert_same_bits(weights(tmp_path / "whole"), weights(tmp_path / f"stopped{stop}"))
        same = [(tmp_path / name / "history.jsonl").read_text() for name in ("whole", f"stopped{stop}")]
        rows = [[json.loads(line) for line in text.splitlines()] for text in same]
        for row in rows[0] + rows[1]:
            del row["utterances_per_second"], row["waiting"]
        assert rows[0] == rows[1]


def test_killed_it_ends_with_the_same_bits(toy_data, toy_conf, tmp_path):
    data = toy_data()
    train_experiment(toy_conf(), data, tmp_path / "whole", "cpu")
    command = [sys.executable, "-m", "timbre", "train-encoder", "--conf", str(tmp_path / "toy.yaml")]
    command += ["--train", str(data.path), "--device", "cpu", str(tmp_path / "killed")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: process.poll() is not None or (tmp_path / "killed/checkpoint.pt").exists())
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    train_experiment(toy_conf(), data, tmp_path / "killed", "cpu")
    assert_same_bits(weights(tmp_path / "whole"), weights(tmp_path / "killed"))


def test_another_conf_in_the_same_directory_is_refused(toy_data, toy_conf, tmp_path):
    train_experiment(toy_conf("train.epochs=1"), toy_data(), tmp_path / "exp", "cpu")
    with refused(tmp_path / "exp", "train.epochs", " 1", " 2", "--exp"):
        train_experiment(toy_conf("train.epochs=2"), toy_data(), tmp_path / "exp", "cpu")
    with refused(tmp_path / "exp", tmp_path / "data", "--exp"):
        train_experiment(toy_conf("train.epochs=1"), toy_data(speakers=9), tmp_path / "exp", "cpu")


def test_a_loss_that_is_not_finite_names_the_utterances(toy_data, toy_conf, tmp_path, monkeypatch):
    data = toy_data()
    crop = FrameReader.crop

    def poisoned(self, utterance, length, rng):
        return crop(self, utterance, length, rng) * (np.nan if utterance == "s03-1" else 1)

    monkeypatch.setattr(FrameReader, "crop", poisoned)
    with refused("loss nan", "epoch 1", "s03-1", "train.learning_rate"):
        train_experiment(toy_conf("train.heldout_speakers=0"), data, tmp_path / "exp", "cpu")


def test_gradients_that_are_not_finite_end_training_before_the_step(toy_data, toy_conf, tmp_path, monkeypatch):
    """The loss is finite, and one parameter's gradient is not in the fifth step; the checkpoint stands."""
    steps = itertools.count()
    forward = Encoder.forward

    def poisoned(self, feats, lengths):
        outputs = forward(self, feats, lengths)
        if self.training and next(steps) == 4:
            weight = next(self.parameters())
            outputs = outputs + 0 * torch.sqrt((weight - weight.detach()).square().sum())  # its derivative is nan
        return outputs

    monkeypatch.setattr(Encoder, "forward", poisoned)
    conf = toy_conf("train.heldout_speakers=0", "train.checkpoint_steps=2")
    with refused("gradients", "nan", "epoch 1", "batch 5", "encoder.", "train.learning_rate"):
        train_experiment(conf, toy_data(), tmp_path / "exp", "cpu")
    saved = load_tensors(tmp_path / "exp" / "checkpoint.pt")
    assert saved["state"]["batch"] == 4 and not list((tmp_path / "exp").glob("epoch_*.pt"))
    assert all(torch.isfinite(value).all() for value in saved["encoder"].values())
    monkeypatch.setattr(Encoder, "forward", forward)
    train_experiment(conf, toy_data(), tmp_path / "exp", "cpu")  # goes on from there


def test_weights_that_are_not_finite_are_not_saved(toy_data, toy_conf, tmp_path, monkeypatch):
    """Finite gradients and a step too long."""
    monkeypatch.setattr("timbre.training.trainer.learning_rate", lambda conf, epoch: 1e38)
    conf = toy_conf(
        "train.heldout_speakers=0", "train.optimizer=sgd", "train.clip_norm=0", "train.checkpoint_steps=1"
    )
    with refused("not finite", "epoch 1", "train.learning_rate"):
        train_experiment(conf, toy_data(), tmp_path / "exp", "cpu")
    assert not (tmp_path / "exp" / "checkpoint.pt").exists()


def test_steps_are_in_training_mode_after_each_evaluation_too(toy_data, toy_conf, tmp_path, monkeypatch):
    modes = []
    forward = Encoder.forward

    def noted(self, feats, lengths):
        modes.append((self.training, len({module.training for module in self.modules()}) == 1))
        return forward(self, feats, lengths)

    monkeypatch.setattr(Encoder, "forward", noted)
    train_experiment(toy_conf("train.epochs=3"), toy_data(), tmp_path / "exp", "cpu")
    steps = json.loads((tmp_path / "exp/history.jsonl").read_text().splitlines()[0])["step"]
    runs = [(mode, len(list(group))) for mode, group in itertools.groupby(modes)]
    assert all(alike for (_, alike), _ in runs)
    assert [training for (training, _), _ in runs[:6]] == [True, False] * 3
    assert [count for (training, _), count in runs[:6] if training] == [steps] * 3


def test_nobody_held_out_and_patience(toy_data, toy_conf, tmp_path, monkeypatch):
    said = train_experiment(toy_conf("train.heldout_speakers=0"), toy_data(), tmp_path / "none", "cpu")
    assert "EER" not in said and "threshold" not in read_model(tmp_path / "none")["backend"]
    worse = iter(range(10, 90, 10))
    monkeypatch.setattr(
        Trainer,
        "__init__",
        _with_evaluate(Trainer.__init__, lambda encoder, loss: {"heldout_eer": float(next(worse))}),
    )
    train_experiment(toy_conf("train.epochs=8", "train.patience=2"), toy_data(), tmp_path / "patient", "cpu")
    assert len((tmp_path / "patient/history.jsonl").read_text().splitlines()) == 3


def _with_evaluate(init, evaluate):
    return lambda self, *args: init(self, *args[:-2], evaluate, args[-1])


def test_the_best_window_of_epochs_is_averaged():
    def best(rates, count):
        return State(history=[{"heldout_eer": rate} for rate in rates]).best_epochs(count)

    assert best([9, 1, 9, 3, 2, 3, 9], 3) == [4, 5, 6]  # one lucky epoch does not count
    assert best([9, 2, 2, 9, 2, 2], 2) == [5, 6]  # of equal ones the latest
    assert best([5], 3) == [1]
    assert State(history=[{"loss": 1.0}] * 6).best_epochs(2) == [5, 6]


def test_averages_keep_counters_whole(tmp_path):
    for epoch in (1, 2):
        state = {"w": torch.tensor([float(epoch)]), "num_batches_tracked": torch.tensor(10 * epoch)}
        torch.save({"encoder": state, "loss": {}}, tmp_path / f"epoch_{epoch:04d}.pt")
    mean = average_epochs(tmp_path, [1, 2])["encoder"]
    assert mean["w"].item() == 1.5
    assert mean["num_batches_tracked"].item() == 20 and mean["num_batches_tracked"].dtype == torch.int64


def test_an_empty_train_directory_is_refused(toy_conf, tmp_path):
    (tmp_path / "empty").mkdir()
    with refused(tmp_path / "empty/feats.scp", "steps/make_feats.sh"):
        train_experiment(toy_conf(), DataDir(tmp_path / "empty"), tmp_path / "exp", "cpu")
