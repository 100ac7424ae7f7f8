"""Cross-validation: folds are chosen of utterances as they are prepared, and copied to directories of features.

A fold leaves one unit out (:data:`timbre.corpora.splits.UNITS`): of ten speakers fold 1 is trained on nine and
tested on the first. How folds lie on disk: :mod:`timbre.kaldi.folds`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from timbre.corpora.splits import UNITS, Unit, units
from timbre.errors import TimbreError, some
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.folds import read_folds, split_sha256
from timbre.kaldi.labels import read_labels
from timbre.kaldi.transform import Names, carry, names_of

Fold = tuple[AbstractSet[str], AbstractSet[str]]  # utterances to train on, and to test on


def leave_one_out(unit_of: Mapping[str, str]) -> dict[str, Fold]:
    """``{unit: the fold that is tested on it}``, units in byte order, of ``{utterance: unit}``."""
    inside: dict[str, set[str]] = {}
    for utterance, unit in unit_of.items():
        inside.setdefault(unit, set()).add(utterance)
    return {unit: (unit_of.keys() - inside[unit], inside[unit]) for unit in sorted(inside, key=str.encode)}


def make_folds(source: DataDir, out: Path, unit: Unit, labels: str = "utt2emotion") -> Iterator[str]:
    """Writes ``out/<k>/{train,test}``, leaving one unit out in each; yields what is to be said of them.

    Raises:
        TimbreError: where there is one unit alone or no table of them, and for a class of ``labels`` that one unit
            alone has.
    """
    if not source.has(UNITS[unit]):
        raise TimbreError(f"{source.path}/{UNITS[unit]}: no such file; it names the {unit} of each utterance")
    by_unit = leave_one_out(units(source, unit))
    if len(by_unit) < 2:
        raise TimbreError(f"{source.path}: all utterances are of one {unit} ({some(by_unit)}); choose another unit")
    folds = list(by_unit.values())
    _refuse_untrained(source, folds, labels)
    _refuse_further(out, folds)
    carry(source, _parts(source, folds, out))
    for number, (left_out, (train, test)) in enumerate(by_unit.items(), start=1):
        yield f"{out}/{number}: {len(train)} utterances, tested on {len(test)} of {unit} '{left_out}'"
    yield f"{out}: {len(folds)} folds, SHA-256 of the split {split_sha256(folds)}"


def copy_folds(root: Path, source: DataDir, out: Path, labels: str = "utt2emotion") -> Iterator[str]:
    """Writes ``out/folds/<k>/{train,test}`` and ``out/test``, all tested utterances, with the tables of ``source``.

    Utterances of the folds below ``root`` that ``source`` does not have are left out; yields how many, and the rest
    that is to be said.

    Raises:
        TimbreError: for a part left empty, a class of ``labels`` gone from a fold's training part, and as
            :func:`timbre.kaldi.folds.read_folds`.
    """
    planned = read_folds(root)
    there = source.utt2spk.keys()
    wanted = {utterance for fold in planned for part in fold for utterance in part.utt2spk}
    folds = [(train.utt2spk.keys() & there, test.utt2spk.keys() & there) for train, test in planned]
    _refuse_untrained(source, folds, labels)
    _refuse_further(out / "folds", folds)
    tested = set().union(*(test for _, test in folds))
    carry(source, _parts(source, folds, out / "folds") | {out / "test": names_of(source, tested)})
    if lost := sorted(wanted - there, key=str.encode):
        counts = f"{len(lost)} of {len(wanted)} utterances of {root}"
        yield f"{out}: {counts} left out, as {source.path} lacks them: {some(lost)}"
    yield f"{out}: {len(folds)} folds, {len(tested)} utterances tested, SHA-256 of the split {split_sha256(folds)}"


def _parts(source: DataDir, folds: Sequence[Fold], root: Path) -> dict[Path, Names]:
    return {
        root / str(number) / part: names_of(source, utterances)
        for number, fold in enumerate(folds, start=1)
        for part, utterances in zip(("train", "test"), fold, strict=True)
    }


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
