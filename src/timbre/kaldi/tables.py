"""Kaldi's ark and scp: matrices and vectors written whole or not at all, and read by ranges of rows.

kaldiio writes them. It reads whole matrices; a 2 s crop of a long utterance needs its own rows only, so
the reader is ours (:mod:`timbre.kaldi.binary`: what an object looks like; :mod:`timbre.kaldi.ark_entry`: whether it
is the one that the scp was written for).
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

from timbre.errors import MACHINE, TimbreError
from timbre.kaldi.ark_entry import ArkEntry
from timbre.kaldi.atomic import atomic_write, together
from timbre.kaldi.binary import (
    DTYPES,
    read_columns,
    read_dimension,
    read_exactly,
    read_matrix_header,
    read_text_form,
    read_token,
)
from timbre.kaldi.rxfile import Rxfile, parse_rxfile, resolve_columns, resolve_rows
from timbre.kaldi.text import read_table

STORAGE = {"float32": None, "half": 3, "kaldi": 2}
"""How matrices are kept: float32; 16 bit (``CM2``, half the size, rows still readable alone); Kaldi's speech
feature format (``CM``, a quarter)."""


_KEY = re.compile(r"[^\s\0]+", re.ASCII)


class ArkWriter:
    """Writes ``ark_path`` and its ``scp_path``; both appear, complete, when the block ends without an error.

    >>> with ArkWriter("feats.ark", "feats.scp", storage="half") as writer:
    ...     writer.write("spk1-utt1", frames)  # (T, F) or (D,) float32
    """

    def __init__(self, ark_path: str | Path, scp_path: str | Path, storage: str = "float32") -> None:
        self._ark, self._scp = Path(ark_path), Path(scp_path)
        self._compression = STORAGE[storage]
        self._lines: list[str] = []
        self._keys: set[str] = set()

    def __enter__(self) -> ArkWriter:
        self._stack = contextlib.ExitStack()
        self._file = self._stack.enter_context(atomic_write(self._ark, "wb"))
        return self

    def write(self, key: str, array: np.ndarray) -> None:
        """Adds a matrix ``(T, F)`` or a vector ``(D,)`` under ``key``.

        Raises:
            TimbreError: for values that are not finite, and a key that could not be read back or comes twice.
        """
        array = np.ascontiguousarray(array, dtype=np.float32)
        if not _KEY.fullmatch(key) or key in self._keys:
            why = "comes twice" if key in self._keys else "holds blanks, or nothing"
            raise TimbreError(f"'{key}': a key for {self._ark} that {why}; give each utterance an id of its own")
        self._keys.add(key)
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
        rxfile: ``file.ark:offset`` or a file, with a range if there is one (:mod:`timbre.kaldi.rxfile`); rows are
            counted from its first.
        scp: where the rxfile stands, for :func:`locate`.
        entry: what the ark is to hold there; anything else is refused.
    Raises:
        TimbreError: naming the rxfile, for a missing file, an offset past its end, what is no matrix, and a range
            beyond its size.
    """
    place = parse_rxfile(rxfile)
    with _opened(place, rxfile, scp) as file:
        if entry and not (place.rows or place.columns):
            entry.compare_key(file, rxfile)
        token = read_token(file, rxfile)
        if token is None:
            values = read_text_form(file, rxfile)
            rows, cols = values.shape
        elif token in (b"FM", b"DM", b"CM", b"CM2", b"CM3"):
            rows, cols, low, step = read_matrix_header(file, token, rxfile)
        else:
            raise TimbreError(f"{rxfile}: not a matrix (token {token!r}); is the ark corrupt?")
        first, last = resolve_rows(place.rows, rows, rxfile)
        columns = slice(*resolve_columns(place.columns, cols, rxfile))
        if entry:
            entry.compare_rows(last - first, rxfile)
        start, stop, _ = slice(start, stop).indices(last - first)
        first, count = first + start, max(stop - start, 0)
        if token is None or token == b"CM":
            values = values if token is None else read_columns(file, rxfile, rows, cols, low, step)
            return values[first : first + count, columns]
        dtype = np.dtype(DTYPES[token])
        file.seek(first * cols * dtype.itemsize, os.SEEK_CUR)
        values = read_exactly(file, count * cols * dtype.itemsize, rxfile).view(dtype).reshape(count, cols)
        values = values[:, columns].astype(np.float32)
        return low + values * step if token.startswith(b"CM") else values


def read_vector(rxfile: str, scp: str | Path | None = None, entry: ArkEntry | None = None) -> np.ndarray:
    """A vector as ``(D,)`` float32; arguments and errors as for :func:`read_matrix`."""
    place = parse_rxfile(rxfile)
    with _opened(place, rxfile, scp) as file:
        if entry and not place.rows:
            entry.compare_key(file, rxfile)
        return _read_vector(file, place, rxfile)


def read_vectors(scp: str | Path) -> tuple[list[str], np.ndarray]:
    """All vectors of an scp: ``(keys, (N, D) float32)``; vectors of different sizes are refused by key."""
    table = read_table(scp)
    if not table:
        raise TimbreError(f"{scp}: empty")
    vectors = []
    with contextlib.ExitStack() as stack:  # an ark is opened once for all vectors that follow each other in it
        path, file = None, None
        for rxfile in table.values():
            place = parse_rxfile(rxfile)
            if place.path != path:
                stack.close()
                path, file = place.path, stack.enter_context(_opened(place, rxfile, scp))
            else:
                _seek(file, place, rxfile)
            vectors.append(_read_vector(file, place, rxfile))
    for key, vector in zip(table, vectors, strict=True):
        if vector.shape != vectors[0].shape:
            raise TimbreError(f"{scp}: '{key}' has {vector.size} dimensions, the first {vectors[0].size}")
    return list(table), np.stack(vectors)


def _read_vector(file: BinaryIO, place: Rxfile, rxfile: str) -> np.ndarray:
    if place.columns:
        raise TimbreError(f"{rxfile}: a vector has no columns; correct the range")
    token = read_token(file, rxfile)
    if token is None:
        values = read_text_form(file, rxfile)
        if len(values) > 1:
            raise TimbreError(f"{rxfile}: not a vector but a matrix of {len(values)} rows")
        values = values.reshape(-1)
    elif token in (b"FV", b"DV"):
        dtype = np.dtype(DTYPES[token])
        values = read_exactly(file, read_dimension(file, rxfile) * dtype.itemsize, rxfile).view(dtype)
    else:
        raise TimbreError(f"{rxfile}: not a vector (token {token!r}); is the ark corrupt?")
    return values[slice(*resolve_rows(place.rows, len(values), rxfile))].astype(np.float32)


@contextlib.contextmanager
def _opened(place: Rxfile, rxfile: str, scp: str | Path | None) -> Iterator[BinaryIO]:
    """The file of an rxfile, at its offset."""
    try:
        with open(locate(place.path, scp), "rb") as file:
            _seek(file, place, rxfile)
            yield file
    except OSError as error:
        if error.errno in MACHINE:
            raise
        raise TimbreError(f"{rxfile}: cannot be read: {error.strerror}") from error


def _seek(file: BinaryIO, place: Rxfile, rxfile: str) -> None:
    if place.offset >= os.fstat(file.fileno()).st_size:
        raise TimbreError(f"{rxfile}: offset past the end of the file; write the ark and its scp again")
    file.seek(place.offset)
