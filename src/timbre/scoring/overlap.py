"""What a part that is reported on has in common with the training part: audio it must not, speakers it may.

A classifier's speakers stand in both parts by its nature; how much of a result is the channel of a recording
session shows only where sessions are known (table ``utt2session``) and stand in one of them alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from timbre.errors import TimbreError, some
from timbre.kaldi.datadir import DataDir


def overlap(train: DataDir, data: DataDir) -> dict[str, Any]:
    """``{"data", "utterances", "shared_speakers", "sessions"}``: of ``train``, and what both parts have.

    ``sessions`` is how many stand in both, ``None`` where ``utt2session`` is missing from one of them.

    Raises:
        TimbreError: for an utterance, its copy, or its audio in both parts.
    """
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
    known = train.has("utt2session") and data.has("utt2session")
    return {
        "data": str(train.path),
        "utterances": len(train.utt2spk),
        "shared_speakers": _common(train.utt2spk.values(), data.utt2spk.values()),
        "sessions": _common(*(part.table("utt2session").values() for part in (train, data))) if known else None,
    }


def _common(first: Iterable[str], second: Iterable[str]) -> int:
    return len(set(first) & set(second))


def _originals(data: DataDir) -> dict[str, str]:
    """``{original: an utterance}``; an utterance that is no copy is its own original."""
    originals = data.table("utt2uniq") if data.has("utt2uniq") else {}
    return {originals.get(utterance, utterance): utterance for utterance in data.utt2spk}


def _sources(data: DataDir) -> dict[str, str]:
    """``{place of the audio: an utterance}``, where the data directory says it."""
    if not any(data.has(name) for name in ("segments", "wav.scp", "given.scp")):
        return {}
    return {source: utterance for utterance, source in data.sources.items()}
