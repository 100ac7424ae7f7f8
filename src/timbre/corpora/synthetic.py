"""Synthetic speech: every utterance is spoken by espeak-ng, none by a person.

The default speaker corpus: made here, free of any download, hard enough to learn from.

    <corpus>/README, conf.yaml                      what it is, and the conf it was made with
    <corpus>/<part>/wav/<spk>/<spk>-<utt>.wav       16-bit PCM
    <corpus>/<part>/{utt2spk,text,spk2gender}       the manifest

Speakers of ``train`` and ``test`` share no voice variant. Each utterance has another text, tempo, pitch,
room, microphone, noise and level.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from pydantic import Field
from tqdm import tqdm

from timbre.conf import Section, dump
from timbre.corpora.acoustics import Conditions, Span, record
from timbre.corpora.rows import Row, refuse_missing_audio, refuse_shared_speakers
from timbre.corpora.texts import sentence
from timbre.corpora.voices import Speaker, make_speaker, natural_variants, speak
from timbre.errors import TimbreError
from timbre.kaldi.atomic import atomic_write
from timbre.kaldi.text import read_table, write_table

PARTS = ("train", "test")
_README = """Synthetic speech
================
No person speaks here: every file was made by espeak-ng (https://github.com/espeak-ng/espeak-ng) through
`timbre make-synthetic-corpus`, with simulated voices, rooms, microphones and noise. conf.yaml holds all
that made it; the same conf makes the same files. Results on it say that a recipe works, and nothing
about how well it would do on people.
"""


class Conf(Section):
    """How many voices there are, and how hard they are to tell apart."""

    seed: int = Field(1, ge=0, description="of everything: voices, texts, conditions")
    language: str = Field("en-us", description="what the speakers speak, as espeak-ng calls it")
    train_speakers: int = Field(60, ge=1, description="speakers to train on")
    test_speakers: int = Field(20, ge=1, description="other speakers, for the trials")
    utterances: int = Field(10, ge=1, description="utterances of each speaker")
    words: Span[int] = Field((7, 10), description="fewest and most words of an utterance")
    rate: int = Field(16000, ge=8000, description="Hz")
    conditions: Conditions = Field(Conditions(), description="rooms, noise, microphones, levels")


@dataclass(frozen=True)
class Planned:
    """An utterance to be made; ``rng`` starts all that is drawn for it."""

    part: str
    utterance: str
    speaker: Speaker
    text: str
    rng: np.random.Generator


def lay_out(corpus: Path, conf: Conf, job: int = 1, num_jobs: int = 1) -> int:
    """Makes the files of one job that are not there yet, and the manifest.

    Returns:
        How many files were made.
    Raises:
        TimbreError: where the folder holds a corpus of another conf, and for a job that does not exist.
    """
    if not 1 <= job <= num_jobs:
        raise TimbreError(f"there is no job {job} of {num_jobs}; jobs count from 1")
    planned = list(plan(conf))
    _write_manifest(corpus, conf, planned)
    todo = [one for one in planned[job - 1 :: num_jobs] if not _wav(corpus, one.part, one.utterance).exists()]
    for one in tqdm(todo, desc=f"synthetic speech {job}/{num_jobs}", unit="utt", mininterval=1, disable=not todo):
        spoken = speak(one.speaker, one.text, one.rng, rate=conf.rate)
        samples = record(spoken.samples, conf.rate, conf.conditions, one.rng)
        with atomic_write(_wav(corpus, one.part, one.utterance), "wb") as file:
            soundfile.write(file, samples, conf.rate, format="WAV", subtype="PCM_16")
    return len(todo)


def plan(conf: Conf) -> Iterator[Planned]:
    """The corpus's utterances, part by part; half of the speakers are female, half male."""
    for part, speakers in zip(PARTS, (conf.train_speakers, conf.test_speakers), strict=True):
        for number in range(speakers):
            name = f"{part}{number + 1:03d}"
            choices = _variants(part, "fm"[number % 2], conf.seed)
            speaker = make_speaker(name, conf.language, choices, conf.seed)
            for count in range(conf.utterances):
                utterance = f"{name}-{count + 1:03d}"
                rng = np.random.default_rng([conf.seed, zlib.crc32(utterance.encode())])
                words = int(rng.integers(conf.words[0], conf.words[1], endpoint=True))
                yield Planned(part, utterance, speaker, sentence(conf.language, words, rng), rng)


def prepare(corpus: Path) -> dict[str, list[Row]]:
    """The rows of its data directories, every file of the manifest being there."""
    if not (corpus / "conf.yaml").exists():
        raise TimbreError(f"{corpus}: no synthetic corpus there; timbre make-synthetic-corpus makes it")
    parts = {}
    for part in PARTS:
        folder = corpus / part
        utt2spk, texts = read_table(folder / "utt2spk", fields=2), read_table(folder / "text")
        genders = read_table(folder / "spk2gender", fields=2)
        parts[part] = [
            Row(utt, spk, _wav(corpus, part, utt), {"text": texts[utt]}, {"spk2gender": genders[spk]})
            for utt, spk in utt2spk.items()
        ]
    refuse_missing_audio(parts, "run timbre make-synthetic-corpus again: it makes what is missing")
    refuse_shared_speakers(parts)
    return parts


def _variants(part: str, gender: str, seed: int) -> list[str]:
    """A part's variants of a gender: a quarter for test, the others for train, whatever the counts."""
    names = sorted(name for name, sex in natural_variants().items() if sex == gender)
    names = list(np.random.default_rng(seed).permutation(names))
    quarter = len(names) // 4
    return names[:quarter] if part == "test" else names[quarter:]


def _wav(corpus: Path, part: str, utterance: str) -> Path:
    return corpus / part / "wav" / utterance.split("-")[0] / f"{utterance}.wav"


def _write_manifest(corpus: Path, conf: Conf, planned: list[Planned]) -> None:
    """README, conf and tables; each job writes them alike."""
    path, text = corpus / "conf.yaml", dump(conf)
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise TimbreError(f"{corpus} holds a corpus of another conf ({path}); remove it or choose another folder")
    with atomic_write(path) as file:
        file.write(text)
    with atomic_write(corpus / "README") as file:
        file.write(_README)
    for part in PARTS:
        mine = [one for one in planned if one.part == part]
        write_table(corpus / part / "utt2spk", [(one.utterance, one.speaker.name) for one in mine])
        write_table(corpus / part / "text", [(one.utterance, one.text) for one in mine])
        write_table(corpus / part / "spk2gender", {one.speaker.name: one.speaker.gender for one in mine})
