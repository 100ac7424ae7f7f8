"""Trial lists over the utterances of a data directory: all pairs, or a balanced seeded choice of them."""

from __future__ import annotations

import numpy as np

from timbre.errors import TimbreError, some
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.trials import Trials

KINDS = ("all_pairs", "balanced")
_MOST_PAIRS = 50_000_000  # a gigabyte of trials; beyond it a corpus has a protocol of its own


def make_trials(data: DataDir, kind: str = "all_pairs", seed: int = 1, same_gender: bool = False) -> Trials:
    """Unordered pairs of different utterances, in the order of their ids.

    Args:
        data: the test part; ``spk2gender`` is needed for ``same_gender``.
        kind: ``all_pairs``, or ``balanced``: as many target as nontarget trials, as many as there can be,
            the larger set being thinned at random.
        seed: of the balanced choice.
        same_gender: only pairs of speakers of one gender, which are the hard ones.
    Raises:
        TimbreError: where there is no target or no nontarget pair, and for a speaker of unknown gender.
    """
    utterances = sorted(data.utt2spk, key=str.encode)
    if len(utterances) * (len(utterances) - 1) // 2 > _MOST_PAIRS:
        raise TimbreError(
            f"{data.path}: {len(utterances)} utterances have over {_MOST_PAIRS:,} pairs; use a subset"
        )
    _, speakers = np.unique([data.utt2spk[utt] for utt in utterances], return_inverse=True)
    enrol, test = np.triu_indices(len(utterances), k=1)
    if same_gender:
        genders = _genders(data, utterances)
        keep = genders[enrol] == genders[test]
        enrol, test = enrol[keep], test[keep]
    target = speakers[enrol] == speakers[test]
    if not target.any() or target.all():
        missing = "nontarget" if target.any() else "target"
        needs = "two speakers (of one gender, if asked so)" if target.any() else "a speaker with two utterances"
        raise TimbreError(f"{data.path}: no {missing} trial among {len(utterances)} utterances; it takes {needs}")
    if kind == "balanced":
        rng = np.random.default_rng(seed)
        count = min(np.count_nonzero(target), np.count_nonzero(~target))
        sides = [rng.choice(np.flatnonzero(side), count, replace=False) for side in (target, ~target)]
        chosen = np.sort(np.concatenate(sides))
        enrol, test, target = enrol[chosen], test[chosen], target[chosen]
    ids = np.array(utterances, dtype=object)
    return Trials(ids[enrol], ids[test], target)


def _genders(data: DataDir, utterances: list[str]) -> np.ndarray:
    """Each utterance's speaker's gender, (N,)."""
    spk2gender = data.table("spk2gender")
    unknown = sorted(set(data.utt2spk.values()) - set(spk2gender))
    if unknown:
        raise TimbreError(f"{data.path / 'spk2gender'}: no gender of {some(unknown)}; same-gender trials need all")
    return np.array([spk2gender[data.utt2spk[utt]] for utt in utterances])
