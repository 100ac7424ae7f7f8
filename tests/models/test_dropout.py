"""Dropout: how many values, which scale, whose generator."""

from __future__ import annotations

import pytest
import torch

from timbre.models.dropout import Dropout


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9999])
def test_share_and_scale(share: float) -> None:
    torch.manual_seed(0)
    values = torch.randn(1001, 997, dtype=torch.float64, requires_grad=True)  # no multiple of four
    out = Dropout(share)(values)
    lost = out == 0
    assert lost.double().mean().item() == pytest.approx(share, abs=5 * (share * (1 - share) / 1e6) ** 0.5)
    torch.testing.assert_close(out[~lost], values[~lost] / (1 - share))
    out.sum().backward()
    torch.testing.assert_close(values.grad, (~lost).double() / (1 - share))
    rates = torch.stack([lost[:, place::4].double().mean() for place in range(4)])  # of the four of a draw
    assert (rates - share).abs().max() < 0.005
    for step in (1, 2, 3, 4):  # neighbours are dropped apart from each other
        both = (lost.flatten()[step:] & lost.flatten()[:-step]).double().mean().item()
        assert both == pytest.approx(share**2, abs=0.003)


def test_the_same_seed_drops_the_same() -> None:
    layer, values = Dropout(0.3), torch.ones(7, 5)
    found = []
    for _ in range(2):
        torch.manual_seed(3)
        found.append((layer(values), layer(values)))
    assert torch.equal(found[0][0], found[1][0]) and torch.equal(found[0][1], found[1][1])
    assert not torch.equal(*found[0])  # the generator goes on


@pytest.mark.parametrize("layer", [Dropout(0.0), Dropout(0.5).eval()])
def test_nothing_is_done_where_nothing_is_dropped(layer: Dropout) -> None:
    values, state = torch.randn(3, 4), torch.get_rng_state()
    assert layer(values) is values and torch.equal(torch.get_rng_state(), state)


def test_dtype_is_kept() -> None:
    assert Dropout(0.5)(torch.ones(9, dtype=torch.bfloat16)).dtype == torch.bfloat16
    assert Dropout(1 - 1e-9)(torch.ones(1000)).count_nonzero() < 2 and Dropout(1e-9)(torch.ones(1000)).all()
