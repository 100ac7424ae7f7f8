"""Cross-validation: folds are chosen of utterances as they are prepared, and copied to directories of features.

A fold leaves one unit out (:data:`timbre.corpora.splits.UNITS`), or where there are fewer folds a group of them: of
ten speakers fold 1 is trained on nine and tested on the first. A split that is given is one fold. Folds of several
corpora can be joined. How folds lie on disk: :mod:`timbre.kaldi.folds`.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from timbre.corpora.splits import UNITS, Unit, units
from timbre.errors import TimbreError, some
from timbre.kaldi.atomic import together as written_together
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.folds import read_folds, split_sha256
from timbre.kaldi.labels import read_labels
from timbre.kaldi.layout import keyed_by
from timbre.kaldi.text import read_table, write_table
from timbre.kaldi.transform import Names, carry, combine, names_of

Fold = tuple[AbstractSet[str], AbstractSet[str]]  # utterances to train on, and to test on


def leave_one_out(unit_of: Mapping[str, str]) -> dict[str, Fold]:
    """``{unit: the fold that is tested on it}``, units in byte order, of ``{utterance: unit}``."""
    inside: dict[str, set[str]] = {}
    for utterance, unit in unit_of.items():
        inside.setdefault(unit, set()).add(utterance)
    return {unit: (unit_of.keys() - inside[unit], inside[unit]) for unit in sorted(inside, key=str.encode)}


def groups(unit_of: Mapping[str, str], label_of: Mapping[str, str], count: int) -> dict[str, str]:
    """``{utterance: its group}``: whole units in ``count`` groups that have the labels about equally.

    Units go one by one, those of the most uneven classes first, where they make the shares of the classes most
    even (scikit-learn's ``StratifiedGroupKFold``). A group is named by its units.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    utterances = sorted(unit_of, key=str.encode)
    unit, label = [unit_of[name] for name in utterances], [label_of[name] for name in utterances]
    with warnings.catch_warnings():  # a class of fewer utterances than groups is in some of them
        warnings.filterwarnings("ignore", "The least populated class")
        parts = [test for _, test in StratifiedGroupKFold(count).split(label, label, unit)]
    together = [[utterances[row] for row in part] for part in parts]
    named = [", ".join(dict.fromkeys(unit_of[name] for name in part)) for part in together]
    return {name: group for group, part in zip(named, together, strict=True) for name in part}


def make_folds(
    source: DataDir,
    out: Path,
    unit: Unit,
    labels: str = "utt2emotion",
    count: int | None = None,
    together: Path | None = None,
    balance: str | None = None,
) -> Iterator[str]:
    """Writes ``out/<k>/{train,test}``, leaving one unit out in each; yields what is to be said of them.

    Args:
        count: so many folds, each leaving a group of units out (:func:`groups`).
        balance: with ``count``, a table of speakers or utterances (``spk2gender``) whose values the groups are to
            have about equally, too, in each class.
        together: a table ``<unit> <group>`` of the groups that are left out, in the place of single units.

    Raises:
        TimbreError: where there is one unit alone or no table of them, for fewer units than folds, for a unit
            without a group, for a class of ``labels`` that one unit or group alone has, and for ``balance`` without
            ``count``.
    """
    if not source.has(UNITS[unit]):
        raise TimbreError(f"{source.path}/{UNITS[unit]}: no such file; it names the {unit} of each utterance")
    unit_of = units(source, unit)
    if together is not None:
        group_of = read_table(together, fields=2)
        if without := sorted(set(unit_of.values()) - group_of.keys(), key=str.encode):
            raise TimbreError(f"{together}: names no group of the {unit} {some(without)} of {source.path}; add it")
        unit_of = {utterance: group_of[name] for utterance, name in unit_of.items()}
    further = _by_utterance(source, balance) if balance else {}
    found = dict.fromkeys(unit_of.values())
    if len(found) < 2:
        raise TimbreError(f"{source.path}: all utterances are of one {unit} ({some(found)}); choose another unit")
    if count is not None:
        if not 2 <= count <= len(found):
            raise TimbreError(f"--folds {count}: {len(found)} {unit}s allow 2 to {len(found)} folds")
        label_of = read_labels(source, labels)
        label_of = {utterance: f"{label} {further.get(utterance)}" for utterance, label in label_of.items()}
        unit_of = groups(unit_of, label_of, count)
    elif balance is not None:
        raise TimbreError(
            f"--balance {balance} has no effect without --folds, the number of groups; give that, too"
        )
    by_unit = leave_one_out(unit_of)
    folds = list(by_unit.values())
    _refuse_untrained(source, folds, labels)
    _refuse_further(out, folds)
    _write(source, folds, out)
    for number, (left_out, (train, test)) in enumerate(by_unit.items(), start=1):
        counts = Counter(further[utterance] for utterance in test) if further else {}
        balanced = "".join(f", {value} {counts[value]}" for value in sorted(set(further.values())))
        yield f"{out}/{number}: {len(train)} utterances, tested on {len(test)} of {unit} '{left_out}'{balanced}"
    yield f"{out}: {len(folds)} folds, SHA-256 of the split {split_sha256(folds)}"


def take_split(source: DataDir, out: Path, split: str, labels: str = "utt2emotion") -> Iterator[str]:
    """Writes ``out/1/{train,test}`` as a table ``<utt> train|test`` of ``source`` says; yields what is to be said.

    Raises:
        TimbreError: for an utterance that the table lacks or puts elsewhere, a part without utterances, and a class
            of ``labels`` that is tested and not trained on.
    """
    part_of = read_labels(source, split)
    if other := [utterance for utterance, part in part_of.items() if part not in ("train", "test")]:
        raise TimbreError(
            f"{source.path}/{split}: '{other[0]}' is in '{part_of[other[0]]}', expected train or test "
            f"({len(other)} such lines); correct it"
        )
    train, test = ({utterance for utterance, part in part_of.items() if part == one} for one in ("train", "test"))
    folds = [(train, test)]
    _refuse_untrained(source, folds, labels)
    _refuse_further(out, folds)
    _write(source, folds, out)
    yield f"{out}/1: {len(train)} utterances, tested on {len(test)}, as {split} says"
    yield f"{out}: 1 fold, SHA-256 of the split {split_sha256(folds)}"


def _by_utterance(source: DataDir, name: str) -> Mapping[str, str]:
    """``{utterance: its value}`` in a table of utterances, or its speaker's in one of speakers (``spk2gender``)."""
    if keyed_by(name) != "speaker":
        return read_labels(source, name)
    table = source.table(name)
    if without := sorted(source.spk2utt.keys() - table.keys(), key=str.encode):
        raise TimbreError(f"{source.path}/{name}: says nothing of the speaker {some(without)}; complete it")
    return {utterance: table[speaker] for utterance, speaker in source.utt2spk.items()}


def copy_folds(
    root: Path, source: DataDir, out: Path, labels: str = "utt2emotion", also: Sequence[DataDir] = ()
) -> Iterator[str]:
    """Writes ``out/<k>/{train,test}`` and ``out/test``, all tested utterances, with the tables of ``source``.

    Utterances of the folds below ``root`` that ``source`` or one of ``also`` does not have are left out; yields how
    many, and the rest that is to be said. Copies in ``source`` (``utt2uniq``) are trained on where their originals
    are, and never tested.

    Raises:
        TimbreError: for a part left empty, a class of ``labels`` gone from a fold's training part, and as
            :func:`timbre.kaldi.folds.read_folds`.
    """
    planned = read_folds(root)
    there = source.utt2spk.keys()
    for other in also:
        there = there & other.utt2spk.keys()
    wanted = {utterance for fold in planned for part in fold for utterance in part.utt2spk}
    folds = [(train.utt2spk.keys() & there, test.utt2spk.keys() & there) for train, test in planned]
    originals = source.originals
    copies = {name: original for name, original in originals.items() if name != original}
    folds = [(train | {name for name in copies if copies[name] in train}, test) for train, test in folds]
    _refuse_untrained(source, folds, labels)
    tested = set().union(*(test for _, test in folds))
    _write(source, folds, out, {out / "test": names_of(source, tested)})
    if lost := sorted(wanted - there, key=str.encode):
        lacking = " or ".join(str(one.path) for one in (source, *also))
        counts = f"{len(lost)} of {len(wanted)} utterances of {root}"
        yield f"{out}: {counts} left out, as {lacking} lacks them: {some(lost)}"
    yield f"{out}: {len(folds)} folds, {len(tested)} utterances tested, SHA-256 of the split {split_sha256(folds)}"


def join_folds(sources: Sequence[Path], out: Path) -> Iterator[str]:
    """Writes ``out/all`` and ``out/folds`` of those of several corpora; yields what is to be said of them.

    There are K joint folds, the largest number K_c of folds that a corpus c has. In fold k the
    training part has that of fold (k − 1) mod K_c + 1 of each corpus, the test part that of fold k where there is
    one: every utterance is tested once, and nobody who is tested in a fold is trained on in it. Tables that all
    corpora have are joined.

    Raises:
        TimbreError: for ids of utterances or speakers that two corpora have, and as
            :func:`timbre.kaldi.folds.read_folds`.
    """
    corpora = [
        [(train.utt2spk.keys(), test.utt2spk.keys()) for train, test in read_folds(source / "folds")]
        for source in sources
    ]
    _refuse_shared_ids(sources)
    count = max(map(len, corpora))
    folds = [
        (
            set().union(*(parts[number % len(parts)][0] for parts in corpora)),
            set().union(*(parts[number][1] for parts in corpora if number < len(parts))),
        )
        for number in range(count)
    ]
    _refuse_further(out / "folds", folds)
    said: list[str] = []
    combine(out / "all", [source / "all" for source in sources], report=said.append)
    yield from (f"{out}/all: {line}" for line in said if line.startswith("not"))
    whole = DataDir(out / "all")
    _write(whole, folds, out / "folds")
    numbers = ", ".join(f"{len(parts)} of {path}" for parts, path in zip(corpora, sources, strict=True))
    yield f"{out}/folds: {count} folds joined ({numbers}), SHA-256 of the split {split_sha256(folds)}"


def _refuse_shared_ids(sources: Sequence[Path]) -> None:
    """Two people under one name would pass for one, and two utterances cannot have one."""
    home: dict[tuple[str, str], Path] = {}
    for source in sources:
        utt2spk = DataDir(source / "all").utt2spk
        for kind, names in (("utterance", utt2spk.keys()), ("speaker", set(utt2spk.values()))):
            if both := sorted((name for name in names if (kind, name) in home), key=str.encode):
                where = f"{home[kind, both[0]]}/all and {source}/all"
                raise TimbreError(
                    f"{where}: both have the {kind} {some(both)}; prepare them with ids of their own (timbre "
                    "prepare --prefix)"
                )
            home |= {(kind, name): source for name in names}


def _write(source: DataDir, folds: Sequence[Fold], root: Path, further: Mapping[Path, Names] | None = None) -> None:
    """Both parts of each fold; of what is trained on, ``utt2fold`` says in which fold it is tested.

    By that table each fold holds others out (:mod:`timbre.training.heldout`). Where something is never tested, as
    in a single split, there is none.
    """
    tested_in = {name: number for number, (_, test) in enumerate(folds, start=1) for name in test}
    parts = {
        root / str(number) / part: names_of(source, utterances)
        for number, fold in enumerate(folds, start=1)
        for part, utterances in zip(("train", "test"), fold, strict=True)
    }
    with written_together():
        carry(source, parts | dict(further or {}))
        for number, (train, _) in enumerate(folds, start=1):
            if train <= tested_in.keys():
                write_table(root / str(number) / "train/utt2fold", {name: tested_in[name] for name in train})


def _refuse_untrained(source: DataDir, folds: Sequence[Fold], labels: str) -> None:
    """Every part must have utterances, and every training part every class that there is in any fold."""
    label_of = read_labels(source, labels)
    classes = {label_of[utterance] for fold in folds for part in fold for utterance in part}
    for number, (train, test) in enumerate(folds, start=1):
        if not train or not test:
            part = "test" if train else "training"
            raise TimbreError(f"{source.path}: has no utterance of fold {number}'s {part} part; were they skipped?")
        if gone := sorted(classes - {label_of[utterance] for utterance in train}):
            raise TimbreError(
                f"{source.path}: fold {number} has nothing to train {some(gone)} on ({labels}); leave these "
                "classes out, or choose other folds"
            )


def _refuse_further(root: Path, folds: Sequence[Fold]) -> None:
    """Folds of an earlier split would pass for some of this one."""
    names = sorted(path.name for path in root.iterdir()) if root.is_dir() else []
    if further := [name for name in names if name.isdecimal() and int(name) > len(folds)]:
        raise TimbreError(f"{root}: holds fold {further[0]} of another split, this has {len(folds)}; remove {root}")
