"""Two parts of utterances without a speaker in both: one to train on, one to test.

By the table ``utt2split`` where there is one, else the speakers that come first in the order of their SHA-256 with
the seed are tested: an added speaker moves few others. Copies stand where their original does.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from timbre.corpora.splits import Split, choose, units
from timbre.errors import TimbreError, some
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.labels import read_labels
from timbre.kaldi.transform import carry, names_of

PARTS = ("train", "test")


def split_speakers(source: DataDir, train: Path, test: Path, share: float = 0.3, seed: int = 1) -> Iterator[str]:
    """Writes both parts of a data directory; yields what is to be said of them.

    Args:
        share: of the speakers, that are to be tested.

    Raises:
        TimbreError: for a share that leaves one part nobody, fewer than two speakers to test, and a speaker whose
            utterances ``utt2split`` puts into both parts.
    """
    if not 0 < share < 1:
        raise TimbreError(f"--share {share:g}: a share lies between 0 and 1")
    split = _listed(source) if source.has("utt2split") else _chosen(source, share, seed)
    parts = dict(zip(PARTS, (split.first, split.second), strict=True))
    speakers = {name: {source.utt2spk[utterance] for utterance in part} for name, part in parts.items()}
    if both := sorted(speakers["train"] & speakers["test"], key=str.encode):
        raise TimbreError(
            f"{source.path}/utt2split: {len(both)} speakers are trained on and tested ({some(both)}), and of known "
            "speakers errors say nothing; give all recordings of a speaker one part"
        )
    if len(speakers["test"]) < 2 or not speakers["train"]:
        counted = f"{len(speakers['train'])} speakers to train on and {len(speakers['test'])} to test"
        raise TimbreError(
            f"{source.path}: {counted}; two to test are the fewest. Add speakers, or change the share (--share)"
        )
    carry(source, {train: names_of(source, split.first), test: names_of(source, split.second)})
    for (name, part), path in zip(parts.items(), (train, test), strict=True):
        yield f"{path}: {len(part)} utterances of {len(speakers[name])} speakers"
    yield f"SHA-256 of the tested utterances {split.sha256}"


def _chosen(source: DataDir, share: float, seed: int) -> Split:
    speaker_of = units(source, "speaker")
    speakers = {speaker: speaker for speaker in speaker_of.values()}
    tested = set(choose(dict.fromkeys(speakers, ""), speakers, share, seed=seed).second)
    parts: dict[bool, list[str]] = {False: [], True: []}
    for utterance in sorted(speaker_of, key=str.encode):
        parts[speaker_of[utterance] in tested].append(utterance)
    return Split(parts[False], parts[True], [])


def _listed(source: DataDir) -> Split:
    part_of = read_labels(source, "utt2split")
    if other := sorted(set(part_of.values()) - set(PARTS)):
        raise TimbreError(f"{source.path}/utt2split: {some(other)} is none of {some(PARTS)}")
    first, second = ([name for name in sorted(part_of, key=str.encode) if part_of[name] == part] for part in PARTS)
    return Split(first, second, [])
