"""espeak-ng: the same samples in any order and process, phones in every language asked for."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from messages import refused

from timbre.corpora.espeak import RATE, languages, synthesise, variants
from timbre.corpora.texts import WORDS, sentence

# f3: echo, breath, roughness; Reed: a Klatt voice, whose noise is the C library's; m1: flutter.
VOICES = ["f3", "Reed", "m1"]


def digest(voice: str) -> str:
    return hashlib.sha256(synthesise("seven silver shadows", "en-us", voice, seed=5)[0].tobytes()).hexdigest()


def test_same_samples_in_any_order():
    first = {voice: digest(voice) for voice in VOICES}
    assert {voice: digest(voice) for voice in reversed(VOICES)} == first
    assert len(set(first.values())) == len(VOICES)


def test_same_samples_in_another_process():
    program = "import sys; sys.path.append('..'); from test_espeak import *; print(*map(digest, VOICES[::-1]))"
    folder = __file__.rsplit("/", 1)[0]  # python -c imports from the folder it runs in
    run = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True)
    assert run.stdout.split() == [digest(voice) for voice in VOICES[::-1]]


def test_another_seed_makes_other_noise():
    assert not np.array_equal(
        synthesise("sun", variant="f3", seed=1)[0], synthesise("sun", variant="f3", seed=2)[0]
    )


def test_phones_of_a_known_word():
    samples, phones = synthesise("teacher", "en-us")
    assert [phone.symbol for phone in phones] == ["t", "iː", "tʃ", "ɚ"]
    times = np.array([(phone.start, phone.end) for phone in phones])
    assert (times[:, 1] > times[:, 0]).all()
    assert (times[1:, 0] >= times[:-1, 1]).all()
    assert times[-1, 1] <= len(samples) / RATE


@pytest.mark.parametrize(
    ("language", "own", "foreign"),
    [("en-us", "ɹ", "x"), ("de", "ç", "θ"), ("fr", "ɑ̃", "θ"), ("fa", "x", "ɹ"), ("cmn", "tɕh", "ʃ")],
)
def test_languages_speak_their_words(language, own, foreign):
    """Each word of the lists is known: what espeak does not know, it spells out in English."""
    _, phones = synthesise(", ".join(WORDS[language.split("-")[0]].split()), language)
    symbols = {phone.symbol for phone in phones}
    assert own in symbols
    assert foreign not in symbols
    assert all(any(map(str.isalpha, symbol)) and "(" not in symbol for symbol in symbols)


def test_tempo_and_pitch_range_are_obeyed():
    slow, fast = (len(synthesise("autumn morning", words_per_minute=rate)[0]) for rate in (120, 240))
    assert slow > 1.5 * fast


def test_voices_are_found():
    assert {"en-us", "de", "fr", "fa", "cmn"} <= set(languages())
    assert variants()["f3"] == "f"
    assert variants()["m3"] == "m"
    assert variants()["klatt"] is None


def test_what_cannot_be_spoken_is_refused():
    with refused("'frr'", "'fr'"):
        synthesise("oui", "frr")
    with refused("'f33'", "'f3'"):
        synthesise("yes", "en-us", "f33")
    with refused("' ... '", "'en-us'"):
        synthesise(" ... ", "en-us")


def test_sentences_are_seeded_and_bounded():
    one, same, other = (sentence("en-us", 6, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one == same != other
    assert len(set(one.split())) == 6
    with refused("'it'", "de, en"):
        sentence("it", 3, np.random.default_rng(1))
    with refused("999 words", "'de'"):
        sentence("de", 999, np.random.default_rng(1))
