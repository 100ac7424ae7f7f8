"""The report: one file that needs no other, true to the metrics, and safe with any text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from messages import refused

from timbre.kaldi.text import write_table
from timbre.kaldi.trials import Trials, write_scores, write_trials
from timbre.report import drawing, plots
from timbre.report.html import write_report
from timbre.scoring.evaluation import evaluate, percent

NASTY = "<script>alert('$x$')</script>"


@pytest.fixture
def experiment(tmp_path) -> Path:
    """An experiment evaluated on one part, with names and texts that must not become markup."""
    data, exp = tmp_path / "data", tmp_path / "exp"
    data.mkdir()
    utterances = [f"s{s}-u{u}" for s in range(6) for u in range(4)]
    write_table(data / "utt2spk", {name: name[:2] for name in utterances})
    write_table(data / "spk2gender", {f"s{s}": "fm"[s % 2] for s in range(6)})
    first, second = np.triu_indices(24, 1)
    target, names = first // 4 == second // 4, np.array(utterances)
    scores = np.random.default_rng(0).normal(size=len(first)) + 2 * target
    write_trials(tmp_path / "trials", Trials(names[first], names[second], target))
    write_scores(tmp_path / "scores", names[first], names[second], scores)
    write_scores(tmp_path / "constant", names[first], names[second], 0 * scores)
    systems = {NASTY: tmp_path / "scores", "constant/scores": tmp_path / "constant"}
    evaluate(data, tmp_path / "trials", systems, exp / "test", count=50)
    (data / "about").write_text(f"Synthetic speech. {NASTY}\n")
    (exp / "conf.yaml").write_text("train:\n  epochs: 3\n")
    (exp / "differences.yaml").write_text("train.epochs: 3 (default 20)\n")
    history = [{"epoch": e, "loss": 1 / e, "accuracy": 0.5, "learning_rate": 1e-3} for e in (1, 2, 3)]
    (exp / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in history))
    (exp / "test" / "xvector.skipped").write_text(f"s9-u9 9 frames, 15 are needed {NASTY}\n")
    return exp


class Page(HTMLParser):
    """The text, tags and links of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.tags, self.links = "", [], []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href", "xlink:href", "data")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_needs_nothing_else_and_runs_its_own_script_alone(experiment):
    html = write_report(experiment).read_text()
    page = Page(html)
    assert not {"link", "iframe", "object", "img", "audio"} & set(page.tags)
    (script,) = re.findall("<script[^>]*>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; media-src data:; script-src 'sha256-{digest}'" in html
    assert all(link.startswith("#") for link in page.links)
    assert "@import" not in html
    assert not re.search(r"url\((?!#)", html)
    assert page.tags.count("svg") == 5


def test_the_page_says_what_was_measured(experiment):
    text = Page(write_report(experiment).read_text()).text
    metrics = json.loads((experiment / "test" / "metrics.json").read_text())
    for measures in metrics["systems"].values():
        assert percent(measures["eer"]) in text
    for said in (
        metrics["trials"]["sha256"],
        f"Synthetic speech. {NASTY}",  # as text
        "3 (default 20)",
        "epochs: 3",
        "s9-u9",
        "female",
        f"{metrics['conditions']['cross-gender']['false_alarms']} / ",
        f"{metrics['systems'][NASTY]['misses']} of {metrics['trials']['targets']} target trials",
        "Python",
        "50.00",  # the EER of constant scores
    ):
        assert said in text


def test_six_systems_are_told_apart_and_llrs_are_shown(experiment, tmp_path):
    systems = {f"plda+{i}+calibration": tmp_path / "scores" for i in range(6)}
    trials = tmp_path / "trials"
    metrics = evaluate(tmp_path / "data", trials, systems, experiment / "hard", 20, llrs=["plda+3+calibration"])
    html = write_report(experiment).read_text()
    text = Page(html).text
    assert "actDCF(0.01)" in text
    found = metrics["systems"]["plda+3+calibration"]
    assert f"{found['cllr']:.3f} ({found['min_cllr']:.3f})" in text
    for name in systems:
        assert text.count(name) >= 4  # in the table, in ROC and DET, and as a difference or the first of them
    assert len(set(drawing.STYLES)) == 16
    for colour in ("--third", "--fourth"):
        assert f"{colour}: #" in html
        assert f"var({colour})" in html


def test_only_metrics_are_needed(experiment):
    for name in ("conf.yaml", "differences.yaml", "history.jsonl", "test/xvector.skipped"):
        (experiment / name).unlink()
    page = Page(write_report(experiment, about="Read speech.").read_text())
    assert "Read speech." in page.text
    assert "Synthetic" not in page.text
    assert page.tags.count("svg") == 4


def test_what_is_missing_is_named(experiment, tmp_path):
    with refused(tmp_path / "nothing", "metrics.json", "stage 4"):
        write_report(tmp_path / "nothing")
    (experiment / "test" / "curves.npz").unlink()
    with refused(experiment / "test/metrics.json", "curves.npz", "stage 4"):
        write_report(experiment)


def test_plots_take_the_colours_of_the_page_and_show_the_point(experiment):
    curve = {"fpr": np.array([1, 0.2, 0.0]), "fnr": np.array([0, 0.2, 1.0])}
    svg = plots.roc({"a": curve, "b": curve}, {"a": 0.2, "b": 0.2}, "x")
    assert "EER 20.00 %" in svg
    for colour in ("var(--first)", "var(--second)", "currentColor"):
        assert colour in svg
    for drawn in drawing.PAGE:
        assert drawn not in svg
