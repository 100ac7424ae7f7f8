"""Checkpoints: when they are due, and what becomes of damaged ones, of others' and of hostile ones."""

from __future__ import annotations

import os

import pytest
import torch
from messages import names, refused
from trained_weights import assert_same_bits, interrupt, weights

from timbre.features.published import read_model
from timbre.features.tensors import load_tensors
from timbre.training.crops import CropBatches
from timbre.training.train import train_experiment


def test_a_checkpoint_is_due_after_minutes_too_and_what_was_lost_is_said(
    toy_data, toy_conf, tmp_path, monkeypatch, caplog
):
    caplog.set_level("INFO")
    for name, minutes, resumed, lost in (("often", 1e-9, "batch 3", 0), ("rarely", 60, "epoch 2, batch 1", 2)):
        conf = toy_conf("train.checkpoint_steps=1000", f"train.checkpoint_minutes={minutes}")
        steps = 4  # 24 utterances in batches of 6
        with monkeypatch.context() as patched:
            interrupt(patched, steps + 3)
            with pytest.raises(KeyboardInterrupt):
                train_experiment(conf, toy_data(), tmp_path / name, "cpu")
        caplog.clear()
        train_experiment(conf, toy_data(), tmp_path / name, "cpu")
        (said,) = [line for line in caplog.messages if "resumed" in line]
        assert names(said, resumed, f"; {lost} steps")
        left = {path.name for path in (tmp_path / name).iterdir()}
        assert "checkpoint.pt" in left and not left & {"checkpoint_before.pt", "steps_done"}
    assert_same_bits(weights(tmp_path / "often"), weights(tmp_path / "rarely"))


def cut(file):
    file.write_bytes(file.read_bytes()[:-200])


def flip(file):
    """Other bits in the middle of its largest tensor, which torch reads without a word."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 255
    file.write_bytes(content)


@pytest.mark.parametrize("damage", [cut, flip])
@pytest.mark.parametrize("newest_alone", [True, False])
def test_from_damaged_checkpoints_training_goes_on_to_the_same_bits(
    toy_data, toy_conf, tmp_path, monkeypatch, capsys, damage, newest_alone
):
    conf, exp = toy_conf("train.checkpoint_steps=1"), tmp_path / "exp"
    train_experiment(conf, toy_data(), tmp_path / "whole", "cpu")
    with monkeypatch.context() as patched:
        interrupt(patched, 7)
        with pytest.raises(KeyboardInterrupt):
            train_experiment(conf, toy_data(), exp, "cpu")
    damaged = sorted(exp.glob("checkpoint*.pt"))[: 1 if newest_alone else 2]
    for file in damaged:
        damage(file)
    epochs = []
    monkeypatch.setattr(CropBatches, "set_epoch", _noted(CropBatches.set_epoch, epochs))
    train_experiment(conf, toy_data(), exp, "cpu")
    assert names(capsys.readouterr().err, *damaged, "damaged")
    assert epochs[1] == (1 if newest_alone else 0)  # the first is where batches are made
    assert_same_bits(weights(tmp_path / "whole"), weights(exp))


def _noted(set_epoch, epochs):
    return lambda self, epoch: (epochs.append(epoch), set_epoch(self, epoch))[1]


def test_a_damaged_file_is_refused_with_what_makes_it_again(toy_data, toy_conf, tmp_path):
    conf, exp = toy_conf(), tmp_path / "exp"
    train_experiment(conf, toy_data(), exp, "cpu")
    whole = weights(exp)
    for damage in (cut, flip):
        damage(exp / "final.pt")
        with refused(exp / "final.pt", "damaged", "remove", "stage 2"):
            read_model(exp)
        (exp / "final.pt").unlink()
        last = sorted(exp.glob("epoch_*.pt"))[-1]
        damage(last)
        for _ in range(2):
            with refused(last, "damaged", f"remove {exp}/checkpoint.pt"):
                train_experiment(conf, toy_data(), exp, "cpu")
        (exp / "checkpoint.pt").unlink()
        train_experiment(conf, toy_data(), exp, "cpu")
        assert_same_bits(whole, weights(exp))


def test_a_checkpoint_of_another_network_is_refused(toy_data, toy_conf, tmp_path):
    train_experiment(toy_conf("train.epochs=1"), toy_data(), tmp_path / "one", "cpu")
    (tmp_path / "two").mkdir()
    (tmp_path / "one/checkpoint.pt").rename(tmp_path / "two/checkpoint.pt")
    with refused(tmp_path / "two/checkpoint.pt", "remove"):
        train_experiment(toy_conf("train.epochs=1", "encoder.channels=8"), toy_data(), tmp_path / "two", "cpu")


def test_a_saved_file_cannot_run_code(tmp_path):
    class Attack:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "ran"),))

    torch.save({"x": Attack()}, tmp_path / "final.pt")
    with refused(tmp_path / "final.pt", "tensors"):
        load_tensors(tmp_path / "final.pt")
    assert not (tmp_path / "ran").exists()
