"""Held-out training speakers: disjoint also as persons, scored over all pairs, and in folds others in each."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from timbre.corpora.folds import copy_folds, join_folds, make_folds
from timbre.corpora.splits import units
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.perturb import add_speed_copies
from timbre.kaldi.text import read_table, write_table
from timbre.training.heldout import folds_of, in_order, split_speakers, split_utterances
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


ORDER = ["s01", "s04", "s02", "s00", "s05", "s03"]  # by sha256(b"1 s00") …


def corpus(path: Path, speakers: int, prefix: str = "", sizes: tuple[int, ...] = (40,)) -> DataDir:
    """Speakers say two texts in two emotions, so many utterances each."""
    said = {}
    for number in range(speakers):
        for count in range(sizes[number % len(sizes)]):
            said[f"{prefix}s{number:02d}-{count:02d}"] = (f"{prefix}s{number:02d}", count // 2 % 2, count % 2)
    for name, field in (("utt2spk", 0), ("text", 1), ("utt2emotion", 2)):
        values = {utterance: ("", "t", "e")[field] + str(fields[field]) for utterance, fields in said.items()}
        write_table(path / name, values)
    write_table(path / "wav.scp", {utterance: f"{utterance}.wav" for utterance in said})
    return DataDir(path)


def held_out(part: DataDir, share: float, seed: int, unit: str = "speaker", only: str = "") -> list[str]:
    """The utterances that a fold's training part holds out."""
    labels = {name: label for name, label in part.table("utt2emotion").items() if name.startswith(only)}
    return split_utterances(labels, units(part, unit), share, seed, fold_of=folds_of(part))


def counted(folds: Path, share: float, seed: int, unit: str = "speaker", only: str = "") -> Counter[str]:
    """In how many folds each unit is held out; never one that the fold tests."""
    times: Counter[str] = Counter()
    for fold in folds.glob("[0-9]*"):
        train, test = DataDir(fold / "train"), DataDir(fold / "test")
        of = units(train, unit)
        held = {of[name] for name in held_out(train, share, seed, unit, only)}
        assert held and (unit != "speaker" or not held & set(test.utt2spk.values()))
        times.update(held)
    return times


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_in_folds_each_speaker_is_held_out_as_often_as_any(tmp_path, seed):
    """Ten speakers one by one, of unequal sizes as EMO-DB's; 24 in six groups, of whom two are held out."""
    ten = corpus(tmp_path / "ten/all", 10, sizes=(49, 58, 43, 38, 55, 35, 61, 69, 56, 71))
    list(make_folds(ten, tmp_path / "ten/folds", "speaker"))
    assert set(counted(tmp_path / "ten/folds", 0.1, seed).values()) == {1}
    assert sum(counted(tmp_path / "ten/folds", 0.2, seed).values()) in range(15, 25)
    assert max(counted(tmp_path / "ten/folds", 0.2, seed).values()) <= 3

    many = corpus(tmp_path / "many/all", 24)
    list(make_folds(many, tmp_path / "many/folds", "speaker", count=6))
    list(copy_folds(tmp_path / "many/folds", many, tmp_path / "many/copied"))  # as where features are
    times = counted(tmp_path / "many/copied", 0.1, seed)
    assert set(times.values()) == {1} and len(times) == 12
    assert times == counted(tmp_path / "many/folds", 0.1, seed)
    assert set(counted(tmp_path / "many/folds", 0.2, seed).values()) == {1}  # everybody once


def test_in_joint_folds_each_corpus_is_fair_by_itself(tmp_path):
    for name, speakers in (("a", 10), ("b", 5)):
        data = corpus(tmp_path / name / "all", speakers, prefix=f"{name}-")
        list(make_folds(data, tmp_path / name / "folds", "speaker"))
    list(join_folds([tmp_path / "a", tmp_path / "b"], tmp_path / "both"))
    assert set(counted(tmp_path / "both/folds", 0.1, 1, only="a-").values()) == {1}
    assert set(counted(tmp_path / "both/folds", 0.25, 1, only="b-").values()) == {2}  # ten folds of five speakers


def test_what_folds_do_not_test_whole_is_rotated_too(tmp_path):
    """Utterances by themselves: a tenth of them in each of ten folds, hardly any in three."""
    data = corpus(tmp_path / "all", 10)
    list(make_folds(data, tmp_path / "folds", "speaker"))
    times = counted(tmp_path / "folds", 0.1, 1, unit="utterance")
    assert max(times.values()) <= 3 and len(times) > 250 and sum(times.values()) == 360
    assert set(counted(tmp_path / "folds", 0.5, 1, unit="text")) == {"t0", "t1"}
    speakers = {data.utt2spk[name] for name in held_out(DataDir(tmp_path / "folds/1/train"), 0.1, 1, "utterance")}
    assert len(speakers) > 5  # drawn from all, not from one


def test_without_folds_the_order_is_as_ever(tmp_path):
    """What was held out of a single part stays held out; a seed takes others."""
    data = corpus(tmp_path / "all", 6)
    inside = data.spk2utt
    assert in_order(inside, 1, {}) == ORDER and in_order(inside, 2, {}) != ORDER
    list(make_folds(data, tmp_path / "folds", "speaker"))
    assert not folds_of(data) and not folds_of(DataDir(tmp_path / "folds/1/test"))
    firsts = [
        in_order(DataDir(fold / "train").spk2utt, 1, folds_of(DataDir(fold / "train")))[0]
        for fold in sorted((tmp_path / "folds").glob("[0-9]*"))
    ]
    assert sorted(firsts) == sorted(inside) and all(one != other for one, other in pairwise(firsts))
