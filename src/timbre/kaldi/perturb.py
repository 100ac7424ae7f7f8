"""Data directories with copies of their utterances: at other speeds, or from other waveforms.

Every table of a known form is carried along (:mod:`timbre.kaldi.layout`), except those of features: they are to be
made of the copies. ``utt2uniq`` names the original of each utterance, of a copy of a copy too.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from pathlib import Path

from timbre.errors import TimbreError, some
from timbre.kaldi.atomic import together
from timbre.kaldi.datadir import DataDir, invert
from timbre.kaldi.layout import keyed_by, tables
from timbre.kaldi.text import read_table, write_table
from timbre.kaldi.transform import remove_tables_but

_OF_FEATURES = (
    "feats.scp",
    "feats_*.scp",
    "vectors_*.scp",
    "vad.scp",
    "cmvn.scp",
    "utt2num_frames",
    "utt2level",
    "utt2audio",
)
_OF_DURATION = ("utt2dur", "reco2dur")


def add_speed_copies(data: DataDir, speeds: Sequence[float], out: Path) -> None:
    """Writes ``data`` and, for each speed s, its copy with ids ``sp<s>-<id>`` of utterances and speakers.

    ``utt2speed`` tells readers of the waveforms how fast to play them (Kaldi's perturb_data_dir_speed_3way.sh).
    """
    if data.has("utt2speed"):
        raise TimbreError(f"{data.path} holds copies at other speeds already (utt2speed)")
    copies = [("", 1.0), *((f"sp{speed:g}-", speed) for speed in speeds)]
    utt2spk = data.utt2spk
    originals = {prefix + utt: utt for prefix, _ in copies for utt in utt2spk}
    speakers = {prefix + speaker: speaker for prefix, _ in copies for speaker in data.spk2utt}
    result = _carried(data, originals, speakers, leave=_OF_FEATURES + _OF_DURATION)
    result["utt2spk"] = {prefix + utt: prefix + speaker for prefix, _ in copies for utt, speaker in utt2spk.items()}
    result["utt2speed"] = {prefix + utt: f"{speed:g}" for prefix, speed in copies for utt in utt2spk}
    _write(out, result)


def add_wave_copies(
    data: DataDir, out: Path, kinds: Sequence[str], folder: Path, durations: Mapping[str, str]
) -> None:
    """Writes ``data`` and, for each kind, its copy with ids ``<id>-<kind>``, of the same speakers.

    Args:
        data: where the originals are.
        out: the data directory to write; nothing is written where it stands there already.
        kinds: endings of ids.
        folder: of the copies' waveforms (:func:`wave_copy`).
        durations: of the utterances to take and their copies, in seconds.
    Raises:
        TimbreError: an id of a copy stands in ``data``.
    """
    utt2spk = {utt: data.utt2spk[utt] for utt in durations}
    copies = {f"{utt}-{kind}": (utt, kind) for utt in utt2spk for kind in kinds}
    if taken := [copy for copy in copies if copy in data.utt2spk or copy in data.table("wav.scp")]:
        raise TimbreError(f"{data.path} holds such copies already: {some(taken)}; give the directory without them")
    originals = {utt: utt for utt in utt2spk} | {copy: utt for copy, (utt, _) in copies.items()}
    result = _carried(data, originals, {speaker: speaker for speaker in utt2spk.values()}, leave=_OF_FEATURES)
    result["wav.scp"] |= {copy: wave_copy(folder, utt2spk[utt], utt, kind) for copy, (utt, kind) in copies.items()}
    if "segments" in result:
        result["segments"] |= {copy: f"{copy} 0 {durations[utt]}" for copy, (utt, _) in copies.items()}
    if "reco2dur" in result:
        result["reco2dur"] |= {copy: durations[utt] for copy, (utt, _) in copies.items()}
    if "utt2speed" in result:
        result["utt2speed"] |= dict.fromkeys(copies, "1")  # their waveforms are at the speed already
    _write(out, result)


def wave_copy(folder: Path, speaker: str, utterance: str, kind: str) -> Path:
    """The file of an utterance's copy, ``<folder>/<kind>/<speaker>/<utterance>-<kind>.wav``."""
    return folder / kind / speaker / f"{utterance}-{kind}.wav"


def utt2person(data: DataDir) -> dict[str, str]:
    """``{utterance: person}``: the speaker of its original, so that copies of a speaker are the same person."""
    utt2spk = data.utt2spk
    originals = data.originals
    person = {speaker: utt2spk.get(originals.get(utt, utt), speaker) for utt, speaker in utt2spk.items()}
    return {utt: person[speaker] for utt, speaker in utt2spk.items()}


def _carried(
    data: DataDir, originals: Mapping[str, str], speakers: Mapping[str, str], leave: Sequence[str]
) -> dict[str, dict[str, object]]:
    """The tables of ``data`` under new ids, ``{new: old}``; a recording of ``segments`` keeps its name."""
    recordings = originals
    if data.has("segments"):
        recordings = {name: name for name in (data.segment(utt)[0] for utt in originals.values())}
    ids = {"utterance": originals, "speaker": speakers, "recording": recordings}
    result: dict[str, dict[str, object]] = {}
    for name in tables(data.path):
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in leave):
            rows = read_table(data.path / name)
            result[name] = {new: rows[old] for new, old in ids[keyed_by(name)].items() if old in rows}
    before = data.originals
    result["utt2uniq"] = {new: before.get(old, old) for new, old in originals.items()}
    return result


def _write(out: Path, result: dict[str, dict[str, object]]) -> None:
    """Writes the tables and removes others, unless all stand there: what was made of them stays newer than they."""
    result["spk2utt"] = {speaker: " ".join(utts) for speaker, utts in invert(result["utt2spk"]).items()}
    rows = {name: {key: str(value) for key, value in table.items()} for name, table in result.items()}
    if all((out / name).exists() and read_table(out / name) == table for name, table in rows.items()):
        return
    with together():
        for name, table in rows.items():
            write_table(out / name, table)
        remove_tables_but(out, rows)
