"""What a corpus module hands over, and the data directories written from it.

A corpus module ``timbre.corpora.<name>`` holds ``prepare(corpus: Path) -> {part: [Row, …]}``; that is all
``timbre prepare --corpus-kind <name>`` needs. It may hold further

- ``EXPECTED = {part: (utterances, speakers)}``: the counts of the whole corpus, 0 speakers where nobody knows them;
- ``class Options(Section)``: what ``--option NAME=VALUE`` may say. Then its functions are
  ``prepare(corpus, options, report)`` and, for trial lists of its own, ``write_lists(test, options, report)`` with
  the :class:`~timbre.kaldi.datadir.DataDir` of the part ``test``; ``report`` takes lines for the user;
- ``EDITED = True`` where people write the corpus's table themselves: a later version of it replaces an earlier one;
- ``ARCHIVES``, for ``timbre download``; ``LAYOUT``, for synthetic stand-ins (:mod:`timbre.corpora.layout`).
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType

from timbre import corpora
from timbre.errors import TimbreError, did_you_mean, doing, some
from timbre.kaldi.atomic import together
from timbre.kaldi.datadir import invert
from timbre.kaldi.text import read_optional, write_table
from timbre.kaldi.transform import remove_tables_but


@dataclass(frozen=True, slots=True)
class Row:
    """An utterance of a corpus, as its data directory will say it.

    ``wav`` is its audio, with ``mix`` the mean of its channels (:mod:`timbre.corpora.mixed`); of a corpus that came
    as frames ``given`` is its file of them instead. ``tables`` holds the utterance's value in each further table
    (``{"text": …, "utt2emotion": …}``), ``speaker_tables`` its speaker's (``{"spk2gender": "f"}``), where known.
    Where the speaker is not known, it is the utterance itself.
    """

    utterance: str
    speaker: str
    wav: str | Path | None = None
    tables: Mapping[str, str] = field(default_factory=dict)
    speaker_tables: Mapping[str, str] = field(default_factory=dict)
    given: str | Path | None = None
    mix: bool = False

    @property
    def source(self) -> tuple[str, str]:
        """The table that names its file, and the file."""
        return ("wav.scp", str(self.wav)) if self.given is None else ("given.scp", str(self.given))


def corpus_module(kind: str, attribute: str = "prepare") -> ModuleType:
    """The module ``timbre.corpora.<kind>``, if it has ``attribute``; else refused with the known ones."""
    modules = [module.name for module in pkgutil.iter_modules(corpora.__path__)]
    if kind in modules:
        module = importlib.import_module(f"timbre.corpora.{kind}")
        if hasattr(module, attribute):
            return module
    able = [name for name in modules if hasattr(importlib.import_module(f"timbre.corpora.{name}"), attribute)]
    purpose = {"ARCHIVES": "download", "LAYOUT": "lay out"}.get(attribute, attribute)
    raise TimbreError(f"there is no corpus '{kind}' to {purpose}{did_you_mean(kind, able)}")


def prefixed(parts: Mapping[str, Sequence[Row]], prefix: str) -> dict[str, list[Row]]:
    """The rows with ``<prefix>-`` before the ids of utterances and speakers, so that corpora can be joined."""

    def renamed(row: Row) -> Row:
        return replace(row, utterance=f"{prefix}-{row.utterance}", speaker=f"{prefix}-{row.speaker}")

    return {part: [renamed(row) for row in rows] for part, rows in parts.items()}


def write_data_dirs(out: Path, parts: Mapping[str, Sequence[Row]], anew: bool = False) -> None:
    """Writes ``out/<part>`` for each part: nothing before all rows are checked, each directory whole.

    Tables that later stages added to a directory stay; they are about the same utterances and files. With ``anew``
    they go, and so does what the rows do not have any more.

    Raises:
        TimbreError: for rows that make no valid directory, and where a directory of other audio stands.
    """
    tables = {part: _tables(part, rows) for part, rows in parts.items()}
    for part in () if anew else parts:
        _refuse_other_corpus(out / part, tables[part])
    for part in parts:
        _write(out / part, tables[part])
        if anew:
            remove_tables_but(out / part, tables[part])


def summary(parts: Mapping[str, Sequence[Row]], expected: Mapping[str, tuple[int, int]]) -> Iterator[str]:
    """A line for each part: what there is, against the whole corpus where that is known; then warnings."""
    for part, rows in parts.items():
        spk2utt = invert({row.utterance: row.speaker for row in rows})
        genders = {row.speaker: row.speaker_tables.get("spk2gender") for row in rows}
        known = any(row.utterance != row.speaker for row in rows)
        found = len(rows), len(spk2utt) if known else 0
        counts = [f"{len(rows)} utterances", f"{len(spk2utt)} speakers" if known else "speakers not known"]
        if any(genders.values()):
            said = list(genders.values())
            counts.append(f"{said.count('f')} female and {said.count('m')} male")
        whole = expected.get(part)
        if whole and whole != found:
            counts.append(f"not the whole corpus's {whole[0]}" + (f" of {whole[1]} speakers" if whole[1] else ""))
        elif whole:
            counts.append("as in the whole corpus")
        yield f"{part}: {', '.join(counts)}"
        single = [spk for spk, utts in spk2utt.items() if len(utts) == 1]
        if single and known:
            yield f"{part}: warning: one utterance only, so no target trial, of {some(single)}"


def refuse_missing_audio(parts: Mapping[str, Sequence[Row]], mend: str) -> None:
    """Every row's file must be there and hold something; the first of those missing are named."""
    for part, rows in parts.items():
        missing = [row for row in rows if not os.path.isfile(row.wav) or not os.path.getsize(row.wav)]
        if missing:
            names = some(f"{row.utterance} ({row.wav})" for row in missing)
            raise TimbreError(
                f"{part}: {len(missing)} of {len(rows)} audio files missing or empty: {names}; {mend}"
            )


def refuse_shared_speakers(parts: Mapping[str, Sequence[Row]]) -> None:
    """No speaker may stand in two parts: a verification result on speakers trained on means nothing."""
    home: dict[str, str] = {}
    for part, rows in parts.items():
        speakers = {row.speaker for row in rows}
        both = sorted(speaker for speaker in speakers if speaker in home)
        if both:
            raise TimbreError(
                f"speakers in both '{home[both[0]]}' and '{part}': {some(both)}; parts must be disjoint"
            )
        home.update(dict.fromkeys(speakers, part))


def _tables(part: str, rows: Sequence[Row]) -> dict[str, dict[str, str]]:
    """The tables of a part, checked: unique ids beginning with the speaker's, nothing said half."""
    if not rows:
        raise TimbreError(f"{part}: the corpus has no utterances there; is --corpus its root folder?")
    source = rows[0].source[0]
    tables: dict[str, dict[str, str]] = {source: {}, "utt2spk": {}}
    for row in rows:
        utt, spk, (kind, file) = row.utterance, row.speaker, row.source
        if kind != source:
            raise TimbreError(
                f"{part}: '{utt}' ({file}) stands in {kind}, others in {source}: audio or frames, not both"
            )
        if utt in tables["utt2spk"]:
            raise TimbreError(f"{part}: utterance '{utt}' comes twice ({tables[source][utt]} and {file})")
        if not (utt == spk or utt.startswith(f"{spk}-")) or len(f"{utt} {spk}".split()) != 2:
            raise TimbreError(f"{part}: utterance id '{utt}' ({file}) must be '<speaker>-<rest>' without spaces")
        tables[source][utt], tables["utt2spk"][utt] = file, spk
        for name, value in row.tables.items():
            if line := " ".join(value.split()):
                tables.setdefault(name, {})[utt] = line
        for name, value in row.speaker_tables.items():
            if tables.setdefault(name, {}).setdefault(spk, value) != value:
                raise TimbreError(f"{part}: {name} of '{spk}' is both '{tables[name][spk]}' and '{value}' ({utt})")
    for name in {name for row in rows for name in row.tables}:
        without = [row.utterance for row in rows if row.utterance not in tables.get(name, {})]
        if without:
            raise TimbreError(f"{part}: {name} lacks {some(without)}; give it for all utterances or none")
    tables["spk2utt"] = {spk: " ".join(utts) for spk, utts in invert(tables["utt2spk"]).items()}
    return tables


def _refuse_other_corpus(path: Path, tables: Mapping[str, Mapping[str, str]]) -> None:
    """Features or trials made from other audio must not pass for this corpus's."""
    for name in ("wav.scp", "given.scp", "utt2spk"):
        before = read_optional(path / name) or {}
        other = [key for key, value in before.items() if tables.get(name, {}).get(key) != value]
        if other:
            raise TimbreError(
                f"{path / name}: {len(other)} of {len(before)} lines are of another corpus or folder "
                f"({some(other)}); remove {path} or choose another --out, and another name (--exp) for what is "
                "trained on it"
            )


def _write(path: Path, tables: Mapping[str, Mapping[str, str]]) -> None:
    """A new directory appears whole, by one rename; in one that stands, all tables at once."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with together():
            for name, table in tables.items():
                write_table((path if path.exists() else fresh) / name, table)
        if not path.exists():
            with doing(f"cannot write {path}"):
                fresh.rename(path)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
