"""Synthetic speakers stay themselves, differ from each other, and feel what they are told to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from messages import refused

from timbre.corpora.acoustics import active_level
from timbre.corpora.voices import EMOTIONS, LEVEL, Speaker, make_speaker, natural_variants, speak

TEXT = "all men were more aware now than any of our own women"
SPEAKER = Speaker("a", "m", "en-us", "m3", 1.0, 0.0, 1.0, 175.0, 0.0)


def say(speaker: Speaker = SPEAKER, emotion: str | None = None, seed: int = 0):
    return speak(speaker, TEXT, np.random.default_rng(seed), emotion)


def fundamental(samples: np.ndarray, rate: int) -> float:
    """Median over frames of the strongest autocorrelation lag between 60 and 400 Hz."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, 800)[::400]
    frames = frames[frames.std(axis=1) > 0.3 * frames.std()]
    power = np.abs(np.fft.rfft(frames - frames.mean(axis=1, keepdims=True), 2048)) ** 2
    correlation = np.fft.irfft(power)[:, rate // 400 : rate // 60]
    return float(np.median(rate / (rate // 400 + correlation.argmax(axis=1))))


def brightness(samples: np.ndarray, rate: int) -> float:
    """The mean frequency of the amplitude spectrum, Hz."""
    spectrum = np.abs(np.fft.rfft(samples))
    return float(spectrum @ np.fft.rfftfreq(len(samples), 1 / rate) / spectrum.sum())


def test_a_speaker_depends_on_their_name_and_the_seed_alone():
    choices = sorted(natural_variants())
    assert make_speaker("s1", "de", choices, 3) == make_speaker("s1", "de", choices[::-1], 3)
    assert make_speaker("s1", "de", choices, 3) != make_speaker("s1", "de", choices, 4)
    assert len({make_speaker(f"s{i}", "de", ["f3"], 3).formants for i in range(9)}) == 9
    assert {make_speaker(f"s{i}", "de", ["f3", "f4"], 3).gender for i in range(9)} == {"f"}


def test_the_same_draw_gives_the_same_samples_and_another_does_not():
    assert np.array_equal(say(seed=1).samples, say(seed=1).samples)
    one, other = say(seed=1).samples, say(seed=2).samples
    assert len(one) != len(other) or not np.array_equal(one, other)


def test_vocal_tract_moves_the_formants_and_neither_pitch_nor_tempo():
    plain, short = say(), say(replace(SPEAKER, formants=1.14))
    assert brightness(short.samples, 16000) > 1.06 * brightness(plain.samples, 16000)
    assert fundamental(short.samples, 16000) == pytest.approx(fundamental(plain.samples, 16000), rel=0.06)
    assert len(short.samples) == pytest.approx(len(plain.samples), rel=0.05)
    assert short.phones[-1].end <= len(short.samples) / 16000


def test_phones_keep_their_place_in_a_scaled_voice():
    """The vowel of 'see' is where the waveform is loud, whatever the vocal tract."""
    for formants in (0.88, 1.14):
        spoken = speak(replace(SPEAKER, formants=formants), "see", np.random.default_rng(0))
        vowel = next(phone for phone in spoken.phones if phone.symbol == "iː")
        inside = spoken.samples[int(vowel.start * 16000) : int(vowel.end * 16000)]
        assert np.sum(inside**2) > 0.9 * np.sum(spoken.samples**2)


@pytest.mark.parametrize("rate", [16000, 24414, 44100])
def test_any_rate(rate):
    spoken = speak(SPEAKER, "good morning", np.random.default_rng(0), rate=rate)
    assert spoken.rate == rate
    assert spoken.samples.dtype == np.float32
    assert 0.4 < len(spoken.samples) / rate < 1.2


def test_emotions_move_the_prosody():
    neutral, angry, sad = say(), say(emotion="anger"), say(emotion="sadness")
    assert len(angry.samples) < len(neutral.samples) < len(sad.samples)
    levels = [active_level(spoken.samples, 16000) for spoken in (angry, neutral, sad)]
    assert levels == sorted(levels, reverse=True)
    assert levels[1] == pytest.approx(LEVEL, abs=4)
    pitches = [fundamental(spoken.samples, 16000) for spoken in (say(emotion="fear"), neutral, sad)]
    assert pitches == sorted(pitches, reverse=True)
    assert brightness(angry.samples, 16000) > brightness(sad.samples, 16000)


def test_expression_is_how_strongly_an_emotion_is_acted():
    neutral, faint, sad = (
        speak(SPEAKER, TEXT, np.random.default_rng(0), "sadness", expression=e) for e in (0, 0.5, 1)
    )
    np.testing.assert_array_equal(neutral.samples, say().samples)
    np.testing.assert_array_equal(sad.samples, say(emotion="sadness").samples)
    assert len(neutral.samples) < len(faint.samples) < len(sad.samples)


def test_each_emotion_is_its_own_and_others_are_refused():
    assert len(set(EMOTIONS.values())) == len(EMOTIONS)
    with refused("'happyness'", "'happiness'"):
        say(emotion="happyness")


def test_natural_voices_have_a_gender_and_no_machine():
    genders = natural_variants()
    assert set(genders.values()) == {"f", "m"}
    assert not {"whisper", "robosoft", "UniRobot", "anikaRobot", "Demonic"} & set(genders)
