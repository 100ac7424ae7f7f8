"""Kaldi's ark and scp: matrices and vectors written whole or not at all, and read by ranges of rows.

kaldiio writes them. It reads whole matrices; a 2 s crop of a long utterance needs its own rows only, so
the reader is ours (:mod:`timbre.kaldi.binary`: what an object looks like; :mod:`timbre.kaldi.ark_entry`: whether it
is the one that the scp was written for).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
from kaldiio.matio import write_array

from timbre.errors import TimbreError
from timbre.kaldi.ark_entry import ArkEntry
from timbre.kaldi.atomic import atomic_write, together
from timbre.kaldi.binary import (
    DTYPES,
    read_columns,
    read_exactly,
    read_matrix_header,
    read_text_form,
    read_token,
)
from timbre.kaldi.rxfile import parse_rxfile
from timbre.kaldi.text import read_table

STORAGE = {"float32": None, "half": 3, "kaldi": 2}
"""How matrices are kept: float32; 16 bit (``CM2``, half the size, rows still readable alone); Kaldi's speech
feature format (``CM``, a quarter)."""


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
        with together():
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


def read_matrix(
    rxfile: str,
    start: int = 0,
    stop: int | None = None,
    scp: str | Path | None = None,
    entry: ArkEntry | None = None,
) -> np.ndarray:
    """Rows ``start:stop`` of a matrix as ``(rows, F)`` float32, reading only what these rows need.

    Args:
        rxfile: ``file.ark:offset`` or a file, with Kaldi's range ``[first:last]`` or
            ``[first:last,first:last]`` (both ends included) if there is one.
        scp: where the rxfile stands, for :func:`locate`.
        entry: what the ark is to hold there; anything else is refused.
    Raises:
        TimbreError: naming the rxfile, for a missing file, an offset past its end, what is no matrix.
    """
    ranges = [part.split(":") for part in (parse_rxfile(rxfile)["range"] or "").split(",") if part]
    columns = of_all = slice(None)
    if ranges:
        first, last = int(ranges[0][0]), int(ranges[0][-1])
        of_all = slice(first, last + 1)
        start, stop = first + start, last + 1 if stop is None else min(first + stop, last + 1)
        if len(ranges) > 1:
            columns = slice(int(ranges[1][0]), int(ranges[1][-1]) + 1)
    with _opened(rxfile, scp) as file:
        if entry and not ranges:
            entry.compare_key(file, rxfile)
        token = read_token(file, rxfile)
        if token is None:
            values = read_text_form(file)
            if entry:
                entry.compare_rows(len(values[of_all]), rxfile)
            return values[start:stop, columns]
        if token not in (b"FM", b"DM", b"CM", b"CM2", b"CM3"):
            raise TimbreError(f"{rxfile}: not a matrix (token {token!r}); is the ark corrupt?")
        rows, cols, low, step = read_matrix_header(file, token)
        if entry:
            entry.compare_rows(len(range(rows)[of_all]), rxfile)
        first, last, _ = slice(start, stop).indices(rows)
        if token == b"CM":
            return read_columns(file, rxfile, rows, cols, low, step)[first:last, columns]
        dtype = np.dtype(DTYPES[token])
        file.seek(first * cols * dtype.itemsize, os.SEEK_CUR)
        count = max(last - first, 0)
        values = read_exactly(file, count * cols * dtype.itemsize, rxfile).view(dtype).reshape(count, cols)
        values = values[:, columns].astype(np.float32)
        return low + values * step if token.startswith(b"CM") else values


def read_vector(rxfile: str, scp: str | Path | None = None, entry: ArkEntry | None = None) -> np.ndarray:
    """A vector as ``(D,)`` float32; arguments and errors as for :func:`read_matrix`."""
    with _opened(rxfile, scp) as file:
        if entry:
            entry.compare_key(file, rxfile)
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
            match = parse_rxfile(rxfile)
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
    token = read_token(file, rxfile)
    if token is None:
        return read_text_form(file).reshape(-1)
    if token not in (b"FV", b"DV"):
        raise TimbreError(f"{rxfile}: not a vector (token {token!r}); is the ark corrupt?")
    dimension = int(read_exactly(file, 5, rxfile)[1:].view("<i4")[0])
    dtype = np.dtype(DTYPES[token])
    return read_exactly(file, dimension * dtype.itemsize, rxfile).view(dtype).astype(np.float32)


@contextlib.contextmanager
def _opened(rxfile: str, scp: str | Path | None) -> Iterator[BinaryIO]:
    """The file of an rxfile, at its offset."""
    try:
        with open(locate(parse_rxfile(rxfile)["path"], scp), "rb") as file:
            _seek(file, rxfile)
            yield file
    except OSError as error:
        raise TimbreError(f"{rxfile}: cannot be read: {error.strerror}") from error


def _seek(file: BinaryIO, rxfile: str) -> None:
    offset = int(parse_rxfile(rxfile)["offset"] or 0)
    if offset >= os.fstat(file.fileno()).st_size:
        raise TimbreError(f"{rxfile}: offset past the end of the file; write the ark and its scp again")
    file.seek(offset)
