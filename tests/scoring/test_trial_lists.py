"""Lists of trials in which pairs come twice, or speech is tried against itself."""

from __future__ import annotations

import numpy as np
from messages import refused

from timbre.kaldi.trials import Trials
from timbre.scoring.trial_lists import count_repeated, refuse_own_speech

MODELS = {"m": ["u1", "u2"], "n": ["u3"], "other": ["u9"]}


def trials(*pairs: str) -> Trials:
    enrol, test = zip(*(pair.split() for pair in pairs), strict=True)
    return Trials(np.array(enrol, object), np.array(test, object), np.ones(len(pairs), bool))


def test_pairs_that_stood_there_before_are_counted():
    assert count_repeated(trials("m u3", "n u1", "m u3", "u3 m", "m u3")) == 2
    assert count_repeated(trials("m u3")) == 0


def test_speech_is_not_tried_against_itself():
    refuse_own_speech(trials("m u3", "n u1", "u1 u2"), MODELS)
    with refused("list:2", "'u2'", "'m'", "2 such trials"):
        refuse_own_speech(trials("m u3", "m u2", "n u3"), MODELS, "list")
    with refused("list:1", "'u1'", "itself"):
        refuse_own_speech(trials("u1 u1", "m u3"), {}, "list")
    refuse_own_speech(trials("m u2"), {})  # models of another data directory
