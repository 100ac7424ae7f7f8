"""Attention against loops over positions, at any length; what is padded is not attended to."""

from __future__ import annotations

import math

import pytest
import torch
from messages import refused

from timbre.conf import build
from timbre.models import transformer
from timbre.models.attention import Attention, RelativeAttention, by_key, relative_positions

CHANNELS, HEADS = 16, 4
WIDTH = CHANNELS // HEADS


def make(kind: type[Attention] = RelativeAttention, dropout: float = 0.0) -> Attention:
    torch.manual_seed(0)
    return kind(CHANNELS, HEADS, dropout).double()


def sinusoid(distance: int) -> torch.Tensor:
    angles = [distance / 10_000 ** (2 * k / CHANNELS) for k in range(CHANNELS // 2)]
    return torch.tensor([math.sin(a) for a in angles] + [math.cos(a) for a in angles], dtype=torch.float64)


def looped(layer: RelativeAttention, frames: torch.Tensor, real: int) -> torch.Tensor:
    """The formula for one utterance ``(T, C)`` of ``real`` frames, pair by pair."""
    out = []
    for i in range(real):
        heads = []
        for head in range(HEADS):
            part = slice(head * WIDTH, (head + 1) * WIDTH)
            query, key, value = (x[:, part] for x in layer.inputs(frames).split(CHANNELS, dim=1))
            scores = []
            for j in range(real):
                position = (layer.positions.weight @ sinusoid(i - j))[part]
                score = (query[i] + layer.content_bias[head, 0]) @ key[j]
                scores.append((score + (query[i] + layer.position_bias[head, 0]) @ position) / math.sqrt(WIDTH))
            heads.append(torch.stack(scores).softmax(0) @ value[:real])
        out.append(layer.output(torch.cat(heads)))
    return torch.stack(out)


@pytest.mark.parametrize("lengths", [(1,), (2,), (5, 3), (9, 9), (12, 1), (21,)])
@pytest.mark.parametrize("training", [True, False])
def test_relative_attention_is_the_formula(lengths: tuple[int, ...], training: bool) -> None:
    layer, count = make().train(training), max(lengths)
    positions = torch.stack([sinusoid(distance) for distance in range(count - 1, -count - 1, -1)])
    frames = torch.randn(len(lengths), count, CHANNELS, dtype=torch.float64, requires_grad=True)
    mask = None if len({*lengths}) == 1 else torch.arange(count) < torch.tensor(lengths)[:, None]
    wanted = [looped(layer, row, real) for row, real in zip(frames, lengths, strict=True)]
    out = layer(frames, positions, mask)
    found = [row[:real] for row, real in zip(out, lengths, strict=True)]
    assert out.isfinite().all()
    weights = [torch.randn_like(row) for row in wanted]
    inputs = [frames, *layer.parameters()]
    gradients = []
    for rows in (found, wanted):
        total = sum((row * weight).sum() for row, weight in zip(rows, weights, strict=True))
        gradients.append(torch.autograd.grad(total, inputs))
    torch.testing.assert_close(found, wanted, atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(*gradients, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("count", [1, 2, 3, 8, 50])
def test_a_key_has_the_score_of_its_distance(count: int) -> None:
    """Also those after the query, where the shift of causal models reads the next query's row."""
    queries = 1000 * torch.arange(count)[:, None]
    found = by_key((queries + torch.arange(count - 1, -count - 1, -1)).expand(2, 3, count, 2 * count))
    distances = torch.arange(count)[:, None] - torch.arange(count)
    assert found.shape == (2, 3, count, count)
    assert (found == queries + distances).all()


def test_relative_positions_are_sinusoids_of_distances() -> None:
    found = relative_positions(torch.zeros(1, 6, CHANNELS))
    wanted = torch.stack([sinusoid(distance) for distance in range(5, -7, -1)])
    torch.testing.assert_close(found, wanted.float(), atol=1e-6, rtol=0)


@pytest.mark.parametrize("training", [True, False])
def test_attention_is_torchs(training: bool) -> None:
    layer, torchs = (
        make(Attention).train(training),
        torch.nn.MultiheadAttention(CHANNELS, HEADS, batch_first=True).double(),
    )
    torchs.in_proj_weight.data, torchs.in_proj_bias.data = layer.inputs.weight.data, layer.inputs.bias.data
    torchs.out_proj = layer.output
    frames = torch.randn(3, 7, CHANNELS, dtype=torch.float64)
    mask = torch.arange(7) < torch.tensor([7, 1, 4])[:, None]
    for given in (None, mask):
        wanted, _ = torchs(frames, frames, frames, key_padding_mask=None if given is None else ~given)
        torch.testing.assert_close(layer(frames, given), wanted)


def test_dropout_is_of_training_alone() -> None:
    layer, frames = make(dropout=0.5), torch.randn(2, 7, CHANNELS, dtype=torch.float64)
    positions = relative_positions(frames).double()
    assert not torch.equal(layer(frames, positions), layer(frames, positions))
    torch.testing.assert_close(layer.eval()(frames, positions), make()(frames, positions))


def test_conf_refuses_what_heads_cannot_share() -> None:
    with refused("channels 80", "3 heads"):
        build(transformer.Conf, {"channels": 80, "heads": 3})
    with refused("channels", 2, 81):
        build(transformer.Conf, {"channels": 81, "heads": 3})
