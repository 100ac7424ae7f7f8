"""Two experiments on the same trials: known answers, and comparisons that would mean nothing are refused."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from messages import names, refused

from timbre.__main__ import main
from timbre.kaldi.text import write_table
from timbre.kaldi.trials import Trials, write_scores, write_trials
from timbre.scoring.bootstrap import Speakers, replicates
from timbre.scoring.comparison import compare, paired
from timbre.scoring.difference import p_value
from timbre.scoring.evaluation import evaluate

SPEAKERS, UTTERANCES = 12, 4
FIRST, SECOND = np.triu_indices(SPEAKERS * UTTERANCES, 1)
TARGET = FIRST // UTTERANCES == SECOND // UTTERANCES
WHOSE = Speakers([f"s{s:02d}" for s in range(SPEAKERS)], FIRST // UTTERANCES, SECOND // UTTERANCES)


def scores(separation: float, seed: int = 0) -> np.ndarray:
    """Scores of all pairs, targets higher by ``separation``."""
    return np.random.default_rng(seed).normal(size=len(TARGET)) + separation * TARGET


def test_p_value_counts_the_replicates_beyond_zero():
    assert p_value(np.array([-3.0, -2, -1, 1])) == 0.5  # one of four lies above: twice a quarter
    assert p_value(np.array([-1.0, 1])) == 1
    assert p_value(np.zeros(10)) == 1  # no difference in any draw
    assert p_value(np.array([0.0, 0, 0, -1])) == 1  # zero lies on both sides
    assert p_value(-np.ones(200)) == 1 / 200  # what so many draws can show at most
    assert p_value(np.ones(200)) == 1 / 200
    assert p_value(np.array([np.nan, *-np.ones(99)])) == 1 / 99
    assert p_value(np.array([np.nan, *np.ones(9)])) is None


def test_the_same_errors_are_no_difference_and_better_ones_are_told():
    one = scores(1.5)
    same = paired(one, np.exp(one), TARGET, WHOSE, 200)  # another scale, the same order
    assert {(found.value, found.low, found.high, found.p) for found in same.values()} == {(0, None, None, 1)}
    assert not any(found.told for found in same.values())
    better = paired(scores(4.0, seed=1), one, TARGET, WHOSE, 200)["eer"]
    assert better.value < 0 and better.high < 0 and better.p == 1 / 200 and better.told
    worse = paired(one, scores(4.0, seed=1), TARGET, WHOSE, 200)["eer"]
    assert (worse.value, worse.low, worse.high) == pytest.approx((-better.value, -better.high, -better.low))


def test_systems_that_are_equally_good_are_seldom_told_apart():
    draws = (paired(scores(1.5, 2 * i), scores(1.5, 2 * i + 1), TARGET, WHOSE, 100)["eer"].p for i in range(100))
    found = np.array(list(draws))
    assert (found < 0.05).mean() <= 0.12  # 0.05 is what the level says
    assert 0.35 < found.mean() < 0.65  # spread over 0 to 1


def test_pairing_tells_what_two_separate_intervals_cannot():
    one = scores(1.5)
    found = paired(one + 0.3 * TARGET, one, TARGET, WHOSE, 200)["eer"]
    first, second = (replicates(values, TARGET, WHOSE, 200)["eer"] for values in (one + 0.3 * TARGET, one))
    assert found.told and found.high < 0
    assert np.percentile(first, 97.5) > np.percentile(second, 2.5)  # they overlap


@pytest.fixture
def recipe(tmp_path, monkeypatch) -> SimpleNamespace:
    """A recipe's folder with a data directory, a trial list, and a way to evaluate experiments on it."""
    monkeypatch.chdir(tmp_path)
    names = np.array([f"s{i // UTTERANCES:02d}-{i % UTTERANCES}" for i in range(SPEAKERS * UTTERANCES)])
    (tmp_path / "data").mkdir()
    write_table("data/utt2spk", {name: name[:3] for name in names})

    def make(exp: str, values: np.ndarray, trials: str = "data/trials", part: str = "", keep=slice(None)):
        write_trials(trials, Trials(names[FIRST[keep]], names[SECOND[keep]], TARGET[keep]))
        path = f"exp/{exp}/{part}/scores" if part else f"exp/{exp}/scores"
        for file, those in ((path, values), (path + ".plda", 2 * values)):
            write_scores(file, names[FIRST[keep]], names[SECOND[keep]], those[keep])
        evaluate("data", trials, {exp: path, "plda": path + ".plda"}, f"exp/{exp}/{part}", count=100)

    return SimpleNamespace(make=make, path=tmp_path)


def test_the_command_says_who_is_better_by_what_on_each_list(recipe, capsys):
    measures = ("EER", "minDCF(0.01)", "minDCF(0.05)")
    for part in ("", "E"):
        recipe.make("good", scores(4.0, seed=1), part=part)
        recipe.make("bad", scores(1.0), part=part)
    recipe.make("bad", scores(1.0), trials="data/trials_H", part="H", keep=slice(0, None, 2))
    main(["compare", "exp/good", "exp/bad"])
    *said, last = capsys.readouterr().out.splitlines()
    better = [line for line in said if line.startswith("good ") and "better" in line]
    assert len(better) == 2 and all(names(line, *measures) for line in better)
    assert names(last, "H", "exp/bad") and "exp/good" not in last
    main(["compare", "--system", "plda", "exp/bad", "exp/good"])
    better = [line for line in capsys.readouterr().out.splitlines() if ": plda " in line and "better" in line]
    assert len(better) == 2 and all(names(line, "exp/good", "EER") and "exp/bad" not in line for line in better)
    main(["compare", "exp/good", "exp/good"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split()[-2:] == ["0.00", "1.000"]
    assert names(lines[5], *measures, "p below 0.05") and "good" not in lines[5]


def test_intervals_are_those_of_evaluate(recipe):
    """The same draws as for the difference that evaluate notes of two systems."""
    recipe.make("a", scores(2.0))
    recipe.make("b", scores(1.5, seed=1))
    noted = evaluate("data", "data/trials", {"a": "exp/a/scores", "b": "exp/b/scores"}, "both", count=100)
    difference = noted["differences"]["b"]["eer"]
    found = paired(scores(2.0), scores(1.5, seed=1), TARGET, WHOSE, 100)["eer"]
    assert (found.value, found.low, found.high) == pytest.approx(tuple(difference.values()))


def test_what_cannot_be_compared_is_refused_by_name(recipe):
    recipe.make("a", scores(2.0))
    recipe.make("b", scores(1.0))
    with refused("exp/b/metrics.json", "'pdla'", "'plda'"):
        compare("exp/b", "exp/a", "pdla")
    with refused("exp/none", "metrics.json", "steps/evaluate.sh", "stage 4"):
        compare("exp/a", "exp/none")
    (recipe.path / "exp/b/scores").unlink()
    with refused("exp/b/scores", "'b' of exp/b", "stages 3 and 4"):
        compare("exp/a", "exp/b")
    recipe.make("c", scores(1.0), keep=slice(0, None, 2))  # over the list that a was evaluated on
    with refused("exp/a: data/trials", "1128 trials", "exp/c: data/trials", "564 trials"):
        compare("exp/a", "exp/c")
    was, now = (json.loads((recipe.path / f"exp/{exp}/metrics.json").read_text()) for exp in "ac")
    with refused("data/trials", *(metrics["trials"]["sha256"][:12] for metrics in (was, now))):
        compare("exp/a", "exp/a")
    recipe.make("d", scores(1.0), part="O")
    with refused("exp/a", "metrics.json", "exp/d", " O;"):
        compare("exp/a", "exp/d")
    (recipe.path / "exp/a/metrics.json").write_text(json.dumps({"systems": {}}))
    with refused("exp/a/metrics.json", "'trials'"):
        compare("exp/a", "exp/d")
