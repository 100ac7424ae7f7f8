"""From the weights of a published encoder, by their names and shapes there, to those of an encoder here.

A :class:`Family` is one encoder as one toolkit writes it. Its sizes are read from the shapes of the weights; then
all weights are held against what the sizes demand, no more and no less.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import torch
from torch import Tensor

from timbre.errors import TimbreError
from timbre.features.checkpoint import Shape, checked

Change = Callable[[Tensor], Tensor]
NORM_EPS = 1e-5
"""Of torch's BatchNorm, which no toolkit here changes."""
_COUNTER = ".num_batches_tracked"
_LARGEST = 1 << 20
"""Of a size, at most: a hostile shape is refused before anything is made of it."""


@dataclass
class Conversion:
    """Which published weight becomes which of ours.

    Attributes:
        shapes: of the published weights, by their names there.
        targets: by the names here, the published name, the change, and the shape here.
        finish: what is done with the converted weights last, given those that have no target too.
    """

    shapes: dict[str, Shape] = field(default_factory=dict)
    targets: dict[str, tuple[str, Change | None, Shape]] = field(default_factory=dict)
    counters: list[str] = field(default_factory=list)
    finish: Callable[[dict[str, Tensor], dict[str, Tensor]], None] | None = None

    def add(
        self,
        theirs: str,
        ours: str,
        shape: Shape,
        here: Shape | None = None,
        change: Change | None = None,
    ) -> None:
        """One weight of ``shape``, which is changed first and then gets the shape that it has ``here``."""
        self.shapes[theirs] = shape
        self.targets[ours] = (theirs, change, here or shape)

    def linear(
        self,
        theirs: str,
        ours: str,
        shape: Shape,
        bias: bool = True,
        trailing: int = 0,
        rows: Change | None = None,
        columns: Change | None = None,
    ) -> None:
        """A linear layer ``(outputs, inputs)``, there a convolution of ``trailing`` dimensions of 1.

        Args:
            rows: the change of the outputs' order, ``columns`` of the weight's inputs.
        """
        self.add(f"{theirs}.weight", f"{ours}.weight", (*shape, *[1] * trailing), shape, _both(rows, columns))
        if bias:
            self.add(f"{theirs}.bias", f"{ours}.bias", shape[:1], change=rows)

    def convolution(
        self,
        theirs: str,
        ours: str,
        shape: Shape,
        bias: bool = True,
        rows: Change | None = None,
        columns: Change | None = None,
    ) -> None:
        """A convolution over time ``(outputs, inputs, kernel)``, here with a height of 1."""
        here = (*shape[:2], 1, shape[2])
        self.add(f"{theirs}.weight", f"{ours}.weight", shape, here, _both(rows, columns))
        if bias:
            self.add(f"{theirs}.bias", f"{ours}.bias", shape[:1], change=rows)

    def map_convolution(self, theirs: str, ours: str, shape: Shape, turned: bool, bias: bool = False) -> None:
        """A convolution over maps ``(outputs, inputs, k, k)``; ``turned``: there over frequency and time."""
        self.add(f"{theirs}.weight", f"{ours}.weight", shape, change=_turn if turned else None)
        if bias:
            self.add(f"{theirs}.bias", f"{ours}.bias", shape[:1])

    def norm(self, theirs: str, ours: str, size: int, affine: bool = True, rows: Change | None = None) -> None:
        """A BatchNorm."""
        for name in (*(("weight", "bias") if affine else ()), "running_mean", "running_var"):
            self.add(f"{theirs}.{name}", f"{ours}.{name}", (size,), change=rows)
        self.counters.append(ours + _COUNTER)

    def apply(self, weights: Mapping[str, Tensor], layout: str) -> dict[str, Tensor]:
        """The weights by their names here; what counts batches is 0 everywhere.

        Raises:
            TimbreError: naming weights that are missing, unknown or of another shape.
        """
        given = {name: value for name, value in weights.items() if not name.endswith(_COUNTER)}
        found = checked(given, self.shapes, layout)
        done = {
            ours: (change(found[theirs]) if change else found[theirs]).reshape(here).contiguous()
            for ours, (theirs, change, here) in self.targets.items()
        }
        done |= {name: torch.tensor(0) for name in self.counters}
        if self.finish:
            self.finish(done, found)
        return done


@dataclass(frozen=True)
class Family:
    """One encoder as one toolkit writes it.

    Attributes:
        name: for messages, ``WeSpeaker's ECAPA-TDNN``.
        classes: how the toolkit's classes of it are called, or begin.
        sizes: from the weights to what ``conf`` and ``conversion`` take.
        example: sizes whose conversion has the names that tell this encoder from others.
        marks: those names, where they are not all of the example's.
        never: names that tell another encoder.
    """

    name: str
    classes: tuple[str, ...]
    sizes: Callable[[Mapping[str, Tensor]], dict[str, Any]]
    conf: Callable[..., dict[str, Any]]
    conversion: Callable[..., Conversion]
    example: Mapping[str, Any]
    marks: tuple[str, ...] = ()
    never: tuple[str, ...] = ()

    def likeness(self, names: set[str]) -> tuple[float, int]:
        """The share of the example's names that there are, and their number."""
        if names.intersection(self.never):
            return 0.0, 0
        wanted = self.marks or self.conversion(**self.example).shapes
        there = len(names.intersection(wanted))
        return there / len(wanted), there

    def encoder(self, weights: Mapping[str, Tensor]) -> tuple[dict[str, Any], dict[str, Tensor], dict[str, Any]]:
        """The encoder's conf, its weights, and the sizes.

        Raises:
            TimbreError: naming weights that are missing, unknown or of another shape.
        """
        try:
            sizes = self.sizes(weights)
        except TimbreError as error:
            raise TimbreError(f"most like {self.name}, but {error}") from None
        return self.conf(**sizes), self.conversion(**sizes).apply(weights, self.name), sizes


def size(weights: Mapping[str, Tensor], name: str, dim: int) -> int:
    """A size of a weight.

    Raises:
        TimbreError: without the weight, or such a dimension.
    """
    if name not in weights:
        raise TimbreError(f"without '{name}'")
    shape = tuple(getattr(weights[name], "shape", ()))
    if dim >= len(shape) or not 0 < shape[dim] <= _LARGEST:
        raise TimbreError(f"'{name}' has the shape {shape}")
    return shape[dim]


def maps_last(channels: int, bins: int, parts: int) -> Change:
    """Columns in ``parts`` of (channels, bins), as toolkits flatten maps, to (bins, channels), as here."""

    def change(weight: Tensor) -> Tensor:
        return weight.reshape(-1, parts, channels, bins).transpose(2, 3).reshape(weight.shape)

    return change if prod((channels, bins)) > 1 else (lambda weight: weight)


def attention(
    done: Conversion,
    channels: int,
    bins: int,
    hidden: int,
    context: bool,
    names: tuple[str, str],
) -> None:
    """Attentive statistics over maps, whose two layers have these ``names`` there.

    Args:
        context: whether the first sees the mean and deviation of all frames too, behind each frame.
    """
    pooled, order = channels * bins, maps_last(channels, bins, 1)
    shape = (hidden, (3 if context else 1) * pooled, 1)
    name = f"{names[0]}.weight"
    done.add(
        name,
        "pooling.hidden.weight",
        shape,
        (hidden, pooled),
        lambda weight: order(weight[:, :pooled, 0]),
    )
    if context:
        both = maps_last(channels, bins, 2)
        here = (hidden, 2 * pooled)
        done.add(name, "pooling.context.weight", shape, here, lambda weight: both(weight[:, pooled:, 0]))
    done.add(f"{names[0]}.bias", "pooling.hidden.bias", (hidden,))
    done.linear(names[1], "pooling.score", (pooled, hidden), trailing=1, rows=maps_last_rows(channels, bins))


def maps_last_rows(channels: int, bins: int, parts: int = 1) -> Change:
    """Rows in ``parts`` of (channels, bins) to (bins, channels)."""

    def change(weight: Tensor) -> Tensor:
        return weight.reshape(parts, channels, bins, -1).transpose(1, 2).reshape(weight.shape)

    return change


def fold_norm(done: dict[str, Tensor], found: Mapping[str, Tensor], layer: str, norm: str) -> None:
    """Puts a BatchNorm as it is after training into the linear ``layer`` before it.

    s (W x + b − μ) / √(σ² + ε) + t        W' = W s / √(σ² + ε),   b' = (b − μ) s / √(σ² + ε) + t
    """
    scale = found[f"{norm}.weight"] * (found[f"{norm}.running_var"] + NORM_EPS).rsqrt()
    done[f"{layer}.weight"] = scale[:, None] * done[f"{layer}.weight"]
    done[f"{layer}.bias"] = (done[f"{layer}.bias"] - found[f"{norm}.running_mean"]) * scale + found[f"{norm}.bias"]


def norm_shapes(name: str, count: int) -> dict[str, Shape]:
    """The weights of a BatchNorm that has no target here."""
    return {f"{name}.{part}": (count,) for part in ("weight", "bias", "running_mean", "running_var")}


def _both(rows: Change | None, columns: Change | None) -> Change | None:
    changes = [change for change in (rows, columns) if change]
    if len(changes) == 2:
        return lambda weight: columns(rows(weight))
    return changes[0] if changes else None


def _turn(weight: Tensor) -> Tensor:
    return weight.transpose(2, 3)
