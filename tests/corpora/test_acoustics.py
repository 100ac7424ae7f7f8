"""Rooms, noise and levels: as loud, as late and as reverberant as asked."""

from __future__ import annotations

import numpy as np
import pytest
from messages import refused

from timbre.conf import build
from timbre.corpora.acoustics import (
    Conditions,
    active_level,
    add_noise,
    coloured_noise,
    equalise,
    record,
    reverberate,
    room_response,
    set_level,
)

RATE = 16000


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def speech(rng):
    """Bursts of noise at a third of the time, -20 dB while active."""
    samples = 0.1 * rng.standard_normal(3 * RATE).astype(np.float32)
    return samples * (np.arange(3 * RATE) // (RATE // 4) % 3 == 0)


def test_level_is_that_of_the_active_part(speech):
    assert active_level(speech, RATE) == pytest.approx(-20, abs=0.1)
    assert active_level(set_level(speech, RATE, -30), RATE) == pytest.approx(-30, abs=0.01)


def test_level_never_clips(speech):
    assert np.abs(set_level(speech, RATE, 10)).max() <= 0.98


@pytest.mark.parametrize("samples", [np.zeros(10, np.float32), np.zeros(RATE, np.float32)])
def test_silence_stays_silence(samples):
    assert np.array_equal(set_level(samples, RATE, -20), samples)


@pytest.mark.parametrize("snr", [-5, 0, 20])
def test_noise_is_as_loud_as_asked(speech, rng, snr):
    noisy = add_noise(speech, 7 * coloured_noise(len(speech), RATE, 1, rng), snr, RATE)
    noise_level = 10 * np.log10(np.mean((noisy - speech) ** 2))
    assert active_level(speech, RATE) - noise_level == pytest.approx(snr, abs=0.05)


@pytest.mark.parametrize("slope", [0, 1, 2])
def test_noise_falls_as_asked(rng, slope):
    power = np.abs(np.fft.rfft(coloured_noise(20 * RATE, RATE, slope, rng))) ** 2
    low, high = (power[20 * f : 40 * f].mean() for f in (200, 3200))  # Hz, an octave each, four octaves apart
    assert 10 * np.log10(low / high) == pytest.approx(4 * slope * 10 * np.log10(2), abs=0.6)


def test_direct_path_is_not_delayed(speech, rng):
    """The cross-correlation peaks at lag 0, also when the response begins with silence."""
    response = np.concatenate([np.zeros(700, np.float32), room_response(RATE, 0.5, 0, rng)])
    wet = reverberate(speech, response)
    assert len(wet) == len(speech)
    spectrum = np.fft.rfft(wet, 2 * len(wet)) * np.conj(np.fft.rfft(speech, 2 * len(wet)))
    assert np.fft.irfft(spectrum).argmax() == 0


@pytest.mark.parametrize("direct", [0.0, 12.0])
def test_room_is_as_reverberant_as_asked(rng, direct):
    response = room_response(RATE, 0.4, direct, rng)
    assert response[0] == 1
    assert np.argmax(np.abs(response)) == 0
    assert -10 * np.log10(np.sum(response[1:] ** 2)) == pytest.approx(direct, abs=0.01)
    early, late = np.sum(response[400:1200] ** 2), np.sum(response[400 + 3200 : 1200 + 3200] ** 2)
    assert 10 * np.log10(early / late) == pytest.approx(30, abs=4)  # half of the decay: half of 60 dB


def test_equaliser_gives_the_gain_asked_for_without_delay():
    tone = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE).astype(np.float32)
    louder = equalise(tone, RATE, np.array([100.0, 1000.0, 8000.0]), np.array([0.0, 6.0, 0.0]))
    middle = slice(2000, -2000)
    assert np.allclose(louder[middle], 10 ** (6 / 20) * tone[middle], atol=0.02)


def test_a_recording_is_as_long_as_the_speech_and_seeded(speech):
    one, same, other = (record(speech, RATE, Conditions(), np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.shape == speech.shape
    assert one.dtype == np.float32
    assert np.array_equal(one, same)
    assert not np.allclose(one, other)


def test_a_recording_keeps_how_loud_the_speech_was(speech):
    """A shout stays louder than a murmur recorded alike: level is a cue to emotion."""
    levels = [
        active_level(record(x, RATE, Conditions(), np.random.default_rng(1)), RATE) for x in (speech, speech / 4)
    ]
    assert levels[0] - levels[1] == pytest.approx(20 * np.log10(4), abs=0.1)


def test_limits_in_the_wrong_order_are_refused():
    with refused("snr", "[20, 10]"):
        build(Conditions, {"snr": [20, 10]})
