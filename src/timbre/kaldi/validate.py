"""Checks of a data directory, in the order of Kaldi's ``utils/validate_data_dir.sh``.

The first problem is raised, with file, line or key, both values and the mend. Tables that Kaldi does not
know (``utt2emotion``, ``spk2age``) may lack keys, as a corpus may lack labels, but hold no key of their own.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from pathlib import Path

from timbre.errors import TimbreError, some
from timbre.kaldi.datadir import DataDir, invert
from timbre.kaldi.layout import Kind, derive, fixing, is_whole, keyed_by, tables
from timbre.kaldi.table_forms import segment_of, words
from timbre.kaldi.text import read_table


def validate(
    path: str | Path,
    feats: bool = True,
    text: bool = True,
    wav: bool = True,
    printable: bool = True,
    speaker_order: bool = True,
) -> list[str]:
    """Checks the data directory ``path``; returns warnings.

    Args:
        path: the directory.
        feats, text, wav: whether ``feats.scp``, ``text``, ``wav.scp`` (or ``given.scp``) must be there.
        printable: whether ``text`` may hold printing characters only.
        speaker_order: whether sorting by speaker must leave the utterances in their order.
    Raises:
        TimbreError: the first problem.
    """
    path = Path(path)
    names = tables(path)
    for name, mend in {
        "utt2spk": "it names the speaker of each utterance, and the preparation of the corpus (stage 0) makes it",
        "spk2utt": f"run: {derive(path, 'spk2utt')}",
    }.items():
        if name not in names or not (path / name).stat().st_size:
            raise TimbreError(f"{path / name}: {'empty' if name in names else 'no such file'}; {mend}")

    utt2spk = _ordered(path / "utt2spk")
    others = {name: _ordered(path / name) for name in names if name != "utt2spk"}
    if speaker_order:
        _check_speaker_order(path / "utt2spk", utt2spk)
    _check_spk2utt(path, others["spk2utt"], utt2spk)
    wav = wav and "given.scp" not in names
    for name, wanted, option in (("text", text, "--no-text"), ("wav.scp", wav, "--no-wav")):
        if wanted and name not in names:
            raise TimbreError(f"{path / name}: no such file; if that is meant, give {option}")
    if "text" in names:
        _same_keys(path / "text", others["text"], path / "utt2spk", utt2spk)
        if printable:
            _check_printable(path / "text", others["text"])
    recordings_path, recordings = _check_recordings(path, others, utt2spk)
    if feats and "feats.scp" not in names:
        raise TimbreError(
            f"{path / 'feats.scp'}: no such file; steps/make_feats.sh (stage 1) makes it; "
            "if it is not needed, give --no-feats"
        )
    reference: dict[Kind, tuple[Path, Collection[str]]] = {
        "utterance": (path / "utt2spk", utt2spk),
        "speaker": (path / "spk2utt", others["spk2utt"]),
        "recording": (recordings_path, recordings),
    }
    for name, table in others.items():
        _same_keys(path / name, table, *reference[keyed_by(name)], may_lack=not is_whole(name))
    if (path / "enrol").exists():
        _ = DataDir(path).models
    if len(others["spk2utt"]) == 1:
        return [f"{path} has only one speaker ({next(iter(others['spk2utt']))}): is the speaker id right?"]
    return []


def _ordered(path: Path) -> dict[str, str]:
    """The table, refused where keys stand twice or not in byte order (``LC_ALL=C sort``)."""
    table = read_table(path)
    before = ""
    for number, key in enumerate(table, start=1):
        if key < before:  # by code point, which is the order of UTF-8 bytes
            raise TimbreError(
                f"{path}:{number}: '{key}' stands after '{before}': not sorted in byte order (LC_ALL=C); "
                f"run: {fixing(path.parent)}"
            )
        before = key
    return table


def _check_speaker_order(path: Path, utt2spk: Mapping[str, str]) -> None:
    """``sort -k2`` must leave utt2spk as it is, or tools that read by speaker and by utterance disagree."""
    rows = list(utt2spk.items())
    for (utt_before, spk_before), (utt, spk) in itertools.pairwise(rows):
        if spk < spk_before:
            raise TimbreError(
                f"{path}: sorted by utterance, '{utt}' of speaker '{spk}' stands after '{utt_before}' of speaker "
                f"'{spk_before}', sorted by speaker before it; begin each utterance id with its speaker id and "
                "'-' (and zero-pad numbers in speaker ids), or give --no-spk-sort"
            )


def _check_spk2utt(path: Path, spk2utt: Mapping[str, str], utt2spk: dict[str, str]) -> None:
    derived = invert(utt2spk)
    mend = f"run: {derive(path, 'spk2utt')}"
    for speaker in sorted({*spk2utt, *derived}):
        listed, expected = words(spk2utt.get(speaker, "")), derived.get(speaker, [])
        if listed != expected:
            raise TimbreError(
                f"{path / 'spk2utt'}: speaker '{speaker}' lists {len(listed)} ({some(listed, 3) or 'none'}), "
                f"by utt2spk {len(expected)} ({some(expected, 3) or 'none'}); {mend}"
            )


def _check_printable(path: Path, text: Mapping[str, str]) -> None:
    for utt, transcript in text.items():
        bad = next((c for c in transcript if not c.isprintable() and not c.isspace()), None)
        if bad:
            raise TimbreError(
                f"{path}: '{utt}' holds the non-printing character U+{ord(bad):04X}; remove it or give --non-print"
            )


def _check_recordings(
    path: Path, others: Mapping[str, Mapping[str, str]], utt2spk: Mapping[str, str]
) -> tuple[Path, Collection[str]]:
    """Checks ``segments`` and ``wav.scp`` against each other; returns the recordings, and their file."""
    compared, recordings = path / "utt2spk", dict.fromkeys(utt2spk)
    if "segments" in others:
        compared = path / "segments"
        _same_keys(compared, others["segments"], path / "utt2spk", utt2spk)
        recordings = dict.fromkeys(segment_of(value)[0] for value in others["segments"].values())
    if "wav.scp" in others:
        for key, value in others["wav.scp"].items():
            if value.startswith("~"):
                raise TimbreError(
                    f"{path / 'wav.scp'}: '{key}': '{value}' begins with ~, which no program expands; "
                    "write the path in full"
                )
        _same_keys(path / "wav.scp", others["wav.scp"], compared, recordings)
    return compared, recordings


def _same_keys(
    path: Path, table: Collection[str], reference_path: Path, reference: Collection[str], may_lack: bool = False
) -> None:
    """Refuses keys of one file that the other lacks, named from both sides."""
    surplus = [key for key in table if key not in reference]
    missing = [] if may_lack else [key for key in reference if key not in table]
    if surplus or missing:
        raise TimbreError(
            f"{path} has {len(table)} keys, {reference_path.name} {len(reference)}"
            + (f"; only in {reference_path.name}: {some(missing)}" if missing else "")
            + (f"; only in {path.name}: {some(surplus)}" if surplus else "")
            + f"; add what is missing, or run: {fixing(path.parent)} (keeps what both have)"
        )
