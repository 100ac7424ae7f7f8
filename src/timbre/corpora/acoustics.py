"""Where a synthetic utterance was recorded: room, noise, microphone, level.

Signals are (N,) float32 in [-1, 1); levels are in dB re full scale, of the active part of speech.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

import numpy as np
import scipy
from pydantic import AfterValidator, Field, PositiveFloat

from timbre.conf import Section

_FRAME = 0.025  # seconds, of the frames in which activity is judged
_ACTIVE = 30.0  # dB below the loudest frames that still count as speech
_PEAK = 0.98  # full scale less a little: what rounds to 16 bit does not clip


def _in_order(limits: tuple) -> tuple:
    if limits[0] > limits[1]:
        raise ValueError("the lower limit must come first")
    return limits


Number = TypeVar("Number", int, float)
Span = Annotated[tuple[Number, Number], AfterValidator(_in_order)]


class Conditions(Section):
    """Ranges from which each recording's conditions are drawn, evenly."""

    gain: Span[float] = Field((-8.0, 6.0), description="level of the recording over the speech's own, dB")
    snr: Span[float] = Field((8.0, 25.0), description="speech over noise, dB")
    noise_slope: Span[float] = Field((0.0, 2.0), description="noise power falls as 1/f^slope")
    decay: Span[PositiveFloat] = Field((0.1, 0.5), description="time in which the room decays by 60 dB, s")
    direct_to_reverberant: Span[float] = Field((3.0, 15.0), description="direct sound over the room's, dB")
    microphone: float = Field(3.0, ge=0, description="standard deviation of its response in each octave, dB")


def record(samples: np.ndarray, rate: int, conditions: Conditions, rng: np.random.Generator) -> np.ndarray:
    """The utterance (N,) as recorded in conditions drawn from ``rng``: (N,), never clipped."""
    level = active_level(samples, rate) + rng.uniform(*conditions.gain)
    response = room_response(
        rate, rng.uniform(*conditions.decay), rng.uniform(*conditions.direct_to_reverberant), rng
    )
    noise = coloured_noise(len(samples), rate, rng.uniform(*conditions.noise_slope), rng)
    noisy = add_noise(reverberate(samples, response), noise, rng.uniform(*conditions.snr), rate)
    centres = 62.5 * 2 ** np.arange(np.log2(rate / 2 / 62.5) + 1)  # Hz, the octaves up to half the rate
    heard = equalise(noisy, rate, centres, rng.normal(0, conditions.microphone, len(centres)))
    return set_level(heard, rate, level)


def active_level(samples: np.ndarray, rate: int) -> float:
    """Level in dB of the frames within 30 dB of the loudest ones (the 95th percentile)."""
    size = max(1, min(len(samples), round(_FRAME * rate)))
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    power = np.mean(np.square(frames, dtype=np.float64), axis=1)
    floor = np.percentile(power, 95) * 10 ** (-_ACTIVE / 10)
    return float(10 * np.log10(max(power[power >= floor].mean(), 1e-12)))


def set_level(samples: np.ndarray, rate: int, level: float) -> np.ndarray:
    """The signal at an active level in dB, or lower where it would clip."""
    gain = 10 ** ((level - active_level(samples, rate)) / 20)
    gain = min(gain, _PEAK / max(np.abs(samples).max(), 1e-9))
    return (samples * gain).astype(np.float32)


def coloured_noise(length: int, rate: int, slope: float, rng: np.random.Generator) -> np.ndarray:
    """Gaussian noise (length,) of unit power whose spectrum falls as 1/f^slope above 50 Hz."""
    size = scipy.fft.next_fast_len(length, real=True)
    frequencies = np.maximum(scipy.fft.rfftfreq(size, 1 / rate), 50.0)
    spectrum = scipy.fft.rfft(rng.standard_normal(size)) * frequencies ** (-slope / 2)
    noise = scipy.fft.irfft(spectrum, size)[:length]
    return (noise / np.sqrt(np.mean(noise**2))).astype(np.float32)


def add_noise(samples: np.ndarray, noise: np.ndarray, snr: float, rate: int) -> np.ndarray:
    """``samples`` with ``noise`` (as long) so loud that active speech is ``snr`` dB above it."""
    power = np.mean(np.square(noise, dtype=np.float64))
    gain = np.sqrt(10 ** ((active_level(samples, rate) - snr) / 10) / power)
    return (samples + gain * noise).astype(np.float32)


def room_response(rate: int, decay: float, direct_to_reverberant: float, rng: np.random.Generator) -> np.ndarray:
    """A simulated room response: the direct sound (1 at sample 0), then noise that decays.

    ``decay`` is the time of 60 dB in seconds, so the tail's amplitude is exp(−6.91·t/decay) (Polack's
    model); it begins 2 to 10 ms after the direct sound, ``direct_to_reverberant`` dB below it in energy.
    """
    start = rng.integers(round(0.002 * rate), round(0.01 * rate))
    time = np.arange(max(round(decay * rate), 1)) / rate
    tail = rng.standard_normal(len(time)) * np.exp(-np.log(1000.0) * time / decay)
    tail *= np.sqrt(10 ** (-direct_to_reverberant / 10) / np.sum(tail**2))
    return np.concatenate([[1.0], np.zeros(start - 1), tail]).astype(np.float32)


def reverberate(samples: np.ndarray, response: np.ndarray) -> np.ndarray:
    """``samples`` in a room, as long as before, the direct path (the response's peak) not delayed."""
    direct = int(np.argmax(np.abs(response)))
    return scipy.signal.fftconvolve(samples, response)[direct : direct + len(samples)].astype(np.float32)


def equalise(samples: np.ndarray, rate: int, frequencies: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """Gains in dB at frequencies in Hz, straight lines over log frequency between them, no delay."""
    size = scipy.fft.next_fast_len(2 * len(samples), real=True)
    spectrum_hz = np.maximum(scipy.fft.rfftfreq(size, 1 / rate), frequencies[0])
    decibels = np.interp(np.log(spectrum_hz), np.log(frequencies), gains)
    spectrum = scipy.fft.rfft(samples, size) * 10 ** (decibels / 20)
    return scipy.fft.irfft(spectrum, size)[: len(samples)].astype(np.float32)
