"""Ensembles over seeds: trainings that differ by their seed alone, whose posteriors are averaged.

    p(c | u) = Σ_m p_m(c | u) / M

of M members, each of which tells of every utterance u; and so are the weights of a fusion's streams. Beside the
means lies the table ``members``, lines '<seed> <folder of posteriors>'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from timbre.errors import TimbreError, some
from timbre.kaldi.tables import ArkWriter, locate, read_vectors
from timbre.kaldi.text import read_optional, write_table
from timbre.scoring.posteriors import Posteriors, read_classes, write_classes

TABLE = "members"


def averaged(members: Sequence[Posteriors]) -> Posteriors:
    """The mean of posteriors of the same utterances, these in byte order.

    A class that a member does not know has probability 0 there.

    Raises:
        TimbreError: for utterances that not every member has.
    """
    first, *others = members
    for other in others:
        if apart := sorted(set(first.utterances) ^ set(other.utterances)):
            raise TimbreError(
                f"{other.path}: not the utterances of {first.path} ({len(apart)} stand in one of both alone: "
                f"{some(apart, 3)}); predict both again (stage 3)"
            )
    utterances = sorted(first.utterances, key=str.encode)
    classes = list(dict.fromkeys(name for member in members for name in member.classes))
    row, column = ({name: number for number, name in enumerate(names)} for names in (utterances, classes))
    total = np.zeros((len(utterances), len(classes)))
    for member in members:
        rows, columns = [row[name] for name in member.utterances], [column[name] for name in member.classes]
        total[np.ix_(rows, columns)] += member.matrix
    return Posteriors(utterances, classes, (total / len(members)).astype(np.float32))


def average_posteriors(members: Mapping[str, str | Path], out: str | Path) -> str:
    """Writes the mean of the members' posteriors to ``out``, of a fusion its gates' too; returns a line about it.

    Args:
        members: folders of posteriors by seed.
    """
    folders, out = [Path(folder) for folder in members.values()], Path(out)
    whole = averaged([Posteriors.read(folder) for folder in folders])
    if (skipped := read_optional(folders[0] / "posteriors.skipped")) is not None:  # the same in all
        write_table(out / "posteriors.skipped", skipped)
    if all((folder / "streams").exists() for folder in folders):
        _average_gates(folders, out)
    write_table(out / TABLE, members)
    whole.write(out)
    counts = f"{len(whole.utterances)} utterances, {len(whole.classes)} classes"
    return f"{out}: {counts}, the mean of {len(folders)} members"


def _average_gates(folders: Sequence[Path], out: Path) -> None:
    """Of the weights of streams, which the members must have in common."""
    gates = []
    for folder in folders:
        utterances, weights = read_vectors(folder / "gates.scp")
        gates.append(Posteriors(utterances, read_classes(folder / "streams"), weights, f"{folder}/gates.scp"))
    streams = gates[0].classes
    if other := next((one for one in gates if one.classes != streams), None):
        raise TimbreError(f"{other.path}: of other streams than {gates[0].path}; the members have one conf")
    means = averaged(gates)
    with ArkWriter(out / "gates.ark", out / "gates.scp") as writer:
        for utterance, weights in zip(means.utterances, means.matrix, strict=True):
            writer.write(utterance, weights)
    write_classes(out / "streams", streams)


def copy_members(folder: str | Path, out: str | Path) -> None:
    """Says of a selection of an ensemble's posteriors, too, whose mean they are."""
    if members := read_members(folder):
        write_table(Path(out) / TABLE, members)


def read_members(folder: str | Path) -> dict[str, Path]:
    """Of an ensemble's posteriors those of its members, by seed; none of other posteriors."""
    path = Path(folder) / TABLE
    table = read_optional(path) or {}
    return {seed: locate(table[seed], path) for seed in sorted(table, key=int)}
