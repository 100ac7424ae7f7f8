"""Kaldi's objects in files, as they follow a key or stand alone.

Binary objects begin with ``\\0B`` and a token (kaldi-matrix.cc, kaldi-vector.cc, compressed-matrix.cc):

    FM, DM          float, double matrix: \\4 rows \\4 cols, row by row
    FV, DV          float, double vector: \\4 dim
    CM              8 bit, a header of four percentiles per column, column by column
    CM2, CM3        16, 8 bit between one minimum and one range, row by row
"""

from __future__ import annotations

import os
from typing import BinaryIO

import numpy as np

from timbre.errors import TimbreError

DTYPES = {b"FM": "<f4", b"DM": "<f8", b"FV": "<f4", b"DV": "<f8", b"CM2": "<u2", b"CM3": "u1", b"CM": "u1"}


def read_token(file: BinaryIO, rxfile: str) -> bytes | None:
    """The type token of a binary object, or ``None`` for Kaldi's text form."""
    mark = file.read(2)
    if mark != b"\0B":
        if b"[" in mark + file.read(2):
            file.seek(-2, os.SEEK_CUR)
            return None
        raise TimbreError(f"{rxfile}: no Kaldi object at this place; is the ark corrupt?")
    token = file.read(3)
    if not token.endswith(b" "):
        token += file.read(1)
    return token.strip()


def read_matrix_header(file: BinaryIO, token: bytes) -> tuple[int, int, float, float]:
    """``(rows, cols, minimum, step)``; the last two for compressed matrices only."""
    if token in (b"FM", b"DM"):
        header = np.frombuffer(file.read(10), dtype=[("m", "u1"), ("rows", "<i4"), ("n", "u1"), ("cols", "<i4")])
        low = step = 0.0
    else:
        header = np.frombuffer(
            file.read(16), dtype=[("low", "<f4"), ("range", "<f4"), ("rows", "<i4"), ("cols", "<i4")]
        )
        low, step = header["low"], header["range"] / np.float32(255 if token == b"CM3" else 65535)
        low, step = (low[0], step[0]) if len(header) else (0.0, 0.0)
    if not len(header) or header["rows"][0] < 0 or header["cols"][0] < 0:
        raise TimbreError(f"{file.name}: a matrix with a broken header; is the ark corrupt?")
    return int(header["rows"][0]), int(header["cols"][0]), low, step


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
    """``size`` bytes as uint8, or the error that the file ends before."""
    data = file.read(size)
    if len(data) < size:
        raise TimbreError(f"{rxfile}: the file ends {size - len(data)} bytes too early; is the ark cut short?")
    return np.frombuffer(data, dtype=np.uint8)


def read_text_form(file: BinaryIO) -> np.ndarray:
    """Kaldi's text form, from after ``[`` or before it up to ``]``: a matrix ``(rows, F)`` (a vector: 1 row)."""
    body = b""
    while b"]" not in body and (line := file.readline()):
        body += line
    rows = body.partition(b"]")[0].replace(b"[", b"").split(b"\n")
    return np.array([row.split() for row in rows if row.split()], dtype=np.float32)
