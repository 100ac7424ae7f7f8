"""ECAPA-TDNN: its size, and its parts against plain forms."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from timbre.models import build_encoder, ecapa_tdnn

SMALL = {"channels": 16, "aggregation_channels": 24, "embedding_dim": 12}


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ({"channels": 512}, 6_190_720),
        ({"channels": 1024}, 14_657_088),
        ({"channels": 1024, "aggregation_channels": 3072, "aggregation_norm": True}, 20_767_552),
    ],
)
def test_parameter_count(values: dict[str, int], count: int) -> None:
    encoder = build_encoder(ecapa_tdnn.Conf(**values), 80)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == count
    assert encoder.embedding_dim == 192


def channel_first(layer: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    """A TDNN layer as convolution → ReLU → BatchNorm of ``(B, C, T)``."""
    weight, dilation = layer.convolution.weight[:, :, 0], layer.convolution.dilation[1]
    x = F.relu(F.conv1d(x, weight, layer.convolution.bias, padding="same", dilation=dilation))
    return F.batch_norm(x, None, None, layer.norm.weight, layer.norm.bias, training=True)


def test_block_is_that_of_the_paper() -> None:
    torch.manual_seed(0)
    block, dilation = ecapa_tdnn.Block(16, dilation=3).train(), 3
    feats = torch.randn(4, 25, 16)
    x = channel_first(block.enter, feats.transpose(1, 2))
    groups = list(x.split(2, dim=1))
    for index, layer in enumerate(block.res2.groups, start=1):
        assert layer.convolution.dilation == (1, dilation)
        before = groups[index - 1] if index > 1 else 0
        groups[index] = channel_first(layer, groups[index] + before)
    x = channel_first(block.leave, torch.cat(groups, dim=1))
    scale = block.excitation.excite(F.relu(block.excitation.squeeze(x.mean(2)))).sigmoid()
    naive = (feats.transpose(1, 2) + x * scale[:, :, None]).transpose(1, 2)
    torch.testing.assert_close(block(feats, None), naive, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("dense", [True, False])
def test_residuals(dense: bool) -> None:
    """Dense: a block's input is the sum of all earlier outputs; else the last output alone."""
    encoder = build_encoder(ecapa_tdnn.Conf(**SMALL, dense_residual=dense), 10).eval()
    inputs, outputs, aggregated = [], [], []
    encoder.first.register_forward_hook(lambda module, args, out: outputs.append(out))
    for block in encoder.blocks:
        block.register_forward_pre_hook(lambda module, args: inputs.append(args[0]))
        block.register_forward_hook(lambda module, args, out: outputs.append(out))
    encoder.aggregation.register_forward_hook(lambda module, args, out: aggregated.append(args[0]))
    encoder(torch.randn(2, 30, 10), torch.full((2,), 30))
    assert [block.res2.groups[0].convolution.dilation for block in encoder.blocks] == [(1, 2), (1, 3), (1, 4)]
    for index, given in enumerate(inputs):
        expected = sum(outputs[: index + 1]) if dense else outputs[index]
        torch.testing.assert_close(given, expected)
    assert torch.equal(aggregated[0], torch.cat(outputs[1:], dim=2))


def test_default_conf_normalises_the_embedding() -> None:
    encoder = build_encoder(ecapa_tdnn.Conf(**SMALL), 10).train()
    out = encoder(torch.randn(16, 30, 10), torch.full((16,), 30))
    torch.testing.assert_close(out.mean(0), torch.zeros(12), atol=1e-5, rtol=0)
    torch.testing.assert_close(out.var(0, correction=0), torch.ones(12), atol=1e-3, rtol=0)
