"""Corpora whose files' names say all, in the copies that circulate: each utterance once, each readable as audio."""

from __future__ import annotations

import filecmp
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from timbre.conf import Section
from timbre.corpora.rows import Row
from timbre.errors import TimbreError, some
from timbre.kaldi.audio import load
from timbre.kaldi.policy import BadAudio

Report = Callable[[str], None]


class Options(Section):
    """What becomes of files that cannot be used."""

    bad_audio: Literal["fail", "skip"] = Field(
        "fail",
        description="the first file that is no readable audio ends it, or all such are left out and reported",
    )


def read_rows(
    root: Path, row_of: Callable[[Path], Row | None], example: str, rate: int, options: Options, report: Report
) -> list[Row]:
    """The rows of all wav files below a folder, whatever its folders are called.

    Of an utterance that lies in several places with the same content the file nearest to the root is taken. Hidden
    files (macOS's ``._*``) are passed over. What is left out or unusual is reported.

    Args:
        row_of: the row of a file by its name; ``None`` where that is no name of the corpus.
        example: a name of the corpus, for messages.
        rate: the corpus's, in Hz; files at another are reported.
    Raises:
        TimbreError: for a folder without wav files, names that are none of the corpus, one utterance in files that
            differ, and, unless they are to be skipped, files that cannot be used
            (:func:`timbre.kaldi.audio.load`).
    """
    named = {path: row_of(path) for path in _wav_files(root)}
    if unknown := [path.name for path, row in named.items() if row is None]:
        raise TimbreError(
            f"{root}: {len(unknown)} of {len(named)} wav files are not named like {example}: {some(unknown)}; "
            "rename or remove them"
        )
    if not named:
        raise TimbreError(f"{root}: no wav files there; --corpus is the folder that holds files like {example}")
    return _readable(_once(list(named.values()), report), rate, options, report)


def _wav_files(root: Path) -> list[Path]:
    """Those nearest to the root first, then in the order of their paths."""
    found = [
        Path(folder, name)
        for folder, _, names in os.walk(root, followlinks=True)
        for name in names
        if name.lower().endswith(".wav") and not name.startswith(".")
    ]
    return sorted(found, key=lambda path: (len(path.parts), path))


def _once(rows: Sequence[Row], report: Report) -> list[Row]:
    """Each utterance's first row; further files of it must have the same content."""
    kept: dict[str, Row] = {}
    for row in rows:
        first = kept.setdefault(row.utterance, row)
        if first is not row and not filecmp.cmp(first.wav, row.wav, shallow=False):
            raise TimbreError(f"{row.utterance}: {first.wav} and {row.wav} differ; remove the wrong one")
    if len(kept) < len(rows):
        report(
            f"corpus: {len(rows) - len(kept)} of {len(rows)} wav files are copies of others, byte for byte; each "
            "utterance is taken once"
        )
    return list(kept.values())


def _readable(rows: Sequence[Row], rate: int, options: Options, report: Report) -> list[Row]:
    """The rows whose files can be used; their rates against the corpus's."""
    bad, rates = BadAudio(options.bad_audio, "--option bad_audio=skip"), {}
    for row in rows:
        with bad.caught(row.utterance):
            _, rates[row.utterance] = load(str(row.wav))
    if bad.skipped:
        report(f"corpus: {len(bad.skipped)} of {len(rows)} files left out: {some(bad.skipped.values(), 20)}")
    if others := [f"{utterance} ({found:,})" for utterance, found in rates.items() if found != rate]:
        report(
            f"corpus: {len(others)} of {len(rates)} files at another rate than {rate:,} Hz: {some(others)}; "
            "features.resample takes care of them"
        )
    return [row for row in rows if row.utterance in rates]
