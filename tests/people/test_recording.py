"""What is said of a recording: speech, level, noise, clipping."""

from __future__ import annotations

import numpy as np
import pytest
from messages import names

from timbre.people.recording import measure_quality, quality_range, warn_of_quality

RATE = 16000


def spoken(level: float = 0.1, noise: float = 0.001, seconds: float = 4.0) -> np.ndarray:
    """A tone for half of the time, in noise."""
    time = np.arange(int(seconds * RATE)) / RATE
    tone = level * np.sqrt(2) * np.sin(2 * np.pi * 220 * time) * (time % 1 < 0.5)
    return tone + noise * np.random.default_rng(0).standard_normal(len(time))


def test_measures_of_a_known_recording():
    quality = measure_quality(spoken(), RATE)
    assert quality.seconds == 4 and quality.speech == pytest.approx(2, abs=0.15)
    assert quality.level == pytest.approx(-20, abs=0.5) and quality.snr == pytest.approx(40, abs=1.5)
    assert quality.clipping == 0
    assert measure_quality(spoken(noise=0.03), RATE).snr == pytest.approx(11, abs=1.5)
    assert measure_quality(np.clip(spoken(2.0), -1, 1), RATE).clipping > 0.2
    assert measure_quality(np.full(10, 0.1), RATE).seconds == 10 / RATE


def test_what_lies_outside_of_the_calibration_is_said():
    seen = quality_range([measure_quality(spoken(level), RATE) for level in (0.05, 0.2)])
    assert not warn_of_quality("x", measure_quality(spoken(), RATE), seen)
    for samples, wanted in (
        (spoken(0.005), "dB level"),
        (spoken(noise=0.05), "signal to noise"),
        (spoken(seconds=1.0), "less than 1 s"),
        (np.clip(spoken(3.0), -1, 1), "clipped"),
    ):
        assert names(" ".join(warn_of_quality("x.wav", measure_quality(samples, RATE), seen)), "x.wav", wanted)
