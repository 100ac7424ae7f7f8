"""Two views of a crop: mixed with another sound, and cut and stretched, so that what they share is the sound.

BYOL-A's augmentations (Niizumi et al. 2021, section III), of whole batches at once, with what is drawn given:

    mixup               log((1 − λ) exp(x) + λ exp(m))       x and m are logarithms: the sounds are added
    random resize crop  of the T × F values, laid into a canvas of zeros, a window of begin and length in time and
                        in frequency is stretched to T × F by bicubic interpolation

Interpolation along an axis is a matrix of four weights a row. Output o of n lies, in the canvas, at
begin + o (length − 1) / (n − 1); at a distance d from there a place weighs, with a = −3/4,

    (a + 2) d³ − (a + 3) d² + 1    for d ≤ 1        a d³ − 5a d² + 8a d − 4a    for 1 < d < 2

and a place beyond the window gives its weight to the window's edge, as torch's ``interpolate`` of the window alone.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

A = -0.75


class Window(NamedTuple):
    """Of each row a place along an axis of the canvas: ``begin`` and ``length`` (B,), whole numbers as floats."""

    begin: Tensor
    length: Tensor


def mixed(crops: Tensor, others: Tensor, share: Tensor) -> Tensor:
    """Sums of sounds whose logarithms are given, ``(B, T, F)``; ``others`` have the ``share`` (B,) in [0, 1)."""
    share = share[:, None, None]
    return torch.logaddexp(crops + torch.log1p(-share), others + share.log())


def draw_window(rows: int, size: int, canvas: int, scale: tuple[float, float], device: torch.device) -> Window:
    """For each of ``rows`` a window of ``scale`` times ``size``, drawn evenly, at any place of the ``canvas``."""
    low, high = scale
    shares, places = torch.rand(2, rows, device=device)
    length = ((low + (high - low) * shares) * size).floor().clamp(1, canvas)
    room = canvas - length
    return Window((places * (room + 1)).floor().minimum(room), length)


def interpolation(window: Window, canvas: int, size: int) -> Tensor:
    """The bicubic weights ``(B, size, canvas)`` that stretch each row's window to ``size`` places."""
    begin, length = (value[:, None, None] for value in window)
    steps = torch.arange(size, device=begin.device)[None, :, None]
    place = begin + steps * ((length - 1) / max(size - 1, 1))
    taps = place.floor() + torch.arange(-1, 3, device=begin.device)
    near = (taps - place).abs()
    weights = torch.where(
        near <= 1,
        ((A + 2) * near - (A + 3)) * near.square() + 1,
        (((near - 5) * near + 8) * near - 4) * A,
    )
    columns = taps.clamp(min=begin, max=begin + length - 1).long()
    return weights.new_zeros(len(begin), size, canvas).scatter_add(2, columns, weights)


def resized(crops: Tensor, time: Window, frequency: Window, canvas: int) -> Tensor:
    """``crops (B, T, F)`` -> ``(B, T, F)``: what each row's windows show, stretched.

    Args:
        time: in a canvas of ``canvas`` frames, the crop in its middle and zeros before and after it.
        frequency: in the F bins.
    """
    frames, bins = crops.shape[1:]
    before = (canvas - frames) // 2
    laid = F.pad(crops, (0, 0, before, canvas - frames - before))
    return interpolation(time, canvas, frames) @ laid @ interpolation(frequency, bins, bins).transpose(1, 2)
