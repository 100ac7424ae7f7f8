"""ERes2NetV2: its size and its embeddings."""

from __future__ import annotations

import pytest
import torch
from formula import fill, waves
from messages import refused

from timbre.conf import build
from timbre.models import build_encoder, eres2net_v2

TINY = {"channels": 6, "blocks": (1, 2, 2, 2), "base_width": 22, "scale": 3, "embedding_dim": 4}


def test_parameter_count() -> None:
    encoder = build_encoder(eres2net_v2.Conf(), 80)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == 17_859_632


@pytest.mark.parametrize(
    ("frames", "embedding"),
    [(9, [2.830173, 12.144421, 2.075247, -11.190359]), (60, [-2.509880, 7.316573, 5.555451, -5.021821])],
)
@torch.inference_mode()
def test_embeddings_are_those_of_the_published_network(frames: int, embedding: list[float]) -> None:
    """Computed once by 3D-Speaker's class with the same weights."""
    encoder = fill(build_encoder(eres2net_v2.Conf(**TINY), 16))
    found = encoder(waves(frames, 16), torch.tensor([frames]))[0]
    torch.testing.assert_close(found, torch.tensor(embedding, dtype=torch.float64), atol=1e-6, rtol=0)


@torch.inference_mode()
def test_activations_of_blocks_end_at_twenty() -> None:
    conf = eres2net_v2.Conf(channels=16)
    block = eres2net_v2.Block(8, 16, stride=1, fused=True, conf=conf).eval()
    out = block(100 * torch.randn(1, 5, 4, 8), None)
    assert out.min() == 0 and out.max() == 20


def test_groups_without_channels_are_refused() -> None:
    with refused("channels 2", "base_width 26", 64):
        build(eres2net_v2.Conf, {"channels": 2})
