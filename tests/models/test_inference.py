"""An encoder prepared for inference: the same embeddings, by layers that multiply packed weights."""

from __future__ import annotations

import pytest
import torch
from messages import refused
from torch import nn

from timbre.conf import build, kind_module
from timbre.models import build_encoder, inference
from timbre.models.inference import Product, is_packable, prepare_for_inference

DIM = 80
WIDE = 264  # channels of which even small layers' weights are packed

CONFS = {
    "ecapa": {"kind": "ecapa_tdnn", "channels": WIDE, "aggregation_channels": 300},
    "ecapa_mirrored": {"kind": "ecapa_tdnn", "channels": WIDE, "aggregation_norm": True, "padding": "reflect"},
    "xvector": {"kind": "xvector", "channels": WIDE, "embedding_dim": 40},
    "campplus": {"kind": "campplus", "channels": 16, "growth": 8, "layers": [2, 2, 2]},
    "eres2net_v2": {"kind": "eres2net_v2", "channels": 16, "blocks": [1, 1, 2, 1]},
    "resnet": {"kind": "resnet", "channels": 16},
    "resnet_bottleneck": {"kind": "resnet", "depth": 50, "channels": 8},
    "conformer": {"kind": "conformer", "channels": WIDE, "layers": 1, "feed_forward": WIDE},
    "redimnet2": {
        "kind": "redimnet2",
        "channels": 4,
        "stages": [
            {"blocks": 2, "expansion": 2, "reduction": 20},
            {"bins": 2, "frames": 2, "blocks": 1, "reduction": 40},
        ],
    },
}


def encoder_of(name: str) -> nn.Module:
    torch.manual_seed(0)
    conf = build(kind_module("timbre.models", CONFS[name]["kind"]).Conf, CONFS[name])
    encoder = build_encoder(conf, DIM)
    for norm in encoder.modules():  # as trained, and some scales below zero
        if isinstance(norm, nn.modules.batchnorm._BatchNorm):
            norm.running_mean.uniform_(-1, 1)
            norm.running_var.uniform_(0.5, 2)
            if norm.affine:
                nn.init.uniform_(norm.weight, -1, 2)
                nn.init.uniform_(norm.bias, -1, 1)
    return encoder.eval()


@pytest.mark.parametrize("name", CONFS)
@torch.inference_mode()
def test_embeddings_are_those_of_the_plain_encoder_alone_and_in_a_padded_batch(name, monkeypatch):
    encoder = encoder_of(name)
    calls = []
    call = Product.__call__
    monkeypatch.setattr(Product, "__call__", lambda self, *args: calls.append(self.packed) or call(self, *args))
    prepared = prepare_for_inference(encoder)
    spoken = [2 * torch.randn(frames, DIM) + 1 for frames in (90, 17, 41)]
    batch, lengths = torch.full((3, 95, DIM), torch.nan), torch.tensor([90, 17, 41])
    for row, frames in zip(batch, spoken, strict=True):
        row[: len(frames)] = frames
    pairs = [(batch, lengths), *((frames[None], torch.tensor([len(frames)])) for frames in spoken)]
    found, wanted = (torch.cat([network(*pair) for pair in pairs]) for network in (prepared, encoder))
    assert ((found - wanted).norm(dim=1) / wanted.norm(dim=1)).max() < 1e-5
    assert calls or prepared is encoder
    torch.testing.assert_close(found[:3], found[3:], atol=1e-5 * float(wanted.abs().max()), rtol=0)


def test_weights_are_shared_and_training_and_autocast_get_the_plain_layers(monkeypatch):
    encoder = encoder_of("ecapa")
    prepared = prepare_for_inference(encoder)
    shared = dict(encoder.named_parameters())
    assert all(shared[name] is weight for name, weight in prepared.named_parameters())
    feats, lengths = torch.randn(2, 50, DIM), torch.tensor([50, 30])

    def refuse(*args: object) -> None:
        raise AssertionError("a packed product")

    monkeypatch.setattr(Product, "__call__", refuse)
    torch.testing.assert_close(prepared(feats, lengths), encoder(feats, lengths), atol=0, rtol=0)
    with torch.inference_mode():
        with refused("a packed product", error=AssertionError):
            prepared(feats, lengths)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert not is_packable(feats)


def test_where_nothing_can_be_packed_the_network_itself_is_returned(monkeypatch):
    alone = nn.Sequential(nn.ReLU(), nn.LSTM(4, 4))
    assert prepare_for_inference(alone) is alone
    monkeypatch.setattr(inference.torch.backends.mkldnn, "is_available", lambda: False)
    encoder = encoder_of("xvector")
    assert prepare_for_inference(encoder) is encoder
