"""Two classifiers of the same utterances: the differences that evaluation notes, and others' labels refused."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from messages import names, refused

from timbre.__main__ import main
from timbre.kaldi.text import write_table
from timbre.kaldi.trials import Trials, write_scores, write_trials
from timbre.scoring.classification import evaluate_classes
from timbre.scoring.comparison import compare
from timbre.scoring.evaluation import evaluate
from timbre.scoring.posteriors import Posteriors

SPEAKERS, UTTERANCES = 20, 15
CLASSES = ["angry", "happy", "sad"]
NAMES = [f"s{s:02d}-{u:02d}" for s in range(SPEAKERS) for u in range(UTTERANCES)]
LABELS = dict(zip(NAMES, np.random.default_rng(0).choice(CLASSES, len(NAMES)), strict=True))


@pytest.fixture
def recipe(tmp_path, monkeypatch) -> SimpleNamespace:
    """A recipe's folder with labelled utterances, and a way to evaluate experiments of a given accuracy on them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()

    def label(labels: dict[str, str]) -> None:
        write_table("data/utt2spk", {name: name[:3] for name in labels})
        write_table("data/utt2emotion", labels)

    def predict(folder: str, accuracy: float, seed: int = 0, classes=CLASSES, names=NAMES):
        generator = np.random.default_rng(seed)
        matrix = np.full((len(names), len(classes)), 0.1, dtype=np.float32)
        for row, name in zip(matrix, names, strict=True):
            right = generator.random() < accuracy
            row[classes.index(LABELS[name]) if right else generator.integers(len(classes))] = 1
        matrix /= matrix.sum(axis=1, keepdims=True)
        Posteriors(list(names), list(classes), matrix).write(folder)
        return folder

    def make(exp: str, accuracy: float, **how) -> None:
        systems = {exp: predict(f"exp/{exp}/test", accuracy, **how), "base": predict(f"exp/{exp}/base", 0.0, **how)}
        evaluate_classes("data", systems, f"exp/{exp}", "utt2emotion", count=200)

    label(LABELS)
    return SimpleNamespace(make=make, predict=predict, label=label, path=tmp_path)


def test_the_command_says_who_is_better(recipe, capsys):
    recipe.make("good", 0.9)
    recipe.make("bad", 0.5, seed=1)
    main(["compare", "exp/bad", "exp/good"])
    head, *table, said = capsys.readouterr().out.splitlines()
    digest = json.loads((recipe.path / "exp/bad/metrics.json").read_text())["utterances"]["sha256"]
    assert names(head, "data", "300 utterances", "3 classes", "20 speakers", digest)
    assert [row.split()[0] for row in table[1:]] == ["accuracy", "recall", "F1"]
    assert table[1].split()[1] == "%" and float(table[1].split()[2]) < float(table[1].split()[3])
    assert names(said, "good", "accuracy", "recall (UA)", "F1") and "bad" not in said
    main(["compare", "--system", "base", "exp/bad", "exp/bad"])
    said = capsys.readouterr().out.splitlines()[-1]
    assert names(said, "accuracy", "recall (UA)", "F1", "0.05") and "base" not in said


def test_differences_are_those_of_evaluate(recipe, capsys):
    """Also where a system's columns stand in another order, and the experiment has been moved."""
    recipe.make("a", 0.8)
    recipe.make("b", 0.7, seed=1, classes=CLASSES[::-1])
    (recipe.path / "exp").rename(recipe.path / "moved")
    both = {"a": "moved/a/test", "b": "moved/b/test"}
    noted = evaluate_classes("data", both, "both", "utt2emotion", count=200)["differences"]["b"]
    rows = compare("moved/a", "moved/b").splitlines()[2:-1]
    for row, name in zip(rows, ("accuracy", "recall", "f1"), strict=True):
        value, low, high = (f"{100 * noted[name][key]:.2f}" for key in ("value", "low", "high"))
        assert f"{value} [{low}, {high}]" in row and row.endswith(f"{noted[name]['p']:.3f}")


def test_what_cannot_be_compared_is_refused_by_name(recipe):
    recipe.make("a", 0.8)
    recipe.make("b", 0.8)
    with refused("exp/a/metrics.json", "'bose'", "'base'"):
        compare("exp/a", "exp/b", "bose")
    (recipe.path / "exp/b/test").rename(recipe.path / "exp/b/gone")
    with refused("exp/b/test", "'b' of exp/b", "stages 3 and 4"):
        compare("exp/a", "exp/b")
    recipe.label(dict.fromkeys(NAMES, "sad"))
    recipe.make("c", 0.8)
    with refused("exp/a: data/utt2emotion", "exp/c: data/utt2emotion", "300 utterances"):
        compare("exp/a", "exp/c")
    with refused("data/utt2emotion", "SHA-256", "exp/a ", "stage 4"):
        compare("exp/a", "exp/a")
    write_trials("data/trials", Trials(*np.array([NAMES[:4], NAMES[12:16]]), np.array([True, True, True, False])))
    write_scores("exp/v/scores", *np.array([NAMES[:4], NAMES[12:16]]), np.arange(4.0))
    evaluate("data", "data/trials", {"v": "exp/v/scores"}, "exp/v", count=100)
    with refused("exp/a: classification", "exp/v: verification"):
        compare("exp/a", "exp/v")
    (recipe.path / "exp/a/metrics.json").write_text('{"task": "classification", "trials": {"sha256": ""}}')
    with refused("exp/a/metrics.json", "'utterances'"):
        compare("exp/a", "exp/c")
