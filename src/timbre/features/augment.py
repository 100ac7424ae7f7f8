"""Speech as it would have been heard elsewhere: in a room, in noise, among others, over the telephone.

Additive kinds keep the speech as it is; reverberation keeps its level and does not delay it; nothing is scaled to a
peak of 1, so that neither level nor delay tells an augmented crop from another.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import soundfile
from pydantic import Field, field_validator

from timbre.conf import Section
from timbre.conf_effects import only
from timbre.corpora.acoustics import Span, active_level, add_noise, equalise, reverberate, room_response
from timbre.errors import AudioError, TimbreError
from timbre.features.sources import chords, find_recordings, unsteady_noise
from timbre.kaldi.audio import resample
from timbre.kaldi.policy import SharedError
from timbre.kaldi.wave_reader import WaveReader

log = logging.getLogger(__name__)

Kind = Literal["reverberation", "noise", "music", "babble", "telephone"]
_TELEPHONE = 8000  # Hz
_SOURCES = {  # the data directory of each kind, and what takes its place
    "reverberation": ("rirs", "simulated rooms"),
    "noise": ("noise", "generated noise"),
    "music": ("music", "generated chords"),
    "babble": ("speech", "other speakers of the data"),
    "telephone": ("", "8 kHz, 300 to 3400 Hz, G.711"),
}


Decibels = Annotated[float, Field(ge=-100, le=100)]


class AugmentConf(Section):
    """How training speech is changed; the ranges are those of Kaldi's VoxCeleb recipe."""

    kinds: tuple[Kind, ...] = Field(
        (), description="kinds of augmentation, each equally often; none: the waveforms as they are"
    )
    probability: float = Field(
        0.6,
        ge=0,
        le=1,
        description="share of the crops that are augmented on the fly",
        json_schema_extra=only({"train.features": "online"}),
    )
    noise_snr: Span[Decibels] = Field(
        (0.0, 15.0), description="speech over noise, dB", json_schema_extra=only(kinds="noise")
    )
    music_snr: Span[Decibels] = Field(
        (5.0, 15.0), description="speech over music, dB", json_schema_extra=only(kinds="music")
    )
    babble_snr: Span[Decibels] = Field(
        (13.0, 20.0),
        description="speech over each of the other speakers, dB",
        json_schema_extra=only(kinds="babble"),
    )
    babble_speakers: Span[Annotated[int, Field(ge=1, le=100)]] = Field(
        (3, 7), description="other speakers who talk at once", json_schema_extra=only(kinds="babble")
    )
    decay: Span[Annotated[float, Field(ge=0.001, le=100)]] = Field(
        (0.2, 0.8),
        description="decay by 60 dB of simulated rooms, s",
        json_schema_extra=only(kinds="reverberation"),
    )
    direct_to_reverberant: Span[Decibels] = Field(
        (0.0, 12.0),
        description="direct sound over simulated rooms', dB",
        json_schema_extra=only(kinds="reverberation"),
    )

    @field_validator("kinds")
    @classmethod
    def _once(cls, kinds: tuple[Kind, ...]) -> tuple[Kind, ...]:
        if len(set(kinds)) < len(kinds):
            raise ValueError("each kind may be named once")
        return kinds


def people_needed(conf: AugmentConf, sources: Path | None) -> int:
    """How many people have to speak in the data: one more than talk in babble, if ``sources`` have no speech."""
    recorded = sources is not None and (sources / "speech").is_dir()
    return conf.babble_speakers[1] + 1 if "babble" in conf.kinds and not recorded else 1


def require_people(conf: AugmentConf, count: int, sources: Path | None) -> None:
    """Refuses data in which fewer people speak than babble is made of."""
    if (needed := people_needed(conf, sources)) <= count:
        return
    least, most = conf.babble_speakers
    fits = f"--set augment.babble_speakers=[{min(least, count - 1)},{count - 1}], or " if count > 1 else ""
    raise TimbreError(
        f"augment.babble_speakers=[{least},{most}]: babble of up to {most} others needs {needed} speakers, the "
        f"data have {count}; what fits: {fits}a folder of sources with speech, or augment.kinds without babble"
    )


class Augmenter:
    """Augments waveforms; all that is drawn is drawn from the generator given with each.

    >>> augment = Augmenter(conf, reader, utt2person(data), 16000)
    >>> samples = augment("s1-1", reader.read("s1-1"), np.random.default_rng(1))
    """

    def __init__(
        self,
        conf: AugmentConf,
        reader: WaveReader,
        utt2spk: Mapping[str, str],
        rate: int,
        sources: Path | None = None,
    ) -> None:
        """Args:
        reader: of the waveforms of ``utt2spk``, from which babble is made.
        utt2spk: the person behind each utterance (:func:`timbre.kaldi.perturb.utt2person`), of all that may
            talk in babble: copies of a speaker are one person; leave out who must not be heard (held-out speakers).
        rate: of all waveforms, in Hz.
        sources: a folder of data directories ``noise``, ``music``, ``speech``, ``rirs``, each optional.
        """
        self._conf, self._reader, self._person, self._rate = conf, reader, utt2spk, rate
        self._recordings = find_recordings(sources, rate)
        talks: dict[str, list[str]] = {}
        for utterance, person in utt2spk.items():
            talks.setdefault(person, []).append(utterance)
        self._people = {person: number for number, person in enumerate(talks)}
        self._utterances = list(talks.values())
        for kind in conf.kinds:
            name, source = _SOURCES[kind]
            if name in self._recordings:
                source = f"{len(self._recordings[name])} recordings of {sources}/{name}"
            log.info("augmentation: %s: %s", kind, source)
        require_people(conf, len(talks), sources)

    def __call__(self, utterance: str, samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """``samples`` (N,) of an utterance, with the conf's probability in one of its kinds: (N,) float32."""
        if not self._conf.kinds or rng.random() >= self._conf.probability:
            return samples
        return self.apply(self._conf.kinds[rng.integers(len(self._conf.kinds))], utterance, samples, rng)

    def apply(self, kind: Kind, utterance: str, samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """``samples`` (N,) augmented in this kind: (N,) float32; a failure begins with utterance and kind."""
        change = {
            "reverberation": self._reverberation,
            "noise": self._noise,
            "music": self._music,
            "babble": self._babble,
            "telephone": self._telephone,
        }[kind]
        try:
            return change(utterance, samples, rng)
        except TimbreError as error:
            fault = SharedError if isinstance(error, SharedError) else TimbreError
            raise fault(f"{utterance}: {kind}: {error}") from None

    def _reverberation(self, utterance: str, samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        conf = self._conf
        if "rirs" in self._recordings:
            response = self._recordings["rirs"].response(rng)
        else:
            decay, direct = rng.uniform(*conf.decay), rng.uniform(*conf.direct_to_reverberant)
            response = room_response(self._rate, decay, direct, rng)
        wet = reverberate(samples, response / np.abs(response).max())
        gain = 10 ** ((active_level(samples, self._rate) - active_level(wet, self._rate)) / 20)
        return wet * np.float32(gain)

    def _noise(self, utterance: str, samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        length = len(samples)
        source = self._recordings.get("noise")
        noise = source.excerpt(length, rng) if source else unsteady_noise(length, self._rate, rng)
        return add_noise(samples, noise, rng.uniform(*self._conf.noise_snr), self._rate)

    def _music(self, utterance: str, samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        length = len(samples)
        source = self._recordings.get("music")
        music = source.excerpt(length, rng) if source else chords(length, self._rate, rng)
        return add_noise(samples, music, rng.uniform(*self._conf.music_snr), self._rate)

    def _babble(self, utterance: str, samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """n talkers, each ``snr`` dB below the speech: together they lie 10·log10(n) dB higher."""
        count = int(rng.integers(*self._conf.babble_speakers, endpoint=True))
        if "speech" in self._recordings:
            talkers = [self._recordings["speech"].excerpt(len(samples), rng) for _ in range(count)]
        else:
            talkers = self._others(utterance, len(samples), count, rng)
        babble = sum(talker * 10 ** (-active_level(talker, self._rate) / 20) for talker in talkers)
        snr = rng.uniform(*self._conf.babble_snr) - 10 * np.log10(count)
        return add_noise(samples, babble, snr, self._rate)

    def _others(self, utterance: str, length: int, count: int, rng: np.random.Generator) -> list[np.ndarray]:
        """Parts of utterances of ``count`` other people, (length,) each.

        An utterance that cannot be read is not heard here, and named in the log: where it is trained on itself,
        the policy for bad audio decides.
        """
        if utterance not in self._person:
            raise TimbreError("its speaker is not known, who must not be heard in it; is it in utt2spk?")
        own = self._people[self._person[utterance]]
        talkers: list[np.ndarray] = []
        for person in rng.permutation(len(self._utterances)):
            if person == own:
                continue
            theirs = self._utterances[person]
            try:
                talker = self._reader.excerpt(theirs[rng.integers(len(theirs))], length, rng)
            except AudioError as error:
                log.warning("augmentation: babble without %s", error)
                continue
            talkers.append(np.resize(talker, length))
            if len(talkers) == count:
                return talkers
        raise TimbreError(f"only {len(talkers)} of {count} other speakers have audio that can be read")

    def _telephone(self, utterance: str, samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Narrow band and 8 bits: G.711's μ-law or A-law, at the level of the speech."""
        narrow = resample(samples, self._rate, _TELEPHONE)
        narrow = equalise(narrow, _TELEPHONE, np.array([200.0, 300, 3400, 3800]), np.array([-30.0, 0, 0, -30]))
        peak = max(1.0, float(np.abs(narrow).max()))  # the codec clips at 1
        law = ("ULAW", "ALAW")[rng.integers(2)]
        coded = io.BytesIO()
        soundfile.write(coded, narrow / peak, _TELEPHONE, format="WAV", subtype=law)
        coded.seek(0)
        heard = peak * soundfile.read(coded, dtype="float32")[0]
        return resample(heard, _TELEPHONE, self._rate)[: len(samples)].astype(np.float32)
