"""Files of several channels as files of their mean, beside the data directories that name them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from timbre.corpora.rows import Row
from timbre.kaldi.audio import load_channels
from timbre.kaldi.write_wave import write_wave


def write_mixed(out: Path, parts: Mapping[str, Sequence[Row]]) -> dict[str, list[Row]]:
    """Writes ``out/mixed/<utterance>.wav``, 16 bits, for the rows that are to be mixed, which then name it."""

    def written(row: Row) -> Row:
        if not row.mix:
            return row
        samples, rate = load_channels(str(row.wav), foreign=False)
        path = out / "mixed" / f"{row.utterance}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_wave(path, samples.mean(axis=1), rate)
        return replace(row, wav=path, mix=False)

    return {part: [written(row) for row in rows] for part, rows in parts.items()}
