"""Synthetic speakers and what they say: a voice of espeak-ng made personal.

A speaker is a voice variant with a vocal tract, a pitch, a tempo and a spectral tilt of their own; an
utterance varies about them, and an emotion moves its prosody. Corpora are laid out from this by
modules that know their folders and file names (:mod:`timbre.corpora.synthetic`).
"""

from __future__ import annotations

import zlib
from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import scipy

from timbre.corpora.acoustics import equalise, set_level
from timbre.corpora.espeak import RATE, Phone, synthesise, variants
from timbre.errors import TimbreError, did_you_mean

LEVEL = -26.0  # dB re full scale, of a neutral utterance


@dataclass(frozen=True)
class Speaker:
    """One voice. ``formants`` scales the formant frequencies: 1.1 is a vocal tract 10 % shorter."""

    name: str
    gender: str
    language: str
    variant: str
    formants: float
    pitch: float  # octaves above the variant's own
    pitch_range: float  # times the variant's own
    words_per_minute: float
    tilt: float  # dB per octave above 1 kHz's level; below it the other way


@dataclass(frozen=True)
class Prosody:
    """How an emotion moves an utterance away from the speaker's neutral one."""

    pitch: float = 0.0  # octaves
    pitch_range: float = 1.0  # factor
    tempo: float = 1.0  # factor
    level: float = 0.0  # dB
    tilt: float = 0.0  # dB per octave

    def times(self, expression: float) -> Prosody:
        """The same emotion acted more strongly (above 1), or less (below; with 0 neutral)."""
        return Prosody(
            expression * self.pitch,
            self.pitch_range**expression,
            self.tempo**expression,
            expression * self.level,
            expression * self.tilt,
        )


# The directions are those of the literature on acted speech (Banse & Scherer 1996; Juslin & Laukka 2003).
EMOTIONS = {
    "neutral": Prosody(),
    "anger": Prosody(0.20, 1.5, 1.15, 6.0, 2.0),
    "boredom": Prosody(-0.15, 0.5, 0.80, -2.0, -0.5),
    "calm": Prosody(-0.08, 0.75, 0.90, -2.5, -1.0),
    "disgust": Prosody(-0.10, 0.9, 0.85, 0.0, 0.8),
    "excitement": Prosody(0.40, 1.8, 1.20, 4.0, 1.0),
    "fear": Prosody(0.45, 0.7, 1.30, -1.0, 0.0),
    "frustration": Prosody(0.08, 1.2, 0.95, 2.5, 1.2),
    "happiness": Prosody(0.30, 1.7, 1.08, 2.5, 0.8),
    "sadness": Prosody(-0.20, 0.6, 0.75, -5.0, -2.0),
    "surprise": Prosody(0.50, 1.9, 0.95, 1.5, 0.3),
}


@dataclass(frozen=True)
class Spoken:
    """An utterance: samples (N,) float32 at ``rate`` in Hz, and its phones with times."""

    samples: np.ndarray
    rate: int
    phones: list[Phone]


def natural_variants() -> dict[str, str]:
    """Variants that sound like a person of a known gender: neither whispering nor a machine."""
    unnatural = ("whisper", "robo", "Robo", "Robot", "Demonic")
    return {name: sex for name, sex in variants().items() if sex and not any(word in name for word in unnatural)}


def make_speaker(name: str, language: str, choices: Collection[str], seed: int) -> Speaker:
    """The speaker of that name: the same for the same arguments, whoever else there is.

    Args:
        name: the speaker's id.
        language: what they speak, as :func:`timbre.corpora.espeak.languages` calls it.
        choices: the variants, one of which becomes theirs.
        seed: of the corpus.
    """
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    variant = str(rng.choice(sorted(choices)))
    return Speaker(
        name=name,
        gender=variants()[variant] or "m",  # espeak's own voices are male where they do not say
        language=language,
        variant=variant,
        formants=rng.uniform(0.88, 1.14),
        pitch=rng.uniform(-0.35, 0.35),
        pitch_range=rng.uniform(0.6, 1.4),
        words_per_minute=rng.uniform(155, 205),
        tilt=rng.uniform(-2.0, 2.0),
    )


def speak(
    speaker: Speaker,
    text: str,
    rng: np.random.Generator,
    emotion: str | None = None,
    rate: int = 16000,
    expression: float = 1.0,
) -> Spoken:
    """``text`` in the speaker's voice, near :data:`LEVEL`; ``rng`` makes no two utterances alike.

    ``expression`` is how strongly the emotion is acted (:meth:`Prosody.times`).

    The vocal tract is scaled by resampling: espeak's 22,050 Hz are read as 22,050·formants, which moves
    formants, pitch and tempo alike, and espeak is asked for a pitch and tempo moved the other way.

    Raises:
        TimbreError: for an unknown emotion, and as :func:`timbre.corpora.espeak.synthesise`.
    """
    if emotion is not None and emotion not in EMOTIONS:
        raise TimbreError(f"no prosody for the emotion '{emotion}'{did_you_mean(emotion, EMOTIONS)}")
    prosody = EMOTIONS[emotion or "neutral"].times(expression)
    # A small rational keeps the polyphase filter short: coprime rates of five digits would take minutes.
    ratio = Fraction(rate / (RATE * speaker.formants)).limit_denominator(100)
    formants = float(rate / (RATE * ratio))
    pitch = speaker.pitch + prosody.pitch + rng.normal(0, 0.06)
    tempo = speaker.words_per_minute * prosody.tempo * 2 ** rng.normal(0, 0.08)
    samples, phones = synthesise(
        text,
        speaker.language,
        speaker.variant,
        words_per_minute=int(np.clip(round(tempo / formants), 80, 450)),
        pitch=_espeak_pitch(pitch - np.log2(formants)),
        pitch_range=int(np.clip(round(50 * speaker.pitch_range * prosody.pitch_range + rng.normal(0, 4)), 0, 99)),
        seed=int(rng.integers(1 << 31)),
    )
    samples = scipy.signal.resample_poly(samples, ratio.numerator, ratio.denominator).astype(np.float32)
    octaves = np.arange(-4, 5)
    samples = equalise(samples, rate, 1000 * 2.0**octaves, (speaker.tilt + prosody.tilt) * octaves)
    samples = set_level(samples, rate, LEVEL + prosody.level + rng.normal(0, 1))
    phones = [Phone(phone.symbol, phone.start / formants, phone.end / formants) for phone in phones]
    return Spoken(samples, rate, phones)


def _espeak_pitch(octaves: float) -> int:
    """espeak's 0 to 99 for a fundamental so many octaves above the variant's own (as measured)."""
    factors = (0.71, 0.79, 0.89, 1.0, 1.15, 1.34, 1.63)
    return round(np.interp(octaves, np.log2(factors), (0, 20, 35, 50, 65, 80, 99)))
