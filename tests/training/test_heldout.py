"""Held-out training speakers: disjoint also as persons, and scored over all pairs."""

from __future__ import annotations

import numpy as np

from timbre.kaldi.datadir import DataDir
from timbre.kaldi.perturb import add_speed_copies
from timbre.kaldi.text import read_table, write_table
from timbre.training.heldout import split_speakers
from timbre.training.verification import pair_scores


def test_held_out_persons_train_under_no_name(toy_data, toy_conf, tmp_path):
    data = toy_data()
    write_table(data.path / "wav.scp", {utt: f"{utt}.wav" for utt in data.utt2spk})
    add_speed_copies(data, [0.9, 1.1], tmp_path / "copies")
    training, held_out = split_speakers(DataDir(tmp_path / "copies"), toy_conf("train.heldout_speakers=3"))
    assert len(held_out) == 3 and len(training) == 5 * 3
    assert not {speaker.removeprefix("sp0.9-").removeprefix("sp1.1-") for speaker in training} & set(held_out)
    assert read_table(tmp_path / "copies/utt2speed")["sp0.9-s00-0"] == "0.9"


def test_adding_a_speaker_moves_at_most_one(toy_data, toy_conf):
    conf = toy_conf("train.heldout_speakers=5")
    _, before = split_speakers(toy_data("a", speakers=20), conf)
    _, after = split_speakers(toy_data("b", speakers=21), conf)
    assert len(set(before) & set(after)) >= 4
    another = toy_conf("train.heldout_speakers=5", "train.seed=2")
    assert split_speakers(toy_data("c", speakers=20), another)[1] != before


def test_pair_scores_are_cosines_of_all_pairs():
    embeddings = np.array([[2.0, 0], [1, 1], [0, 3]])
    scores, targets = pair_scores(embeddings, ["a", "a", "b"])
    np.testing.assert_allclose(scores, [np.sqrt(0.5), 0, np.sqrt(0.5)], atol=1e-12)
    assert targets.tolist() == [True, False, False]
