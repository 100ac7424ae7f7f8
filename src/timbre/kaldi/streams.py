"""Streams of utterances in one data directory: ``feats_<name>.scp`` and ``vectors_<name>.scp``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from timbre.errors import TimbreError, some
from timbre.kaldi.atomic import together
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.layout import NOTES
from timbre.kaldi.text import read_optional, write_table
from timbre.kaldi.transform import carry, names_of


def join_streams(data: DataDir, streams: Mapping[str, tuple[Path, Path | None]], out: Path) -> str:
    """Writes ``out``: the tables of ``data``, and of each stream those made of it; returns a line about them.

    Args:
        streams: of each the data directory with its ``feats.scp`` and ``utt2num_frames``, and the folder of its
            ``xvector.scp``, if it has vectors. An utterance that is skipped in one is left out, and is in
            ``out/feats.skipped``.

    Raises:
        TimbreError: for an utterance that a stream has neither made nor skipped.
    """
    tables, skipped = {}, {}
    for name, (frames, vectors) in streams.items():
        made = DataDir(frames)
        tables[f"feats_{name}.scp"] = made.table("feats.scp")
        tables[f"utt2num_frames_{name}"] = made.table("utt2num_frames")
        skipped |= read_optional(frames / "feats.skipped") or {}
        if vectors is not None:
            tables[f"vectors_{name}.scp"] = DataDir(vectors).table("xvector.scp")
            skipped |= read_optional(vectors / "xvector.skipped") or {}
        for note in NOTES[1:]:  # the same whatever the frames are: the first stream's
            if made.has(note):
                tables.setdefault(note, made.table(note))
    kept = [utterance for utterance in data.utt2spk if utterance not in skipped]
    for name, table in tables.items():
        if missing := [utterance for utterance in kept if utterance not in table]:
            raise TimbreError(f"{name}: {len(missing)} of {len(kept)} utterances are missing ({some(missing, 3)})")
    with together():
        carry(data, {out: names_of(data, kept)})
        write_table(out / "feats.skipped", skipped)
        for name, table in tables.items():
            write_table(out / name, {utterance: table[utterance] for utterance in kept})
    return f"{out}: {len(kept)} utterances, streams {', '.join(streams)}"
