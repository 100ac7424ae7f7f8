"""x-vector: its size, its context, its embedding."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from timbre.models import build_encoder, xvector
from timbre.models.pooling import PoolingConf

SMALL = {"channels": 8, "pooling_channels": 12, "embedding_dim": 6}


@pytest.mark.parametrize(("two", "count"), [(False, 4_347_868), (True, 4_610_524)])
def test_parameter_count(two: bool, count: int) -> None:
    encoder = build_encoder(xvector.Conf(second_segment_layer=two), 80)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == count
    assert encoder.embedding_dim == 512


def test_an_output_frame_sees_fifteen_input_frames() -> None:
    encoder = build_encoder(xvector.Conf(**SMALL), 5).eval()
    feats = torch.randn(1, 40, 5, requires_grad=True)
    frames = feats
    for layer in encoder.frame_layers:
        frames = layer(frames)
    assert frames.shape == (1, 40 - 14, 12)
    frames[0, 10].sum().backward()
    assert feats.grad[0].any(dim=1).nonzero().flatten().tolist() == list(range(10, 25))
    assert encoder.min_frames == 15


def test_layers_are_those_of_the_paper() -> None:
    """Against the same network written plainly in torch's own channel-first layers."""
    encoder = build_encoder(xvector.Conf(**SMALL), 5).train()
    feats = torch.randn(3, 30, 5)
    x = feats.transpose(1, 2)
    for layer, dilation in zip(encoder.frame_layers, (1, 2, 3, 1, 1), strict=True):
        x = F.relu(F.conv1d(x, layer.convolution.weight[:, :, 0], layer.convolution.bias, dilation=dilation))
        x = F.batch_norm(x, None, None, training=True)
    x = torch.cat([x.mean(2), x.var(2, correction=0).clamp(min=1e-7).sqrt()], dim=1)
    torch.testing.assert_close(encoder(feats, torch.full((3,), 30)), encoder.embedding(x), atol=1e-5, rtol=1e-5)


def test_the_second_segment_layer_stands_between_embedding_and_classifier() -> None:
    encoder = build_encoder(xvector.Conf(**SMALL, second_segment_layer=True), 5)
    seen = []
    encoder.embedding.register_forward_hook(lambda module, inputs, output: seen.append(output))
    feats, lengths = torch.randn(4, 20, 5), torch.full((4,), 20)
    out = encoder.train()(feats, lengths)
    normed = F.batch_norm(F.relu(seen[0]), None, None, training=True)
    torch.testing.assert_close(out, encoder.segment(normed))
    embedding = encoder.eval()(feats, lengths)
    assert torch.equal(embedding, seen[1]) and (embedding < 0).any()  # before the ReLU


def test_average_pooling_is_the_mean_alone() -> None:
    encoder = build_encoder(xvector.Conf(**SMALL, pooling=PoolingConf(kind="average")), 5)
    assert isinstance(encoder.embedding, nn.Linear) and encoder.embedding.in_features == 12
