"""Poolings: known answers, and the precision they are taken in."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from timbre.models.pooling import VARIANCE_FLOOR, AttentiveStatistics, PoolingConf, Statistics, build_pooling

KINDS = ["average", "statistics", "self_attentive", "attentive_statistics"]


def make(kind: str, channels: int) -> torch.nn.Module:
    torch.manual_seed(0)
    return build_pooling(PoolingConf(kind=kind), channels).eval()


def test_statistics_of_known_frames() -> None:
    frames = torch.tensor([[[1.0, 10.0], [3.0, 10.0], [99.0, -99.0]]])
    mask = torch.tensor([[True, True, False]])
    floor = VARIANCE_FLOOR**0.5
    torch.testing.assert_close(make("statistics", 2)(frames, mask), torch.tensor([[2.0, 10.0, 1.0, floor]]))
    torch.testing.assert_close(make("average", 2)(frames, mask), torch.tensor([[2.0, 10.0]]))
    sample = Statistics(2, unbiased=True)
    torch.testing.assert_close(
        sample(frames, mask), torch.tensor([[2.0, 10.0, 2**0.5, (2 * floor**2) ** 0.5]]), atol=2e-4, rtol=0
    )
    assert sample(frames[:, :1]).isfinite().all()


def test_self_attentive_weights() -> None:
    pooling = make("self_attentive", 2)
    pooling.score.weight.data = torch.tensor([[1.0, 0.0]])
    frames = torch.tensor([[[0.0, 1.0], [torch.log(torch.tensor(3.0)), 5.0]]])
    torch.testing.assert_close(pooling(frames)[0, 1], torch.tensor((1 * 1.0 + 3 * 5.0) / 4))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("training", [False, True])
def test_padding_has_no_weight_at_all(kind: str, training: bool) -> None:
    """Whatever stands there, such as the −20 of silence: the value has the same bits, the gradient is zero."""
    torch.manual_seed(1)
    mask = torch.arange(30) < torch.tensor([30, 4, 1])[:, None]
    real, values = 1 + torch.rand(3, 30, 6), []
    for content in (0.0, -20.0, 20.0, -1e6, 1e6):
        frames = real.masked_fill(~mask[:, :, None], content).requires_grad_()
        pooling = make(kind, 6).train(training)
        if kind == "self_attentive":
            pooling.score.weight.data.fill_(-1e4)  # real scores below any number that could stand for −∞
        out = pooling(frames, mask)
        out.square().sum().backward()
        assert not frames.grad[~mask].any() and frames.grad[mask].any()
        values.append(out.detach())
    assert all(torch.equal(value, values[0]) for value in values)


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("global_context", [False, True])
def test_attention_equals_its_concatenated_form(global_context: bool, padded: bool) -> None:
    """The context added once per utterance is [x; mean; std] of every frame through one wide layer."""
    torch.manual_seed(0)
    pooling = AttentiveStatistics(6, bottleneck=4, global_context=global_context, affine=True).eval()
    pooling.norm.running_mean.uniform_(-1, 1)
    lengths = [7, 11]
    frames = torch.randn(2, 11, 6)
    mask = torch.arange(11) < torch.tensor(lengths)[:, None]
    batch = frames if padded else frames[1:]
    out = pooling(batch, mask if padded else None)
    for row, length in zip(out, lengths if padded else [11], strict=True):
        x = frames[0 if length == 7 else 1, :length]
        wide, weight = x, pooling.hidden.weight
        if global_context:
            context = torch.cat([x.mean(0), x.std(0, correction=0)])
            wide = torch.cat([x, context.expand(length, -1)], dim=1)
            weight = torch.cat([weight, pooling.context.weight], dim=1)
        norm = pooling.norm
        hidden = F.batch_norm(
            F.relu(F.linear(wide, weight, pooling.hidden.bias)),
            norm.running_mean,
            norm.running_var,
            norm.weight,
            norm.bias,
        )
        attention = pooling.score(hidden.tanh()).softmax(0)
        mean = (attention * x).sum(0)
        deviation = ((attention * x.square()).sum(0) - mean.square()).sqrt()
        torch.testing.assert_close(row, torch.cat([mean, deviation]), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [0.0, 5.0])
def test_constant_frames_and_a_single_one_have_finite_values_and_gradients(kind: str, value: float) -> None:
    for length in (1, 20):
        frames = torch.full((2, length, 4), value, requires_grad=True)
        out = make(kind, 4)(frames)
        out.sum().backward()
        assert out.isfinite().all() and frames.grad.isfinite().all()
        torch.testing.assert_close(out[:, :4], torch.full((2, 4), value))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("kind", ["statistics", "attentive_statistics"])
def test_deviation_beside_a_large_mean_survives_half_precision(kind: str, dtype: torch.dtype) -> None:
    """Around 96, squares in half precision are tens apart (bf16) or near overflow (fp16)."""
    generator = torch.Generator().manual_seed(0)
    frames = 96 + torch.randint(0, 5, (2, 400, 8), generator=generator).to(dtype)  # exact in both
    pooling = make(kind, 8)
    with torch.autocast("cpu", dtype=dtype):
        if kind == "attentive_statistics":
            torch.nn.init.zeros_(pooling.score.weight)  # equal weights: the plain deviation
        out = pooling(frames)
    assert out.dtype == torch.float32
    torch.testing.assert_close(out[:, 8:], frames.double().std(1, correction=0).float(), atol=1e-4, rtol=0)
