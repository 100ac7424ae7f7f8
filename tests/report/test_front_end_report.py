"""The page of a front-end: curves of all it measures without any metrics.json, and phone errors where there are."""

from __future__ import annotations

import json
import re

import pytest
from messages import refused

from timbre.report.html import write_report

HISTORY = [
    {"epoch": epoch, "step": 9 * epoch, "loss": 4 / epoch, "accuracy": 0.2 * epoch, "penalty": 0.5, "waiting": 0.1}
    | {"learning_rate": 1e-3, "heldout_loss": 5 / epoch, "heldout_accuracy": 0.1 * epoch}
    for epoch in (1, 2, 4)
]


@pytest.fixture
def exp(tmp_path):
    """An experiment as training leaves it: ``make(task)``."""

    def make(task: str):
        (tmp_path / "conf.yaml").write_text(f"task: {task}\ntrain: {{crop_frames: 0}}\n")
        (tmp_path / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in HISTORY))
        return tmp_path

    return make


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)).split())


def test_a_history_is_enough(exp):
    html = write_report(exp("self_supervised"), "Synthetic speech").read_text()
    text = text_of(html)
    assert "Synthetic speech" in text and "Trained on speech alone, without labels." in text
    assert "accuracy 0.2 0.8 0.1 0.4" in text and "loss 4 1 5 1.25" in text and "penalty 0.5 0.5 – –" in text
    assert "waiting" not in text[: text.index("Training")] and "Accuracy of systems" not in text
    (picture,) = re.findall(r"<svg .*?</svg>", html, re.DOTALL)
    for label in ("penalty", "accuracy (%)", "held out", "learning rate"):
        assert f">{label}<" in picture
    assert ">waiting<" not in picture and picture.count(">accuracy") == 1  # training and held out in one panel


def test_phone_errors_by_part_and_language(exp):
    folder = exp("phones")
    rate = {"value": 0.25, "low": 0.2, "high": 0.3}
    values = {"utterances": 9, "phones": 120, "speakers": 4, "resampled": "speakers", "phone_error_rate": rate}
    values |= {"substitutions": 0.1, "deletions": 0.12, "insertions": 0.03, "baseline_phone_error_rate": 0.9}
    parts = {
        name: {"data": f"data/{name}", "languages": {"de": values, "all": values}} for name in ("seen", "unseen")
    }
    metrics = {
        "task": "phones",
        "train": "x",
        "bootstrap": {"level": 0.95, "seed": 3, "replicates": 50},
        "parts": parts,
    }
    (folder / "metrics.json").write_text(json.dumps(metrics))
    text = text_of(write_report(folder).read_text())
    assert text.count("Phone error rate 25.00 %") == 2 and "unseen: 95 % interval 20.00 to 30.00 %" in text
    assert "seen de 120 4 25.00 [20.00, 30.00] 10.00 12.00 3.00 90.00" in text
    assert "50 resamplings of the speakers, seed 3" in text and "Trained on speech and its phones." in text


def test_what_was_not_trained_or_not_measured_is_said(exp):
    folder = exp("classification")
    with refused(folder, "metrics.json", "stage 4"):
        write_report(folder)
    (exp("phones") / "history.jsonl").unlink()
    with refused(folder, "metrics.json", "history.jsonl", "stage 2"):
        write_report(folder)
