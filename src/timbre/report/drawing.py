"""Figures as SVG to stand inline in a page: text stays text, and colours follow the page, light or dark."""

from __future__ import annotations

import io
import re
import warnings
from contextlib import contextmanager
from html import escape

import matplotlib
from matplotlib.figure import Figure

# Drawn in colours that nobody would choose, which become the page's own (page.css defines them).
INK, FAINT, FIRST, SECOND, THIRD, FOURTH = "#010203", "#040506", "#070809", "#0a0b0c", "#0d0e0f", "#101112"
PAGE = {
    INK: "currentColor",
    FAINT: "var(--line)",
    FIRST: "var(--first)",
    SECOND: "var(--second)",
    THIRD: "var(--third)",
    FOURTH: "var(--fourth)",
}
_STAMP = 13  # points, of the line under a picture
_DASHES = ("-", "--", "-.", ":")
_COLOURS = (FIRST, SECOND, THIRD, FOURTH)
# Four systems are told apart without their colours, too, and sixteen with them.
STYLES = [(_COLOURS[(i + i // 4) % 4], _DASHES[i % 4]) for i in range(16)]
_RC = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.grid": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), INK),
    **dict.fromkeys(("grid.color", "axes.edgecolor"), FAINT),
    **dict.fromkeys(("axes.facecolor", "figure.facecolor", "savefig.facecolor"), "none"),
}


@contextmanager
def figure(width: float, height: float, rows: int = 1, columns: int = 1):
    """A figure in inches with its axes (an array where there are several), in the page's style."""
    with matplotlib.rc_context(_RC):
        drawn = Figure(figsize=(width, height), layout="constrained")
        yield drawn, drawn.subplots(rows, columns)


def stamped(picture: str, stamp: str) -> str:
    """The ``<svg>`` of :func:`svg` with a line of small print under it, at the right; as it is without a stamp.

    Who copies the picture copies the line.
    """
    if not stamp:
        return picture
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', picture)
    width, height = float(size[1]), float(size[2])
    picture = re.sub(r' height="[\d.]+pt"', f' height="{height + _STAMP:g}pt"', picture, count=1)
    picture = picture.replace(size[0], f'viewBox="0 0 {width:g} {height + _STAMP:g}"', 1)
    place = f'x="{width - 4:g}" y="{height + _STAMP - 4:g}" text-anchor="end"'
    style = f'style="font: {_STAMP - 4}px sans-serif; fill: {PAGE[INK]}; opacity: 0.65"'
    return f"{picture[: picture.rindex('</svg>')]}<text {place} {style}>{escape(stamp)}</text>\n</svg>\n"


def svg(drawn: Figure, name: str, label: str) -> str:
    """The figure as an ``<svg>`` element; ``name`` keeps the ids of a page's figures apart."""
    file = io.StringIO()
    with matplotlib.rc_context({**_RC, "svg.hashsalt": name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # the reader's browser has the fonts
        drawn.savefig(file, format="svg", metadata={"Date": None})
    text = file.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r'id="(figure|axes|patch|line2d|text|legend|matplotlib|xtick|ytick|PolyC|LineC)[\w.]*"', "", text)
    for colour, shown in PAGE.items():
        text = text.replace(colour, shown)
    return text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
