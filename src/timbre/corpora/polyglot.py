"""Synthetic speech: every speaker speaks several languages in turn, and the phones are known.

The tree of :mod:`timbre.corpora.synthetic`, and further

    <corpus>/<part>/wav/<spk>/<spk>-<utt>.phn    <first sample> <sample after the last> <phone>
    <corpus>/<part>/utt2lang                     <utt> <language>, as espeak-ng calls it

Phones are espeak's, as IPA without stress marks and tones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from timbre.corpora import synthetic
from timbre.corpora.layout import PHONES, Utterance, lines
from timbre.corpora.rows import Row
from timbre.errors import TimbreError
from timbre.kaldi.text import read_lines, read_table


def prepare(corpus: Path) -> dict[str, list[Row]]:
    """The rows of ``train`` and ``test`` with ``phones`` and ``utt2lang``, languages without their region (en).

    Raises:
        TimbreError: as :func:`timbre.corpora.synthetic.prepare`, and for phones that are missing or damaged.
    """
    return {part: _with_phones(corpus / part, rows) for part, rows in synthetic.prepare(corpus).items()}


def _with_phones(folder: Path, rows: Sequence[Row]) -> list[Row]:
    languages = read_table(folder / "utt2lang", fields=2)
    return [
        replace(
            row,
            tables={
                **row.tables,
                "utt2lang": languages[row.utterance].split("-")[0],
                "phones": " ".join(_phones(Path(row.wav).with_suffix(PHONES))),
            },
        )
        for row in rows
    ]


def _phones(path: Path) -> list[str]:
    found = []
    for number, line in read_lines(path):
        fields = line.split()
        if len(fields) != 3:
            raise TimbreError(f"{path}:{number}: expected <first sample> <sample after> <phone>, found '{line}'")
        found.append(fields[2])
    return found


def _files(utterances: Sequence[Utterance]) -> Mapping[str, str]:
    files = dict(synthetic.LAYOUT.files(utterances))
    for part in synthetic.PARTS:
        files[f"{part}/utt2lang"] = lines(
            f"{one.utterance} {one.language}" for one in utterances if one.part == part
        )
    return files


LAYOUT = replace(
    synthetic.LAYOUT,
    title="a corpus of its own, in several languages",
    files=_files,
    defaults={"language": "en-us de fr fa cmn", "words": [4, 7], "utterances": 20},
    phones=True,
)
