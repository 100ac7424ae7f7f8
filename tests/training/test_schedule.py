"""Schedules: known values at known epochs."""

from __future__ import annotations

import pytest

from timbre.conf import build
from timbre.training.experiment import TrainConf
from timbre.training.schedule import learning_rate, margin_scale


def conf(**options):
    rates = {"epochs": 21, "learning_rate": 1.0, "final_learning_rate": 0.01, "warmup_epochs": 1}
    return build(TrainConf, rates | options)


@pytest.mark.parametrize(
    "schedule,values",
    [
        ("cosine", {0.5: 0.5, 1: 1.0, 11: 0.505, 21: 0.01}),
        ("exponential", {0.5: 0.5, 1: 1.0, 11: 0.1, 21: 0.01}),
        ("triangular2", {1: 0.01, 6: 1.0, 11: 0.01, 16: 0.5, 21: 0.01}),
        ("constant", {0.5: 0.5, 1: 1.0, 20: 1.0}),
    ],
)
def test_learning_rates(schedule, values):
    for epoch, value in values.items():
        assert learning_rate(conf(schedule=schedule, cycle_epochs=10), epoch) == pytest.approx(value)


def test_the_margin_grows_in_epochs():
    assert [margin_scale(conf(margin_epochs=(2, 6)), epoch) for epoch in (0, 2, 3, 6, 9)] == [0, 0, 0.25, 1, 1]
    assert margin_scale(conf(), 0) == 1
