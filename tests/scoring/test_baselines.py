"""Baselines of classification: class shares, and LDA of statistics, of many classes with few utterances too."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from timbre.__main__ import main
from timbre.errors import TimbreError
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.tables import ArkWriter
from timbre.kaldi.text import write_table
from timbre.scoring.baselines import BASELINES, Parts, majority, predict_baselines, statistics_lda
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
    main(["predict-baselines", f"--train={tmp_path}/train", f"--data={tmp_path}/test", str(tmp_path / "out")])
    assert capsys.readouterr().out.splitlines() == [
        f"{tmp_path}/out/majority: majority, 3 utterances, 3 classes",
        f"{tmp_path}/out/statistics_lda: LDA of statistics, 3 utterances, 3 classes",
    ]
    shares = Posteriors.read(tmp_path / "out/majority")
    assert (shares.classes, shares.utterances) == (["a", "b", "c"], ["a-50", "c-50", "c-51"])
    np.testing.assert_allclose(shares.matrix, [[2 / 12, 6 / 12, 4 / 12]] * 3, rtol=1e-6)
    assert Posteriors.read(tmp_path / "out/statistics_lda").best() == ["a", "c", "c"]


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
    for sizes in ({"a": 1, "b": 1}, {"a": 5}):
        parts = Parts(part(tmp_path / f"few{len(sizes)}", sizes), test)
        with pytest.raises(
            TimbreError, match=f"{sum(sizes.values())} utterances of {len(sizes)} classes by utt2spk; LDA"
        ):
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
    assert list(predict_baselines(train.path, test.path, tmp_path / "out"))[-1].endswith(
        "even: even, 1 utterances, 2 classes"
    )
    assert Posteriors.read(tmp_path / "out/even").matrix.tolist() == [[0.5, 0.5]]


def test_features_that_are_missing_or_of_another_conf_are_refused(tmp_path):
    train, test = part(tmp_path / "train", {"a": 3, "b": 2}), part(tmp_path / "test", {"a": 1}, first=50, dim=5)
    with pytest.raises(TimbreError, match=r"test: 5 features a frame, .*train: 4"):
        list(predict_baselines(train.path, test.path, tmp_path / "out"))
    test = part(tmp_path / "test", {"a": 1}, first=50)
    test.write("utt2spk", {"a-50": "a", "a-51": "a"})
    with pytest.raises(TimbreError, match=r"test/feats.scp: lacks 1 utterances \(a-51\)"):
        list(predict_baselines(train.path, test.path, tmp_path / "out"))
