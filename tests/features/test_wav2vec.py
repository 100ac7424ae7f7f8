"""Contexts as frames: those of the trained encoder, of whole samples; models that do not fit are refused."""

from __future__ import annotations

import pytest
import torch
from messages import refused

from timbre.conf import build
from timbre.errors import AudioError
from timbre.features import raw, wav2vec
from timbre.features.front_end import InputConf
from timbre.models import build_encoder
from timbre.models import wav2vec as encoder_module

SIZES = {"channels": 8, "context_channels": 6, "context_kernels": (3, 2)}


def make(cmvn: str = "none", **features: object) -> dict:
    """What training writes into ``final.pt``, as far as it is read."""
    conf = build(encoder_module.Conf, SIZES)
    torch.manual_seed(0)
    values = {"frame_length": 10, "frame_shift": 10, **features}
    return {
        "conf": {
            "features": build(raw.Conf, values).model_dump(mode="json"),
            "input": InputConf(cmvn=cmvn).model_dump(mode="json"),
            "encoder": conf.model_dump(mode="json"),
        },
        "encoder": build_encoder(conf, 160).state_dict(),
    }


def test_frames_are_the_contexts_of_the_encoder() -> None:
    state = make()
    extract = wav2vec.Extractor(wav2vec.Conf(), state)
    samples = 0.1 * torch.randn(160 * 50)
    encoder = build_encoder(encoder_module.Conf(**state["conf"]["encoder"]), 160).eval()
    encoder.load_state_dict(state["encoder"])
    frames = extract(samples)
    wanted, lengths = encoder.frames(samples.view(1, 50, 160), torch.tensor([50]))
    assert extract.dim == 6 and extract.state is state and frames.dtype == torch.float32
    assert frames.shape == (int(lengths), 6) == (48, 6) and not frames.requires_grad
    torch.testing.assert_close(frames, wanted[0].detach(), atol=1e-5, rtol=0)
    assert len(extract(samples[: 465 + 160 - 1])) == 1 and len(extract(samples[: 465 + 160])) == 2
    with refused("464 samples", "465", error=AudioError):
        extract(samples[:464])


@pytest.mark.parametrize(
    ("conf", "state", "wanted"),
    [
        ({"sample_rate": 8000}, {}, ["16000 Hz", "features.sample_rate is 8000"]),
        ({"frame_shift": 20}, {}, ["160 samples", "features.frame_shift to 10 ms"]),
        ({}, {"cmvn": "utterance"}, ["input.cmvn none", "wav2vec of raw with utterance"]),
    ],
)
def test_models_that_do_not_fit_are_refused(conf: dict, state: dict, wanted: list[str]) -> None:
    with refused("the model of the features: ", *wanted):
        wav2vec.Extractor(build(wav2vec.Conf, conf), make(**state))


def test_another_encoder_and_no_model_are_refused() -> None:
    state = make()
    state["conf"]["encoder"]["kind"] = "lstm"
    with refused("exp/x: ", "features.kind wav2vec", "lstm of raw"):
        wav2vec.Extractor(wav2vec.Conf(model="exp/x"), state)
    with refused("features.model"):
        wav2vec.Extractor(wav2vec.Conf())
