"""Copies of a data directory at other speeds, as further speakers (Kaldi's perturb_data_dir_speed_3way.sh)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from timbre.errors import TimbreError
from timbre.kaldi.datadir import DataDir, invert
from timbre.kaldi.text import write_table


def add_speed_copies(data: DataDir, speeds: Sequence[float], out: Path) -> None:
    """Writes ``data`` and, for each speed s, its copy with ids ``sp<s>-<id>`` of utterances and speakers.

    ``utt2speed`` tells readers of the waveforms how fast to play them, ``utt2uniq`` names the originals.
    Features are not copied: they are to be made of the copies.
    """
    if data.has("utt2speed"):
        raise TimbreError(f"{data.path} holds copies at other speeds already (utt2speed)")
    copies = [("", 1.0), *((f"sp{speed:g}-", speed) for speed in speeds)]
    utterances = data.utt2spk
    tables: dict[str, dict[str, object]] = {
        "utt2spk": {p + utt: p + spk for p, _ in copies for utt, spk in utterances.items()},
        "utt2uniq": {p + utt: utt for p, _ in copies for utt in utterances},
        "utt2speed": {p + utt: f"{speed:g}" for p, speed in copies for utt in utterances},
    }
    tables["spk2utt"] = {spk: " ".join(utts) for spk, utts in invert(tables["utt2spk"]).items()}
    if data.has("segments"):
        tables["segments"] = {p + utt: where for p, _ in copies for utt, where in data.table("segments").items()}
        tables["wav.scp"] = data.table("wav.scp")
    else:
        tables["wav.scp"] = {p + utt: path for p, _ in copies for utt, path in data.table("wav.scp").items()}
    for name, table in tables.items():
        write_table(out / name, table)
