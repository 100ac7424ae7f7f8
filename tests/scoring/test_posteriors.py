"""Posteriors on disk: there and back, and what is none is refused by name."""

from __future__ import annotations

import numpy as np
import pytest
from messages import names, refused

from timbre.__main__ import main
from timbre.kaldi.text import read_table, write_table
from timbre.scoring.posteriors import Posteriors, joined, read_classes, write_classes


@pytest.fixture
def posteriors() -> Posteriors:
    matrix = np.array([[0.7, 0.2, 0.1], [0.25, 0.25, 0.5]], dtype=np.float32)
    return Posteriors(["u2", "u1"], ["b", "c", "a"], matrix)


def test_there_and_back_with_the_classes_in_their_columns(posteriors, tmp_path):
    posteriors.write(tmp_path / "out")
    found = Posteriors.read(tmp_path / "out")
    assert found.classes == ["b", "c", "a"]
    assert dict(zip(found.utterances, found.best(), strict=True)) == {"u2": "b", "u1": "a"}
    rows = dict(zip(found.utterances, found.matrix, strict=True))
    np.testing.assert_array_equal([rows["u2"], rows["u1"]], posteriors.matrix)
    assert found.path == str(tmp_path / "out")


def test_more_than_ten_classes_keep_their_order(tmp_path):
    names = [f"s{number}" for number in range(12)]
    write_classes(tmp_path / "classes", names)
    assert read_classes(tmp_path / "classes") == names  # column 10 after 9, not after 1


@pytest.mark.parametrize("rows", ["a 0\nb 2\n", "a 0\nb 0\n", "a 1\nb 2\n", "a x\nb 0\n"])
def test_columns_with_gaps_are_refused(tmp_path, rows):
    (tmp_path / "classes").write_text(rows)
    with refused(tmp_path / "classes", "0 to 1", ", ".join(rows.split()[1::2])):
        read_classes(tmp_path / "classes")


@pytest.mark.parametrize("row", [[0.7, 0.7, 0.1], [1.2, -0.1, -0.1]])
def test_what_is_no_probability_is_refused_by_utterance(posteriors, tmp_path, row):
    posteriors.matrix[1] = row
    posteriors.write(tmp_path)
    with refused(tmp_path / "posteriors.scp", "'u1'", "stage 3"):
        Posteriors.read(tmp_path)


def test_another_number_of_classes_is_refused(posteriors, tmp_path):
    posteriors.write(tmp_path)
    write_classes(tmp_path / "classes", ["a", "b"])
    with refused(tmp_path / "classes", "3 classes", " 2 ", "stage 3"):
        Posteriors.read(tmp_path)


def test_folds_are_joined_by_names(tmp_path, capsys):
    """With other columns in another order, a class that one fold lacks, and what was skipped in either."""
    first = Posteriors(["u3", "u1"], ["b", "a"], np.array([[0.75, 0.25], [0.5, 0.5]], dtype=np.float32))
    second = Posteriors(["u2"], ["c", "a", "b"], np.array([[0.125, 0.25, 0.625]], dtype=np.float32))
    for number, part in enumerate((first, second), start=1):
        part.write(tmp_path / str(number))
        write_table(tmp_path / str(number) / "posteriors.skipped", {f"u{number + 6}": "too short"})
    main(["join-posteriors", str(tmp_path / "1"), str(tmp_path / "2"), str(tmp_path / "out")])
    assert names(capsys.readouterr().out, tmp_path / "out", "3 utterances", "3 classes", "2 folders")
    found = Posteriors.read(tmp_path / "out")
    assert (found.utterances, found.classes) == (["u1", "u2", "u3"], ["a", "b", "c"])
    np.testing.assert_array_equal(found.matrix, [[0.5, 0.5, 0], [0.25, 0.625, 0.125], [0.25, 0.75, 0]])
    assert list(read_table(tmp_path / "out/posteriors.skipped")) == ["u7", "u8"]


def test_an_utterance_of_two_folds_is_refused(posteriors):
    again = Posteriors(["u9", "u1"], ["b", "c", "a"], posteriors.matrix, "exp/fold_2/test")
    with refused("exp/fold_2/test", "'u1'", "posteriors"):
        joined([posteriors, again])
