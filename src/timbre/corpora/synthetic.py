"""Synthetic speech: every utterance is spoken by espeak-ng, none by a person.

The default speaker corpus: made here, free of any download, hard enough to learn from.

    <corpus>/README, conf.yaml                      what it is, and the conf it was made with
    <corpus>/<part>/wav/<spk>/<spk>-<utt>.wav       16-bit PCM
    <corpus>/<part>/{utt2spk,text,spk2gender}       the manifest

Speakers of ``train`` share no voice variant with others. Each utterance has another text, tempo, pitch, room,
microphone, noise and level. With another ``layout`` the same speech stands in for a corpus of people
(:mod:`timbre.corpora.layout`).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydantic import Field
from tqdm import tqdm

from timbre.conf import Section, build, dump, load
from timbre.conf_files import overlay, override, read_yaml
from timbre.corpora.acoustics import Conditions, Span, record
from timbre.corpora.layout import PHONES, SYNTHETIC, Layout, Utterance, lines, speaker_tables
from timbre.corpora.rows import Row, corpus_module, refuse_missing_audio, refuse_shared_speakers
from timbre.corpora.texts import sentence
from timbre.corpora.voices import Speaker, Spoken, make_speaker, natural_variants, speak
from timbre.errors import TimbreError, some
from timbre.kaldi.atomic import atomic_write
from timbre.kaldi.text import read_table
from timbre.kaldi.write_wave import write_wave

PARTS = ("train", "test")
_README = f"""{SYNTHETIC}
================
Laid out like {{title}}.

No person speaks here: every file was made by espeak-ng (https://github.com/espeak-ng/espeak-ng) through
`timbre make-synthetic-corpus`, with simulated voices, rooms, microphones and noise. conf.yaml holds all
that made it; the same conf makes the same files. Results on it say that a recipe works, and nothing
about how well it would do on people.
"""


class Conf(Section):
    """How many voices there are, and how hard they are to tell apart."""

    layout: str = Field("synthetic", description="the corpus module whose files these are laid out like")
    seed: int = Field(1, ge=0, description="of everything: voices, texts, conditions")
    language: str = Field(
        "en-us",
        pattern=r"\S",
        description="what is spoken, as espeak-ng calls it; several ('en-us de fr') in turn, by everybody",
    )
    train_speakers: int = Field(60, ge=1, description="speakers to train on")
    dev_speakers: int = Field(0, ge=0, description="speakers of the part that some corpora have beside these two")
    test_speakers: int = Field(20, ge=1, description="other speakers, for the trials")
    utterances: int = Field(10, ge=1, description="utterances of each speaker")
    words: Span[int] = Field((7, 10), description="fewest and most words of an utterance, if no script says them")
    expression: float = Field(1.0, ge=0, description="how strongly emotions of a script are acted; 0: neutrally")
    rate: int = Field(16000, ge=8000, description="Hz")
    conditions: Conditions = Field(Conditions(), description="rooms, noise, microphones, levels")


@dataclass(frozen=True)
class Planned:
    """An utterance to be made; ``rng`` starts all that is drawn for it."""

    utterance: Utterance
    speaker: Speaker
    rng: np.random.Generator


def stand_in_conf(layout: str, path: Path | None = None, settings: Iterable[str] = ()) -> Conf:
    """The conf of a corpus in that layout: its defaults, under a YAML file, under ``key=value`` settings."""
    defaults = {"layout": layout, **_layout(layout).defaults}
    return build(Conf, override(overlay(defaults, read_yaml(path) if path else {}), settings))


def lay_out(corpus: Path, conf: Conf, job: int = 1, num_jobs: int = 1) -> int:
    """Makes the files of one job that are not there yet, and the manifest.

    Returns:
        How many files were made.
    Raises:
        TimbreError: where the folder holds a corpus of another conf or anything else, and for a job that does not
            exist.
    """
    if not 1 <= job <= num_jobs:
        raise TimbreError(f"there is no job {job} of {num_jobs}; jobs count from 1")
    planned = list(plan(conf))
    _write_manifest(corpus, conf, [one.utterance for one in planned])
    todo = [one for one in planned[job - 1 :: num_jobs] if not (corpus / one.utterance.wav).exists()]
    layout = _layout(conf.layout)
    for one in tqdm(todo, desc=f"synthetic speech {job}/{num_jobs}", unit="utt", mininterval=1, disable=not todo):
        said = one.utterance
        spoken = speak(one.speaker, said.text, one.rng, said.emotion, conf.rate, conf.expression)
        if layout.phones:  # first, so that no audio is without
            _write_phones((corpus / said.wav).with_suffix(PHONES), spoken)
        samples = record(spoken.samples, conf.rate, conf.conditions, one.rng)
        write_wave(corpus / said.wav, samples, conf.rate)
    return len(todo)


def plan(conf: Conf) -> Iterator[Planned]:
    """The corpus's utterances, part by part; half of the speakers are female, or as many as the script says.

    Raises:
        TimbreError: for more speakers or utterances than the script of the layout has.
    """
    layout, languages = _layout(conf.layout), conf.language.split()
    for part in layout.parts:
        cast = _cast(layout, part, conf)
        for number, speaker in enumerate(cast, start=1):
            for count in range(1, conf.utterances + 1):
                language = languages[(count - 1) % len(languages)]
                _, utterance, wav = layout.place(part, number, count)
                rng = np.random.default_rng([conf.seed, zlib.crc32(utterance.encode())])
                text, emotion = layout.script.lines[count - 1] if layout.script else (None, None)
                if text is None:
                    words = int(rng.integers(conf.words[0], conf.words[1], endpoint=True))
                    text = sentence(language, words, rng)
                said = Utterance(part, speaker.name, speaker.gender, utterance, wav, text, emotion, language)
                yield Planned(said, replace(speaker, language=language), rng)


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
            Row(utt, spk, corpus / _wav(part, utt), {"text": texts[utt]}, {"spk2gender": genders[spk]})
            for utt, spk in utt2spk.items()
        ]
    refuse_missing_audio(parts, "run timbre make-synthetic-corpus again: it makes what is missing")
    refuse_shared_speakers(parts)
    return parts


def _layout(name: str) -> Layout:
    return corpus_module(name, "LAYOUT").LAYOUT


def _cast(layout: Layout, part: str, conf: Conf) -> list[Speaker]:
    """The speakers of a part."""
    script, cast = layout.script, []
    if script:
        for key, most in ((f"{part}_speakers", len(script.genders)), ("utterances", len(script.lines))):
            if (asked := getattr(conf, key)) > most:
                raise TimbreError(f"{key}: {layout.title} has {most} at most, found {asked}")
    for number in range(getattr(conf, f"{part}_speakers")):
        choices = _variants(part, script.genders[number] if script else "fm"[number % 2], conf.seed)
        if script:
            choices = sorted(set(choices) - {one.variant for one in cast})
        cast.append(make_speaker(layout.place(part, number + 1, 1)[0], conf.language, choices, conf.seed))
    return cast


def _variants(part: str, gender: str, seed: int) -> list[str]:
    """A part's variants of a gender: three quarters for train, the others for the rest, whatever the counts."""
    names = sorted(name for name, sex in natural_variants().items() if sex == gender)
    names = list(np.random.default_rng(seed).permutation(names))
    quarter = len(names) // 4
    return names[quarter:] if part == "train" else names[:quarter]


def _place(part: str, speaker: int, utterance: int) -> tuple[str, str, str]:
    name = f"{part}{speaker:03d}"
    return name, f"{name}-{utterance:03d}", _wav(part, f"{name}-{utterance:03d}")


def _wav(part: str, utterance: str) -> str:
    return f"{part}/wav/{utterance.split('-')[0]}/{utterance}.wav"


def _write_phones(path: Path, spoken: Spoken) -> None:
    with atomic_write(path) as file:
        for phone in spoken.phones:
            file.write(f"{round(phone.start * spoken.rate)} {round(phone.end * spoken.rate)} {phone.symbol}\n")


def _tables(utterances: Sequence[Utterance]) -> Mapping[str, str]:
    """The manifest of each part."""
    files: dict[str, str] = {}
    for part in PARTS:
        files[f"{part}/text"] = lines(f"{one.utterance} {one.text}" for one in utterances if one.part == part)
        files |= speaker_tables(utterances, part)
    return files


LAYOUT = Layout("a corpus of its own", PARTS, _place, _tables, defaults={})


def _write_manifest(corpus: Path, conf: Conf, utterances: Sequence[Utterance]) -> None:
    """README, conf and tables; each job writes them alike."""
    others, path = _others(corpus), corpus / "conf.yaml"  # in this order: another job writes conf.yaml first
    if others and not path.exists():
        raise TimbreError(
            f"{corpus} holds {some(others, 3)} and no synthetic corpus; choose another folder, so that nothing is "
            "written over"
        )
    if path.exists() and load(Conf, path) != conf:
        raise TimbreError(f"{corpus} holds a corpus of another conf ({path}); remove it or choose another folder")
    layout = _layout(conf.layout)
    files = {"conf.yaml": dump(conf), "README": _README.format(title=layout.title), **layout.files(utterances)}
    for name, text in files.items():
        with atomic_write(corpus / name) as file:
            file.write(text)


def _others(corpus: Path) -> list[str]:
    """What lies in a folder beside the logs and unfinished files of jobs that are making a corpus there."""
    return sorted(path.name for path in corpus.glob("[!.]*") if path.name != "log") if corpus.is_dir() else []
