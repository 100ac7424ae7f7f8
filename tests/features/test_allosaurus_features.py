"""Logits of phones as features: those of the trained model, at any rate and length."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from messages import refused
from scipy.signal import resample_poly

from timbre.conf import build
from timbre.features.allosaurus import Conf, Extractor
from timbre.features.tensors import save_tensors
from timbre.models import build_encoder
from timbre.models.trained import TrainedModel
from timbre.training.experiment import load_experiment

CONF = """
task: phones
features: {kind: mfcc, num_mel_bins: 40, num_ceps: 40, use_energy: false}
input: {norm_vars: true}
encoder: {kind: allosaurus, layers: 2, hidden: 8, stack: 3, phones: [a, b, c]}
loss: {kind: allophone_ctc}
train: {crop_frames: 0}
"""


@pytest.fixture
def state(tmp_path):
    """A model as training leaves it, of random weights."""
    (tmp_path / "conf.yaml").write_text(CONF)
    experiment = load_experiment(tmp_path / "conf.yaml")
    torch.manual_seed(0)
    encoder = build_encoder(experiment.encoder, 40)
    return {
        "format": "timbre-1",
        "conf": experiment.model_dump(mode="json"),
        "classes": [],
        "backend": {},
        "encoder": encoder.state_dict(),
        "loss": {},
    }


@torch.inference_mode()
def test_they_are_the_models_own_logits(state, tmp_path):
    save_tensors(tmp_path / "exp/final.pt", state)
    extractor = Extractor(Conf(model=str(tmp_path / "exp")))
    samples = torch.randn(20000) * 0.1
    frames = extractor(samples)
    model = TrainedModel.load(tmp_path / "exp")
    whole = torch.from_numpy(model.front_end(samples.numpy()))
    expected = model.encoder.frames(whole[None], torch.tensor([len(whole)]))[0][0]
    assert frames.shape == (41, 4) and extractor.dim == 4
    assert torch.equal(frames, expected)
    assert torch.equal(Extractor(Conf(model="gone"), state)(samples), frames)  # from the state alone


def test_audio_at_another_rate_is_brought_to_the_models(state):
    low = np.random.default_rng(0).normal(size=16000) * 0.1
    high = resample_poly(low, 3, 1)
    found, expected = (
        Extractor(Conf(sample_rate=rate), state)(torch.from_numpy(samples.astype(np.float32)))
        for rate, samples in ((48000, high), (16000, low))
    )
    assert found.shape == expected.shape == (33, 4)
    assert (found - expected).abs().max() < 0.2 * expected.std()


def test_another_model_is_refused(state):
    state["conf"]["encoder"] = {"kind": "xvector"}
    with refused("features.model exp/x: ", "xvector", "allosaurus"):
        Extractor(build(Conf, {"model": "exp/x"}), state)


def test_a_model_of_frames_that_came_with_their_corpus_is_refused(state):
    state["conf"]["features"] = {"kind": "given", "dim": 40}
    with refused("features.model", "features.kind given"):
        Extractor(Conf(), state)
