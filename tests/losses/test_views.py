"""Mixtures and stretched windows against their formulas, and torch's own interpolation of each window alone."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from timbre.losses.views import Window, draw_window, interpolation, mixed, resized


def crops(rows: int = 4, frames: int = 16, bins: int = 9) -> torch.Tensor:
    return torch.randn(rows, frames, bins, generator=torch.Generator().manual_seed(0))


def window(*places: tuple[int, int]) -> Window:
    return Window(*(torch.tensor(values, dtype=torch.float32) for values in zip(*places, strict=True)))


def test_a_mixture_is_the_logarithm_of_the_sum_of_sounds() -> None:
    x, m, share = crops(), crops().flip(0), torch.tensor([0.1, 0.25, 0.39, 0.0])
    found = mixed(x, m, share)
    for row in range(4):
        wanted = torch.log((1 - share[row]) * x[row].exp() + share[row] * m[row].exp())
        torch.testing.assert_close(found[row], wanted)
    assert torch.equal(found[3], x[3])
    loud = mixed(x + 1000, m + 1000, share)  # no overflow
    torch.testing.assert_close(loud - 1000, found, atol=1e-3, rtol=0)


def test_the_whole_crop_is_itself() -> None:
    x = crops()
    time, frequency = window(*[(4, 16)] * 4), window(*[(0, 9)] * 4)
    torch.testing.assert_close(resized(x, time, frequency, 24), x, atol=1e-6, rtol=0)


TIME = [(0, 10), (3, 21), (13, 11), (7, 1)]
FREQUENCY = [(0, 9), (2, 5), (1, 8), (4, 2)]


def test_windows_are_stretched_as_torch_stretches_each_alone() -> None:
    x = crops()
    found = resized(x, window(*TIME), window(*FREQUENCY), 24)
    for row, ((begin, length), (low, height)) in enumerate(zip(TIME, FREQUENCY, strict=True)):
        canvas = torch.zeros(24, 9)
        canvas[4:20] = x[row]
        part = canvas[begin : begin + length, low : low + height]
        wanted = F.interpolate(part[None, None], size=(16, 9), mode="bicubic", align_corners=True)[0, 0]
        torch.testing.assert_close(found[row], wanted, atol=1e-5, rtol=0)


def test_another_order_of_rows_is_the_same_in_that_order() -> None:
    x, order = crops(), torch.tensor([2, 0, 3, 1])
    time, frequency, share = window(*TIME), window(*FREQUENCY), torch.tensor([0.1, 0.2, 0.3, 0.4])

    def view(rows: torch.Tensor) -> torch.Tensor:
        pair = [Window(each.begin[rows], each.length[rows]) for each in (time, frequency)]
        return resized(mixed(x[rows], x.flip(0)[rows], share[rows]), *pair, 24)

    torch.testing.assert_close(view(order), view(torch.arange(4))[order])


def test_weights_of_every_place_sum_to_one() -> None:
    weights = interpolation(window(*TIME), 24, 16)
    torch.testing.assert_close(weights.sum(dim=2), torch.ones(4, 16))
    for row, (begin, length) in enumerate(TIME):
        assert not weights[row, :, :begin].any() and not weights[row, :, begin + length :].any()


@pytest.mark.parametrize("canvas", [96, 144])
def test_windows_are_whole_places_within_the_canvas(canvas: int) -> None:
    torch.manual_seed(0)
    begin, length = draw_window(5000, 96, canvas, (0.6, 1.5), torch.device("cpu"))
    assert torch.equal(begin, begin.round()) and torch.equal(length, length.round())
    assert begin.min() == 0 and (begin + length).max() == canvas
    assert length.min() == 57 and length.max() == min(canvas, 143)  # ⌊0.6 · 96⌋, ⌊1.5 · 96⌋ less the drawn's end
    assert len(begin[length == 60].unique()) > 10  # not one place for each length
