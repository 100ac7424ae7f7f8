"""The page that compares experiments: the figures of compare, curves of all, confs by key, other lists refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from messages import refused

from timbre.__main__ import main
from timbre.kaldi.text import write_table
from timbre.kaldi.trials import Trials, write_scores, write_trials
from timbre.report.comparison import differing, write_comparison
from timbre.scoring.class_comparison import compare_classes
from timbre.scoring.classification import evaluate_classes
from timbre.scoring.comparison import compare_trials
from timbre.scoring.evaluation import evaluate, percent
from timbre.scoring.measured import System, read_metrics
from timbre.scoring.posteriors import Posteriors

NAMES = np.array([f"s{s}-u{u}" for s in range(8) for u in range(4)])
EXPS = ["exp/a", "exp/b<i>", "exp/c"]


@pytest.fixture
def data(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_table("data/utt2spk", {name: name[:2] for name in NAMES})


def verify(exp: str, seed: int, trials: str = "data/trials", step: int = 1) -> None:
    first, second = (ids[::step] for ids in np.triu_indices(len(NAMES), 1))
    target = first // 4 == second // 4
    scores = np.random.default_rng(seed).normal(size=len(first)) + seed * target
    write_trials(trials, Trials(NAMES[first], NAMES[second], target))
    write_scores(f"{exp}/scores", NAMES[first], NAMES[second], scores)
    evaluate("data", trials, {Path(exp).name: f"{exp}/scores"}, exp, count=40)
    Path(exp, "conf.yaml").write_text(f"loss: {{kind: softmax}}\ntrain: {{epochs: {seed}, seed: 0}}\n")


def system(exp: str) -> System:
    return System.of(Path(exp), read_metrics(exp)[""])


def cells(html: str) -> list[list[str]]:
    """The text of the cells of each row."""
    rows = re.findall("<tr>(.*?)</tr>", html, re.DOTALL)
    return [[re.sub("<[^>]*>", "", cell) for cell in re.findall("<t[hd]>(.*?)</t[hd]>", row)] for row in rows]


def test_trials_of_several_experiments_on_one_page(data, capsys):
    for seed, exp in enumerate(EXPS, 1):
        verify(exp, seed)
    main(["compare-report", "--out", "page.html", *EXPS])
    assert capsys.readouterr().out == "wrote page.html\n"
    html = Path("page.html").read_text()
    rows = cells(html)
    for exp in EXPS:
        eer = system(exp).metrics["systems"][Path(exp).name]["eer"]
        assert sum(row[1] == percent(eer) for row in rows if len(row) > 1) == 1
    for exp in EXPS[1:]:
        found = compare_trials(system(exp), system("exp/a"))[1]["eer"]
        (row,) = (row for row in rows if row[0] == f"{Path(exp).name} − a".replace("<i>", "&lt;i&gt;"))
        assert row[1:3] == [percent(found.bounded), f"{found.p:.3f}"]
    assert ["train.epochs", "1", "2", "3"] in rows and "loss.kind" not in html and "train.seed" not in html
    assert html.count("<svg") == 2 and "DET curve" in html and "<i>" not in html
    assert html.count(">b&lt;i&gt;</text>") == 2  # in the legend of the curves and beside its EER
    assert not re.search(r'(src|href)="(?!#)', html) and not re.search(r"url\((?!#)", html)


def test_classifications_are_compared_by_their_measures(data):
    labels = {name: "xyz"[number % 3] for number, name in enumerate(NAMES.tolist())}
    write_table("data/utt2emotion", labels)
    for exp, seed in (("one/net", 0), ("two/net", 1)):
        matrix = np.random.default_rng(seed).dirichlet(np.ones(3), len(NAMES)).astype(np.float32)
        Posteriors(NAMES.tolist(), list("xyz"), matrix).write(f"{exp}/test")
        evaluate_classes("data", {"net": f"{exp}/test"}, exp, "utt2emotion", count=40)
    html = write_comparison(["one/net", "two/net"], "page.html").read_text()
    found = compare_classes(system("two/net"), system("one/net"))[1]
    (row,) = (row for row in cells(html) if row[0] == "two/net − one/net")  # told apart by their folders
    assert row[1::2] == [percent(found[key].bounded) for key in ("accuracy", "recall", "f1")]
    assert html.count("<svg") == 2 and "Without a" in html and "do not differ" not in html
    verify("exp/a", 1)
    with refused("one/net: classification", "exp/a: verification"):
        write_comparison(["one/net", "exp/a"], "other.html")


def test_other_lists_are_refused_by_name_and_nothing_is_written(data):
    verify("exp/a", 1)
    verify("exp/b", 2, "data/half", step=2)
    with refused("exp/a: data/trials", "exp/b: data/half", "different trial lists"):
        write_comparison(["exp/a", "exp/b"], "page.html")
    with refused("two experiments", "exp/a"):
        write_comparison(["exp/a", "exp/a"], "page.html")
    assert not Path("page.html").exists()


def test_confs_differ_by_dotted_keys_and_a_missing_one_is_shown():
    confs = [{"a": {"b": 1, "c": [1, 2]}}, {"a": {"b": 1, "c": [1]}, "d": None}]
    assert differing(confs) == {"a.c": ["[1, 2]", "[1]"], "d": ["–", "None"]}
