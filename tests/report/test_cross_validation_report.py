"""An experiment of folds on its page: a stamp on every picture, speakers one by one, the learning curves of all."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from messages import refused

from timbre.kaldi.text import write_table
from timbre.report import plots
from timbre.report.folds import seen
from timbre.report.html import write_report
from timbre.scoring.classification import evaluate_classes
from timbre.scoring.evaluation import percent
from timbre.scoring.measured import trainings
from timbre.scoring.posteriors import Posteriors

STAMP = "speaker-independent, text-dependent"
SPEAKERS, CLASSES = ("s1", "s2", "s3", "s4"), ("anger", "sadness")


def history(epochs: int, first: float) -> list[dict]:
    return [
        {"epoch": epoch, "loss": first / epoch, "heldout_loss": first, "heldout_error": 0.5 / epoch}
        for epoch in range(1, epochs + 1)
    ]


@pytest.fixture
def crossed(tmp_path, monkeypatch) -> SimpleNamespace:
    """An experiment of four folds, a speaker each: 40 utterances in two emotions, of five texts."""
    monkeypatch.chdir(tmp_path)
    emotion = {f"{s}-{e}{n}": CLASSES[e] for s in SPEAKERS for e in (0, 1) for n in range(5)}

    def part(path: str, speakers: tuple[str, ...]) -> None:
        chosen = {name: label for name, label in emotion.items() if name[:2] in speakers}
        write_table(f"{path}/utt2emotion", chosen)
        write_table(f"{path}/utt2spk", {name: name[:2] for name in chosen})
        write_table(f"{path}/text", {name: f"text {name[-1]}" for name in chosen})

    part("data/test", SPEAKERS)
    for fold, speaker in enumerate(SPEAKERS, start=1):
        part(f"data/folds/{fold}/test", (speaker,))
        part(f"data/folds/{fold}/train", tuple(set(SPEAKERS) - {speaker}))
    Path("data/all").mkdir()
    Path("data/all/feats.skipped").write_text("s5-00 a broken header\n")
    names = sorted(emotion)
    right = np.random.default_rng(0).random(len(names)) < 0.8
    truth = np.array([CLASSES.index(emotion[name]) for name in names])
    matrix = np.eye(2, dtype=np.float32)[np.where(right, truth, 1 - truth)]
    exp = Path("exp/net")
    Posteriors(names, list(CLASSES), matrix).write(exp / "test")
    Posteriors(names, list(CLASSES), np.full_like(matrix, 0.5)).write(exp / "majority")
    systems = {"net": exp / "test", "majority": exp / "majority"}

    def evaluate(**how: str) -> dict:
        return evaluate_classes("data/test", systems, exp, "utt2emotion", count=200, **how)

    for fold in range(1, 5):
        folder = exp / f"fold_{fold}"
        folder.mkdir()
        rows = history(2 + fold % 2, float(fold))
        (folder / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (folder / "conf.yaml").write_text(
            f"train:\n  seed: {fold}\n  crop_frames: 128\n  heldout_utterances: 0.1\n  heldout_unit: speaker\n"
        )
        (folder / "differences.yaml").write_text(f"train.seed: {fold} (default 9)\n")
    return SimpleNamespace(exp=exp, evaluate=evaluate, metrics=evaluate(folds="data/folds"))


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)).split())


def test_the_page_says_how_it_was_tested_and_on_whom(crossed):
    html, metrics = write_report(crossed.exp).read_text(), crossed.metrics
    text = text_of(html)
    assert metrics["verdict"] == STAMP.split(", ")
    assert html.count(f'<span class="badge">{STAMP}</span>') == 1
    assert "4 models, one for each fold, are tested each on what it was not trained on." in text
    assert "No speaker stands in both parts of a fold. 5 texts are spoken in both parts of a fold" in text
    assert "Recordings of one session" not in text  # speakers are apart, and so are their sessions
    for speaker, values in metrics["speakers"].items():
        assert f"{speaker} 10 {percent(values['accuracy'])} {100 * values['recall']:.2f}" in text
    for name, values in metrics["classes"].items():
        assert f"{name} 20 {percent(values['recall'])}" in text
    assert metrics["train"]["sha256"] in text and "s5-00 a broken header" in text
    assert "train.seed 1 (default 9)" in text and "random crops of 128 frames" not in text  # lengths are not known
    assert "2 to 3 epochs, by fold, of 4 trainings" in text


def test_every_picture_has_the_stamp_and_none_without_a_verdict(crossed):
    pictures = re.findall(r"<svg .*?</svg>", write_report(crossed.exp).read_text(), re.DOTALL)
    assert len(pictures) == 5  # accuracies, recalls, speakers, confusions, training
    lines = [picture.rstrip().splitlines()[-2] for picture in pictures]
    assert [re.sub(r"<[^>]*>", "", line) for line in lines] == [
        *[STAMP] * 4,
        f"tested: {STAMP}; held out in training: by speaker",
    ]
    crossed.evaluate()  # what training knew is not known
    html = write_report(crossed.exp).read_text()
    assert 'badge">' not in html and 'text-anchor="end" style="font' not in html and "dependent," not in html
    assert html.count("<svg ") == 5


def test_what_is_of_the_experiment_comes_before_what_is_of_a_fold(crossed):
    (crossed.exp / "conf.yaml").write_text("train:\n  seed: 77\n")
    text = text_of(write_report(crossed.exp).read_text())
    assert "seed: 77" in text and "train.seed 1 (default 9)" not in text


def lines(svg: str, width: str) -> list[np.ndarray]:
    """The points of the curves of this width, (N, 2) each; those in a legend are not clipped."""
    style = rf'style="fill: none; [^"]*stroke: var[^"]*stroke-width: {width}[;"]'
    paths = re.findall(rf'<path d="([^"]+)"\s+clip-path="[^"]*"\s+{style}', svg)
    return [np.array(re.findall(r"[ML] ([\d.]+) ([\d.]+)", path), dtype=float) for path in paths]


def test_all_folds_are_thin_lines_and_their_mean_as_far_as_all_went_is_bold():
    svg = plots.training([history(4, 1.0), history(6, 3.0)], "x")
    thin, bold = lines(svg, "0.7"), lines(svg, "2.5")
    assert [len(line) for line in thin] == [4, 6] * 3  # loss and held-out loss in a panel, held-out error
    assert [len(line) for line in bold] == [4] * 3
    for mean, first, second in zip(bold, thin[::2], thin[1::2], strict=True):
        assert np.allclose(mean, (first + second[:4]) / 2, atol=1e-3)
    assert (
        svg.count(": mean of folds") == 2 and svg.count(">mean of folds") == 1
    )  # a panel's only line needs no name
    one = plots.training([history(4, 1.0)], "x")
    assert not lines(one, "0.7") and not lines(one, "2.5") and "mean of" not in one
    assert "held out" in one and "held-out training utterances</text>" not in one  # a legend where two lines are


def test_whom_each_model_knows_is_read_from_the_folds_that_were_measured(crossed):
    folders, metrics = trainings(crossed.exp), [crossed.metrics]
    assert seen(folders, metrics)[1] == ("fold_2", "3: s1, s3, s4", "1: s2")
    assert seen(folders, [crossed.metrics | {"train": None}]) == []
    assert seen(folders, [crossed.metrics | {"train": {"data": "elsewhere"}}]) == []
    with refused("exp/net", "3 folds", " 4 ", "data/folds", "stages 2 to 4"):
        seen(folders[:3], metrics)


def test_a_history_that_is_cut_short_is_named(crossed):
    (crossed.exp / "fold_3/history.jsonl").write_text('{"epoch": 1, "loss": 2}\n{"epoch": 2, "lo\n')
    with refused("fold_3/history.jsonl:2:", "stage 2"):
        write_report(crossed.exp)
