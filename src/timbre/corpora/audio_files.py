"""Corpora whose files' names say all, in the copies that circulate: each utterance once, each readable as audio."""

from __future__ import annotations

import filecmp
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from timbre.conf import Section
from timbre.corpora.rows import Row
from timbre.errors import AudioError, TimbreError, named, some
from timbre.kaldi.audio import load_channels, require_sound
from timbre.kaldi.foreign import ForeignError
from timbre.kaldi.listening import convert
from timbre.kaldi.policy import BadAudio

FEW = 20
"""So many files may have the same length without anybody being told."""

SUFFIXES = (".wav", ".flac")
_SOME = 4096  # samples, whose sum tells most recordings of one length apart

Report = Callable[[str], None]


class Options(Section):
    """What becomes of files that cannot be used, or not as they are."""

    bad_audio: Literal["fail", "skip"] = Field(
        "fail",
        description="the first file that is no readable audio ends it, or all such are left out and reported",
    )
    max_skipped: float = Field(
        0.05, strict=False, ge=0, le=1, description="the largest share of the files that may be left out"
    )
    mix: bool = Field(
        False, description="of files of several channels the mean is taken (OUT/mixed), or they cannot be used"
    )


def read_rows(
    root: Path,
    row_of: Callable[[Path], Row | None],
    example: str,
    rate: int,
    options: Options,
    report: Report,
    other: Callable[[Path], str] = lambda path: "",
) -> list[Row]:
    """The rows of all audio files (:data:`SUFFIXES`) below a folder, whatever its folders are called.

    Of an utterance that lies in several places with the same content the file nearest to the root is taken, and of
    one recording under several names the first, if they say the same of it. Hidden files (macOS's ``._*``) are
    passed over. What is left out or unusual is reported.

    Args:
        row_of: the row of a file by its name; ``None`` where that is no name of the corpus.
        example: a name of the corpus, for messages.
        rate: the corpus's, in Hz; files at another are reported.
        other: what a file is, by its name, that the corpus has beside its utterances; "" for an utterance.
    Raises:
        TimbreError: for a folder without audio files, names that are none of the corpus or no text, one utterance
            in files that differ, and, unless they are to be skipped, files that cannot be used
            (:func:`readable`) and one recording under names that contradict each other.
    """
    found = {path: other(path) for path in _audio_files(root)}
    named = {path: row_of(path) for path, what in found.items() if not what}
    if unknown := [path.name for path, row in named.items() if row is None]:
        raise TimbreError(
            f"{root}: {len(unknown)} of {len(found)} audio files are not named like {example}: {some(unknown)}; "
            + ("is --corpus the right folder?" if 2 * len(unknown) > len(found) else "rename or remove them")
        )
    if others := Counter(what for what in found.values() if what):
        counts = ", ".join(f"{what} {count:,}" for what, count in others.most_common())
        report(f"corpus: {others.total():,} of {len(found):,} files left out: {counts}")
    if not named:
        beside = f" but {some(others)}" if others else ""
        raise TimbreError(
            f"{root}: no audio files there{beside}; --corpus is the folder that holds files like {example}"
        )
    return readable(_once(list(named.values()), report), rate, options, report)


def _audio_files(root: Path) -> list[Path]:
    """Those nearest to the root first, then in the order of their paths, which must be text."""
    found = [
        Path(folder, name)
        for folder, _, names in os.walk(root, followlinks=True)
        for name in names
        if name.lower().endswith(SUFFIXES) and not name.startswith(".")
    ]
    for path in found:
        try:
            str(path).encode()
        except UnicodeEncodeError:
            name = os.fsencode(path).decode("utf-8", "backslashreplace")
            raise TimbreError(
                f"{name}: the name is not UTF-8, as tables are; rename it (convmv -f cp437 -t utf8 -r --notest)"
            ) from None
    return sorted(found, key=lambda path: (len(path.parts), path))


def _once(rows: Sequence[Row], report: Report) -> list[Row]:
    """Each utterance's first row; further files of it must have the same content."""
    kept: dict[str, Row] = {}
    for row in rows:
        first = kept.setdefault(row.utterance, row)
        if first is not row and not _same(first.wav, row.wav):
            raise TimbreError(f"{row.utterance}: {first.wav} and {row.wav} differ; remove the wrong one")
    if len(kept) < len(rows):
        report(
            f"corpus: {len(rows) - len(kept)} of {len(rows)} audio files are copies of others; each utterance is "
            "taken once"
        )
    return list(kept.values())


def _same(first: Path, second: Path) -> bool:
    """Whether two files are the same byte for byte, or sample for sample (a wav and its flac)."""
    if filecmp.cmp(first, second, shallow=False):
        return True
    with suppress(AudioError):
        (one, rate), (other, other_rate) = load_channels(str(first)), load_channels(str(second))
        return rate == other_rate and np.array_equal(one, other)
    return False


def readable(rows: Sequence[Row], rate: int, options: Options, report: Report) -> list[Row]:
    """The rows whose files can be used; what is left out, mixed, or at another rate than the corpus's is reported.

    Raises:
        TimbreError: as :func:`read_rows`, for files that cannot be used: what :func:`timbre.kaldi.audio.load`
            refuses, several channels only where they are not to be mixed.
    """
    bad, rates = BadAudio(options.bad_audio, "--bad-audio skip of run.sh, or --option bad_audio=skip,"), {}
    lengths: set[int] = set()
    mixed: set[str] = set()
    alike: dict[tuple[int, int, float], list[Row]] = {}
    for row in rows:
        with bad.caught(row.utterance):
            samples, found = _load(row.wav)
            if samples.shape[1] > 1:
                if not options.mix:
                    raise AudioError(
                        f"{row.wav}: {samples.shape[1]} channels, expected one; timbre prepare --option mix=true "
                        "takes their mean"
                    )
                mixed.add(row.utterance)
                samples = samples.mean(axis=1)
            with named(row.wav):
                require_sound(samples)
            rates[row.utterance] = found
            lengths.add(len(samples))
            middle = samples[len(samples) // 2 :][:_SOME]
            alike.setdefault((found, len(samples), float(middle.sum())), []).append(row)
    again = _under_other_names(alike.values(), bad)
    total = len(rates)
    for utterance in (*bad.skipped, *again):
        rates.pop(utterance, None)
    if bad.skipped:
        if len(bad.skipped) > options.max_skipped * len(rows):
            raise TimbreError(
                f"{len(bad.skipped)} of {len(rows)} files cannot be used, more than --option "
                f"max_skipped={options.max_skipped:g} allows: {some(bad.skipped.values())}"
            )
        report(f"corpus: {len(bad.skipped)} of {len(rows)} files left out: {some(bad.skipped.values(), 20)}")
    if again:
        names = some(f"{name} (as {first})" for name, first in again.items())
        report(
            f"corpus: {len(again)} of {total} files are left out, whose recording another file of the same speaker "
            f"and class holds: {names}"
        )
    if several := [row.utterance for row in rows if row.utterance in mixed & rates.keys()]:
        counted = f"{len(several)} of {len(rates)} files"
        report(f"corpus: {counted} have several channels, whose mean is taken: {some(several)}")
    if others := [f"{utterance} ({found:,})" for utterance, found in rates.items() if found != rate]:
        report(
            f"corpus: {len(others)} of {len(rates)} files at another rate than {rate:,} Hz: {some(others)}; "
            "features.resample takes care of them"
        )
    if len(lengths) == 1 and len(rates) > FEW:
        report(
            f"corpus: all {len(rates)} files have {lengths.pop():,} samples: a copy that was cut or padded; its "
            "figures are not comparable with others, and durations say nothing"
        )
    return [replace(row, mix=row.utterance in mixed) for row in rows if row.utterance in rates]


def _load(wav: str | Path) -> tuple[np.ndarray, int]:
    """:func:`load_channels`, where what another program reads is to be converted by it."""
    try:
        return load_channels(str(wav))
    except ForeignError as error:
        raise AudioError(f"{wav}: {error}; convert it: {convert(str(wav))}") from None


def _under_other_names(groups: Iterable[Sequence[Row]], bad: BadAudio) -> dict[str, str]:
    """``{utterance: another}`` of those whose recordings another has, of which everything else is the same.

    Where the names contradict each other nobody knows which is right: ``bad`` gets all of them.
    """
    again: dict[str, str] = {}
    for group in groups:
        left = list(group)
        while len(left) > 1:
            first, *others = left
            same = [row for row in others if _same(first.wav, row.wav)]
            left = [row for row in others if row not in same]
            if all(_said(row) == _said(first) for row in same):
                again |= {row.utterance: first.utterance for row in same}
                continue
            names = some(str(row.wav) for row in (first, *same))
            for row in (first, *same):
                with bad.caught(row.utterance):
                    raise AudioError(
                        f"one recording under names that contradict each other: {names}; remove the wrong ones"
                    )
    return again


def _said(row: Row) -> tuple[str, Mapping[str, str]]:
    return row.speaker, row.tables
