"""Trial lists and scores: exact round trips, and bad lines refused by file and line."""

from __future__ import annotations

import numpy as np
import pytest
from messages import refused

from timbre.kaldi import trials as T


def make(lines: int) -> T.Trials:
    number = np.arange(lines)
    enrol = np.array([f"spk{i % 7}" for i in number])
    test = np.array([f"spk{i % 5}-utt{i}" for i in number])
    return T.Trials(enrol, test, number % 35 == 0)


def test_trials_round_trip_in_order_over_several_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(T, "_BLOCK", 300)
    wanted = make(200)
    T.write_trials(tmp_path / "trials", wanted)
    found = T.read_trials(tmp_path / "trials")
    assert found.enrol.tolist() == wanted.enrol.tolist()
    assert found.test.tolist() == wanted.test.tolist()
    assert found.target.tolist() == wanted.target.tolist()
    assert (tmp_path / "trials").read_text().startswith("spk0 spk0-utt0 target\nspk1 spk1-utt1 nontarget\n")
    assert len({id(name) for name in found.enrol}) == 7  # equal ids are one object, over all blocks


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_written_scores_keep_every_difference(tmp_path, dtype):
    scores = np.array([0.5, 0, -1e-30, 123456.789], dtype=dtype)
    scores = np.concatenate([scores, np.nextafter(scores, dtype(np.inf))])
    names = np.array([f"u{i}" for i in range(8)])
    T.write_scores(tmp_path / "scores", names, names, scores)
    enrol, test, found = T.read_scores(tmp_path / "scores")
    assert enrol.tolist() == test.tolist() == names.tolist()
    np.testing.assert_array_equal(found.astype(dtype), scores)


def test_kaldi_scores_and_trials_belong_together(kaldi):
    trials = T.read_trials(kaldi / "plda_trials")
    scores = T.read_scores_of(trials, kaldi / "plda_scores_norm_true.txt")
    assert (len(trials), trials.target.sum()) == (400, 40)
    assert scores[:3].tolist() == [9.880084, 0.0579154, -53.29266]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a b target\na b\n", ("/f:2: ", "'<enrol> <test> target|nontarget'", "'a b'")),
        ("a b target\n\na b target\n", ("/f:2: ", "''")),
        ("a b target\nx a  b target\n", ("/f:2: ", "'x a b target'")),
        ("a b target\na b c target\na b\n", ("/f:2: ", "'a b c target'")),  # the words of both lines would add up
        ("a b target\n1 a b\n", ("/f:2: ", "nontarget", "'b'")),
        ("", ("/f: ", "empty", "<enrol> <test> target|nontarget")),
        ("a b target\r\n", ("/f:1: ", "CRLF", "sed")),
        ("a b target\na b targ", ("/f: ", "line end")),
    ],
)
@pytest.mark.parametrize("block", [1, 1 << 20])
def test_bad_trials_are_refused_by_line(tmp_path, monkeypatch, text, wanted, block):
    monkeypatch.setattr(T, "_BLOCK", block)
    (tmp_path / "f").write_bytes(text.encode())
    with refused(*wanted):
        T.read_trials(tmp_path / "f")


@pytest.mark.parametrize("score", ["x1", "nan", "-inf"])
def test_bad_scores_are_refused_by_line(tmp_path, monkeypatch, score):
    monkeypatch.setattr(T, "_BLOCK", 1)
    (tmp_path / "f").write_text(f"a b 1.5\na c {score}\n")
    with refused("/f:2: ", f" {score}"):
        T.read_scores(tmp_path / "f")


def test_tabs_and_runs_of_spaces_are_read(tmp_path):
    (tmp_path / "f").write_text("a\tb  target\n  a c nontarget \n")
    found = T.read_trials(tmp_path / "f")
    assert (found.enrol.tolist(), found.test.tolist(), found.target.tolist()) == (
        ["a", "a"],
        ["b", "c"],
        [True, False],
    )


def test_scores_must_be_those_of_the_trials(tmp_path):
    trials = make(4)
    T.write_scores(tmp_path / "few", trials.enrol[:3], trials.test[:3], np.arange(3.0))
    with refused("/few: ", "3 scores", "4 trials", "steps/score_trials.sh"):
        T.read_scores_of(trials, tmp_path / "few")
    T.write_scores(tmp_path / "moved", trials.enrol, trials.test[[0, 2, 1, 3]], np.arange(4.0))
    with refused("/moved:2: ", "'spk1 spk2-utt2'", "'spk1 spk1-utt1'", "steps/score_trials.sh"):
        T.read_scores_of(trials, tmp_path / "moved")


def test_nothing_is_written_for_nothing_or_for_a_score_that_is_not_finite(tmp_path):
    with refused("/f: ", "no trials"):
        T.write_trials(tmp_path / "f", make(0))
    names = np.array(["a", "b"])
    with refused("/f: ", "trial 2", "(b b)", "nan"):
        T.write_scores(tmp_path / "f", names, names, np.array([0.0, np.nan]))
    assert not list(tmp_path.iterdir())
