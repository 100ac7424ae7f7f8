"""A made checkpoint of the published layout against a forward pass written here, from the waveform on."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from messages import names, refused
from torch import nn

from timbre.features.allosaurus import Conf, Extractor
from timbre.features.published import read_model
from timbre.features.published_allosaurus import convert, recognises

OUTPUTS, HIDDEN, LAYERS = 7, 5, 2


@pytest.fixture
def published(tmp_path):
    """Random weights as ``torch.save`` writes them: of a wrapped model, with a layer of training."""
    torch.manual_seed(0)
    blstm = nn.LSTM(120, HIDDEN, LAYERS, bidirectional=True)
    weights = {f"module.blstm_layer.{name}": weight.data for name, weight in blstm.named_parameters()}
    phone = nn.Linear(2 * HIDDEN, OUTPUTS)
    weights |= {f"module.phone_layer.{name}": weight.data for name, weight in phone.named_parameters()}
    weights["module.allophone_layer_dict.eng.weight"] = torch.zeros(3, 3)
    torch.save(weights, tmp_path / "model.pt")
    return tmp_path / "model.pt", blstm, phone


def kaldi_mfcc(samples: np.ndarray) -> np.ndarray:
    """40 MFCC at 8 kHz by the formulas: Povey window, 40 triangles from 40 to 3800 Hz, DCT, lifter 22."""
    count = 1 + (len(samples) - 200) // 80
    frames = np.stack([samples[80 * n : 80 * n + 200] * 32768.0 for n in range(count)])
    frames -= frames.mean(axis=1, keepdims=True)
    frames = np.concatenate([0.03 * frames[:, :1], frames[:, 1:] - 0.97 * frames[:, :-1]], axis=1)
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(200) / 199)) ** 0.85
    power = np.abs(np.fft.rfft(frames * window, 256)) ** 2
    mel = 1127 * np.log(1 + np.arange(128) * 8000 / 256 / 700)
    edges = np.linspace(1127 * np.log(1 + 40 / 700), 1127 * np.log(1 + 3800 / 700), 42)
    rising, falling = (mel - edges[:-2, None]), (edges[2:, None] - mel)
    step = edges[1] - edges[0]
    filters = np.maximum(np.minimum(rising, falling) / step, 0)
    log = np.log(power[:, :128] @ filters.T)
    k, i = np.arange(40)[:, None], np.arange(40)
    dct = np.sqrt(2 / 40) * np.cos(np.pi * k * (2 * i + 1) / 80)
    dct[0] /= np.sqrt(2)
    return log @ dct.T * (1 + 11 * np.sin(np.pi * np.arange(40) / 22))


@torch.inference_mode()
def test_logits_are_those_of_an_independent_forward_pass(published, capsys):
    file, blstm, phone = published
    samples = np.random.default_rng(0).normal(size=4000).astype(np.float32) * 0.1
    extractor = Extractor(Conf(model=str(file), sample_rate=8000))
    assert names(capsys.readouterr().err, "allosaurus", "GPL-3.0", "SHA-256")
    mfcc = kaldi_mfcc(samples)
    mfcc = (mfcc - mfcc.mean(axis=0)) / mfcc.std(axis=0)
    joined = np.concatenate([np.roll(mfcc, 1, axis=0), mfcc, np.roll(mfcc, -1, axis=0)], axis=1)[::3]
    expected = phone(blstm(torch.from_numpy(joined).float())[0])
    found = extractor(torch.from_numpy(samples))
    assert extractor.dim == OUTPUTS and found.shape == (16, OUTPUTS) and found.dtype == torch.float32
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)


def test_a_checkpoint_of_another_layout_is_refused_by_name(published):
    weights = torch.load(published[0], weights_only=True)
    assert recognises(weights) and not recognises({"model": weights}) and not recognises([1])
    without = {name: weight for name, weight in weights.items() if not name.endswith("bias_hh_l1_reverse")}
    with refused("without blstm_layer.bias_hh_l1_reverse", "allosaurus"):
        convert(without)
    with refused("unknown blstm_layer.weight_hr_l0", "allosaurus"):
        convert({**weights, "module.blstm_layer.weight_hr_l0": torch.zeros(2, 2)})
    with refused("blstm_layer.weight_ih_l0", "(20, 40)", "(20, 120)"):
        convert({**weights, "module.blstm_layer.weight_ih_l0": torch.zeros(20, 40)})
    assert read_model(published[0])["conf"]["encoder"]["stack"] == 3
