"""What of the training data is held out: speakers for verification, utterances for classification.

Models are chosen, and thresholds and calibrations fitted, on these: never on a test set.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping

from timbre.errors import TimbreError
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.perturb import utt2person


def split_speakers(data: DataDir, count: int, seed: int) -> tuple[list[str], list[str]]:
    """``(training speakers, held-out speakers)``, sorted; disjoint also as persons.

    Held out are the ``count`` persons whose names have the lowest SHA-256 with the seed, so that adding a
    speaker moves few others. Their perturbed copies are in neither part.
    """
    person = {data.utt2spk[utterance]: name for utterance, name in utt2person(data).items()}
    everybody = sorted(set(person.values()))
    if count > len(everybody) - 2:
        raise TimbreError(
            f"{data.path}: {len(everybody)} speakers; train.heldout_speakers={count} leaves fewer than "
            "two to train on"
        )
    chosen = set(sorted(everybody, key=lambda name: _place(seed, name))[:count])
    training = sorted(speaker for speaker in person if person[speaker] not in chosen)
    return training, sorted(chosen)


def split_utterances(labels: Mapping[str, str], unit_of: Mapping[str, str], share: float, seed: int) -> list[str]:
    """The utterances of ``labels`` (utterance → class) that are held out: a ``share`` of all, sorted.

    Units (:func:`timbre.corpora.splits.units`) are held out whole, in the order of their SHA-256 with the seed, as
    long as that comes nearer to the share; of every class one unit at least is left to train on.

    Raises:
        TimbreError: for a share above 0 of which nothing comes.
    """
    inside: dict[str, list[str]] = {}
    for utterance in labels:
        inside.setdefault(unit_of[utterance], []).append(utterance)
    classes = {unit: {labels[utterance] for utterance in utterances} for unit, utterances in inside.items()}
    left = Counter(label for unit in classes for label in classes[unit])
    chosen: list[str] = []
    for unit in sorted(inside, key=lambda name: _place(seed, name)):
        missing = round(share * len(labels)) - len(chosen)
        nearer = abs(missing - len(inside[unit])) < missing
        if nearer and all(left[label] > 1 for label in classes[unit]):
            left.subtract(classes[unit])
            chosen += inside[unit]
    if share and not chosen:
        raise TimbreError(
            f"of {len(labels)} utterances in {len(inside)} units none can be held out: each (session, speaker or "
            f"text) is more than twice train.heldout_utterances={share:g} of them, or has a class that no other "
            "has; choose a larger share, another train.heldout_unit, or 0"
        )
    return sorted(chosen)


def _place(seed: int, name: str) -> bytes:
    """A name's place in an order that nobody chose and that does not change as names are added."""
    return hashlib.sha256(f"{seed} {name}".encode()).digest()
