"""Losses: known answers, margins, and the places where angles have no derivative."""

from __future__ import annotations

import math

import pytest
import torch
from messages import refused
from torch.nn import functional as F

from timbre.conf import build
from timbre.losses import aam_softmax, am_softmax, build_loss, softmax

MARGINS = {"am_softmax": am_softmax, "aam_softmax": aam_softmax}


def make(kind: str, classes: int = 5, dim: int = 4, **values: float) -> torch.nn.Module:
    torch.manual_seed(0)
    conf = {"softmax": softmax, **MARGINS}[kind].Conf(**values)
    return build_loss(conf, dim, classes)


def at_angle(theta: float) -> tuple[torch.Tensor, torch.Tensor]:
    """An embedding at ``theta`` from class 0 of two orthogonal ones, and the class weights."""
    return 7 * torch.tensor([[math.cos(theta), math.sin(theta)]]), torch.diag(torch.tensor([2.0, 3.0]))


def test_softmax_is_cross_entropy() -> None:
    loss = make("softmax")
    x, y = torch.randn(6, 4), torch.randint(5, (6,))
    out = loss(x, y, 0.3)
    torch.testing.assert_close(out.loss, F.cross_entropy(loss.classifier(x), y))
    assert torch.equal(out.logits, out.margin_logits) and torch.equal(out.targets, y)


@pytest.mark.parametrize("kind", MARGINS)
@pytest.mark.parametrize("scale", [0.0, 0.5, 1.0])
def test_known_answer(kind: str, scale: float) -> None:
    """s (cos θ − m), or s cos(θ + m), for the true class alone; the margin times ``margin_scale``."""
    loss, theta = make(kind, 2, 2, scale=20.0, margin=0.3), 0.7
    x, loss.weight.data = at_angle(theta)
    out = loss(x, torch.tensor([0]), scale)
    cosines = [math.cos(theta), math.sin(theta)]
    margin = 0.3 * scale
    truth = math.cos(theta) - margin if kind == "am_softmax" else math.cos(theta + margin)
    torch.testing.assert_close(out.logits, 20 * torch.tensor([cosines]))
    torch.testing.assert_close(out.margin_logits, 20 * torch.tensor([[truth, cosines[1]]]))
    expected = math.log1p(math.exp(20 * (cosines[1] - truth)))
    torch.testing.assert_close(out.loss.item(), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", MARGINS)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_value_and_gradient_are_finite_at_a_class_centre(kind: str, sign: float) -> None:
    """Many embeddings, each on its class's own weight or opposite: rounding puts cosines beyond ±1."""
    loss = make(kind, 200, 192, scale=4.0)
    x = (sign * loss.weight.detach() * torch.logspace(-3, 3, 200)[:, None]).requires_grad_()
    out = loss(x, torch.arange(200))
    out.loss.backward()
    assert out.loss.isfinite() and out.margin_logits.isfinite().all()
    assert x.grad.isfinite().all() and loss.weight.grad.isfinite().all()
    without = loss(x, torch.arange(200), 0.0).loss
    assert out.loss > without + (0.05 if sign > 0 else 0)  # the margin counts there too
    torch.testing.assert_close(torch.diagonal(out.logits), torch.full((200,), sign * 4.0))


@pytest.mark.parametrize(("scale", "least"), [(10.0, 0.642), (30.0, 2e-6)])
def test_the_least_loss_of_600_classes_is_by_the_scale(scale: float, least: float) -> None:
    """On class centres that stand at right angles: log(1 + (C − 1) exp(−s (1 − m))); s = 10 leaves no zero."""
    loss = make("am_softmax", 600, 600, scale=scale, margin=0.35)
    loss.weight.data = torch.eye(600, dtype=torch.float64)  # fp32 has no second digit of a loss of 2e-6
    found = loss(5 * torch.eye(600), torch.arange(600)).loss.item()
    assert found == pytest.approx(math.log1p(599 * math.exp(-scale * 0.65)), rel=1e-9)
    assert found == pytest.approx(least, rel=0.05)


def test_aam_beyond_pi_minus_m_is_continuous_and_falls_on() -> None:
    margin = 0.4
    theta = torch.linspace(0.01, math.pi - 0.01, 2001, dtype=torch.float64)
    value = aam_softmax.Loss.penalise(theta.cos(), margin)
    near = theta <= math.pi - margin
    torch.testing.assert_close(value[near], (theta[near] + margin).cos())
    torch.testing.assert_close(value[~near], theta[~near].cos() - (1 + math.cos(math.pi - margin)))
    steps = value.diff()
    assert (steps < 0).all() and steps.abs().max() < 2 * (theta[1] - theta[0])  # no jump, no rise


@pytest.mark.parametrize("kind", ["softmax", *MARGINS])
def test_gradients(kind: str) -> None:
    loss = make(kind).double()
    x, y = torch.randn(6, 4, dtype=torch.float64, requires_grad=True), torch.arange(6) % 5
    assert torch.autograd.gradcheck(lambda x, *_: loss(x, y, 0.7).loss, (x, *loss.parameters()))


@pytest.mark.parametrize("kind", MARGINS)
def test_cosines_ignore_lengths_and_softmax_does_not(kind: str) -> None:
    x, y = torch.randn(6, 4), torch.arange(6) % 5
    torch.testing.assert_close(make(kind)(x, y).loss, make(kind)(50 * x, y).loss)
    assert make("softmax")(x, y).loss != make("softmax")(50 * x, y).loss


@pytest.mark.parametrize("kind", ["softmax", *MARGINS])
def test_loss_is_fp32_inside_autocast(kind: str) -> None:
    loss, x, y = make(kind), torch.randn(6, 4).bfloat16(), torch.arange(6) % 5
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = loss(x, y)
    assert {out.loss.dtype, out.logits.dtype, out.margin_logits.dtype} == {torch.float32}
    torch.testing.assert_close(out.loss, loss(x.float(), y).loss)


@pytest.mark.parametrize("kind", MARGINS)
def test_a_class_is_the_nearest_of_its_sub_centres(kind: str) -> None:
    """K consecutive rows of a class: the loss is that of the nearest rows alone, which alone are moved."""
    loss, x, y = make(kind, 3, 4, sub_centres=2), torch.randn(1, 4), torch.tensor([1])
    cosine = F.cosine_similarity(x, loss.weight).detach().view(3, 2)
    nearest = cosine.argmax(1) + torch.tensor([0, 2, 4])
    plain = make(kind, 3, 4)
    plain.weight.data = loss.weight.data[nearest]
    out, expected = loss(x, y), plain(x, y)
    torch.testing.assert_close(out.logits, 30 * cosine.amax(1)[None])
    torch.testing.assert_close((out.loss, out.margin_logits), (expected.loss, expected.margin_logits))
    out.loss.backward()
    assert loss.weight.grad.any(dim=1).nonzero().flatten().tolist() == nearest.tolist()


@pytest.mark.parametrize("kind", ["softmax", *MARGINS])
def test_class_parameters_have_rows_for_every_class_in_order(kind: str) -> None:
    """Without a class's rows and logits the loss of the others is what it was."""
    many = {} if kind == "softmax" else {"sub_centres": 3}
    loss, fewer = make(kind, 5, **many), make(kind, 4, **many)
    state = {
        name: value[: len(value) // 5 * 4] if name in loss.class_parameters else value
        for name, value in loss.state_dict().items()
    }
    fewer.load_state_dict(state)
    x, y = torch.randn(8, 4), torch.arange(8) % 4
    torch.testing.assert_close(fewer(x, y).logits, loss(x, y).logits[:, :4])
    assert not loss.whole_batch and torch.equal(loss(x, y).targets, y)


def test_bad_margins_are_refused() -> None:
    with refused("margin: ", "equal to 0", "-0.1"):
        build(am_softmax.Conf, {"margin": -0.1})
    with refused("margin: ", "1.57", "2.0"):
        build(aam_softmax.Conf, {"margin": 2.0})
