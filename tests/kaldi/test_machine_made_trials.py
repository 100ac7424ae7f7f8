"""Lists of trials and scores that a machine makes: read as they were meant, in blocks of any size, or refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from timbre.errors import TimbreError
from timbre.kaldi import trials as T

ids = st.text(st.sampled_from("ab-1é\u00a0\u2028\x1c\x7f\0\ufeff"), min_size=1, max_size=4)
blanks = st.sampled_from([" ", " ", "  ", "\t", " \t", "\u00a0", "\x0b"])
numbers = st.floats(allow_nan=True, allow_infinity=True).map(repr) | st.sampled_from(
    ["1_0", "\u0661", "0x1", "1e400", "-1e308", "+.5", "1.", "", "nan", "Infinity", "1e30"]
)


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("lists") / "list"


def outcome(read, path: Path, block: int):
    """What it returns as lists of rows, or that it refuses; any other exception is a defect."""
    before, T._BLOCK = T._BLOCK, block
    try:
        found = read(path)
        columns = (found.enrol, found.test, found.target) if isinstance(found, T.Trials) else found
        return list(zip(*(column.tolist() for column in columns), strict=True))
    except TimbreError:
        return "refused"
    finally:
        T._BLOCK = before


def as_meant(text: str, parse) -> list | str:
    """Slowly: three words a line, parted by blanks of ASCII, none with a control character."""
    rows = []
    for line in text.split("\n")[:-1]:
        words = [word for word in re.split("[ \t]+", line) if word]
        last = parse(words[-1]) if len(words) == 3 else None
        if last is None or re.search(r"[\0-\x08\x0b-\x1f\x7f]", line):
            return "refused"
        rows.append((words[0], words[1], last))
    return rows or "refused"


def number(word: str) -> float | None:
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", word, re.ASCII | re.IGNORECASE):
        return None
    return float(word) if abs(float(word)) <= T.LARGEST_SCORE else None


def lines(last):
    return st.lists(st.tuples(ids, blanks, ids, blanks, last).map("".join), min_size=1, max_size=5).map(
        lambda rows: "\n".join(rows) + "\n"
    )


@given(lines(st.sampled_from(["target", "nontarget", "nontarget", "Target"])), st.sampled_from([1, 7, 1 << 20]))
def test_trials_are_read_as_they_were_meant_or_refused(path, text, block):
    path.write_text(text, encoding="utf-8", newline="")
    wanted = as_meant(text, {"target": True, "nontarget": False}.get)
    found = outcome(T.read_trials, path, block)
    assert found == wanted or (found == "refused" and "\ufeff" in text)


@given(lines(numbers), st.sampled_from([1, 7, 1 << 20]))
def test_scores_are_read_as_they_were_meant_or_refused(path, text, block):
    path.write_text(text, encoding="utf-8", newline="")
    found = outcome(T.read_scores, path, block)
    assert found == as_meant(text, number) or (found == "refused" and "\ufeff" in text)


@given(st.lists(st.floats(-T.LARGEST_SCORE, T.LARGEST_SCORE, width=32), min_size=1), st.booleans())
def test_scores_come_back_to_the_last_bit(path, values, single):
    scores = np.array(values, np.float32 if single else np.float64)
    names = np.array([f"u{place}" for place in range(len(values))], dtype=object)
    T.write_scores(path, names, names[::-1], scores)
    enrol, test, found = T.read_scores(path)
    np.testing.assert_array_equal(found.astype(scores.dtype), scores)
    assert enrol.tolist() == names.tolist() and test.tolist() == names[::-1].tolist()
