"""The trials of a list by what the data directory knows of them: gender, duration."""

from __future__ import annotations

from itertools import repeat

import numpy as np

from timbre.errors import TimbreError
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.trials import Trials
from timbre.scoring.bootstrap import Speakers
from timbre.scoring.quality import utterance_durations


def conditions(data: DataDir, trials: Trials, speakers: Speakers) -> dict[str, np.ndarray]:
    """``{name: mask (N,)}``; only conditions that hold trials, and none that holds all of them."""
    masks: dict[str, np.ndarray] = {}
    if data.has("spk2gender"):
        masks |= _by_gender(data, speakers)
    if data.has("utt2dur"):
        masks |= _by_duration(data, trials)
    return {name: mask for name, mask in masks.items() if mask.any() and not mask.all()}


def _by_gender(data: DataDir, speakers: Speakers) -> dict[str, np.ndarray]:
    """Both female, both male, and one of each (nontargets only, and easy ones)."""
    table = data.table("spk2gender")
    missing = [name for name in speakers.names if name not in table]
    if missing:
        raise TimbreError(f"{data.path}/spk2gender: no gender of '{missing[0]}'; add it or remove the file")
    female = np.array([table[name] == "f" for name in speakers.names])
    enrol, test = female[speakers.enrol], female[speakers.test]
    return {"female": enrol & test, "male": ~enrol & ~test, "cross-gender": enrol != test}


def _by_duration(data: DataDir, trials: Trials) -> dict[str, np.ndarray]:
    """Terciles of the shorter utterance of a trial; a model of several utterances has no duration of its own."""
    durations = utterance_durations(data)
    columns = [
        np.fromiter(map(durations.get, ids, repeat(np.inf)), dtype=np.float64, count=len(ids))
        for ids in (trials.enrol, trials.test)
    ]
    shorter = np.minimum(*columns)
    if np.isinf(shorter).any():
        unknown = trials.test[np.isinf(shorter).argmax()]
        raise TimbreError(f"{data.path}/utt2dur: no duration of '{unknown}'; run steps/make_feats.sh (stage 1)")
    low, high = np.quantile(shorter, [1 / 3, 2 / 3])
    return {
        f"shorter than {low:.1f} s": shorter < low,
        f"{low:.1f} s to {high:.1f} s": (shorter >= low) & (shorter < high),
        f"{high:.1f} s and longer": shorter >= high,
    }
