"""Weights of trainings compared, and trainings that are interrupted."""

from __future__ import annotations

import itertools

import torch

from timbre.features.published import read_model
from timbre.training.trainer import Trainer


def weights(directory):
    state = read_model(directory)
    return {f"{part}.{name}": value for part in ("encoder", "loss") for name, value in state[part].items()}


def assert_same_bits(one, other):
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


def interrupt(monkeypatch, stop):
    """The step of that number, and no other, ends training as Ctrl-C does."""
    step, count = Trainer._step, itertools.count(1)

    def interrupted(self, *args):
        if next(count) == stop:
            raise KeyboardInterrupt
        return step(self, *args)

    monkeypatch.setattr(Trainer, "_step", interrupted)
