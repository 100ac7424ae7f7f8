"""Whether an ark still holds, at the offset that an scp names, what the scp was written for.

In an archive the key stands right before each object: ``<key> \\0B…``. It is not always the utterance's id: tables
are carried to data directories under other ids (:mod:`timbre.kaldi.transform`, Kaldi's ``copy_data_dir.sh``), and
the ark stays as it is. What can be relied on is this:

* these tools put something before or after an id, so the new one contains the key;
* ``utt2uniq`` keeps the id before the first renaming.

Any other key is that of another utterance, and is refused; who renames in another way says so in ``utt2uniq``.
Segments of a longer object (``[first:last]``) have ids of their own, so their key is not compared. The number of
frames must be that of ``utt2num_frames`` in any case. No key is compared where the rxfile has no offset, or the
file is no binary archive of matrices and vectors.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import BinaryIO, NamedTuple

from timbre.errors import TimbreError
from timbre.kaldi.binary import DTYPES, read_dimension, read_matrix_header, read_token

_LONGEST = 4096  # bytes of a key: what has no space for longer is no archive


class ArkEntry(NamedTuple):
    """What an ark is to hold for an ``utterance``.

    ``original`` is the id that it had before, its own where it has not been renamed; ``rows`` are its frames, if
    known.
    """

    utterance: str
    original: str
    rows: int | None = None

    def compare_key(self, file: BinaryIO, rxfile: str) -> None:
        """Refuses another utterance's key before the object at which ``file`` stands, and leaves it there."""
        offset = file.tell()
        if offset == 0:
            return
        keys = tuple(f"{key} ".encode() for key in (self.utterance, self.original))
        file.seek(max(offset - max(map(len, keys)), 0))
        if file.read(offset - file.tell()).endswith(keys):
            return
        known = os.fstat(file.fileno())
        found, end = _keys(file.name, known.st_mtime_ns, known.st_size)
        if offset in found and found[offset] not in self.utterance:
            raise self._changed(
                rxfile,
                f"has the key '{found[offset]}'",
                f"; if it was renamed, utt2uniq must have the line '{self.utterance} {found[offset]}'",
            )
        if offset not in found and offset < end:
            raise self._changed(rxfile, "has nothing that begins there")

    def compare_rows(self, rows: int, rxfile: str) -> None:
        """Refuses another number of frames."""
        if self.rows not in (None, rows):
            raise self._changed(rxfile, f"has {rows} frames there, and utt2num_frames says {self.rows}")

    def _changed(self, rxfile: str, found: str, otherwise: str = "") -> TimbreError:
        return TimbreError(
            f"{self.utterance}: {rxfile}: the ark {found}: it was replaced or changed since its scp was written; "
            f"make the features again (stage 1){otherwise}"
        )


@lru_cache(maxsize=4)
def _keys(path: str, modified: int, size: int) -> tuple[dict[int, str], int]:
    """The keys of a binary archive by the offsets of their objects, and the place up to which they are known.

    It is read by the headers alone, and only where an id is not the key: some microseconds an object.
    """
    found: dict[int, str] = {}
    with open(path, "rb") as file:
        end = 0
        try:
            while end < size:
                key, space, _ = file.read(_LONGEST).partition(b" ")
                place = end + len(key) + 1
                file.seek(place)
                if not key or not space or file.read(2) != b"\0B":
                    break
                file.seek(place)
                _skip(file, path)
                found[place], end = key.decode(), file.tell()
        except (TimbreError, UnicodeDecodeError):
            pass  # no archive, or cut short
    return found, end


def _skip(file: BinaryIO, path: str) -> None:
    """Goes to the end of a binary object.

    Raises:
        TimbreError: for one that is no matrix and no vector.
    """
    token = read_token(file, path)
    if token in (b"FV", b"DV"):
        rows, columns = 1, read_dimension(file, path)
    elif token in DTYPES:
        rows, columns, _, _ = read_matrix_header(file, token, path)
    else:
        raise TimbreError(f"{path}: neither a matrix nor a vector")
    percentiles = 8 * columns if token == b"CM" else 0
    file.seek(percentiles + rows * columns * int(DTYPES[token][-1]), os.SEEK_CUR)
