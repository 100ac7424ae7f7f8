"""Kaldi's rxfiles, the values of an scp: a file, with an offset in an ark, and a range of rows and columns.

    file.ark:1234[10:19,0:12]    both ends included, counted from 0; ``:`` alone is all of them

As in Kaldi (kaldi-holder.cc, ParseMatrixRangeSpecifier), a range of rows may end up to three beyond the last one,
and is cut there: rounding and the edges of frames make segments so long. Anything else beyond is refused.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from timbre.errors import TimbreError

_RXFILE = re.compile(r"(?P<path>.+?)(?::(?P<offset>\d+))?(?:\[(?P<range>[^\[\]]*)\])?", re.DOTALL)
_SPAN = re.compile(r"(\d+):(\d+)|:")
_TOLERANCE = 3  # rows

Span = tuple[int, int] | None
"""The first and the last of the rows or columns, ``None`` for all."""


class Rxfile(NamedTuple):
    """The parts of ``a.ark:123[0:4,2:3]``."""

    path: str
    offset: int = 0
    rows: Span = None
    columns: Span = None


def is_command(rxfile: str) -> bool:
    """Whether it is a command whose output is read, ``sph2pipe … |``."""
    return rxfile.rstrip().endswith("|")


def parse_rxfile(rxfile: str) -> Rxfile:
    """The parts of an rxfile.

    >>> parse_rxfile("a.ark:123[0:4,2:3]")
    Rxfile(path='a.ark', offset=123, rows=(0, 4), columns=(2, 3))

    Raises:
        TimbreError: for a command, and for a range of another form.
    """
    match = _RXFILE.fullmatch(rxfile)
    if is_command(rxfile) or not match:
        raise TimbreError(f"{rxfile}: not an ark file and offset (commands are not run here)")
    spans = [None, None]
    if match["range"] is not None:
        found = [_SPAN.fullmatch(part) for part in match["range"].split(",")]
        if len(found) > 2 or not all(found):
            raise TimbreError(f"{rxfile}: expected a range [first:last] or [first:last,first:last], ':' for all")
        spans[: len(found)] = [(int(span[1]), int(span[2])) if span[1] else None for span in found]
    return Rxfile(match["path"], int(match["offset"] or 0), *spans)


def resolve_rows(span: Span, rows: int, rxfile: str) -> tuple[int, int]:
    """``(first, one after the last)`` of a range in so many rows."""
    return _resolve(span, rows, rxfile, "rows", _TOLERANCE)


def resolve_columns(span: Span, columns: int, rxfile: str) -> tuple[int, int]:
    """``(first, one after the last)`` of a range in so many columns."""
    return _resolve(span, columns, rxfile, "columns", 0)


def _resolve(span: Span, size: int, rxfile: str, what: str, tolerance: int) -> tuple[int, int]:
    if span is None:
        return 0, size
    first, last = span
    if not (first <= last and first < size and last < size + tolerance):
        raise TimbreError(f"{rxfile}: no {what} {first} to {last} in {size}, counted from 0; correct the range")
    return first, min(last + 1, size)
