"""A fault of the disk at any call: the old output is there, or the new one, and the same again makes the new."""

from __future__ import annotations

import errno
import logging
import os
import random
import threading
import zlib

import pytest
from faults import ERRORS, Faults, contents, temporary_files, try_all
from messages import refused
from outputs import OUTPUTS, step

from timbre.errors import MachineError, machine_fault
from timbre.features import tensors
from timbre.features.tensors import load_tensors, save_tensors
from timbre.pipeline import record
from timbre.training.checkpoints import NEWEST, Checkpoints
from timbre.training.train import train_experiment

SLOW = {"ONNX graph", "report.html", "model card"}  # to import, or to make
EVERY = 12
"""In the fast tier one in so many calls fails."""


@pytest.mark.parametrize("name", [name for name in OUTPUTS if name not in SLOW])
def test_a_fault_leaves_the_old_output_or_the_new_one(name, tmp_path):
    first = zlib.crc32(name.encode()) % EVERY
    tally = try_all(OUTPUTS[name], tmp_path / "made", choose=lambda at: at % EVERY == first or at == 4)
    assert tally.faults >= 4 and tally.defects == []


@pytest.mark.all
@pytest.mark.parametrize("name", OUTPUTS)
def test_a_fault_at_each_call(name, tmp_path):
    tally = try_all(OUTPUTS[name], tmp_path / "made")
    assert tally.faults >= 4 * tally.calls > 0 and tally.defects == []


def train(conf, data, directory):
    """Trains in a log of its own; the bytes of the encoder."""
    for handler in logging.getLogger().handlers[:]:
        logging.getLogger().removeHandler(handler)
    train_experiment(conf, data, directory, "cpu")
    encoder = load_tensors(directory / "final.pt")["encoder"]
    return {name: value.numpy().tobytes() for name, value in encoder.items()}


@pytest.mark.parametrize("count", [2, pytest.param(15, marks=pytest.mark.all)])
def test_training_goes_on_after_a_fault_to_the_same_bits(toy_data, toy_conf, tmp_path, monkeypatch, capfd, count):
    monkeypatch.setattr(threading, "excepthook", lambda failed: None)  # as timbre.__main__ has it
    data, conf = toy_data(speakers=5), toy_conf("train.epochs=2")
    with Faults(tmp_path / "whole", 1 << 60, 0).active() as counted:
        whole = train(conf, data, tmp_path / "whole")
    rng = random.Random(count)
    for number in range(count):
        error, at, exp = rng.choice(list(ERRORS)), rng.randint(1, len(counted.calls)), tmp_path / f"exp{number}"
        faults = Faults(exp, at, ERRORS[error], lasting=error == "ENOSPC")
        try:
            with faults.active():
                train(conf, data, exp)
        except (MachineError, OSError) as failed:
            said = str(failed) if isinstance(failed, MachineError) else machine_fault(failed)
            assert str(exp) in said and "\n" not in said, said
        assert temporary_files(exp) == [] or faults.failed == "unlink"
        assert train(conf, data, exp) == whole, f"{error} at call {at} ({faults.failed})"
    assert "Traceback" not in capfd.readouterr().err


REFUSALS = [
    MemoryError(),
    OSError(errno.EMFILE, os.strerror(errno.EMFILE)),
    OSError(errno.EIO, os.strerror(errno.EIO)),
]


@pytest.mark.parametrize("error", REFUSALS)
def test_a_checkpoint_is_not_removed_for_what_the_machine_lacks(tmp_path, monkeypatch, error):
    save_tensors(tmp_path / NEWEST, {"state": {}})

    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(tensors.torch, "load", refuse)
    with refused(tmp_path / NEWEST, error=MachineError):
        Checkpoints(tmp_path, 1, 1).load()
    monkeypatch.setattr(tensors.zipfile, "ZipFile", refuse)
    with refused(tmp_path / NEWEST, error=MachineError):
        Checkpoints(tmp_path, 1, 1).load()
    monkeypatch.undo()
    assert Checkpoints(tmp_path, 1, 1).load() == {"state": {}}


def test_an_output_is_not_removed_because_its_record_cannot_be_read_now(tmp_path, monkeypatch):
    made = tmp_path / "made"
    made.mkdir()
    for word in ("old", "new"):
        step(made, word, keep=True)
    before = contents(made)

    def refuse(*_, **__):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), "record.json")

    with monkeypatch.context() as patch:
        patch.setattr(record.json, "loads", refuse)
        with pytest.raises(OSError, match="Too many open files"):
            step(made, "newest", keep=True)
    assert contents(made) == before
