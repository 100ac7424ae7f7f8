"""BYOL-A's encoder: its size, and the network of the paper in torch's own layers."""

from __future__ import annotations

import torch
from messages import refused
from torch import nn

from timbre.models import build_encoder, byola


def test_parameter_count() -> None:
    """As published, without the three convolutions' biases of 64."""
    encoder = build_encoder(byola.Conf(), 64)
    linear = 512 * 2048 + 2048 + 2048 * 2048 + 2048
    assert sum(weight.numel() for weight in encoder.parameters()) == 64 * 9 + 2 * 64 * 64 * 9 + 3 * 2 * 64 + linear
    assert encoder.embedding_dim == 2048 and encoder.min_frames == 8


@torch.inference_mode()
def test_is_the_network_of_the_paper() -> None:
    """Map (1, F, T), ReLU before the maximum, and no masks: modules of torch with the same weights."""
    torch.manual_seed(0)
    encoder = build_encoder(byola.Conf(channels=6, embedding_dim=12), 20).eval()
    layers: list[nn.Module] = []
    for ours, norm in zip(encoder.convolutions, encoder.norms, strict=True):
        convolution = nn.Conv2d(ours.in_channels, 6, 3, padding=1, bias=False)
        convolution.weight.copy_(ours.weight.transpose(2, 3))
        norm.running_mean.uniform_(-1, 1)
        layers += [convolution, nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2)]
        layers[-3].load_state_dict(norm.state_dict())
    feats = torch.randn(3, 41, 20)
    maps = nn.Sequential(*layers).eval()(feats.transpose(1, 2)[:, None])  # (B, C, F, T)
    assert maps.shape == (3, 6, 2, 5)
    frames = maps.permute(0, 3, 2, 1).flatten(2)
    frames = encoder.second(encoder.first(frames).relu()).relu()
    wanted = frames.max(dim=1).values + frames.mean(dim=1)
    torch.testing.assert_close(encoder(feats, torch.full((3,), 41)), wanted)


def test_too_few_values_are_refused() -> None:
    with refused("byola", "7 values", 8):
        build_encoder(byola.Conf(), 7)
