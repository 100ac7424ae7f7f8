"""Held-out training speakers: who they are, and how well an encoder tells them apart.

Models are chosen, and thresholds and calibrations fitted, on these speakers' trials: never on a test set.
"""

from __future__ import annotations

import hashlib

import numpy as np

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
    chosen = set(sorted(everybody, key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest())[:count])
    training = sorted(speaker for speaker in person if person[speaker] not in chosen)
    return training, sorted(chosen)


def pair_scores(embeddings: np.ndarray, speakers: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Cosines of all pairs of ``(N, D)`` embeddings and whether each is a target: two arrays (N(N−1)/2,)."""
    unit = embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)
    first, second = np.triu_indices(len(unit), k=1)
    names = np.unique(speakers, return_inverse=True)[1]
    return (unit @ unit.T)[first, second].astype(np.float64), names[first] == names[second]


def refuse_without_targets(targets: np.ndarray, held_out: list[str]) -> None:
    """Refuses held-out speakers whose trials are all of one kind."""
    if targets.all() or not targets.any():
        raise TimbreError(
            f"the {len(held_out)} held-out speakers give {int(targets.sum())} target trials of {len(targets)}; "
            "they need two utterances each: hold out more (train.heldout_speakers), or none (0)"
        )
