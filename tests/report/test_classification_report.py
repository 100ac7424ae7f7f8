"""The page of a classification: what was measured and what it rests on, for any number of classes."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from messages import names, refused

from timbre.report.html import write_report

NASTY = "<script>alert('$x$')</script>"
THREE = np.array([[8, 2, 0], [0, 9, 1], [0, 0, 10]])
EMOTIONS = ["angry", NASTY, "sad"]


class Page(HTMLParser):
    """The text, words apart by one space, and the tags of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.tags = "", []
        self.feed(html)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.text += " "

    def handle_data(self, data: str) -> None:
        self.text += data


def page_of(exp) -> Page:
    return Page(write_report(exp).read_text())


def test_a_page_of_three_emotions_says_what_was_measured(classified, tmp_path):
    exp = tmp_path / "exp"
    train = {"data": "data/train", "utterances": 99, "shared_speakers": 0, "sessions": 0}
    tested = {"speakers": 2, "frames": {"shortest": 90, "median": 310, "longest": 2000}}
    tested |= {"count": 30, "classes": 3, "sha256": "d" * 64}
    classified(exp, THREE, EMOTIONS, labels="utt2emotion", train=train, utterances=tested)
    (exp / "conf.yaml").write_text("task: classification\ntrain: {crop_frames: 128}\n")
    rows = [{"epoch": e, "loss": 1 / e, "heldout_loss": 2 / e, "heldout_error": 0.5 / e} for e in (1, 2)]
    (exp / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    page = page_of(exp)
    for said in (
        "Accuracy 90.00 % 95 % interval 88.00 to 92.00 %; chance 33.33 %, of 3 classes",
        "exp takes 27 of 30 utterances for the right emotion, of 3; they are by 2 speakers.",
        "Trained on random crops of 128 frames, tested on whole utterances of median 310 frames (shortest 90, "
        "longest 2000).",
        "No speaker stands in both parts. No session stands in both parts.",
        "exp − majority 65.00 [63.00, 67.00], p 0.001",
        f"angry {NASTY} 2 of 10 angry-u1",  # as text
        "Classes class utterances recall % [95 %] precision % F1 % [95 %]",
        "angry 10 80.00 [78.00, 82.00] 100.00 88.89 [86.89, 90.89]",
        "sad 10 100.00 [98.00, 102.00] 90.91 95.24 [93.24, 97.24]",
        "d" * 64,
        "held-out error (%)",
        "held out",
    ):
        assert said in page.text, said
    assert "held-out EER" not in page.text and "identification" not in page.text
    assert not {"img", "image", "audio"} & set(page.tags) and page.tags.count("script") == 1
    assert page.tags.count("svg") == 4
    assert "lowest recall" not in page.text and page.text.count("angry") > 3  # by name in the plot, too
    assert "is below" not in page.text and "is not above" not in page.text


def test_of_many_classes_the_most_confused_are_shown_and_said_to_be(classified, tmp_path):
    matrix = np.diag(np.full(250, 20))
    matrix[range(100), range(1, 101)] = np.arange(100, 0, -1)
    classified(tmp_path / "exp", matrix)
    page = page_of(tmp_path / "exp")
    assert "Shown are the 30 most confused of the 250 classes" in page.text
    assert "chance 0.40 %, of 250 classes" in page.text
    assert "Speakers in both parts: all 250, as identification has it" in page.text
    assert page.text.count(" of 120 ") == 1  # the first pair, once, in the table of pairs
    assert "s000 s001 100 of 120 s000-u1" in page.text
    assert "Classes with the lowest recall" in page.text
    assert "s000 120 16.67 [14.67, 18.67]" in page.text and "s009 111" in page.text and "s010 110" not in page.text
    assert "classes, by their recall" in page.text
    plotted = page.text[page.text.index("Confusions of exp") : page.text.index("Rows are the truth")]
    assert "s029" in plotted and "s030" not in plotted


@pytest.mark.parametrize("count", [3, 250])
def test_without_an_error_there_is_none_to_show(classified, tmp_path, count):
    classified(tmp_path / "exp", np.diag(np.full(count, 4)))
    page = page_of(tmp_path / "exp")
    assert "Accuracy 100.00 %" in page.text
    assert "No utterance is taken for another class." in page.text
    assert "lowest recall" not in page.text
    assert ("Confusions of exp" in page.text) == (count == 3)


def test_what_is_not_known_is_left_out(classified, tmp_path):
    metrics = classified(tmp_path / "exp", THREE)
    metrics["utterances"]["frames"] = None
    for values in (metrics["systems"]["exp"], metrics["differences"]["majority"]):
        for key in ("accuracy", "recall", "f1"):
            values[key] |= {"low": None, "high": None} | ({"p": None} if "p" in values[key] else {})
    metrics["classes"]["s000"]["precision"] = None
    (tmp_path / "exp" / "metrics.json").write_text(json.dumps(metrics))
    page = page_of(tmp_path / "exp")
    assert "Accuracy 90.00 % chance 33.33 %" in page.text
    assert "crops" not in page.text and "whole utterances" not in page.text
    assert "None" not in page.text
    assert "Recordings of one session may stand in both parts: the session's channel helps." in page.text
    assert "s000 10 80.00 [78.00, 82.00] –" in page.text
    assert "not above majority" in page.text and ", p " not in page.text  # there is none
    metrics |= {"train": None}
    metrics["utterances"]["frames"] = {"shortest": 90, "median": 310, "longest": 2000}
    (tmp_path / "exp" / "metrics.json").write_text(json.dumps(metrics))
    text = page_of(tmp_path / "exp").text
    assert "have in common with those trained on is not recorded." in text
    assert "Tested on whole utterances of median 310 frames" in text  # no conf says how long crops were


@pytest.mark.parametrize(
    ("difference", "wanted"),
    [
        ({"value": -0.1, "low": -0.2, "high": -0.05, "p": 0.001}, ["below majority", "-10.00", "0.001"]),
        ({"value": 0.01, "low": -0.1, "high": 0.1, "p": 0.8}, ["not above majority", "+1.00", "0.800"]),
        ({"value": 0.0, "low": None, "high": None, "p": 1.0}, ["not above majority", "+0.00", "1.000"]),
        ({"value": 0.1, "low": 0.05, "high": 0.2, "p": 0.001}, []),
    ],
)
def test_a_system_that_is_not_above_a_baseline_is_marked(classified, tmp_path, difference, wanted):
    measures = dict.fromkeys(("accuracy", "recall", "f1"), difference)
    classified(tmp_path / "exp", THREE, differences={"majority": measures})
    said = re.findall('<p class="warning">(.*?)</p>', write_report(tmp_path / "exp").read_text())
    assert len(said) == bool(wanted) and all(names(one, *wanted) for one in said)


def test_a_system_at_chance_is_marked(classified, tmp_path):
    classified(tmp_path / "exp", np.full((3, 3), 5))
    (said,) = re.findall('<p class="warning">(.*?)</p>', write_report(tmp_path / "exp").read_text())
    assert names(said, "exp", "not above chance", "33.33 %", "33.33 [31.33, 35.33]")


def test_sessions_and_strangers_are_counted(classified, tmp_path):
    train = {"data": "data/train", "utterances": 99, "shared_speakers": 2, "sessions": 4}
    classified(tmp_path / "exp", THREE, train=train)
    text = page_of(tmp_path / "exp").text
    assert "Speakers in both parts: 2 of 3, as identification has it" in text
    assert "4 sessions stand in both parts" in text
    classified(tmp_path / "exp", THREE, train=train, labels="utt2emotion")
    assert (
        "2 of 3 speakers stand in both parts: the classifier knows their voices." in page_of(tmp_path / "exp").text
    )


def test_a_page_holds_parts_of_either_task(classified, tmp_path):
    from timbre.kaldi.text import write_table
    from timbre.kaldi.trials import Trials, write_scores, write_trials
    from timbre.scoring.evaluation import evaluate

    exp = tmp_path / "exp"
    for part in ("valid", "test"):
        classified(exp / part, THREE)
    names = np.array([f"s{speaker}-u{number}" for speaker in range(3) for number in range(3)])
    first, second = np.triu_indices(9, 1)
    write_table(tmp_path / "utt2spk", {name: name[:2] for name in names})
    write_trials(tmp_path / "trials", Trials(names[first], names[second], first // 3 == second // 3))
    write_scores(tmp_path / "scores", names[first], names[second], np.arange(36.0))
    evaluate(tmp_path, tmp_path / "trials", {"cosine": tmp_path / "scores"}, exp / "trials", count=20)
    html = write_report(exp).read_text()
    assert [html.count(f"<h2>{part}</h2>") for part in ("test", "trials", "valid")] == [1, 1, 1]
    assert html.count(">Accuracy 90.00 %") == 2 and html.count(">EER ") >= 1
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids)) > 0  # no plot refers to another's


def test_what_cannot_be_read_is_named(classified, tmp_path):
    classified(tmp_path / "exp", THREE)
    whole = (tmp_path / "exp" / "confusion.npz").read_bytes()
    (tmp_path / "exp" / "confusion.npz").write_bytes(whole[:100])
    with refused(tmp_path / "exp/metrics.json", "confusion.npz", "stage 4"):
        write_report(tmp_path / "exp")
    classified(tmp_path / "exp", THREE, task="cooking")
    with refused(tmp_path / "exp/metrics.json", "'cooking'"):
        write_report(tmp_path / "exp")
    metrics = classified(tmp_path / "exp", THREE)
    metrics["classes"]["s000"]["recall"] = 0.8  # as it was before there were intervals
    (tmp_path / "exp" / "metrics.json").write_text(json.dumps(metrics))
    with refused(tmp_path / "exp/metrics.json", "stage 4"):
        write_report(tmp_path / "exp")


def test_what_scoring_writes_is_shown(tmp_path):
    from timbre.kaldi.text import write_table
    from timbre.scoring.classification import evaluate_classes
    from timbre.scoring.posteriors import Posteriors

    utterances = [f"s{speaker}-u{number}" for speaker in range(7) for number in range(4)]
    write_table(tmp_path / "utt2spk", {name: name[:2] for name in utterances})
    classes = [f"s{speaker}" for speaker in range(7)]
    matrix = np.random.default_rng(0).dirichlet(np.ones(7), len(utterances)).astype(np.float32)
    Posteriors(utterances, classes, matrix).write(tmp_path / "model")
    Posteriors(utterances, classes, np.full_like(matrix, 1 / 7)).write(tmp_path / "majority")
    systems = {"model": tmp_path / "model", "majority": tmp_path / "majority"}
    metrics = evaluate_classes(tmp_path, systems, tmp_path / "exp", count=20)
    text = page_of(tmp_path / "exp").text
    assert f"Accuracy {100 * metrics['systems']['model']['accuracy']['value']:.2f} %" in text
    assert metrics["utterances"]["sha256"] in text
    assert f"{metrics['confusions'][0]['count']} of 4" in text
