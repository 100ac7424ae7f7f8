"""Features, voice activity and normalisation against Kaldi's own numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from messages import refused

from timbre.errors import AudioError
from timbre.features import fbank, mfcc
from timbre.features.cmvn import sliding_cmvn
from timbre.features.vad import VadConf, VoiceActivity, voiced
from timbre.kaldi.audio import load

VOXCELEB = {"num_mel_bins": 30, "num_ceps": 30, "low_freq": 20, "high_freq": 7600, "snip_edges": False}

CASES = {
    "mfcc_default.txt": mfcc.Conf(),
    "mfcc_voxceleb.txt": mfcc.Conf(**VOXCELEB),
    "mfcc24_noenergy.txt": mfcc.Conf(use_energy=False, num_ceps=24, num_mel_bins=40),
    "mfcc_sre8k.txt": mfcc.Conf(
        sample_rate=8000, num_mel_bins=23, num_ceps=23, low_freq=20, high_freq=3700, snip_edges=False
    ),
    "fbank80_default.txt": fbank.Conf(num_mel_bins=80),
    "fbank40_hamming.txt": fbank.Conf(num_mel_bins=40, window_type="hamming", snip_edges=False),
}


def wave(kaldi, key):
    samples, _ = load(str(kaldi / f"{key}.wav"))
    return torch.from_numpy(samples)


@pytest.mark.parametrize("name", CASES)
def test_features_equal_kaldis(kaldi, kaldi_text, name):
    conf = CASES[name]
    extract = (mfcc if isinstance(conf, mfcc.Conf) else fbank).Extractor(conf)
    compared = 0
    for key, wanted in kaldi_text(name).items():
        if len(wanted) == 0 or key.startswith("short"):
            continue
        found = extract(wave(kaldi, key)).numpy()
        assert found.shape == wanted.shape == (len(wanted), extract.dim)
        assert np.abs(found - wanted).max() < 2e-3
        compared += 1
    assert compared


def test_399_samples_are_refused_by_length(kaldi):
    for module in (mfcc, fbank):
        with refused("399 samples", "400", error=AudioError):
            module.Extractor(module.Conf())(wave(kaldi, "short16k"))


def test_voice_activity_equals_kaldis(kaldi, kaldi_text):
    energies = kaldi_text("mfcc_voxceleb.txt")
    for key, wanted in kaldi_text("vad_voxceleb.txt").items():
        np.testing.assert_array_equal(voiced(energies[key][:, 0], VadConf()), wanted[0] == 1)
        if not key.startswith("short"):
            detect = VoiceActivity(VadConf(), mfcc.Conf(**VOXCELEB))
            np.testing.assert_array_equal(detect(wave(kaldi, key)), wanted[0] == 1)


def test_voice_activity_needs_the_16_bit_range(kaldi, kaldi_text):
    """On [-1, 1) samples the threshold would call almost everything unvoiced."""
    energy = kaldi_text("mfcc_voxceleb.txt")["chirp16k"][:, 0]
    assert voiced(energy, VadConf()).mean() > 0.5 > voiced(energy - 2 * np.log(32768), VadConf()).mean()


@pytest.mark.parametrize(
    "name,window,norm_vars",
    [("cmn_sliding300_center.txt", 300, False), ("cmvn_sliding100_center_var.txt", 100, True)],
)
def test_sliding_normalisation_equals_kaldis(kaldi_text, name, window, norm_vars):
    frames = kaldi_text("mfcc_voxceleb.txt")
    for key, wanted in kaldi_text(name).items():
        assert np.abs(sliding_cmvn(frames[key], window, norm_vars) - wanted).max() < 2e-3


def test_whole_utterance_normalisation():
    frames = np.random.default_rng(0).normal(3, 2, size=(50, 4))
    normal = sliding_cmvn(frames, None, norm_vars=True)
    np.testing.assert_allclose(normal.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(normal.std(axis=0), 1, atol=1e-6)
    assert np.isfinite(sliding_cmvn(np.ones((1, 4)), None, norm_vars=True)).all()
