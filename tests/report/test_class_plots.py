"""Confusions and recalls as pictures: which classes, how strongly, in the page's colours."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest

from timbre.report import class_plots, drawing


def opacities(svg: str, colour: str) -> list[float]:
    """Of the cells of one colour."""
    return [float(value) for value in re.findall(rf"fill: var\(--{colour}\); fill-opacity: ([\d.]+)", svg)]


def test_cells_are_shares_of_their_row_right_and_wrong_apart():
    matrix = np.array([[8, 2, 0], [0, 4, 0], [0, 0, 0]])  # nothing is known of the third
    svg = class_plots.confusion(matrix, [0, 1, 2], ["angry", "happy", "<b> $x$"], "x")
    assert opacities(svg, "first") == pytest.approx([0.12 + 0.4 * 0.8, 0.12 + 0.4])
    assert opacities(svg, "second") == pytest.approx([0.12 + 0.4 * 0.2])
    assert re.findall(r">(\d+)</text>", svg) == ["8", "2", "4"]
    assert "&lt;b&gt; $x$" in svg
    assert "<b>" not in svg and "<image" not in svg
    assert not any(colour in svg for colour in drawing.PAGE)


def test_shares_are_of_the_whole_row_where_classes_are_left_out():
    matrix = np.zeros((20, 20), dtype=int)
    matrix[3, 3], matrix[3, 4], matrix[3, 19] = 1, 1, 8
    svg = class_plots.confusion(matrix, range(15), [f"c{number}" for number in range(20)], "x")
    assert opacities(svg, "first") == opacities(svg, "second") == pytest.approx([0.12 + 0.88 * 0.1])
    assert ">c14</text>" in svg and ">c15</text>" not in svg
    assert ">1</text>" not in svg  # so many classes have no counts


def test_the_most_confused_stand_pair_beside_pair():
    matrix = np.diag(np.full(50, 10))
    matrix[30, 7], matrix[7, 30] = 2, 3  # 5, counted both ways
    matrix[1, 40] = 4
    matrix[7, 2] = 1
    assert class_plots.most_confused(matrix, 30).tolist() == [7, 30, 1, 40, 2]
    assert class_plots.most_confused(matrix, 3).tolist() == [7, 30, 1]
    assert class_plots.most_confused(np.eye(50, dtype=int), 30).size == 0


def test_many_recalls_rise():
    svg = class_plots.sorted_recalls(np.array([1.0, 0.0, 0.5]), 0.5, "x")
    assert svg == class_plots.sorted_recalls(np.array([0.0, 0.5, 1.0]), 0.5, "x")
    assert svg != class_plots.sorted_recalls(np.array([0.0, 0.4, 1.0]), 0.5, "x")


def widths(path: str) -> float:
    """How far a path of an svg reaches to the right."""
    numbers = re.findall(r"[ML] ([\d.]+) [\d.]+", path)
    return max(map(float, numbers)) - min(map(float, numbers))


def test_bars_are_as_long_as_their_rates_with_a_line_where_there_is_an_interval_and_warn_of_no_script():
    rates = {"愤怒": {"value": 0.8, "low": None, "high": None}, "<b>": {"value": 0.4, "low": 0.3, "high": 0.6}}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svg = class_plots.bars(rates, "speaker", ("all", 0.25), "x")
    assert ">愤怒</text>" in svg and ">&lt;b&gt;</text>" in svg and "all 25.00 %" in svg
    assert "accuracy (%)" in svg and 'aria-label="Accuracy by speaker"' in svg
    first, second = re.findall(r'<path d="([^"]+)"[^>]*style="fill: var\(--first\); opacity: 0.5', svg)
    assert widths(first) == pytest.approx(2 * widths(second), rel=1e-3)
    (line,) = re.findall(
        r'<path d="([^"]+)"[^>]*style="fill: none; stroke: currentColor; stroke-width: 2; stroke-', svg
    )
    assert widths(line) == pytest.approx(0.75 * widths(second), rel=1e-3)


def test_a_stamp_is_a_line_below_the_picture_and_nothing_where_there_is_none():
    svg = class_plots.sorted_recalls(np.array([1.0, 0.5]), 0.5, "x")
    assert drawing.stamped(svg, "") == svg
    stamped = drawing.stamped(svg, "speaker-dependent & <b>")
    assert "speaker-dependent &amp; &lt;b&gt;</text>\n</svg>\n" in stamped

    def height(picture: str) -> tuple[float, float]:
        found = re.search(r'height="([\d.]+)pt".*?viewBox="0 0 [\d.]+ ([\d.]+)"', picture, re.DOTALL)
        return float(found[1]), float(found[2])

    (points, units), (below, within) = height(svg), height(stamped)
    place = float(re.search(r'<text x="[\d.]+" y="([\d.]+)" text-anchor="end"', stamped)[1])
    assert units < place < within and below - points == pytest.approx(within - units)
    assert stamped.index("<text x=") > svg.rindex("</g>")
