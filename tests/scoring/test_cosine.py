"""Cosine scores: one for each trial, in order, or an error that names the trial."""

from __future__ import annotations

import numpy as np
import pytest
from messages import refused

from timbre.kaldi.tables import ArkWriter
from timbre.kaldi.text import write_table
from timbre.kaldi.trials import Trials, read_scores, write_trials
from timbre.scoring import embeddings
from timbre.scoring.cosine import cosine_scores, score_trials
from timbre.scoring.embeddings import Embeddings


def table(count: int = 9, path: str = "x.scp") -> Embeddings:
    matrix = np.random.default_rng(count).normal(size=(count, 5)).astype(np.float32) + 1
    return Embeddings([f"u{i}" for i in range(count)], matrix, path)


def some_trials(enrol: list[str], test: list[str]) -> Trials:
    return Trials(np.array(enrol), np.array(test), np.zeros(len(enrol), dtype=bool))


@pytest.mark.parametrize("block", [1, 4, 100])
@pytest.mark.parametrize("mean", [None, np.arange(5, dtype=np.float32)])
def test_each_score_is_the_cosine_of_its_trial(monkeypatch, block, mean):
    monkeypatch.setattr(embeddings, "_BLOCK", block)
    enrol, test = table(9), table(7)
    pairs = [(8, 0), (0, 6), (3, 3), (8, 0), (1, 2)]
    trials = some_trials([f"u{i}" for i, _ in pairs], [f"u{j}" for _, j in pairs])
    found = cosine_scores(trials, enrol, test, mean)
    for score, (i, j) in zip(found, pairs, strict=True):
        a, b = (t.matrix[k] - (0 if mean is None else mean) for t, k in ((enrol, i), (test, j)))
        assert score == pytest.approx(a @ b / np.sqrt((a @ a) * (b @ b)), abs=1e-6)


def test_the_lengths_of_embeddings_do_not_matter():
    one = table()
    longer = Embeddings(one.keys, one.matrix * np.float32([[1e4]] * 4 + [[1e-4]] * 5), one.path)
    trials = some_trials(["u1", "u2", "u1"], ["u3", "u8", "u1"])
    found = cosine_scores(trials, longer, longer)
    np.testing.assert_allclose(found, cosine_scores(trials, one, one), atol=1e-6)
    assert found[2] == pytest.approx(1, abs=1e-6)


def test_a_trial_without_embedding_is_refused_by_id_line_and_file():
    trials = some_trials(["u1", "u1", "u2"], ["u3", "gone", "gone too"])
    with refused("list:2:", "'gone'", "x.scp", "2 trials"):
        cosine_scores(trials, table(), table(), trials_path="list")


def test_a_trial_of_a_skipped_utterance_is_refused_with_the_reason(tmp_path):
    write_table(tmp_path / "x.skipped", {"gone": "too short"})
    with refused("list:1:", "'gone'", "--bad-audio skip", "too short"):
        cosine_scores(
            some_trials(["u1"], ["gone"]), table(), table(path=str(tmp_path / "x.scp")), trials_path="list"
        )


def test_what_has_no_cosine_is_refused():
    trials, good = some_trials(["u1"], ["u2"]), table()
    zero = Embeddings(good.keys, good.matrix * (np.arange(9) != 4)[:, None], "zero.scp")
    with refused("zero.scp", "'u4'"):
        cosine_scores(trials, good, zero)
    narrow = Embeddings(good.keys, good.matrix[:, :3], "narrow.scp")
    with refused("x.scp", "5 dimensions", "narrow.scp", 3):
        cosine_scores(trials, good, narrow)
    with refused("x.scp", "5 dimensions", "mean of 3"):
        cosine_scores(trials, good, good, np.zeros(3, dtype=np.float32))


@pytest.mark.parametrize("mean_file", ["mean.ark", "mean.vec", "mean.txt"])
def test_files_to_file(tmp_path, mean_file):
    enrol, mean = table(), np.arange(5, dtype=np.float32)
    with ArkWriter(tmp_path / "x.ark", tmp_path / "x.scp") as writer:
        for key, vector in zip(enrol.keys, enrol.matrix, strict=True):
            writer.write(key, vector)
    with ArkWriter(tmp_path / "mean.ark", tmp_path / "mean.scp") as writer:
        writer.write("mean", mean)
    (tmp_path / "mean.vec").write_bytes((tmp_path / "mean.ark").read_bytes()[len("mean ") :])  # as ivector-mean
    (tmp_path / "mean.txt").write_text(" [ 0 1 2 3 4 ]\n")
    trials = some_trials(["u1", "u2"], ["u3", "u8"])
    write_trials(tmp_path / "trials", trials)
    scp = tmp_path / "x.scp"
    said = score_trials(tmp_path / "trials", scp, scp, tmp_path / "scores", tmp_path / mean_file)
    assert "2 trials" in said
    names, others, scores = read_scores(tmp_path / "scores")
    assert (names.tolist(), others.tolist()) == (["u1", "u2"], ["u3", "u8"])
    np.testing.assert_allclose(scores, cosine_scores(trials, enrol, enrol, mean), atol=1e-7)
