"""Hard concrete gates against their formulas, and against what a great many draws do."""

from __future__ import annotations

import math

import torch

from timbre.models.hard_concrete import GatedLinear, HardConcrete


def gates(log_alpha: list[float]) -> HardConcrete:
    module = HardConcrete(len(log_alpha))
    module.log_alpha.data = torch.tensor(log_alpha)
    return module


def test_without_training_a_gate_is_the_stretched_sigmoid():
    got = gates([-10.0, 0.0, 1.0, 10.0]).eval()()
    middle = [1.2 / (1 + math.exp(-value)) - 0.1 for value in (0.0, 1.0)]
    torch.testing.assert_close(got, torch.tensor([0.0, *middle, 1.0]))


def test_a_draw_is_the_formula_of_its_uniform_number():
    module = gates([-1.0, 0.0, 2.0])
    torch.manual_seed(3)
    got = module()
    torch.manual_seed(3)
    u = torch.rand(3)
    s = torch.sigmoid((torch.log(u) - torch.log(1 - u) + module.log_alpha) / (2 / 3))
    torch.testing.assert_close(got, torch.clamp(s * (1.1 + 0.1) - 0.1, 0, 1))


def test_the_penalty_is_how_often_a_gate_is_not_zero():
    torch.manual_seed(0)
    for value in (-1.5, 0.0, 1.0):
        module = gates([value] * 100_000)
        drawn = module()
        expected = torch.sigmoid(torch.tensor(value - 2 / 3 * math.log(0.1 / 1.1)))
        torch.testing.assert_close(module.open_shares()[0], expected)
        assert abs((drawn != 0).float().mean() - expected) < 0.01
        assert (drawn == 1).any() and (drawn == 0).any()


def test_gates_begin_open_nine_times_of_ten_and_the_penalty_closes_them():
    torch.manual_seed(0)
    module = HardConcrete(10_000)
    assert abs(float(module.open_shares().mean().detach()) - 0.9) < 0.01
    module.open_shares().sum().backward()
    assert (module.log_alpha.grad > 0).all()


def test_a_closed_gate_keeps_its_input_out_of_one_language_alone():
    torch.manual_seed(0)
    layer = GatedLinear(3, ["de", "en"]).eval()
    layer.gates["de"].log_alpha.data = torch.tensor([-20.0, 20.0, 20.0])
    layer.gates["en"].log_alpha.data = torch.tensor([20.0, 20.0, 20.0])
    values = torch.randn(4, 3)
    kept = values.clone()
    kept[:, 0] = 0
    torch.testing.assert_close(layer(values, "de"), layer.linear(kept))
    torch.testing.assert_close(layer(values, "en"), layer.linear(values))
