"""Baselines of classification: class shares, one number, LDA and SVM of statistics; of one split and of folds."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from messages import names, refused

from timbre.__main__ import main
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.tables import ArkWriter
from timbre.kaldi.text import write_table
from timbre.kaldi.transform import carry, names_of
from timbre.scoring import statistics
from timbre.scoring.baseline_parts import Parts
from timbre.scoring.baselines import (
    BASELINES,
    _inner_folds,
    duration,
    energy,
    majority,
    predict_baselines,
    speaker,
    statistics_lda,
)
from timbre.scoring.posteriors import Posteriors


def part(
    path: Path, sizes: dict[str, int], first: int = 0, dim: int = 4, seed: int = 0, noise: float = 0.3
) -> DataDir:
    """Utterances of classes that differ in means and deviations of their frames; the last feature is constant."""
    patterns = {name: np.random.default_rng(list(name.encode())) for name in sizes}
    patterns = {name: (drawn.normal(size=dim), drawn.uniform(0.5, 2, size=dim)) for name, drawn in patterns.items()}
    generator, utt2spk = np.random.default_rng([seed, first]), {}
    with ArkWriter(path / "feats.ark", path / "feats.scp") as writer:
        for name, count in sizes.items():
            for number in range(first, first + count):
                mean, deviation = patterns[name]
                shift = noise * generator.normal(size=dim)
                frames = mean + shift + deviation * generator.normal(size=(40, dim))
                frames[:, -1] = 7
                utt2spk[f"{name}-{number}"] = name
                writer.write(f"{name}-{number}", frames)
    write_table(path / "utt2spk", utt2spk)
    return DataDir(path)


def accuracy(parts: Parts, probabilities: np.ndarray) -> float:
    best = [parts.classes[column] for column in probabilities.argmax(axis=1)]
    return float(
        np.mean([name == utterance.split("-")[0] for name, utterance in zip(best, parts.utterances, strict=True)])
    )


def test_both_are_written_as_posteriors(tmp_path, capsys):
    part(tmp_path / "train", {"b": 6, "a": 2, "c": 4})
    part(tmp_path / "test", {"a": 1, "c": 2}, first=50)
    kinds = ["--baseline=majority", "--baseline=statistics_lda"]
    command = ["predict-baselines", *kinds, f"--train={tmp_path}/train", str(tmp_path / "out")]
    main([*command, f"--data={tmp_path}/test"])
    said = capsys.readouterr().out.splitlines()
    for line, kind in zip(said, ("majority", "statistics_lda"), strict=True):
        assert names(line, tmp_path / "out" / kind, "3 utterances", "3 classes")
    shares = Posteriors.read(tmp_path / "out/majority")
    assert (shares.classes, shares.utterances) == (["a", "b", "c"], ["a-50", "c-50", "c-51"])
    np.testing.assert_allclose(shares.matrix, [[2 / 12, 6 / 12, 4 / 12]] * 3, rtol=1e-6)
    assert Posteriors.read(tmp_path / "out/statistics_lda").best() == ["a", "c", "c"]
    with pytest.raises(SystemExit):
        main(command)
    assert names(capsys.readouterr().err, "--train", "--data", "--folds")


@pytest.mark.parametrize("classes", [2, 5, 40])
@pytest.mark.parametrize("utterances", [2, 5])
def test_lda_finds_classes_that_differ(tmp_path, classes, utterances):
    """With more classes than dimensions too, and two utterances of each."""
    names = [f"s{number:02d}" for number in range(classes)]
    train = part(tmp_path / "train", dict.fromkeys(names, utterances), dim=12)
    parts = Parts(train, part(tmp_path / "test", dict.fromkeys(names, 3), first=50, dim=12))
    found = statistics_lda(parts)
    assert found.shape == (3 * classes, classes)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert accuracy(parts, found) >= 0.9


def test_one_class_with_two_utterances_is_enough_and_fewer_are_refused(tmp_path):
    test = part(tmp_path / "test", {"a": 2, "b": 2, "c": 2}, first=50, noise=0.01)
    parts = Parts(part(tmp_path / "train", {"a": 2, "b": 1, "c": 1}, noise=0.01), test)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert accuracy(parts, statistics_lda(parts)) == 1
    for count, sizes in ((2, {"a": 1, "b": 1}), (5, {"a": 5})):
        parts = Parts(part(tmp_path / f"few{len(sizes)}", sizes), test)
        with refused(parts.train.path, f"{count} utterances", f"{len(sizes)} classes", "utt2spk", "LDA"):
            statistics_lda(parts)
        assert majority(parts).shape == (6, len(sizes))


def test_labels_of_a_table_and_no_copies(tmp_path):
    train = part(tmp_path / "train", {"a": 4, "b": 4, "sp0.9-a": 4})
    copies = {f"sp0.9-a-{number}": f"a-{number}" for number in range(4)}
    train.write("utt2uniq", {name: copies.get(name, name) for name in train.utt2spk})
    train.write("utt2emotion", {name: "glad" if name.startswith("b") else "sad" for name in train.utt2spk})
    test = part(tmp_path / "test", {"a": 1, "b": 1}, first=50)
    assert Parts(train, test).classes == ["a", "b"]
    by_emotion = Parts(train, test, "utt2emotion")
    assert by_emotion.classes == ["glad", "sad"]
    np.testing.assert_allclose(majority(by_emotion), [[0.5, 0.5]] * 2)  # 4 of each: copies do not count
    assert statistics_lda(by_emotion).argmax(axis=1).tolist() == [1, 0]


def test_a_further_baseline_is_a_row(tmp_path, monkeypatch):
    even = type(BASELINES["majority"])(
        "even", lambda parts: np.full((len(parts.utterances), len(parts.classes)), 0.5)
    )
    monkeypatch.setitem(BASELINES, "even", even)
    train, test = part(tmp_path / "train", {"a": 3, "b": 2}), part(tmp_path / "test", {"a": 1}, first=50)
    said = list(predict_baselines([(train, test)], tmp_path / "out", ["majority", "even"]))
    assert names(said[-1], tmp_path / "out/even", "1 utterances", "2 classes")
    assert Posteriors.read(tmp_path / "out/even").matrix.tolist() == [[0.5, 0.5]]


def test_features_that_are_missing_or_of_another_conf_are_refused(tmp_path):
    train, test = part(tmp_path / "train", {"a": 3, "b": 2}), part(tmp_path / "test", {"a": 1}, first=50, dim=5)
    with refused(f"{test.path}: 5", f"{train.path}: 4", "steps/make_feats.sh"):
        list(predict_baselines([(train, test)], tmp_path / "out", ["statistics_lda"]))
    test = part(tmp_path / "test", {"a": 1}, first=50)
    test.write("utt2spk", {"a-50": "a", "a-51": "a"})
    with refused(test.path / "feats.scp", "(a-51)", "steps/make_feats.sh"):
        list(predict_baselines([(train, test)], tmp_path / "out", ["statistics_lda"]))


def emotions(path: Path, labels: str, speakers: str, **tables: list[float]) -> DataDir:
    """Utterances of classes ``labels`` (a letter each) by speakers, with numbers for each in the tables."""
    names = [f"{speaker}-{place:03d}" for place, speaker in enumerate(speakers)]
    write_table(path / "utt2spk", dict(zip(names, speakers, strict=True)))
    write_table(path / "utt2emotion", dict(zip(names, labels, strict=True)))
    for table, values in tables.items():
        write_table(path / table, dict(zip(names, values, strict=True)))
    return DataDir(path)


@pytest.mark.parametrize(("predict", "table"), [(duration, "utt2dur"), (energy, "utt2level")])
def test_one_number_is_enough_where_it_tells_the_classes(tmp_path, predict, table):
    generator = np.random.default_rng(0)
    of_class = {"g": 1.0, "s": 6.0, "n": 8.0}
    for classes in ("gs", "gsn"):
        parts = []
        for name in ("train", "test"):
            labels = "".join(generator.permutation(list(classes * 20)))
            values = [of_class[label] + generator.uniform(-0.9, 0.9) for label in labels]
            parts.append(emotions(tmp_path / classes / name, labels, "x" * len(labels), **{table: values}))
        found = Parts(*parts, "utt2emotion")
        taken = [found.classes[column] for column in predict(found).argmax(axis=1)]
        assert taken == list(parts[1].table("utt2emotion").values())


def test_of_two_classes_it_is_one_threshold(tmp_path):
    train = emotions(tmp_path / "train", "gggsssg", "xxxxxxx", utt2dur=[1, 2, 3, 4, 5, 6, 7])
    test = emotions(tmp_path / "test", "ggggg", "yyyyy", utt2dur=[0.1, 3.4, 3.6, 6.9, 99])
    found = duration(Parts(train, test, "utt2emotion"))
    np.testing.assert_allclose(found, [[1, 0], [1, 0], [0.25, 0.75], [0.25, 0.75], [0.25, 0.75]])


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({"x-000": "1"}, ["x-001"]),
        ({"x-000": "1", "x-001": "nan"}, ["'x-001'", "'nan'"]),
        ({"x-000": "-inf", "x-001": "2"}, ["'x-000'", "'-inf'"]),
        ({"x-000": "1", "x-001": "two"}, ["'x-001'", "'two'"]),
    ],
)
def test_numbers_that_are_none_are_refused(tmp_path, values, wanted):
    part = emotions(tmp_path, "gs", "xx")
    (part.path / "utt2level").write_text("".join(f"{key} {value}\n" for key, value in values.items()))
    with refused(tmp_path / "utt2level", *wanted, "steps/make_feats.sh"):
        energy(Parts(part, part, "utt2emotion"))


@pytest.mark.parametrize("classes", [2, 3])
def test_svm_decides_as_its_softmax_says(tmp_path, classes):
    from sklearn.svm import SVC

    names = "abc"[:classes]
    train = part(tmp_path / "train", dict.fromkeys(names, 12), noise=0.8)
    parts = Parts(train, part(tmp_path / "test", dict.fromkeys(names, 20), first=50, noise=0.8))
    found = BASELINES["statistics_svm"].predict(parts)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    fits = [SVC(C=cost, break_ties=True).fit(parts.statistics[0], parts.targets) for cost in (0.1, 1, 10, 100)]
    decided = [fit.predict(parts.statistics[1]).tolist() for fit in fits]
    assert found.astype(np.float32).argmax(axis=1).tolist() in decided
    assert accuracy(parts, found) >= 0.7


def test_svm_is_chosen_on_other_speakers(tmp_path):
    """Where there are some that show several classes; where the speakers are the classes, on their utterances."""
    part(tmp_path / "train", dict.fromkeys("abc", 4))
    train = DataDir(tmp_path / "train")
    train.write("utt2emotion", {name: "gs"[int(name[-1]) % 2] for name in train.utt2spk})
    by_emotion, by_speaker = Parts(train, train, "utt2emotion"), Parts(train, train)
    folds = _inner_folds(by_emotion)
    assert len(folds) == 3
    assert all(not set(by_emotion.speakers[a]) & set(by_emotion.speakers[b]) for a, b in folds)
    assert all(len(set(by_speaker.targets[a])) == 3 for a, _ in _inner_folds(by_speaker))
    train.write("utt2emotion", {name: "g" if name[0] == "a" else "s" for name in train.utt2spk})
    one_each = Parts(DataDir(tmp_path / "train"), train, "utt2emotion")  # without a, there is s alone
    assert all(len(set(one_each.targets[a])) == 2 for a, _ in _inner_folds(one_each))


def test_the_tested_part_cannot_move_the_statistics(tmp_path):
    train = part(tmp_path / "train", {"a": 4, "b": 4})
    near = part(tmp_path / "near", {"a": 3}, first=50)
    far = part(tmp_path / "far", {"a": 1, "b": 30}, first=50, noise=50)
    learnt = [Parts(train, test).statistics[0] for test in (near, far)]
    np.testing.assert_array_equal(*learnt)
    np.testing.assert_allclose(learnt[0].mean(axis=0), 0, atol=1e-5)
    first = [Parts(train, test).statistics[1][0] for test in (near, far)]  # of utterances that differ
    assert np.abs(first[1]).max() > 10 * np.abs(first[0]).max()


def test_of_folds_each_is_learnt_by_itself_and_frames_are_read_once(tmp_path, monkeypatch, capsys):
    whole = part(tmp_path / "all", dict.fromkeys("abcd", 4))
    whole.write("utt2emotion", {name: "gsn"[int(name[-1]) % 3] for name in whole.utt2spk})
    for number, left_out in enumerate("abcd", start=1):
        chosen = {
            "train": [name for name in whole.utt2spk if name[0] != left_out],
            "test": [name for name in whole.utt2spk if name[0] == left_out],
        }
        if number == 2:
            chosen["train"] = [name for name in chosen["train"] if whole.table("utt2emotion")[name] != "n"]
        carry(whole, {tmp_path / f"folds/{number}/{p}": names_of(whole, chosen[p]) for p in chosen})
    read = []
    monkeypatch.setattr(
        statistics,
        "read_matrix",
        lambda *args, _read=statistics.read_matrix, **options: (read.append(args[0]), _read(*args, **options))[1],
    )
    command = ["predict-baselines", "--baseline=majority", "--baseline=statistics_lda", "--labels=utt2emotion"]
    main([*command, f"--folds={tmp_path}/folds", str(tmp_path / "out")])
    assert len(read) == len(set(read)) == 16
    said = capsys.readouterr().out.splitlines()[0]
    assert names(said, tmp_path / "out/majority", "16 utterances", "3 classes", "4 folds")
    shares = Posteriors.read(tmp_path / "out/majority")
    assert (shares.utterances, shares.classes) == (sorted(whole.utt2spk), ["g", "n", "s"])
    np.testing.assert_allclose(shares.matrix[[0, 4]], [[6 / 12, 3 / 12, 3 / 12], [6 / 9, 0, 3 / 9]], rtol=1e-6)
    alone = Parts(DataDir(tmp_path / "folds/3/train"), DataDir(tmp_path / "folds/3/test"), "utt2emotion")
    found = Posteriors.read(tmp_path / "out/statistics_lda")
    rows = [found.utterances.index(name) for name in alone.utterances]
    np.testing.assert_allclose(found.matrix[rows], statistics_lda(alone), atol=1e-6)


def test_a_speaker_is_taken_for_what_they_mostly_are_and_a_stranger_for_the_majority(tmp_path):
    """Of speaker-dependent splits it is a shortcut; where nobody is known it is the majority to the last digit."""

    def people(name: str, said: dict[str, str]) -> DataDir:
        write_table(tmp_path / name / "utt2spk", {utterance: utterance[:2] for utterance in said})
        write_table(tmp_path / name / "utt2emotion", said)
        return DataDir(tmp_path / name)

    train = people("train", {"s1-0": "joy", "s1-1": "joy", "s1-2": "fear", "s2-0": "fear", "s2-1": "fear"})
    parts = Parts(train, people("test", {"s0-9": "joy", "s1-9": "fear", "s2-9": "joy"}), "utt2emotion")
    assert parts.classes == ["fear", "joy"]
    np.testing.assert_allclose(speaker(parts), [[3 / 5, 2 / 5], [1 / 3, 2 / 3], [1, 0]])
    strangers = Parts(train, people("others", {"s7-0": "joy", "s8-0": "fear"}), "utt2emotion")
    np.testing.assert_array_equal(speaker(strangers), majority(strangers))
    assert BASELINES["speaker"].title == "speaker alone"
