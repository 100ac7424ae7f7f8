"""Batches read by other processes: the same bits, whatever the machine lacks, and failures in a line."""

from __future__ import annotations

import os
import signal

import pytest
import torch
from messages import names, refused
from trained_weights import assert_same_bits, weights

from timbre.errors import AudioError
from timbre.features.front_end import FrameReader
from timbre.training import reading
from timbre.training.train import train_experiment


def test_reading_in_other_processes_changes_nothing(toy_data, toy_conf, tmp_path):
    data = toy_data()
    train_experiment(toy_conf("train.epochs=1"), data, tmp_path / "here", "cpu")
    train_experiment(toy_conf("train.epochs=1", "train.workers=2"), data, tmp_path / "there", "cpu")
    assert_same_bits(weights(tmp_path / "here"), weights(tmp_path / "there"))


@pytest.mark.parametrize("lacking", ["shared memory", "handles"])
def test_too_little_shared_memory_or_too_few_handles_change_nothing(
    toy_data, toy_conf, tmp_path, monkeypatch, capfd, lacking
):
    data = toy_data()
    train_experiment(toy_conf("train.epochs=1"), data, tmp_path / "here", "cpu")

    def full(*_):
        raise RuntimeError("unable to allocate shared memory(shm)")

    if lacking == "handles":
        monkeypatch.setattr(reading, "_SPARE_HANDLES", -1)
        monkeypatch.setattr(reading, "_require_handles", lambda count: full() if count < 0 else None)
    else:
        monkeypatch.setattr(torch.Tensor, "share_memory_", full)
    reading._warn_once.cache_clear()
    train_experiment(toy_conf("train.epochs=1", "train.workers=2"), data, tmp_path / "there", "cpu")
    assert names(capfd.readouterr().err, "train.workers=2", "/dev/shm", "ulimit -n")
    assert_same_bits(weights(tmp_path / "here"), weights(tmp_path / "there"))


@pytest.mark.parametrize("error", [AudioError("s01-1: cut short"), MemoryError("Unable to allocate 29 GiB for an")])
def test_what_a_reading_process_cannot_do_is_one_line(toy_data, toy_conf, tmp_path, monkeypatch, error):
    def crop(*_):
        raise error

    monkeypatch.setattr(FrameReader, "crop", crop)
    wanted = "s01-1: cut short" if isinstance(error, AudioError) else "29 GiB"
    with refused(wanted) as caught:
        train_experiment(toy_conf("train.workers=1"), toy_data(), tmp_path / "exp", "cpu")
    assert "\n" not in str(caught.value)


def test_a_reading_process_that_is_killed_ends_training(toy_data, toy_conf, tmp_path, monkeypatch):
    def killed(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(FrameReader, "crop", killed)
    with refused("train.workers=0", "/dev/shm"):
        train_experiment(toy_conf("train.workers=1"), toy_data(), tmp_path / "exp", "cpu")
