"""CNN and LSTM on raw frames: its size, the network written out, tied convolutions, padding, bf16, short frames."""

from __future__ import annotations

import pytest
import torch
from messages import refused
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence

from timbre.losses import build_loss, softmax
from timbre.models import audionet, build_encoder

LENGTHS = torch.tensor([9, 3, 12, 1])


def make(tied: bool = False, **values: object) -> nn.Module:
    torch.manual_seed(0)
    return build_encoder(audionet.Conf(tied=tied, **values), 500)


def batch() -> torch.Tensor:
    feats = torch.randn(len(LENGTHS), 12, 500, generator=torch.Generator().manual_seed(1))
    return feats.masked_fill((torch.arange(12) >= LENGTHS[:, None])[:, :, None], torch.nan)


@pytest.mark.parametrize(("tied", "count"), [(True, 103_490), (False, 103_490 + 64 * 64 * 5 + 64)])
def test_parameters_with_the_two_classes_of_the_exercise(tied: bool, count: int) -> None:
    encoder = make(tied)
    loss = build_loss(softmax.Conf(), encoder.embedding_dim, 2)
    trained = [weight for part in (encoder, loss) for weight in part.parameters() if weight.requires_grad]
    assert sum(weight.numel() for weight in trained) == count


@pytest.mark.parametrize("tied", [False, True])
def test_the_network_frame_by_frame_and_packed(tied: bool) -> None:
    """As published: average, convolution, ReLU, maximum, each frame alone; the packed LSTM's last state; ReLU."""
    encoder, feats = make(tied).eval(), batch()
    frames = torch.zeros(len(LENGTHS), 12, 128)
    for row, length in enumerate(LENGTHS):
        for place in range(length):
            found = F.avg_pool1d(feats[row, place][None, None], 2)
            for block in (0, 1, 1) if tied else (0, 1, 2):
                layer = encoder.convolutions[block]
                found = F.max_pool1d(F.relu(F.conv1d(found, layer.weight[:, :, 0], layer.bias, stride=2)), 2)
            frames[row, place] = found.flatten()
    packed = pack_padded_sequence(frames, LENGTHS, batch_first=True, enforce_sorted=False)
    torch.testing.assert_close(
        encoder(feats, LENGTHS), F.relu(encoder.lstm(packed)[1][0][-1]), atol=1e-6, rtol=1e-5
    )


def test_what_no_value_sees_of_a_frame() -> None:
    """By its gradient the published network looks at 382 of 500 samples, and no further."""
    feats = torch.randn(1, 2, 500, requires_grad=True)
    frames = F.avg_pool1d(feats[0][:, None], 2)
    for layer in make().convolutions:
        frames = F.max_pool1d(F.conv1d(frames, layer.weight[:, :, 0].square(), stride=2).square(), 2)
    frames.sum().backward()
    assert make().seen == 382 and (feats.grad[0, :, 382:] == 0).all() and (feats.grad[0, :, 380:382] != 0).any()


def test_the_lengths_are_those_of_the_rows() -> None:
    """Lengths in another order than the utterances give other embeddings; together reordered they give the same."""
    encoder, feats = make().eval(), torch.nan_to_num(batch())
    order = torch.tensor([2, 0, 3, 1])
    there = encoder(feats, LENGTHS)
    torch.testing.assert_close(encoder(feats[order], LENGTHS[order]), there[order])
    assert not torch.allclose(encoder(feats[order], LENGTHS), there[order])


def test_padding_has_no_gradient_and_the_second_bias_stays_zero() -> None:
    encoder, feats = make(), batch().requires_grad_()
    encoder(feats, LENGTHS).square().sum().backward()
    real = torch.arange(12) < LENGTHS[:, None]
    assert torch.isfinite(feats.grad).all() and (feats.grad[~real] == 0).all() and (feats.grad[0, 0] != 0).any()
    second = [weight for name, weight in encoder.lstm.named_parameters() if name.startswith("bias_hh")]
    assert len(second) == 2 and all((weight == 0).all() and not weight.requires_grad for weight in second)
    assert all(torch.isfinite(weight.grad).all() for weight in encoder.parameters() if weight.requires_grad)


@pytest.mark.parametrize("channels", [1, 4, 64])
def test_bf16_is_near(channels: int) -> None:
    """Narrow strided convolutions are where oneDNN's bf16 has failed before."""
    encoder, feats = make(channels=channels), torch.nan_to_num(batch())
    exact = torch.autograd.grad(encoder(feats, LENGTHS).square().sum(), encoder.convolutions[1].weight)[0]
    with torch.autocast("cpu", torch.bfloat16):
        near = encoder(feats, LENGTHS)
    near = torch.autograd.grad(near.square().sum(), encoder.convolutions[1].weight)[0]
    assert (near - exact).norm() < 0.1 * exact.norm()


def test_frames_that_are_too_short_are_refused() -> None:
    assert build_encoder(audionet.Conf(convolutions=0), 13).lstm.input_size == 13 // 2
    assert build_encoder(audionet.Conf(), 254).lstm.input_size == 64
    with refused(253, "encoder.average=2", "encoder.convolutions=3"):
        build_encoder(audionet.Conf(), 253)
