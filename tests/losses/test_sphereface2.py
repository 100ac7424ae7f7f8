"""SphereFace2: the paper's sums written plainly, and both ends of the angle."""

from __future__ import annotations

import math

import pytest
import torch
from messages import refused

from timbre.conf import build
from timbre.losses import build_loss, sphereface2

TYPES = ["A", "C"]


def make(kind: str, classes: int = 5, dim: int = 4, **values: float) -> torch.nn.Module:
    torch.manual_seed(0)
    loss = build_loss(sphereface2.Conf(type=kind, **values), dim, classes)
    loss.bias.data.fill_(0.3)
    return loss


def plain(kind: str, angles: list[float], label: int, margin: float) -> float:
    """The loss of one embedding at these angles from the classes, s 32, λ 0.7, t 3, bias 0.3."""

    def g(cosine: float) -> float:
        return 2 * ((cosine + 1) / 2) ** 3 - 1

    total = 0.0
    for index, angle in enumerate(angles):
        sign = 1 if index == label else -1
        if kind == "C":
            z = 32 * (g(math.cos(angle)) - sign * margin) + 0.3
        else:
            z = 32 * g(math.cos(angle + sign * margin)) + 0.3
        total += (0.7 if sign > 0 else 0.3) * math.log1p(math.exp(-sign * z))
    return total


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("scale", [0.0, 0.5, 1.0])
def test_known_answer(kind: str, scale: float) -> None:
    loss = make(kind, 2, 2, margin=0.2).double()
    loss.weight.data = torch.diag(torch.tensor([2.0, 3.0], dtype=torch.float64))
    angle = 0.7
    x = 7 * torch.tensor([[math.cos(angle), math.sin(angle)]] * 2, dtype=torch.float64)
    out = loss(x, torch.tensor([0, 1]), scale)
    angles = [angle, math.pi / 2 - angle]
    expected = sum(plain(kind, angles, label, 0.2 * scale) for label in (0, 1)) / 2
    assert out.loss.item() == pytest.approx(expected, abs=1e-6)
    torch.testing.assert_close(loss.logits(x), out.logits)
    assert scale == 0 or (out.margin_logits[0, 0] < out.logits[0, 0] and out.margin_logits[0, 1] > out.logits[0, 1])


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_value_and_gradient_are_finite_at_both_ends(kind: str, sign: float) -> None:
    """On class centres and opposite to them, at a scale where exp overflows."""
    loss = make(kind, 200, 192, scale=1000.0)
    x = (sign * loss.weight.detach() * torch.logspace(-3, 3, 200)[:, None]).requires_grad_()
    out = loss(x, torch.arange(200))
    out.loss.backward()
    assert out.loss.isfinite() and out.margin_logits.isfinite().all()
    assert x.grad.isfinite().all() and loss.weight.grad.isfinite().all() and loss.bias.grad.isfinite()


@pytest.mark.parametrize("margin", [0.15, 1.2])
def test_type_a_falls_with_the_angle_from_0_to_pi(margin: float) -> None:
    """For the true class and for the others, without a jump; flat only where ``g`` is, about −1."""
    loss = make("A", margin=margin).double()
    angles = torch.linspace(0.01, math.pi - 0.01, 2001, dtype=torch.float64)
    for value in loss._penalised(angles.cos(), margin):
        steps = value.diff()
        assert (steps <= 0).all() and (steps < 0)[(value[1:] + 1).abs() > 1e-6].all()
        assert steps.abs().max() < 6 * (angles[1] - angles[0])


@pytest.mark.parametrize("kind", TYPES)
def test_gradients(kind: str) -> None:
    loss = make(kind).double()
    x, y = torch.randn(6, 4, dtype=torch.float64, requires_grad=True), torch.arange(6) % 5
    assert torch.autograd.gradcheck(lambda x, *_: loss(x, y, 0.7).loss, (x, *loss.parameters()))


@pytest.mark.parametrize("kind", TYPES)
def test_loss_is_fp32_inside_autocast(kind: str) -> None:
    loss, x, y = make(kind), torch.randn(6, 4).bfloat16(), torch.arange(6) % 5
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = loss(x, y)
    assert {out.loss.dtype, out.logits.dtype, out.margin_logits.dtype} == {torch.float32}
    torch.testing.assert_close(out.loss, loss(x.float(), y).loss)


def test_bad_values_are_refused() -> None:
    with refused("type", "B"):
        build(sphereface2.Conf, {"type": "B"})
    with refused("balance", 1):
        build(sphereface2.Conf, {"balance": 1})
