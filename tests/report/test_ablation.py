"""The table of an ablation: means over seeds, what is told from the first conf, and what is missing."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
from messages import names, refused

from timbre.__main__ import main
from timbre.kaldi.text import write_table
from timbre.report.ablation import ablation
from timbre.scoring.class_bootstrap import paired
from timbre.scoring.classification import evaluate_classes
from timbre.scoring.posteriors import Posteriors

SPEAKERS, UTTERANCES = 25, 8
NAMES = [f"s{s:02d}-{u}" for s in range(SPEAKERS) for u in range(UTTERANCES)]
TRUTH = np.repeat(np.arange(SPEAKERS), UTTERANCES)


@pytest.fixture
def recipe(tmp_path, monkeypatch) -> SimpleNamespace:
    """A recipe's folder; ``make("conf,train.seed=1", accuracy, seed)`` makes an experiment: which are right."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    classes = [f"s{s:02d}" for s in range(SPEAKERS)]
    write_table("data/utt2spk", {name: name[:3] for name in NAMES})

    def make(exp: str, accuracy: float, seed: int, labels: str = "utt2spk") -> np.ndarray:
        right = np.random.default_rng(seed).random(len(NAMES)) < accuracy
        matrix = np.zeros((len(NAMES), SPEAKERS), dtype=np.float32)
        matrix[np.arange(len(NAMES)), np.where(right, TRUTH, (TRUTH + 1) % SPEAKERS)] = 1
        Posteriors(NAMES, classes, matrix).write(f"exp/{exp}/data")
        evaluate_classes("data", {exp: f"exp/{exp}/data"}, f"exp/{exp}", labels, count=300)
        return right

    return SimpleNamespace(make=make, path=tmp_path)


def test_table_of_confs_and_seeds(recipe, capsys):
    right = {
        conf: np.stack(
            [recipe.make(f"{conf},train.epochs=9,train.seed={seed}", accuracy, 10 * n + seed) for seed in (1, 2, 4)]
        )
        for n, (conf, accuracy) in enumerate({"base": 0.6, "twin": 0.6, "good": 0.8, "bad": 0.3}.items())
    }
    page = recipe.path / "RESULTS.md"
    page.write_text("Before.\n<!-- ablation: begin -->\nold\n<!-- ablation: end -->\nAfter.\n")
    confs = [f"conf/{name}.yaml" for name in right]
    main(
        ["make-ablation", "--conf", *confs, "--seeds", "1", "2", "4", "--set", "train.epochs=9", "--out", str(page)]
    )
    said = capsys.readouterr().out
    assert page.read_text() == f"Before.\n<!-- ablation: begin -->\n{said}<!-- ablation: end -->\nAfter.\n"
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in said.splitlines() if line.startswith("| `")
    ]
    assert [row[0] for row in rows] == [f"`{name}`" for name in right] and rows[0][4:] == ["–", "–"]
    for row, values in zip(rows, right.values(), strict=True):
        each = 100 * values.mean(axis=1)
        assert row[1] == f"{each.mean():.2f} ± {each.std(ddof=1):.2f}"
        assert (
            row[2] == f"{each.min():.2f}–{each.max():.2f}" and row[3] == f"{each.mean():.2f}"
        )  # as many of each class
    for row, values in zip(rows[1:], list(right.values())[1:], strict=True):
        wanted = paired(values, right["base"], TRUTH, 300, 0)
        assert row[4] == f"{100 * wanted.value:.2f} [{100 * wanted.low:.2f}, {100 * wanted.high:.2f}]"
        assert row[5] == f"{wanted.p:.3f}"
    digest = json.loads((recipe.path / "exp/base,train.epochs=9,train.seed=1/metrics.json").read_text())
    assert "200 utterances of 25 speakers, seeds 1 2 4, train.epochs=9; SHA-256" in said
    assert (
        digest["utterances"]["sha256"] in said and "by 300 resamplings of the speakers\nand, seed by seed" in said
    )
    assert said.splitlines()[-1] == (
        "Better than `base`: `good`; worse than `base`: `bad`; not told from `base`: `twin` (p below 0.05 tells)."
    )


def test_one_training_each_has_no_deviation(recipe):
    exps = {conf: [recipe.path / "exp" / conf] for conf in ("a", "b")}
    for conf in exps:
        recipe.make(conf, 0.5, 3)
    said = ablation(exps, "seeds 1")
    assert "±" not in said and "another seed" in said
    assert re.search(r"\| `b` \| (\S+) \| \1–\1 \| \1 \| 0.00 \| 1.000 \|", said)  # the same errors
    with refused("two confs"):
        ablation({"a": exps["a"]}, "seeds 1")


def test_of_one_speaker_utterances_are_resampled_and_said_to_be(recipe):
    """By speakers there would be no interval; by what training knew the table says how it was tested."""
    exps = {conf: [recipe.path / "exp" / conf] for conf in ("a", "b")}
    write_table("data/utt2spk", dict.fromkeys(NAMES, "yaf"))
    write_table("data/utt2emotion", {name: name[:3] for name in NAMES})
    for conf, accuracy in (("a", 0.5), ("b", 0.9)):
        recipe.make(conf, accuracy, 3, labels="utt2emotion")
        path = exps[conf][0] / "metrics.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"verdict": ["speaker-dependent"]}))
    said = ablation(exps, "seeds 1")
    assert "200 utterances of 1 speaker, seeds 1; speaker-dependent; SHA-256" in said
    assert "by 300 resamplings of the utterances;" in said
    assert said.endswith("Better than `a`: `b` (p below 0.05 tells).")
    assert re.search(r"\| `b` .* \[\d+\.\d+, \d+\.\d+\] \| 0\.0", said)


def test_what_is_missing_or_another_thing_is_named(recipe, capsys):
    def complaint() -> str:
        with pytest.raises(SystemExit):
            main(["make-ablation", "--conf", "conf/a.yaml", "conf/b.yaml", "--seeds", "1", "2"])
        return capsys.readouterr().err

    for exp in ("a,train.seed=1", "a,train.seed=2", "b,train.seed=1"):
        recipe.make(exp, 0.5, 0)
    assert names(complaint(), "exp/b,train.seed=2", "metrics.json", "stages 1 to 4")
    recipe.make("b,train.seed=2", 0.5, 0)
    path = recipe.path / "exp/b,train.seed=2/metrics.json"
    metrics = json.loads(path.read_text())
    metrics["utterances"]["sha256"] = "0" * 64
    path.write_text(json.dumps(metrics))
    assert names(complaint(), "exp/a,train.seed=1: data/utt2spk", "exp/b,train.seed=2: data/utt2spk")
    path.write_text(json.dumps({"trials": {"sha256": ""}, "systems": {"x": {}}}))
    assert names(complaint(), "exp/b,train.seed=2/metrics.json", "classification", "utils/compare.sh")


def test_of_parts_there_is_a_table_for_each_by_the_measure_asked_for(recipe, capsys):
    """Languages: accuracies and recalls differ where classes have different sizes, and each part has its own."""
    write_table("data/utt2lang", dict.fromkeys(NAMES, "de"))
    for conf, accuracy in (("a", 0.4), ("b", 0.8)):
        for part, shift in (("de", 0.0), ("en", 0.1)):
            recipe.make(f"{conf},train.seed=1/{part}", accuracy + shift, 5)
    words = ["make-ablation", "--conf", "a.yaml", "b.yaml", "--seeds", "1"]
    main([*words, "--measure", "recall"])
    said = capsys.readouterr().out
    assert re.findall("^#### (.*)$", said, re.M) == ["de", "en"] and said.count("Better than `a`: `b`") == 2
    assert (
        said.count("| conf | recall (UA) % | lowest–highest | accuracy % |") == 2
        and "would change a recall" in said
    )
    for part in ("de", "en"):
        metrics = json.loads((recipe.path / f"exp/a,train.seed=1/{part}/metrics.json").read_text())
        recall = 100 * next(iter(metrics["systems"].values()))["recall"]["value"]
        assert f"| `a` | {recall:.2f} |" in said
    main(words)
    assert "| conf | accuracy % | lowest–highest | recall (UA) % |" in capsys.readouterr().out
    (recipe.path / "exp/b,train.seed=1/en/metrics.json").unlink()
    with pytest.raises(SystemExit):
        main(words)
    assert names(capsys.readouterr().err, "exp/b,train.seed=1/en", "metrics.json", "stages 1 to 4")
