"""Folds of a cross-validation: in the order of their numbers, complete, and the hash that names the split."""

from __future__ import annotations

import hashlib
import shutil

import pytest
from messages import refused

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
        with refused(f"{tmp_path / path}: ", "none", "timbre make-folds"):
            read_folds(tmp_path / path)
    shutil.rmtree(root / "2" / "train")
    with refused("folds/2/train: "):
        read_folds(root)
    shutil.rmtree(root / "2")
    with refused(f"{root}: ", "1, 3, 4, 5, 6 and 5 more", "timbre make-folds"):
        read_folds(root)


def test_folds_that_test_nothing_or_something_twice_are_refused(root):
    write_table(root / "3/test/utt2spk", {})
    with refused("folds/3/test/utt2spk: ", "timbre make-folds"):
        read_folds(root)
    write_table(root / "3/test/utt2spk", {"s-01": "s"})
    with refused("folds/3: ", "train", "test", "s-01", "timbre make-folds"):
        read_folds(root)
    write_table(root / "3/train/utt2spk", {"s-02": "s"})
    with refused("folds: ", "'s-01'", "fold 1", "fold 3", "timbre make-folds"):
        read_folds(root)
