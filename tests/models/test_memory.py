"""What an encoder needs for a long utterance is foreseen, and refused with the length that fits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from messages import names, refused

from timbre.conf import build
from timbre.errors import AudioError
from timbre.models import build_encoder, memory
from timbre.models.trained import ModelConf

SMALL = {"channels": 16, "heads": 2, "layers": 1, "feed_forward": 32}


def made(kind, **values):
    conf = build(ModelConf, {"encoder": {"kind": kind} | values})
    return build_encoder(conf.encoder, 20).eval()


@pytest.mark.parametrize(
    "encoder",
    [made("conformer", **SMALL), made("conformer", **SMALL, subsampling=1), made("xvector", channels=8)],
    ids=["conformer", "whole", "xvector"],
)
def test_what_is_alive_at_another_length_is_foreseen(encoder):
    memory._needs[encoder] = memory._polynomials([memory._alive(encoder, n, 20) for n in memory._MEASURED])
    for frames in (3071, 4095):
        assert memory._bytes(encoder, frames) == pytest.approx(max(memory._alive(encoder, frames, 20)), rel=0.02)


def test_an_hour_is_refused_with_the_length_that_fits(monkeypatch):
    encoder = made("conformer", **SMALL)
    monkeypatch.setattr(memory, "free_memory", lambda device: 4e9)
    hour = torch.Size([1, 360_000, 20])
    with refused("a1: 3600 s", "GB", "(conformer)", "at most ", "cut it", error=AudioError) as caught:
        memory.require_memory(encoder, hour, "a1", 10.0)
    most = int(str(caught.value).partition("at most ")[2].split()[0])
    assert 60 < most < 3600
    memory.require_memory(encoder, torch.Size([1, 100 * most, 20]), "a1", 10.0)
    with refused("a1: ", error=AudioError):
        memory.require_memory(encoder, torch.Size([4, 100 * most, 20]), "a1", 10.0)
    with refused("a1: 360,000 frames", error=AudioError):
        memory.require_memory(encoder, hour, "a1")
    monkeypatch.setattr(memory, "free_memory", lambda device: 20e9)
    memory.require_memory(made("xvector", channels=8), hour, "a1", 10.0)


def test_short_audio_is_not_measured(monkeypatch):
    monkeypatch.setattr(memory, "_alive", lambda *_: pytest.fail("measured"))
    memory.require_memory(made("conformer", **SMALL), torch.Size([1, memory.LONG, 20]), "a")


def test_limits_of_the_process_count(monkeypatch):
    machine = memory.free_memory(torch.device("cpu"))
    assert 0 < machine < 1e15
    monkeypatch.setattr(memory.resource, "getrlimit", lambda which: (3 << 40, 3 << 40))
    assert memory.free_memory(torch.device("cpu")) == pytest.approx(machine, rel=0.5)
    monkeypatch.setattr(memory.resource, "getrlimit", lambda which: (1 << 30, 1 << 30))
    assert memory.free_memory(torch.device("cpu")) < 1 << 30


def test_a_model_refuses_by_the_name_of_the_audio(monkeypatch, toy_data, toy_conf, tmp_path):
    import timbre
    from timbre.training.train import train_experiment

    train_experiment(toy_conf("train.epochs=1"), toy_data(), tmp_path / "exp", "cpu")
    model = timbre.load(tmp_path / "exp")
    monkeypatch.setattr(memory, "free_memory", lambda device: 0.0)
    monkeypatch.setattr(memory, "LONG", 50)
    with refused("x: 1 s of audio", "at most 0 s") as caught:
        model.embed_frames([np.zeros((60, 23), np.float32), np.zeros((100, 23), np.float32)], ["y", "x"])
    assert names(caught.value, "(xvector)")
