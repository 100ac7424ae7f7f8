"""Trial lists over the utterances of a data directory: pairs of them, or models against them.

Choices are drawn by hash (:func:`draw`): a name is chosen or not whatever order it was found in, on any machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from timbre.errors import TimbreError, some
from timbre.kaldi.datadir import DataDir, invert
from timbre.kaldi.trials import Trials, sha256, write_trials

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
    _refuse_one_sided(data, target)
    if kind == "balanced":
        rng = np.random.default_rng(seed)
        count = min(np.count_nonzero(target), np.count_nonzero(~target))
        sides = [rng.choice(np.flatnonzero(side), count, replace=False) for side in (target, ~target)]
        chosen = np.sort(np.concatenate(sides))
        enrol, test, target = enrol[chosen], test[chosen], target[chosen]
    ids = np.array(utterances, dtype=object)
    return Trials(ids[enrol], ids[test], target)


def make_model_trials(data: DataDir, enrol: Mapping[str, Sequence[str]], same_gender: bool = False) -> Trials:
    """Every model against every utterance that enrols none, in the order of their ids.

    Args:
        data: the test part; ``spk2gender`` is needed for ``same_gender``.
        enrol: ``{model: the utterances it is enrolled from}``.
        same_gender: only trials of speakers of one gender.
    Raises:
        TimbreError: where there is no target or no nontarget trial, and for a speaker of unknown gender.
    """
    enrolling = {utt for utts in enrol.values() for utt in utts}
    models = sorted(enrol, key=str.encode)
    tests = sorted(set(data.utt2spk) - enrolling, key=str.encode)
    firsts = [enrol[model][0] for model in models]
    _, speakers = np.unique([data.utt2spk[utt] for utt in [*firsts, *tests]], return_inverse=True)
    keep = np.ones((len(models), len(tests)), dtype=bool)
    if same_gender:
        genders = _genders(data, [*firsts, *tests])
        keep = genders[: len(models), None] == genders[None, len(models) :]
    model, test = np.nonzero(keep)
    target = speakers[model] == speakers[len(models) + test]
    _refuse_one_sided(data, target)
    return Trials(np.array(models, dtype=object)[model], np.array(tests, dtype=object)[test], target)


def draw(names: Collection[str], count: int, seed: int) -> list[str]:
    """``count`` of ``names`` (all, where there are fewer), sorted: those whose SHA-256 with the seed is lowest."""
    return sorted(sorted(names, key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest())[:count])


def draw_enrolment(utt2spk: Mapping[str, str], count: int, seed: int) -> dict[str, list[str]]:
    """``{speaker: count of its utterances}``, at least one utterance being left to test."""
    spk2utt = invert(dict(utt2spk))
    few = [spk for spk, utts in spk2utt.items() if len(utts) <= count]
    if few:
        raise TimbreError(f"{some(few)}: {count} utterances to enrol and one to test are needed of each speaker")
    return {spk: draw(utts, count, seed) for spk, utts in spk2utt.items()}


def save_trials(path: Path, trials: Trials) -> str:
    """Writes a list; returns the line that says what it is."""
    write_trials(path, trials)
    targets = int(trials.target.sum())
    return f"{path}: {targets} target and {len(trials) - targets} nontarget trials, SHA-256 {sha256(path)}"


def _refuse_one_sided(data: DataDir, target: np.ndarray) -> None:
    """A list of targets alone, or of nontargets alone, measures nothing."""
    if not target.any() or target.all():
        missing = "nontarget" if target.any() else "target"
        needs = "two speakers (of one gender, if asked so)" if target.any() else "a speaker with two utterances"
        count = len(data.utt2spk)
        raise TimbreError(f"{data.path}: no {missing} trial among {count} utterances; it takes {needs}")


def _genders(data: DataDir, utterances: list[str]) -> np.ndarray:
    """Each utterance's speaker's gender, (N,)."""
    spk2gender = data.table("spk2gender")
    unknown = sorted(set(data.utt2spk.values()) - set(spk2gender))
    if unknown:
        raise TimbreError(f"{data.path / 'spk2gender'}: no gender of {some(unknown)}; same-gender trials need all")
    return np.array([spk2gender[data.utt2spk[utt]] for utt in utterances])
