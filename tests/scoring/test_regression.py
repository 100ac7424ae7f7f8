"""Softmax regression: its minimum, its strength chosen on what folds leave out, and the functionals it is given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from messages import refused
from scipy.optimize import minimize
from scipy.special import log_softmax

from timbre.__main__ import main
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.tables import ArkWriter
from timbre.kaldi.text import write_table
from timbre.scoring.baseline_parts import Parts
from timbre.scoring.baselines import BASELINES, title
from timbre.scoring.posteriors import Posteriors
from timbre.scoring.regression import STRENGTHS, softmax_regression


def groups(count: int, dim: int, spread: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectors of three classes and six speakers, who are shifted by ``spread``: (N, D), classes, speakers."""
    rng = np.random.default_rng(seed)
    targets, speakers = np.arange(count) % 3, np.arange(count) // 3 % 6
    centres, shifts = rng.normal(size=(3, dim)), spread * rng.normal(size=(6, dim))
    return centres[targets] + shifts[speakers] + rng.normal(size=(count, dim)), targets, speakers


def folds_of(speakers: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(np.flatnonzero(speakers != one), np.flatnonzero(speakers == one)) for one in range(6)]


def minimum(train: np.ndarray, targets: np.ndarray, strength: float, vectors: np.ndarray) -> np.ndarray:
    """Probabilities by the formula's own minimum, found by a general minimiser."""
    classes, dim = targets.max() + 1, train.shape[1]

    def loss(values: np.ndarray) -> float:
        weights, biases = values[classes:].reshape(classes, dim), values[:classes]
        logs = log_softmax(train @ weights.T + biases, axis=1)
        return -strength * logs[np.arange(len(train)), targets].sum() + 0.5 * np.sum(weights**2)

    found = minimize(loss, np.zeros(classes * (dim + 1)), options={"gtol": 1e-7}).x
    return np.exp(log_softmax(vectors @ found[classes:].reshape(classes, dim).T + found[:classes], axis=1))


@pytest.mark.parametrize(("count", "dim"), [(60, 2), (12, 20)])
def test_it_is_the_minimum_of_its_formula(count: int, dim: int):
    every, targets, _ = groups(count + 9, dim, 0.0, 0)
    train, targets, others = every[:count], targets[:count], every[count:]
    found = softmax_regression(train, targets, [], others)
    np.testing.assert_allclose(found, minimum(train, targets, STRENGTHS[len(STRENGTHS) // 2], others), atol=2e-3)


@pytest.mark.parametrize(("spread", "noise"), [(0.0, 0), (1.0, 40)])
def test_the_strength_is_that_with_the_lowest_loss_on_speakers_left_out(spread: float, noise: int):
    train, targets, speakers = groups(90, 4, spread, 1)
    train = np.hstack([train, np.random.default_rng(2).normal(size=(90, noise))])
    losses = []
    for strength in STRENGTHS:
        left = []
        for learnt, rest in folds_of(speakers):
            model = fitted(train[learnt], targets[learnt], strength)
            left += model.predict_proba(train[rest])[np.arange(len(rest)), targets[rest]].tolist()
        losses.append(-np.log(left).sum())
    best = STRENGTHS[int(np.argmin(losses))]
    found = softmax_regression(train, targets, folds_of(speakers), train[:9])
    np.testing.assert_allclose(found, fitted(train, targets, best).predict_proba(train[:9]), atol=5e-3)


def fitted(train: np.ndarray, targets: np.ndarray, strength: float):
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, max_iter=2000, tol=1e-6).fit(train, targets)


def test_a_class_that_a_fold_lacks_is_still_predicted():
    train, targets, speakers = groups(90, 4, 0.0, 1)
    folds = [*folds_of(speakers), (np.flatnonzero(targets != 1), np.flatnonzero(targets == 1))]
    found = softmax_regression(train, targets, folds, train)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found.argmax(axis=1) == targets).mean() > 0.6


@pytest.fixture
def parts(tmp_path: Path) -> dict[str, DataDir]:
    """A training and a test part whose frames tell nothing, and functionals of both that tell the emotion."""
    rng = np.random.default_rng(0)
    names = {part: [f"{part}{number // 6}-{number:02d}" for number in range(24)] for part in ("train", "test")}
    for part, utterances in names.items():
        write_table(tmp_path / part / "utt2spk", {name: name.split("-")[0] for name in utterances})
        write_table(tmp_path / part / "utt2emotion", {name: "gsn"[int(name[-2:]) % 3] for name in utterances})
        with ArkWriter(tmp_path / part / "feats.ark", tmp_path / part / "feats.scp") as writer:
            for name in utterances:
                writer.write(name, rng.normal(size=(20, 3)))
    every = [name for utterances in names.values() for name in utterances] + ["test9-99"]
    write_table(tmp_path / "functionals" / "utt2spk", {name: name.split("-")[0] for name in every})
    with ArkWriter(tmp_path / "functionals" / "feats.ark", tmp_path / "functionals" / "feats.scp") as writer:
        for name in rng.permutation(every):
            row = np.eye(3)[int(name[-2:]) % 3] + 0.1 * rng.normal(size=3)
            writer.write(name, np.append(row, 5)[None])
    return {name: DataDir(tmp_path / name) for name in ("train", "test", "functionals")}


def right(folder: Path) -> float:
    found = Posteriors.read(folder)
    taken = [found.classes[column] for column in found.matrix.argmax(axis=1)]
    return np.mean([name == "gsn"[int(utt[-2:]) % 3] for name, utt in zip(taken, found.utterances, strict=True)])


def test_functionals_are_found_by_utterance_and_stand_beside_statistics(parts, tmp_path):
    kinds = ["statistics_regression", "functionals_regression", "functionals_svm", "joint_regression"]
    words = [f"--train={tmp_path}/train", f"--data={tmp_path}/test", "--labels=utt2emotion", str(tmp_path / "out")]
    main(
        [
            "predict-baselines",
            *(f"--baseline={kind}" for kind in kinds),
            f"--functionals={tmp_path}/functionals",
            *words,
        ]
    )
    shares = {kind: right(tmp_path / "out" / kind) for kind in kinds}
    assert shares.pop("statistics_regression") < 0.7
    assert min(shares.values()) == 1, shares
    both = Parts(parts["train"], parts["test"], "utt2emotion", functionals_of=parts["functionals"]).both
    assert [found.shape for found in both] == [(24, 14), (24, 14)]
    named = [f"--baseline={tmp_path}/out/{kind}" for kind in kinds[:2]]
    words = ["--labels=utt2emotion", "--replicates=20", f"{tmp_path}/test", f"{tmp_path}/out/joint_regression"]
    main(["evaluate-classes", *named, *words, f"{tmp_path}/measured"])
    found = (tmp_path / "measured/metrics.json").read_text()
    assert all(f'"{BASELINES[kind].title}"' in found for kind in kinds[:2])
    with refused("out/joint_regresion", "joint_regression"):
        title(tmp_path / "out/joint_regresion")


def test_functionals_that_are_not_there_are_named(parts, tmp_path):
    kind = BASELINES["functionals_regression"]
    with refused("--functionals", "steps/make_feats.sh"):
        kind.predict(Parts(parts["train"], parts["test"], "utt2emotion"))
    table = parts["functionals"].table("feats.scp")
    parts["functionals"].write("feats.scp", {name: where for name, where in table.items() if name != "test1-08"})
    with refused(tmp_path / "functionals", "test1-08"):
        kind.predict(
            Parts(parts["train"], parts["test"], "utt2emotion", functionals_of=DataDir(tmp_path / "functionals"))
        )


def test_streams_are_pooled_and_stand_side_by_side(parts, tmp_path):
    """Frames by their statistics; of a stream with a model its vectors, and not the frames that it takes."""
    rng, every = np.random.default_rng(3), parts["functionals"].table("utt2spk")
    folder = tmp_path / "streams"
    write_table(folder / "utt2spk", every)
    frames = {name: rng.normal(size=(5 + number, 4)) for number, name in enumerate(every)}
    vectors = {name: rng.normal(size=6) for name in every}
    for table, arrays in (("feats_a", frames), ("feats_b", frames), ("vectors_b", vectors)):
        with ArkWriter(folder / f"{table}.ark", folder / f"{table}.scp") as writer:
            for name, array in arrays.items():
                writer.write(name, array)
    given = Parts(parts["train"], parts["test"], "utt2emotion", streams_of=DataDir(folder))
    train, test = given.streams
    rows = {n: np.concatenate([frames[n].mean(axis=0), frames[n].std(axis=0), vectors[n]]) for n in every}
    wanted = np.stack([rows[name] for name in parts["train"].utt2spk])
    np.testing.assert_allclose(train, (wanted - wanted.mean(axis=0)) / wanted.std(axis=0), atol=1e-4)
    other = np.stack([rows[name] for name in parts["test"].utt2spk])
    np.testing.assert_allclose(test, (other - wanted.mean(axis=0)) / wanted.std(axis=0), atol=1e-4)
    kind = BASELINES["streams_regression"]
    assert kind.predict(given).shape == (24, 3)
    with refused("--streams", "steps/make_streams.sh"):
        kind.predict(Parts(parts["train"], parts["test"], "utt2emotion"))
    with refused(parts["functionals"].path, "steps/make_streams.sh"):
        kind.predict(Parts(parts["train"], parts["test"], "utt2emotion", streams_of=parts["functionals"]))


@pytest.mark.parametrize("kind", ["statistics_regression", "joint_regression"])
def test_a_single_class_is_refused(parts, kind):
    train = parts["train"]
    train.write("utt2emotion", dict.fromkeys(train.utt2spk, "g"))
    with refused(train.path, "two classes"):
        BASELINES[kind].predict(
            Parts(DataDir(train.path), parts["test"], "utt2emotion", functionals_of=parts["functionals"])
        )
