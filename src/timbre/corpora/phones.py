"""What is said in phones: the tables ``phones`` and ``utt2lang`` of a data directory, inventories and allophones.

    phones               <utterance> <phoneme> <phoneme> …
    utt2lang             <utterance> <language>
    an inventory         <phone>, or <phone> <number> with numbers from 1 on, the blank being 0
    a table of allophones    <language> <phoneme> <phone> <phone> …

A phoneme is what a language tells apart; the phones that realise it are the same for all languages. One without an
entry in the table of allophones is realised by the phone of its own name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from timbre.errors import TimbreError, some
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.table_forms import words
from timbre.kaldi.text import read_lines, read_table, write_table

BLANK = "<blk>"
"""The name of the blank in the inventories of published models."""


@dataclass(frozen=True)
class PhoneSpeech:
    """Transcripts: ``phones`` is {utterance: phonemes} of a data directory, ``language`` {utterance: language}."""

    phones: Mapping[str, Sequence[str]]
    language: Mapping[str, str]

    @classmethod
    def of(cls, data: DataDir) -> PhoneSpeech:
        """The tables ``phones`` and ``utt2lang``, which have to know every utterance of ``data``."""
        tables = {name: data.table(name) for name in ("phones", "utt2lang")}
        for name, table in tables.items():
            if without := [utterance for utterance in data.utt2spk if utterance not in table]:
                raise TimbreError(f"{data.path}/{name}: lacks {len(without)} utterances: {some(without, 3)}")
        return cls(
            {utterance: words(tables["phones"][utterance]) for utterance in data.utt2spk},
            {utterance: tables["utt2lang"][utterance] for utterance in data.utt2spk},
        )

    def phonemes(self) -> dict[str, list[str]]:
        """``{language: its phonemes}``, both in byte order."""
        found: dict[str, set[str]] = {}
        for utterance, phones in self.phones.items():
            found.setdefault(self.language[utterance], set()).update(phones)
        return {language: sorted(found[language], key=str.encode) for language in sorted(found, key=str.encode)}


def read_transcripts(path: str | Path) -> dict[str, list[str]]:
    """``{utterance: phones}`` of a recogniser's table; where nothing was recognised, none."""
    return {utterance: words(phones) for utterance, phones in read_table(path, fields=0).items()}


def write_transcripts(path: str | Path, transcripts: Mapping[str, Sequence[str]]) -> None:
    """The table that :func:`read_transcripts` reads, whole or not at all."""
    write_table(path, {utterance: " ".join(phones) for utterance, phones in transcripts.items()}, fields=0)


def read_inventory(path: str | Path) -> tuple[str, ...]:
    """The phones of an inventory in the order of their numbers, from 1 on; the blank is none of them.

    Raises:
        TimbreError: for a line of another form, a phone that comes twice, and numbers that leave one out.
    """
    numbers: dict[str, int] = {}
    for line, text in read_lines(path):
        phone, *number = words(text) or [""]
        if not phone or len(number) > 1 or not all(map(str.isdecimal, number)) or phone in numbers:
            raise TimbreError(
                f"{path}:{line}: expected <phone> or <phone> <number>, each phone once; found '{text}'"
            )
        if phone != BLANK:
            numbers[phone] = int(number[0]) if number else len(numbers) + 1
    phones = sorted(numbers, key=numbers.__getitem__)
    if not phones or [numbers[phone] for phone in phones] != list(range(1, len(phones) + 1)):
        raise TimbreError(f"{path}: the numbers of its {len(phones)} phones are not 1 to {len(phones)}, each once")
    return tuple(phones)


def read_allophones(path: str | Path) -> dict[tuple[str, str], tuple[str, ...]]:
    """``{(language, phoneme): the phones that realise it}``."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for number, line in read_lines(path):
        key, phones = tuple(words(line)[:2]), words(line)[2:]
        if not phones or len(set(phones)) < len(phones) or key in found:
            raise TimbreError(
                f"{path}:{number}: expected <language> <phoneme> <phone> …, each once; found '{line}'"
            )
        found[key] = tuple(phones)
    return found
