"""Kaldi's objects in files, as they follow a key or stand alone.

Binary objects begin with ``\\0B`` and a token (kaldi-matrix.cc, kaldi-vector.cc, compressed-matrix.cc):

    FM, DM          float, double matrix: \\4 rows \\4 cols, row by row
    FV, DV          float, double vector: \\4 dim
    CM              8 bit, a header of four percentiles per column, column by column
    CM2, CM3        16, 8 bit between one minimum and one range, row by row
"""

from __future__ import annotations

import os
import re
from typing import BinaryIO

import numpy as np

from timbre.errors import TimbreError

_LARGE = 1 << 20  # bytes that are allocated because a header says so
_LONGEST_LINE = 1 << 24  # bytes of a row as text
_TEXT = re.compile(rb"\s*\[(?:\s([^\[\]]*))?\][ \t\r]*\n?")
_NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf(inity)?|nan)", re.IGNORECASE)

DTYPES = {b"FM": "<f4", b"DM": "<f8", b"FV": "<f4", b"DV": "<f8", b"CM2": "<u2", b"CM3": "u1", b"CM": "u1"}


def read_token(file: BinaryIO, rxfile: str) -> bytes | None:
    """The type token of a binary object, or ``None`` for Kaldi's text form, before which ``file`` is left."""
    place = file.tell()
    start = file.read(4)
    if start[:2] != b"\0B":
        if start.lstrip(b" \t\n\r")[:1] not in (b"[", b""):
            raise TimbreError(f"{rxfile}: no Kaldi object at this place; is the ark corrupt?")
        file.seek(place)
        return None
    token = start[2:] + file.read(1)
    if not token.endswith(b" "):
        token += file.read(1)
    return token.strip()


def read_matrix_header(file: BinaryIO, token: bytes, rxfile: str) -> tuple[int, int, float, float]:
    """``(rows, cols, minimum, step)``; the last two for compressed matrices only."""
    sizes = [("rows", "<i4"), ("cols", "<i4")]
    if token in (b"FM", b"DM"):
        fields = [("four", "u1"), sizes[0], ("also", "u1"), sizes[1]]
    else:
        fields = [("low", "<f4"), ("range", "<f4"), *sizes]
    header = read_exactly(file, np.dtype(fields).itemsize, rxfile).view(fields)[0]
    rows, cols = int(header["rows"]), int(header["cols"])
    marked = token not in (b"FM", b"DM") or (header["four"], header["also"]) == (4, 4)
    if not marked or rows < 0 or cols < 0:
        raise TimbreError(f"{rxfile}: a matrix with a broken header; is the ark corrupt?")
    if token in (b"FM", b"DM"):
        return rows, cols, 0.0, 0.0
    step = header["range"] / np.float32(255 if token == b"CM3" else 65535)
    if not np.isfinite([header["low"], step]).all():
        raise TimbreError(f"{rxfile}: a compressed matrix with a broken header; is the ark corrupt?")
    return rows, cols, header["low"], step


def read_dimension(file: BinaryIO, rxfile: str) -> int:
    """The number of values of a vector, which follow."""
    header = read_exactly(file, 5, rxfile)
    dimension = int(header[1:].view("<i4")[0])
    if header[0] != 4 or dimension < 0:
        raise TimbreError(f"{rxfile}: a vector with a broken header; is the ark corrupt?")
    return dimension


def read_columns(file: BinaryIO, rxfile: str, rows: int, cols: int, low: float, step: float) -> np.ndarray:
    """A ``CM`` matrix ``(rows, cols)``.

    Each column has the values p0, p25, p75, p100 of its codes 0, 64, 192 and 255; between them it is linear
    (compressed-matrix.cc, CharToFloat).
    """
    percentiles = read_exactly(file, 8 * cols, rxfile).view("<u2").astype(np.float32).reshape(cols, 4)
    p0, p25, p75, p100 = (low + percentiles * step).T[:, :, None]
    code = read_exactly(file, rows * cols, rxfile).reshape(cols, rows).astype(np.float32)
    below = p0 + (p25 - p0) * code / 64
    middle = p25 + (p75 - p25) * (code - 64) / 128
    above = p75 + (p100 - p75) * (code - 192) / 63
    return np.where(code <= 64, below, np.where(code <= 192, middle, above)).T


def read_exactly(file: BinaryIO, size: int, rxfile: str) -> np.ndarray:
    """``size`` bytes as uint8, or the error that the file ends before: what is not there is not allocated."""
    if size > _LARGE:
        size_left = max(os.fstat(file.fileno()).st_size - file.tell(), 0)
        data = b"" if size > size_left else file.read(size)
        missing = size - (len(data) or size_left)
    else:
        data = file.read(size)
        missing = size - len(data)
    if missing > 0:
        raise TimbreError(f"{rxfile}: the file ends {missing} bytes too early; is the ark cut short?")
    return np.frombuffer(data, dtype=np.uint8)


def read_text_form(file: BinaryIO, rxfile: str) -> np.ndarray:
    """Kaldi's text form, `` [ 1 2 3 ]`` or with a row a line: (rows, F), of a vector one row.

    Raises:
        TimbreError: for brackets that stand otherwise, values that are no numbers, rows of different lengths. The
            row is named, counted from 1.
    """
    lines = []
    while line := file.readline(_LONGEST_LINE):
        lines.append(line)
        if b"]" in line:
            break
    match = _TEXT.fullmatch(b"".join(lines))
    if not match:
        raise TimbreError(f"{rxfile}: expected numbers after '[' and a blank, up to ']' and the end of the line")
    rows = [row.split() for row in re.split(rb"[\n;]", match[1] or b"")]
    rows = [row for row in rows if row]
    for number, row in enumerate(rows, start=1):
        if bad := next((value for value in row if not _NUMBER.fullmatch(value)), None):
            raise TimbreError(f"{rxfile}: row {number}: '{bad.decode(errors='replace')}' is not a number")
        if len(row) != len(rows[0]):
            raise TimbreError(f"{rxfile}: row {number} has {len(row)} values, the first {len(rows[0])}")
    return np.array(rows, dtype=np.float32).reshape(len(rows), -1) if rows else np.zeros((0, 0), np.float32)
