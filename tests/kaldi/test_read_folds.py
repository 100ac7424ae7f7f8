"""Folds of a cross-validation: in the order of their numbers, complete, and the hash that names the split."""

from __future__ import annotations

import hashlib
import shutil

import pytest

from timbre.errors import TimbreError
from timbre.kaldi.folds import read_folds, split_sha256
from timbre.kaldi.text import write_table


@pytest.fixture
def root(tmp_path):
    """Eleven folds, in each of which one of eleven utterances is tested."""
    names = [f"s-{number:02d}" for number in range(1, 12)]
    for number, tested in enumerate(names, start=1):
        for part, wanted in (("train", [name for name in names if name != tested]), ("test", [tested])):
            write_table(tmp_path / "folds" / str(number) / part / "utt2spk", dict.fromkeys(wanted, "s"))
    return tmp_path / "folds"


def test_folds_come_by_number_and_their_split_has_a_hash(root):
    folds = read_folds(root)
    assert [list(test.utt2spk) for _, test in folds] == [[f"s-{number:02d}"] for number in range(1, 12)]
    assert all(len(train.utt2spk) == 10 for train, _ in folds)
    lines = [
        f"{number} {path.parent.name} {line.split()[0]}\n"
        for number in range(1, 12)
        for path in (root / str(number)).glob("*/utt2spk")
        for line in path.read_text().splitlines()
    ]
    by_hand = hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()  # fold 10 before fold 2
    assert split_sha256((train.utt2spk, test.utt2spk) for train, test in folds) == by_hand
    assert split_sha256((test.utt2spk, train.utt2spk) for train, test in folds) != by_hand


def test_folds_that_are_not_there_are_refused(root, tmp_path):
    (tmp_path / "empty").mkdir()
    for path in ("empty", "nowhere"):
        with pytest.raises(TimbreError, match=f"{path}: expected folds 1, 2, … of train and test, found none"):
            read_folds(tmp_path / path)
    shutil.rmtree(root / "2" / "train")
    with pytest.raises(TimbreError, match="folds/2/train: no such data directory"):
        read_folds(root)
    shutil.rmtree(root / "2")
    with pytest.raises(
        TimbreError, match="expected folds 1, 2, … of train and test, found 1, 3, 4, 5, 6 and 5 more"
    ):
        read_folds(root)


def test_folds_that_test_nothing_or_something_twice_are_refused(root):
    write_table(root / "3/test/utt2spk", {})
    with pytest.raises(TimbreError, match="folds/3/test/utt2spk: empty; make the folds again"):
        read_folds(root)
    write_table(root / "3/test/utt2spk", {"s-01": "s"})
    with pytest.raises(TimbreError, match="folds/3: 1 utterances in train and test: s-01"):
        read_folds(root)
    write_table(root / "3/train/utt2spk", {"s-02": "s"})
    with pytest.raises(TimbreError, match="folds: 's-01' is tested in fold 1 and in fold 3"):
        read_folds(root)
