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

FEW = 20
"""So many files may have the same length without anybody being told."""

Report = Callable[[str], None]


class Options(Section):
    """What becomes of files that cannot be used."""

    bad_audio: Literal["fail", "skip"] = Field(
        "fail",
        description="the first file that is no readable audio ends it, or all such are left out and reported",
    )
    max_skipped: float = Field(
        0.05, strict=False, ge=0, le=1, description="the largest share of the files that may be left out"
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
        TimbreError: for a folder without wav files, names that are none of the corpus or no text, one utterance in
            files that differ, and, unless they are to be skipped, files that cannot be used
            (:func:`timbre.kaldi.audio.load`).
    """
    named = {path: row_of(path) for path in _wav_files(root)}
    if unknown := [path.name for path, row in named.items() if row is None]:
        raise TimbreError(
            f"{root}: {len(unknown)} of {len(named)} wav files are not named like {example}: {some(unknown)}; "
            + ("is --corpus the right folder?" if 2 * len(unknown) > len(named) else "rename or remove them")
        )
    if not named:
        raise TimbreError(f"{root}: no wav files there; --corpus is the folder that holds files like {example}")
    return readable(_once(list(named.values()), report), rate, options, report)


def _wav_files(root: Path) -> list[Path]:
    """Those nearest to the root first, then in the order of their paths, which must be text."""
    found = [
        Path(folder, name)
        for folder, _, names in os.walk(root, followlinks=True)
        for name in names
        if name.lower().endswith(".wav") and not name.startswith(".")
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
        if first is not row and not filecmp.cmp(first.wav, row.wav, shallow=False):
            raise TimbreError(f"{row.utterance}: {first.wav} and {row.wav} differ; remove the wrong one")
    if len(kept) < len(rows):
        report(
            f"corpus: {len(rows) - len(kept)} of {len(rows)} wav files are copies of others, byte for byte; each "
            "utterance is taken once"
        )
    return list(kept.values())


def readable(rows: Sequence[Row], rate: int, options: Options, report: Report) -> list[Row]:
    """The rows whose files can be used; what is left out, and rates that are not the corpus's, are reported.

    Raises:
        TimbreError: as :func:`read_rows`, for files that cannot be used.
    """
    lengths: set[int] = set()
    bad, rates = BadAudio(options.bad_audio, "--bad-audio skip of run.sh, or --option bad_audio=skip,"), {}
    for row in rows:
        with bad.caught(row.utterance):
            samples, rates[row.utterance] = load(str(row.wav))
            lengths.add(len(samples))
    if bad.skipped:
        if len(bad.skipped) > options.max_skipped * len(rows):
            raise TimbreError(
                f"{len(bad.skipped)} of {len(rows)} files cannot be used, more than --option "
                f"max_skipped={options.max_skipped:g} allows: {some(bad.skipped.values())}"
            )
        report(f"corpus: {len(bad.skipped)} of {len(rows)} files left out: {some(bad.skipped.values(), 20)}")
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
    return [row for row in rows if row.utterance in rates]
