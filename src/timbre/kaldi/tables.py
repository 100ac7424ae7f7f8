"""Kaldi's ark and scp: matrices and vectors written whole or not at all, and read by ranges of rows.

Binary objects begin with ``\\0B`` and a token (kaldi-matrix.cc, kaldi-vector.cc, compressed-matrix.cc):

    FM, DM          float, double matrix: \\4 rows \\4 cols, row by row
    FV, DV          float, double vector: \\4 dim
    CM              8 bit, a header of four percentiles per column, column by column
    CM2, CM3        16, 8 bit between one minimum and one range, row by row

kaldiio writes them. It reads whole matrices; a 2 s crop of a long utterance needs its own rows only, so
the reader is ours.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
from kaldiio.matio import write_array

from timbre.errors import TimbreError
from timbre.kaldi.atomic import atomic_write
from timbre.kaldi.text import read_table

STORAGE = {"float32": None, "half": 3, "kaldi": 2}
"""How matrices are kept: float32; 16 bit (``CM2``, half the size, rows still readable alone); Kaldi's speech
feature format (``CM``, a quarter)."""

_RXFILE = re.compile(r"^(?P<path>.+?)(?::(?P<offset>\d+))?(?:\[(?P<range>[\d:,]+)\])?$")
_DTYPES = {b"FM": "<f4", b"DM": "<f8", b"FV": "<f4", b"DV": "<f8", b"CM2": "<u2", b"CM3": "u1", b"CM": "u1"}


class ArkWriter:
    """Writes ``ark_path`` and its ``scp_path``; both appear, complete, when the block ends without an error.

    >>> with ArkWriter("feats.ark", "feats.scp", storage="half") as writer:
    ...     writer.write("spk1-utt1", frames)  # (T, F) or (D,) float32
    """

    def __init__(self, ark_path: str | Path, scp_path: str | Path, storage: str = "float32") -> None:
        self._ark, self._scp = Path(ark_path), Path(scp_path)
        self._compression = STORAGE[storage]
        self._lines: list[str] = []

    def __enter__(self) -> ArkWriter:
        self._stack = contextlib.ExitStack()
        self._file = self._stack.enter_context(atomic_write(self._ark, "wb"))
        return self

    def write(self, key: str, array: np.ndarray) -> None:
        """Adds a matrix ``(T, F)`` or a vector ``(D,)`` under ``key``; values that are not finite are refused."""
        array = np.ascontiguousarray(array, dtype=np.float32)
        if not np.isfinite(array).all():
            raise TimbreError(f"{key}: values that are not finite for {self._ark}")
        self._file.write(f"{key} ".encode())
        self._lines.append(f"{key} {self._ark}:{self._file.tell()}\n")
        write_array(self._file, array, compression_method=self._compression if array.ndim == 2 else None)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)
        if error is None:
            with atomic_write(self._scp) as file:
                file.writelines(self._lines)


def locate(path: str, scp: str | Path | None = None) -> Path:
    """The file behind a path of an scp: as it stands (from the working directory, as Kaldi reads it).

    Where that is no file (the data directory was moved), the longest tail of the path under the scp's folder.
    """
    here = Path(path)
    if scp is not None and not here.exists():
        for skip in range(1, len(here.parts)):
            moved = Path(scp).parent.joinpath(*here.parts[skip:])
            if moved.exists():
                return moved
    return here


def read_matrix(rxfile: str, start: int = 0, stop: int | None = None, scp: str | Path | None = None) -> np.ndarray:
    """Rows ``start:stop`` of a matrix as ``(rows, F)`` float32, reading only what these rows need.

    Args:
        rxfile: ``file.ark:offset`` or a file, with Kaldi's range ``[first:last]`` or
            ``[first:last,first:last]`` (both ends included) if there is one.
        scp: where the rxfile stands, for :func:`locate`.
    Raises:
        TimbreError: naming the rxfile, for a missing file, an offset past its end, what is no matrix.
    """
    ranges = [part.split(":") for part in (_parse(rxfile)["range"] or "").split(",") if part]
    columns = slice(None)
    if ranges:
        first, last = int(ranges[0][0]), int(ranges[0][-1])
        start, stop = first + start, last + 1 if stop is None else min(first + stop, last + 1)
        if len(ranges) > 1:
            columns = slice(int(ranges[1][0]), int(ranges[1][-1]) + 1)
    with _opened(rxfile, scp) as file:
        token = _token(file, rxfile)
        if token is None:
            return _read_text(file)[start:stop, columns]
        if token not in (b"FM", b"DM", b"CM", b"CM2", b"CM3"):
            raise TimbreError(f"{rxfile}: not a matrix (token {token!r}); is the ark corrupt?")
        rows, cols, low, step = _matrix_header(file, token)
        first, last, _ = slice(start, stop).indices(rows)
        if token == b"CM":
            return _columns(file, rxfile, rows, cols, low, step)[first:last, columns]
        dtype = np.dtype(_DTYPES[token])
        file.seek(first * cols * dtype.itemsize, os.SEEK_CUR)
        count = max(last - first, 0)
        values = _exactly(file, count * cols * dtype.itemsize, rxfile).view(dtype).reshape(count, cols)
        values = values[:, columns].astype(np.float32)
        return low + values * step if token.startswith(b"CM") else values


def read_vector(rxfile: str, scp: str | Path | None = None) -> np.ndarray:
    """A vector as ``(D,)`` float32; errors as for :func:`read_matrix`."""
    with _opened(rxfile, scp) as file:
        return _read_vector(file, rxfile)


def read_vectors(scp: str | Path) -> tuple[list[str], np.ndarray]:
    """All vectors of an scp: ``(keys, (N, D) float32)``; vectors of different sizes are refused by key."""
    table = read_table(scp)
    if not table:
        raise TimbreError(f"{scp}: empty")
    vectors = []
    with contextlib.ExitStack() as stack:  # an ark is opened once for all vectors that follow each other in it
        path, file = None, None
        for rxfile in table.values():
            match = _parse(rxfile)
            if match["path"] != path:
                stack.close()
                path, file = match["path"], stack.enter_context(_opened(rxfile, scp))
            else:
                _seek(file, rxfile)
            vectors.append(_read_vector(file, rxfile))
    for key, vector in zip(table, vectors, strict=True):
        if vector.shape != vectors[0].shape:
            raise TimbreError(f"{scp}: '{key}' has {vector.size} dimensions, the first {vectors[0].size}")
    return list(table), np.stack(vectors)


def _read_vector(file: BinaryIO, rxfile: str) -> np.ndarray:
    token = _token(file, rxfile)
    if token is None:
        return _read_text(file).reshape(-1)
    if token not in (b"FV", b"DV"):
        raise TimbreError(f"{rxfile}: not a vector (token {token!r}); is the ark corrupt?")
    dimension = int(_exactly(file, 5, rxfile)[1:].view("<i4")[0])
    dtype = np.dtype(_DTYPES[token])
    return _exactly(file, dimension * dtype.itemsize, rxfile).view(dtype).astype(np.float32)


def _parse(rxfile: str) -> re.Match:
    match = _RXFILE.match(rxfile)
    if rxfile.rstrip().endswith("|") or not match:
        raise TimbreError(f"{rxfile}: not an ark file and offset (commands are not run here)")
    return match


@contextlib.contextmanager
def _opened(rxfile: str, scp: str | Path | None) -> Iterator[BinaryIO]:
    """The file of an rxfile, at its offset."""
    try:
        with open(locate(_parse(rxfile)["path"], scp), "rb") as file:
            _seek(file, rxfile)
            yield file
    except OSError as error:
        raise TimbreError(f"{rxfile}: cannot be read: {error.strerror}") from error


def _seek(file: BinaryIO, rxfile: str) -> None:
    offset = int(_parse(rxfile)["offset"] or 0)
    if offset >= os.fstat(file.fileno()).st_size:
        raise TimbreError(f"{rxfile}: offset past the end of the file; write the ark and its scp again")
    file.seek(offset)


def _token(file: BinaryIO, rxfile: str) -> bytes | None:
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


def _matrix_header(file: BinaryIO, token: bytes) -> tuple[int, int, float, float]:
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


def _columns(file: BinaryIO, rxfile: str, rows: int, cols: int, low: float, step: float) -> np.ndarray:
    """A ``CM`` matrix ``(rows, cols)``.

    Each column has the values p0, p25, p75, p100 of its codes 0, 64, 192 and 255; between them it is linear
    (compressed-matrix.cc, CharToFloat).
    """
    percentiles = _exactly(file, 8 * cols, rxfile).view("<u2").astype(np.float32).reshape(cols, 4)
    p0, p25, p75, p100 = (low + percentiles * step).T[:, :, None]
    code = _exactly(file, rows * cols, rxfile).reshape(cols, rows).astype(np.float32)
    below = p0 + (p25 - p0) * code / 64
    middle = p25 + (p75 - p25) * (code - 64) / 128
    above = p75 + (p100 - p75) * (code - 192) / 63
    return np.where(code <= 64, below, np.where(code <= 192, middle, above)).T


def _exactly(file: BinaryIO, size: int, rxfile: str) -> np.ndarray:
    """``size`` bytes as uint8, or the error that the file ends before."""
    data = file.read(size)
    if len(data) < size:
        raise TimbreError(f"{rxfile}: the file ends {size - len(data)} bytes too early; is the ark cut short?")
    return np.frombuffer(data, dtype=np.uint8)


def _read_text(file: BinaryIO) -> np.ndarray:
    """Kaldi's text form, from after ``[`` or before it up to ``]``: a matrix ``(rows, F)`` (a vector: 1 row)."""
    body = b""
    while b"]" not in body and (line := file.readline()):
        body += line
    rows = body.partition(b"]")[0].replace(b"[", b"").split(b"\n")
    return np.array([row.split() for row in rows if row.split()], dtype=np.float32)
