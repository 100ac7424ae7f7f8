"""Two parts of labelled utterances with every class in both: one to train on, one to report on.

Utterances that belong together stand in one part: copies with their original (``utt2uniq``), and where sessions
are known (``utt2session``) those of a session, whose microphone and room would else give the answer away; or, where
that is asked for, those of a speaker (``utt2spk``), of a text (``text``), or each utterance by itself. Such units
are taken in the order of their SHA-256 with the seed, as long as that brings the classes nearer to their share: an
added utterance or session moves few others.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from timbre.errors import TimbreError, some
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.labels import read_labels
from timbre.kaldi.transform import carry, names_of

Unit = Literal["session", "speaker", "text", "utterance"]
UNITS: dict[Unit, str] = {
    "session": "utt2session",
    "speaker": "utt2spk",
    "text": "text",
    "utterance": "utt2uniq",
}
"""What stands in one part whole, and the table that says it; of an utterance its copies."""


@dataclass(frozen=True)
class Split:
    """Utterances of both parts, in byte order, and the classes that the second lacks, as no unit can be spared."""

    first: list[str]
    second: list[str]
    undivided: list[str]

    @property
    def sha256(self) -> str:
        """Of the second part's utterances, a line each: ``cut -d' ' -f1 utt2spk | sha256sum``."""
        return hashlib.sha256("".join(f"{utterance}\n" for utterance in self.second).encode()).hexdigest()


def units(data: DataDir, unit: Unit = "session") -> dict[str, str]:
    """``{utterance: its unit}``; an utterance's, and without ``utt2session`` a session's, is the original.

    A copy is of its original's unit.

    Raises:
        TimbreError: for utterances that the table of the units does not have.
    """
    originals = data.originals
    originals = {utterance: originals.get(utterance, utterance) for utterance in data.utt2spk}
    name = UNITS[unit]
    if unit == "utterance" or (unit == "session" and not data.has(name)):
        return originals
    table = data.table(name)
    if without := [utterance for utterance in data.utt2spk if utterance not in table]:
        raise TimbreError(
            f"{data.path}/{name}: lacks {len(without)} of {len(data.utt2spk)} utterances "
            f"({some(without, 3)}); complete it, or split by another unit"
        )
    return {utterance: table.get(original, table[utterance]) for utterance, original in originals.items()}


def choose(
    labels: Mapping[str, str], unit_of: Mapping[str, str], share: float, least: int = 1, seed: int = 1
) -> Split:
    """Splits utterances by their classes ``labels`` and their units, both ``{utterance: …}``.

    The second part gets the ``share`` of each class, ``least`` utterances at least, as nearly as whole units make
    it; one unit of each class always stays in the first.
    """
    inside: dict[str, Counter[str]] = {}
    for utterance, label in labels.items():
        inside.setdefault(unit_of[utterance], Counter())[label] += 1
    wanted = {label: max(float(least), share * size) for label, size in Counter(labels.values()).items()}
    left = Counter(label for counts in inside.values() for label in counts)  # units of each class
    given: Counter[str] = Counter()
    taken: set[str] = set()

    def gain(unit: str) -> float:
        """By how much nearer the classes come to their shares."""
        open_ = {label: wanted[label] - given[label] for label in inside[unit]}
        return sum(abs(open_[label]) - abs(open_[label] - count) for label, count in inside[unit].items())

    def take(unit: str) -> None:
        if all(left[label] > 1 for label in inside[unit]):
            taken.add(unit)
            given.update(inside[unit])
            left.subtract(inside[unit].keys())

    by_hash = sorted(inside, key=lambda unit: hashlib.sha256(f"{seed} {unit}".encode()).digest())
    for unit in by_hash:
        if gain(unit) > 0:
            take(unit)
    for unit in sorted(by_hash, key=lambda unit: inside[unit].total()):  # for classes whose units are all large
        if unit not in taken and any(given[label] < least for label in inside[unit]):
            take(unit)
    parts = {True: [], False: []}
    for utterance in sorted(labels, key=str.encode):
        parts[unit_of[utterance] in taken].append(utterance)
    return Split(parts[False], parts[True], sorted(label for label in wanted if not given[label]))


def split_utterances(
    source: DataDir,
    first: Path,
    second: Path,
    labels: str = "utt2spk",
    share: float = 0.1,
    least: int = 1,
    seed: int = 1,
    unit: Unit = "session",
) -> Iterator[str]:
    """Writes both parts of a data directory (:func:`choose`, :func:`units`); yields what is to be said of them.

    Raises:
        TimbreError: for a share that leaves one part nothing, and where no class has two units.
    """
    if not (0 < share < 1 and least >= 1):
        raise TimbreError(
            f"--share {share:g} --least {least}: a share lies between 0 and 1, and least is 1 or more"
        )
    if first.resolve() == second.resolve():
        raise TimbreError(f"{first}: both parts cannot be one directory")
    classes, unit_of = read_labels(source, labels), units(source, unit)
    split = choose(classes, unit_of, share, least, seed)
    whole = unit if source.has(UNITS[unit]) else "utterance"
    if not split.second:
        raise TimbreError(
            f"{source.path}: none of {len(split.undivided)} classes has two {whole}s; there is nothing to report on"
        )
    carry(source, {first: names_of(source, split.first), second: names_of(source, split.second)})
    if split.undivided:
        yield (
            f"WARNING: {len(split.undivided)} classes stand in {first} alone, as none of their {whole}s can be "
            f"spared: {some(split.undivided)}"
        )
    total = len(set(classes.values()))
    yield (
        f"{first}: {len(split.first)} utterances of {total} classes; {second}: {len(split.second)} of "
        f"{total - len(split.undivided)}, share {len(split.second) / len(classes):.3f}, SHA-256 of its utterances "
        f"{split.sha256}"
    )
    counts = [len({unit_of[utterance] for utterance in part}) for part in (split.first, split.second)]
    yield (
        f"by {whole}: {counts[0]} {whole}s in {first}, {counts[1]} others in {second}"
        if source.has(UNITS[unit])
        else "by utterance: recordings of one session may stand in both"
    )
