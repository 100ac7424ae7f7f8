"""What makes a list of trials worth less than it seems: pairs that come twice, and speech tried against itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from timbre.errors import TimbreError
from timbre.kaldi.trials import Trials


def count_repeated(trials: Trials) -> int:
    """How many trials are pairs that stood there before; they are measured like the others."""
    return len(trials) - len(np.unique(_codes(trials, _number(trials))))


def refuse_own_speech(
    trials: Trials, models: Mapping[str, Sequence[str]], trials_path: str | Path = "trials"
) -> None:
    """Refuses an utterance that is tried against itself, or against a model that it is a part of.

    Args:
        models: the utterances of each model of a table ``enrol``; empty where there is none.
    Raises:
        TimbreError: naming the first such trial's line, and how many there are.
    """
    number = _number(trials)
    members = [
        number[model] * len(number) + number[utterance]
        for model, utterances in models.items()
        if model in number
        for utterance in utterances
        if utterance in number
    ]
    codes = _codes(trials, number)
    own = np.isin(codes, np.array(members, dtype=np.int64)) | (codes // len(number) == codes % len(number))
    if len(found := np.flatnonzero(own)):
        line = found[0]
        enrol, test = trials.enrol[line], trials.test[line]
        of = "is tried against itself" if enrol == test else f"is part of the model '{enrol}'"
        raise TimbreError(
            f"{trials_path}:{line + 1}: '{test}' {of} ({len(found)} such trials): its score says nothing; take "
            "these trials out of the list"
        )


def _number(trials: Trials) -> dict[str, int]:
    """A number for each id."""
    return {name: place for place, name in enumerate(dict.fromkeys([*trials.enrol, *trials.test]))}


def _codes(trials: Trials, number: Mapping[str, int]) -> np.ndarray:
    """A number (N,) for each pair."""
    enrol, test = (
        np.fromiter(map(number.__getitem__, ids), dtype=np.int64, count=len(ids))
        for ids in (trials.enrol, trials.test)
    )
    return enrol * len(number) + test
