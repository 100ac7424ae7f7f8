"""Files that hold one Kaldi object without a key: ``mean.vec``, ``lda.mat``, ``plda``.

Vectors and matrices are read by :mod:`timbre.kaldi.tables`. A PLDA model (ivector/plda.cc) is, in double,

    <Plda> mean (D,)  transform (D, D)  psi (D,) </Plda>

in binary after ``\\0B`` (each part with its own token), or as text.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np
from kaldiio.matio import write_array

from timbre.errors import TimbreError
from timbre.kaldi.atomic import atomic_write

_DTYPES = {b"FV ": "<f4", b"DV ": "<f8", b"FM ": "<f4", b"DM ": "<f8"}


def write_object(path: str | Path, array: np.ndarray) -> None:
    """Writes a vector (D,) or a matrix (R, C) as binary float32; values that are not finite are refused."""
    if not np.isfinite(array).all():
        raise TimbreError(f"values that are not finite for {path}; are the embeddings finite?")
    with atomic_write(path, "wb") as file:
        write_array(file, np.ascontiguousarray(array, dtype=np.float32))


def write_plda(path: str | Path, mean: np.ndarray, transform: np.ndarray, psi: np.ndarray, binary: bool = True):
    """Writes a PLDA model, as Kaldi's ``ivector-compute-plda --binary=true|false``."""
    parts = [np.ascontiguousarray(part, dtype="<f8") for part in (mean, transform, psi)]
    if not all(np.isfinite(part).all() for part in parts):
        raise TimbreError(f"values that are not finite for {path}; are the embeddings finite?")
    with atomic_write(path, "wb") as file:
        file.write(b"\0B<Plda> " if binary else b"<Plda> ")
        for part in parts:
            file.write(_binary(part) if binary else _text(part))
        file.write(b"</Plda> ")


def read_plda(path: str | Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Reads a PLDA model, binary or text: mean (D,), transform (D, D), psi (D,) in float64.

    Raises:
        TimbreError: naming the file, for one that is missing or holds something else.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise TimbreError(f"{path}: cannot be read: {error.strerror}; steps/train_backends.sh writes it") from None
    try:
        parts = _parsed_binary(data) if data.startswith(b"\0B<Plda> ") else _parsed_text(data)
        mean, transform, psi = (np.asarray(part, dtype=np.float64) for part in parts)
    except (ValueError, KeyError, struct.error) as error:
        raise TimbreError(f"{path}: not a PLDA model of Kaldi's ({error}); is the file cut short?") from None
    if transform.shape != (mean.size, mean.size) or psi.shape != mean.shape or mean.ndim != 1:
        raise TimbreError(f"{path}: a PLDA model of shapes {mean.shape}, {transform.shape}, {psi.shape}")
    if not all(np.isfinite(part).all() for part in (mean, transform, psi)) or (psi < 0).any():
        raise TimbreError(f"{path}: a PLDA model with values that are not finite, or a variance below 0")
    return mean, transform, psi


def _binary(part: np.ndarray) -> bytes:
    sizes = b"".join(struct.pack("<bi", 4, size) for size in part.shape)
    return (b"DV " if part.ndim == 1 else b"DM ") + sizes + part.tobytes()


def _text(part: np.ndarray) -> bytes:
    rows = [" ".join(map(repr, row)) for row in np.atleast_2d(part).tolist()]
    body = f" [ {rows[0]} ]\n" if part.ndim == 1 else " [\n  " + " \n  ".join(rows) + " ]\n"
    return body.encode()


def _parsed_binary(data: bytes) -> list[np.ndarray]:
    place, parts = len(b"\0B<Plda> "), []
    while not data.startswith(b"</Plda>", place):
        dtype = np.dtype(_DTYPES[data[place : place + 3]])
        shape = [
            struct.unpack_from("<bi", data, place + 3 + 5 * axis)[1]
            for axis in range(1 + data.startswith(b"M", place + 1))
        ]
        place += 3 + 5 * len(shape)
        if min(shape) < 1:
            raise ValueError(f"a part of shape {shape}")
        count = math.prod(shape)
        parts.append(np.frombuffer(data, dtype, count, place).reshape(shape))
        place += count * dtype.itemsize
    return parts


def _parsed_text(data: bytes) -> list[np.ndarray]:
    body = data.decode("ascii").strip()
    if not (body.startswith("<Plda>") and body.endswith("</Plda>")):
        raise ValueError("no <Plda> … </Plda>")
    mean, transform, psi = (part.partition("[")[2].split() for part in body.split("]")[:-1])
    return [np.array(mean, float), np.array(transform, float).reshape(len(mean), -1), np.array(psi, float)]
