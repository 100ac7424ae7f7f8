"""``DIR/splitN/1 .. N``: a data directory in parts for N jobs, as Kaldi's ``utils/split_data.sh`` makes them."""

from __future__ import annotations

import bisect
import contextlib
import fcntl
import hashlib
import itertools
from collections.abc import Iterator
from pathlib import Path

from timbre.errors import TimbreError
from timbre.kaldi.atomic import atomic_write, together
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.layout import tables
from timbre.kaldi.transform import carry, names_of


def cut(sizes: list[int], parts: int) -> list[int]:
    """Where to cut a row of blocks into parts of near-equal size.

    Cut i falls on the border nearest to i/parts of the whole, and every part gets a block.

    Args:
        sizes: sizes of the blocks, at least ``parts`` of them.
        parts: how many parts.
    Returns:
        ``parts + 1`` indices of blocks: part i is ``blocks[cuts[i]:cuts[i + 1]]``.
    """
    borders = [0, *itertools.accumulate(sizes)]
    cuts = [0]
    for i in range(1, parts):
        target = i * borders[-1] / parts
        right = bisect.bisect_left(borders, target)
        nearest = right if borders[right] - target < target - borders[right - 1] else right - 1
        cuts.append(min(max(nearest, cuts[-1] + 1), len(sizes) - (parts - i)))
    return [*cuts, len(sizes)]


def split(path: str | Path, parts: int, per_utterance: bool = False, out: Path | None = None) -> Path:
    """Splits ``path`` into ``parts``, speakers whole unless ``per_utterance``; returns ``path/split…``, or ``out``.

    Parts follow the order of the ids, so that tables of all parts, joined in order, are sorted. Nothing
    happens when the parts are those of the tables as they are. Runs that split at once wait for each other.

    Raises:
        TimbreError: there are fewer speakers (utterances) than parts.
    """
    data = DataDir(path)
    destination = out or data.path / f"split{parts}{'utt' if per_utterance else ''}"
    stamp = destination / ".source"
    if _up_to_date(data.path, stamp):
        return destination
    destination.mkdir(parents=True, exist_ok=True)
    with _lock(destination / ".lock"):
        if _up_to_date(data.path, stamp):
            return destination
        source = _fingerprint(data.path)
        utterances = sorted(data.utt2spk)
        blocks = [[utt] for utt in utterances] if per_utterance else list(data.spk2utt.values())
        if not 0 < parts <= len(blocks):
            what = "utterances" if per_utterance else "speakers"
            raise TimbreError(
                f"{path}: {len(blocks)} {what} cannot be split into {parts} parts; give a number from 1 to "
                f"{len(blocks)} (--nj)" + ("" if per_utterance else ", or split --per-utt")
            )
        cuts = cut([len(block) for block in blocks], parts)
        inside = [itertools.chain.from_iterable(blocks[start:stop]) for start, stop in itertools.pairwise(cuts)]
        with together():
            carry(
                data, {destination / str(i): names_of(data, list(utts)) for i, utts in enumerate(inside, start=1)}
            )
            with atomic_write(stamp) as file:
                file.write(source)
            stamp.unlink(missing_ok=True)  # parts without it were interrupted
    return destination


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    try:
        file = open(path, "a")  # noqa: SIM115 - held open for the block
    except OSError as error:
        raise TimbreError(f"{path}: cannot be written: {error.strerror}") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _fingerprint(path: Path) -> str:
    """Names and hashes of the tables."""
    return "".join(f"{name} {hashlib.sha256((path / name).read_bytes()).hexdigest()}\n" for name in tables(path))


def _up_to_date(path: Path, stamp: Path) -> bool:
    return stamp.exists() and stamp.read_text(encoding="utf-8") == _fingerprint(path)
