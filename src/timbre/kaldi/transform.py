"""Data directories out of data directories: a part of one, one under other ids, several in one.

Every table of a known form is carried along (:mod:`timbre.kaldi.layout`), so a label beside ``utt2spk``
follows its utterance everywhere. Tables of the destination that the result does not have are removed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from timbre.errors import TimbreError, some
from timbre.kaldi.atomic import copy_file, remove, together
from timbre.kaldi.datadir import DataDir, invert
from timbre.kaldi.layout import SETTINGS, Kind, keyed_by, tables
from timbre.kaldi.text import read_table, write_table


@dataclass(frozen=True)
class Names:
    """Ids that are carried along, ``{id in the source: id in the destination}``."""

    utterance: Mapping[str, str]
    speaker: Mapping[str, str]
    recording: Mapping[str, str]

    def of(self, kind: Kind) -> Mapping[str, str]:
        """The ids that a table of this kind is keyed by."""
        return getattr(self, kind)


def names_of(
    source: DataDir,
    utterances: Collection[str] | None = None,
    new_utterance: Callable[[str], str] = str,
    new_speaker: Callable[[str], str] = str,
) -> Names:
    """The ids of ``source``, of all or some of its utterances, and their names in the destination.

    A recording keeps its name where there are ``segments``, else it is the utterance and takes its name.
    """
    utt2spk = source.utt2spk
    utterance = {utt: new_utterance(utt) for utt in (utt2spk if utterances is None else utterances)}
    recording = utterance
    if source.has("segments"):
        segments = source.table("segments")
        recording = {name: name for name in (source.segment(utt)[0] for utt in utterance if utt in segments)}
    return Names(utterance, {utt2spk[utt]: new_speaker(utt2spk[utt]) for utt in utterance}, recording)


def carry(source: DataDir, parts: Mapping[Path, Names]) -> None:
    """Writes the tables of ``source`` to each destination, restricted to its names and renamed by them."""
    carried = [name for name in tables(source.path) if name != "spk2utt"]
    for destination in parts:
        if destination.resolve() == source.path.resolve():
            raise TimbreError(f"{destination}: source and destination are the same directory")
    with together():
        for name in carried:  # a table is read once, and not all of them held at a time
            table = read_table(source.path / name)
            for destination, names in parts.items():
                rows = {new: table[old] for old, new in names.of(keyed_by(name)).items() if old in table}
                if name == "utt2spk":
                    rows = {utt: names.speaker[speaker] for utt, speaker in rows.items()}
                    _write_spk2utt(destination, rows)
                write_table(destination / name, rows)
        for destination in parts:
            remove_tables_but(destination, [*carried, "spk2utt"])
            for name in SETTINGS:
                if source.has(name):
                    copy_file(source.path / name, destination / name)


def copy(
    source: DataDir, destination: Path, new_utterance: Callable[[str], str], new_speaker: Callable[[str], str]
):
    """Copies a data directory under other ids; ``utt2uniq`` then keeps what each utterance was before."""
    names = names_of(source, None, new_utterance, new_speaker)
    with together():
        carry(source, {destination: names})
        if not source.has("utt2uniq") and any(old != new for old, new in names.utterance.items()):
            write_table(destination / "utt2uniq", {new: old for old, new in names.utterance.items()})


def combine(
    destination: Path, sources: list[Path], extra: Iterable[str] = (), report: Callable[[str], None] = print
) -> None:
    """Joins data directories; a table is there when every source has it.

    ``utt2uniq`` and ``segments`` are made where some sources have them: an utterance without is its own
    original, and the whole of its recording (its end from ``utt2dur``).

    Raises:
        TimbreError: an id stands in two sources with different values.
    """
    have = {source: {*tables(source), *(name for name in extra if (source / name).exists())} for source in sources}
    for source in sources:
        if "utt2spk" not in have[source]:
            raise TimbreError(f"{source / 'utt2spk'}: no such file")
        if source.resolve() == destination.resolve():
            raise TimbreError(f"{destination}: source and destination are the same directory")
        for name in ("utt2uniq", "segments"):
            if any(name in names for names in have.values()):
                have[source].add(name)
    with together():
        written = []
        for name in sorted(set().union(*have.values()) - {"spk2utt"}):
            lack = [str(source) for source in sources if name not in have[source]]
            if lack:
                report(f"not combining {name} as it does not exist in {some(lack)}")
                continue
            table = _joined(name, sources)
            if table is None:
                report(
                    f"not combining {name}: the sources have different ones for the same speaker; compute it again"
                )
                continue
            if name == "utt2spk":
                _write_spk2utt(destination, table)
            write_table(destination / name, table)
            written.append(name)
            report(f"combined {name}")
        remove_tables_but(destination, [*written, "spk2utt"])
        for name in SETTINGS:
            contents = {(source / name).read_bytes() if (source / name).exists() else None for source in sources}
            if len(contents) == 1 and None not in contents:
                copy_file(sources[0] / name, destination / name)


def _joined(name: str, sources: list[Path]) -> dict[str, str] | None:
    """The rows of all sources; ``None`` for statistics per speaker that differ between sources."""
    joined: dict[str, str] = {}
    origin: dict[str, Path] = {}
    for source in sources:
        table = read_table(source / name) if (source / name).exists() else _stand_in(name, source)
        for key, value in table.items():
            if joined.setdefault(key, value) != value:
                if name == "cmvn.scp":
                    return None
                raise TimbreError(
                    f"'{key}' stands in {origin[key] / name} with '{joined[key]}' and in {source / name} with "
                    f"'{value}'; give the ids of one a prefix: utils/copy_data_dir.sh --utt-prefix "
                    "(and --spk-prefix, if the speakers are different people)"
                )
            origin.setdefault(key, source)
    return joined


def _stand_in(name: str, source: Path) -> dict[str, str]:
    """``utt2uniq`` or ``segments`` of a source that has none."""
    utt2spk = read_table(source / "utt2spk")
    if name == "utt2uniq":
        return {utt: utt for utt in utt2spk}
    if not (source / "utt2dur").exists():
        raise TimbreError(
            f"{source / 'utt2dur'}: no such file; it gives the ends of the segments that the other sources have"
        )
    durations = read_table(source / "utt2dur")
    missing = [utt for utt in utt2spk if utt not in durations]
    if missing:
        raise TimbreError(f"{source / 'utt2dur'}: lacks {some(missing)}; make the table again")
    return {utt: f"{utt} 0 {durations[utt]}" for utt in utt2spk}


def _write_spk2utt(destination: Path, utt2spk: dict[str, str]) -> None:
    rows = {speaker: " ".join(utts) for speaker, utts in invert(utt2spk).items()}
    write_table(destination / "spk2utt", rows)


def remove_tables_but(destination: Path, written: Collection[str]) -> None:
    """Removes tables of an earlier result."""
    for name in tables(destination):
        if name not in written:
            remove(destination / name)
