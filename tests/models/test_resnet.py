"""ResNet34: its size, and its parts against plain forms."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from timbre.models import build_encoder, resnet
from timbre.models.layers import frame_mask

SMALL = {"channels": 4, "embedding_dim": 6}


def plain_norm(x: torch.Tensor, norm: torch.nn.Module) -> torch.Tensor:
    return F.batch_norm(x, None, None, norm.weight, norm.bias, training=True)


def test_parameter_count() -> None:
    """32 channels, embeddings of 256: 6.63 M, counted from the published structure."""

    def block(inputs: int, outputs: int) -> int:
        shortcut = inputs * outputs + 2 * outputs if inputs != outputs else 0
        return 9 * inputs * outputs + 9 * outputs * outputs + 4 * outputs + shortcut

    expected = 9 * 32 + 2 * 32
    for count, inputs, outputs in ((3, 32, 32), (4, 32, 64), (6, 64, 128), (3, 128, 256)):
        expected += block(inputs, outputs) + (count - 1) * block(outputs, outputs)
    expected += (2 * 10 * 256 + 1) * 256
    encoder = build_encoder(resnet.Conf(), 80)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == expected == 6_634_336
    assert encoder.embedding_dim == 256


def test_layers_are_those_of_the_paper() -> None:
    """Against the same network written plainly on ``(B, C, T, F)``, in training mode; an odd width."""
    torch.manual_seed(0)
    encoder = build_encoder(resnet.Conf(**SMALL), 21).train()
    for parameter in encoder.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)  # scales and shifts of their own
    feats = torch.randn(3, 30, 21)
    x = F.relu(plain_norm(F.conv2d(feats[:, None], encoder.first.weight, padding=1), encoder.first_norm))
    blocks = iter(encoder.blocks)
    for count, stride in ((3, 1), (4, 2), (6, 2), (3, 2)):
        for index in range(count):
            block, step = next(blocks), stride if index == 0 else 1
            out = F.conv2d(x, block.first.weight, padding=1, stride=step)
            out = F.conv2d(F.relu(plain_norm(out, block.first_norm)), block.second.weight, padding=1)
            if step > 1:
                x = plain_norm(
                    F.conv2d(x, block.shortcut.weight[:, :, None, None], stride=step), block.shortcut_norm
                )
            else:
                assert block.shortcut is None
            x = F.relu(plain_norm(out, block.second_norm) + x)
    assert next(blocks, None) is None and x.shape == (3, 32, 4, 3)
    x = x.permute(0, 3, 1, 2).flatten(1, 2)  # any order of the values pooled, if the linear layer has the same
    pooled = torch.cat([x.mean(2), x.var(2, correction=0).clamp(min=1e-7).sqrt()], dim=1)
    torch.testing.assert_close(
        encoder(feats, torch.full((3,), 30)), encoder.embedding(pooled), atol=1e-4, rtol=1e-4
    )


@torch.inference_mode()
def test_mask_shrinks_as_convolutions_do() -> None:
    encoder, lengths = build_encoder(resnet.Conf(**SMALL), 8).eval(), torch.arange(1, 41)
    mask, maps = frame_mask(torch.zeros(40, 40, 8), lengths, 8, 1), torch.zeros(40, 40, 8, 4)
    for block in encoder.blocks:
        maps, mask = block(maps, mask)
        lengths = (lengths - 1) // block.stride[0] + 1
        assert mask.shape == maps.shape[:2] and torch.equal(mask.sum(1), lengths)
    assert maps.shape[1] == 5


@pytest.mark.parametrize("width", [1, 7, 80])
def test_any_number_of_bins(width: int) -> None:
    encoder = build_encoder(resnet.Conf(**SMALL), width).eval()
    assert encoder(torch.randn(2, 9, width), torch.tensor([9, 3])).shape == (2, 6)
