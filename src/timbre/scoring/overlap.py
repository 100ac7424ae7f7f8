"""What the parts that are reported on have in common with those trained on: audio they must not, speakers they may.

A classifier's speakers stand in both parts by its nature; how much of a result is the channel of a recording
session, or the words that are said, shows only where sessions (table ``utt2session``) and texts (``text``) are
known and stand in one of the parts alone. Copies of a recording under another name are found by the hash of its
samples (``utt2audio``); corpora have some, so that they are counted and not refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from timbre.errors import TimbreError, some
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.folds import split_sha256

_TABLES = {"shared_speakers": "utt2spk", "sessions": "utt2session", "texts": "text", "audio": "utt2audio"}


def overlap(folds: Sequence[tuple[DataDir, DataDir]], path: str | Path) -> dict[str, Any]:
    """What is known of the training parts: ``path``, counts, what they have in common with those tested, the split.

    ``shared_speakers``, ``sessions``, ``texts`` and ``audio`` are how many stand in both parts of a fold; ``None``
    where none is found, but not known of all utterances. ``utterances`` is how many are trained on in any fold.

    Args:
        folds: the training and the tested part of each; one of a single split.
        path: where they were read.
    Raises:
        TimbreError: for an utterance, its copy, or its audio in both parts.
    """
    for train, data in folds:
        _refuse_common(train, data)
    return {
        "data": str(path),
        "folds": len(folds),
        "utterances": len(set().union(*(train.utt2spk for train, _ in folds))),
        **{key: _common(folds, table) for key, table in _TABLES.items()},
        "sha256": split_sha256((train.utt2spk, data.utt2spk) for train, data in folds),
    }


def _refuse_common(train: DataDir, data: DataDir) -> None:
    mend = "nothing measured on what was trained on counts: split the data again (utils/split_utterances.sh)"
    theirs, ours = _originals(train), _originals(data)
    if both := sorted(set(theirs) & set(ours)):
        named = some((ours[name] if ours[name] == name else f"{ours[name]}, a copy of {name}" for name in both), 3)
        raise TimbreError(f"{data.path}: {len(both)} utterances stand in {train.path} too ({named}); {mend}")
    theirs, ours = _sources(train), _sources(data)
    if both := sorted(set(theirs) & set(ours)):
        named = f"'{ours[both[0]]}' is '{theirs[both[0]]}' there: {both[0]}"
        raise TimbreError(
            f"{data.path}: the audio of {len(both)} utterances is in {train.path} too ({named}); {mend}"
        )


def _common(folds: Iterable[tuple[DataDir, DataDir]], table: str) -> int | None:
    """How many values of a table stand in both parts of a fold; ``None`` where it cannot be said that none does."""
    shared: set[str] = set()
    known = True
    for parts in folds:
        values, complete = zip(*(_values(part, table) for part in parts), strict=True)
        shared |= set.intersection(*values)
        known = known and all(complete)
    return len(shared) if shared or known else None


def _values(data: DataDir, table: str) -> tuple[set[str], bool]:
    """The values that utterances have in a table, and whether all have one.

    An utterance whose speaker nobody knows is its own speaker, which says nothing; nor does an empty transcript.
    """
    rows = data.table(table) if data.has(table) else {}
    pairs = ((name, rows.get(name)) for name in data.utt2spk)
    known = [value for name, value in pairs if value and not (table == "utt2spk" and value == name)]
    return set(known), len(known) == len(data.utt2spk)


def _originals(data: DataDir) -> dict[str, str]:
    """``{original: an utterance}``; an utterance that is no copy is its own original."""
    originals = data.originals
    return {originals.get(utterance, utterance): utterance for utterance in data.utt2spk}


def _sources(data: DataDir) -> dict[str, str]:
    """``{place of the audio: an utterance}``, where the data directory says it."""
    if not any(data.has(name) for name in ("segments", "wav.scp", "given.scp")):
        return {}
    return {source: utterance for utterance, source in data.sources.items()}
