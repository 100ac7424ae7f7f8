"""A page of several languages: an overview, a section each, the gate; those of one language stay as they are."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from messages import refused

from timbre.kaldi.datadir import DataDir
from timbre.kaldi.tables import ArkWriter
from timbre.kaldi.text import write_table
from timbre.report.html import write_report
from timbre.scoring.gates import measure_gates
from timbre.scoring.posteriors import write_classes

CLASSES = {"de": ["anger", "boredom", "joy"], "en": ["anger", "joy"]}


def text_of(html: str) -> str:
    html = re.sub(r"<(style|svg).*?</\1>", "", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


@pytest.fixture
def exp(tmp_path, classified) -> Path:
    """Two languages, the second with a baseline that is better by recall."""
    exp = tmp_path / "fusion"
    verdict = {"labels": "utt2emotion", "verdict": ["speaker-independent"]}
    classified(exp / "de", 2 + 6 * np.eye(3, dtype=int), CLASSES["de"], **verdict)
    classified(exp / "en", np.array([[4, 6], [5, 5]]), CLASSES["en"], **verdict)
    return exp


@pytest.fixture
def gates(tmp_path, exp) -> dict:
    data, names = tmp_path / "data", [f"{lang}-s{spk}" for lang in CLASSES for spk in range(4)]
    write_table(data / "utt2spk", {name: name for name in names})
    write_table(data / "utt2lang", {name: name[:2] for name in names})
    write_table(data / "utt2emotion", {name: ("anger", "joy")[int(name[4]) % 2] for name in names})
    with ArkWriter(exp / "test/gates.ark", exp / "test/gates.scp") as writer:
        for number, name in enumerate(names):
            writer.write(name, np.float32([0.1 * number, 1 - 0.1 * number]))
    write_classes(exp / "test/streams", ["mfcc", "ge2e"])
    return measure_gates(DataDir(data), exp / "test", exp)


def test_every_language_has_a_line_and_a_section(exp):
    text = text_of(write_report(exp).read_text())
    overview = text[: text.index("UA is the mean of the classes' recalls, WA the accuracy")]
    assert "de 66.67 [64.67, 68.67] 66.67 [64.67, 68.67]" in overview  # 24 of 36 right
    assert (
        "en 45.00 [43.00, 47.00] 45.00 [43.00, 47.00] 45.00 [43.00, 47.00] 50.00 majority 50.00 [48.00, 52.00]"
        in overview
    )
    assert overview.count("speaker-independent") == 2 and "Gate" not in text
    assert text.count("Most frequent confusions") == 2


def test_the_gate_is_a_picture_and_a_table(exp, gates):
    html = write_report(exp).read_text()
    text = text_of(html)
    section = text[text.index(" Gate ") :]
    for language, found in gates["languages"].items():
        for emotion, values in found["classes"].items():
            shown = [f"{rate['value']:.3f}" for rate in values["weights"].values()]
            assert re.search(rf"{language} {emotion} {values['count']} {shown[0]}[^a-z]*? {shown[1]}", section)
    picture = next(svg for svg in re.findall(r"<svg .*?</svg>", html, re.DOTALL) if "Mean weight of each" in svg)
    assert "de anger" in picture and "speaker-independent" in picture and "ge2e" in picture
    assert "resamplings of the speakers" in section
    (exp / "gates.json").write_text('{"streams": []}')
    with refused(exp / "gates.json", "'languages'", "stage 4"):
        write_report(exp)


def test_one_classification_has_no_overview(tmp_path, classified):
    classified(tmp_path / "net", np.eye(3, dtype=int) + 1)
    assert "strongest baseline" not in write_report(tmp_path / "net").read_text()
