"""The folds of a cross-validation on disk: ``<root>/<k>/{train,test}``, data directories, k = 1 … K.

An utterance is tested in one fold at most, so that results of all folds are one result. A single split is one fold.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from timbre.errors import TimbreError, some
from timbre.kaldi.datadir import DataDir


def read_folds(root: str | Path) -> list[tuple[DataDir, DataDir]]:
    """``[(train, test), …]`` below ``root`` in the order of their numbers.

    Raises:
        TimbreError: where there are none or their numbers are not 1 … K, for a fold without one of its parts or
            with an empty one, and for an utterance in both parts of a fold or tested in two.
    """
    root, folds, tested = Path(root), [], {}
    numbers = sorted(int(path.name) for path in root.iterdir() if path.name.isdecimal()) if root.is_dir() else []
    if not numbers or numbers != list(range(1, len(numbers) + 1)):
        found = some(map(str, numbers)) or "none"
        raise TimbreError(
            f"{root}: expected folds 1, 2, … of train and test, found {found}; timbre make-folds makes them"
        )
    mend = "make the folds again (timbre make-folds)"
    for number in numbers:
        train, test = (DataDir(root / str(number) / part) for part in ("train", "test"))
        if empty := [part.path for part in (train, test) if not part.utt2spk]:
            raise TimbreError(f"{empty[0]}/utt2spk: empty; {mend}")
        if both := sorted(train.utt2spk.keys() & test.utt2spk):
            raise TimbreError(f"{root}/{number}: {len(both)} utterances in train and test: {some(both)}; {mend}")
        if twice := sorted(tested.keys() & test.utt2spk):
            both = f"in fold {tested[twice[0]]} and in fold {number}"
            raise TimbreError(f"{root}: '{twice[0]}' is tested {both}; {mend}")
        tested |= dict.fromkeys(test.utt2spk, number)
        folds.append((train, test))
    return folds


def split_sha256(folds: Iterable[tuple[Iterable[str], Iterable[str]]]) -> str:
    """SHA-256 of the lines ``<fold> train|test <utt>`` in byte order, of the utterances of both parts of each fold.

    ``LC_ALL=C sort | sha256sum`` of the lines gives the same.
    """
    lines = [
        f"{number} {part} {utterance}\n".encode()
        for number, parts in enumerate(folds, start=1)
        for part, utterances in zip(("train", "test"), parts, strict=True)
        for utterance in utterances
    ]
    return hashlib.sha256(b"".join(sorted(lines))).hexdigest()
