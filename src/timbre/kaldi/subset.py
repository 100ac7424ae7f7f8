"""Which utterances make a subset of a data directory: Kaldi's ``utils/subset_data_dir.sh``, without chance."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

from timbre.errors import TimbreError, some
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.table_forms import words
from timbre.kaldi.text import read_lines


def spread(items: list[str], count: int) -> list[str]:
    """``count`` items, evenly spread: items floor(i N / count) of N; all where there are fewer."""
    count = min(count, len(items))
    return [items[i * len(items) // count] for i in range(count)]


def first(data: DataDir, count: int) -> set[str]:
    """The first utterances."""
    return set(_enough(data, count)[:count])


def last(data: DataDir, count: int) -> set[str]:
    """The last utterances."""
    return set(_enough(data, count)[-count:])


def evenly(data: DataDir, count: int) -> set[str]:
    """Utterances evenly spread over the directory, so that no speaker is favoured."""
    return set(spread(_enough(data, count), count))


def per_speaker(data: DataDir, count: int) -> set[str]:
    """``count`` utterances of each speaker, evenly spread over those it has; all of one who has fewer."""
    return {utt for utts in data.spk2utt.values() for utt in spread(utts, count)}


def shortest(data: DataDir, count: int) -> set[str]:
    """The shortest utterances by ``utt2num_frames``, ``utt2dur`` or ``segments``."""
    utterances = _enough(data, count)
    for name in ("utt2num_frames", "utt2dur", "segments"):
        if data.has(name):
            lengths = _segment_lengths(data) if name == "segments" else data.numbers(name)
            missing = [utt for utt in utterances if utt not in lengths]
            if missing:
                raise TimbreError(f"{data.path / name}: lacks {some(missing)}; make the table again")
            return set(sorted(utterances, key=lengths.__getitem__)[:count])
    raise TimbreError(f"{data.path}: --shortest needs utt2num_frames or utt2dur; steps/make_feats.sh makes them")


def _segment_lengths(data: DataDir) -> dict[str, float]:
    """``{utterance: seconds}``; an utterance that ends with its recording (-1) needs ``utt2dur``."""
    lengths = {}
    for utterance in data.table("segments"):
        _, start, end = data.segment(utterance)
        if end == math.inf:
            raise TimbreError(
                f"{data.path}/segments: '{utterance}' ends with its recording (-1), so its length needs utt2dur; "
                "steps/make_feats.sh makes it"
            )
        lengths[utterance] = end - start
    return lengths


def speakers(data: DataDir, count: int) -> set[str]:
    """All utterances of enough speakers to have ``count``; speakers in the order of their ids' SHA-256."""
    _enough(data, count)
    chosen: set[str] = set()
    spk2utt = data.spk2utt
    for speaker in sorted(spk2utt, key=lambda speaker: hashlib.sha256(speaker.encode()).digest()):
        if len(chosen) >= count:
            break
        chosen.update(spk2utt[speaker])
    return chosen


def listed_utterances(data: DataDir, path: Path) -> tuple[set[str], list[str]]:
    """The utterances of a list, and the ids of the list that the directory does not have."""
    return _listed(path, data.utt2spk)


def listed_speakers(data: DataDir, path: Path) -> tuple[set[str], list[str]]:
    """The utterances of the speakers of a list, and the ids of the list that the directory does not have."""
    spk2utt = data.spk2utt
    known, unknown = _listed(path, spk2utt)
    return {utt for speaker in known for utt in spk2utt[speaker]}, unknown


def _listed(path: Path, known: dict) -> tuple[set[str], list[str]]:
    """First field of each line; further fields do not matter, so that a table can be the list."""
    ids = {fields[0]: None for _, line in read_lines(path) if (fields := words(line))}
    unknown = [name for name in ids if name not in known]
    if len(unknown) == len(ids):
        raise TimbreError(f"{path}: none of its {len(ids)} ids ({some(ids, 3)}) is known")
    return {name for name in ids if name in known}, unknown


def _enough(data: DataDir, count: int) -> list[str]:
    """The utterances in byte order, at least ``count``."""
    utterances = sorted(data.utt2spk)
    if not 0 < count <= len(utterances):
        raise TimbreError(
            f"{data.path}: cannot subset to {count} utterances of the {len(utterances)} that it has; "
            f"give a number from 1 to {len(utterances)}"
        )
    return utterances
