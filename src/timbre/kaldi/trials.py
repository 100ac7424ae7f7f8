"""Trial lists and scores, in Kaldi's form, for lists of a dozen or of ten million lines.

    trials   <enrol> <test> target|nontarget
    scores   <enrol> <test> <score>            in the order of the trials

Ids are kept as object arrays of ``str`` in which equal ids are one and the same object: eight bytes a
trial, where a fixed-width array takes four bytes a character and trial.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from timbre.errors import TimbreError
from timbre.kaldi.atomic import atomic_write
from timbre.kaldi.text import read_text

LARGEST_SCORE = 2.0**100
"""What is larger is no score of any system, and its sums would overflow; exact in single precision too."""
_BLOCK = 1 << 22  # characters split at a time: bounds the memory that the pieces take
_CONTROL = re.compile(r"[\0-\x08\x0b-\x1f]")
_SCORE, _LABEL = "<score>", "target|nontarget"
_TYPES = {_SCORE: np.float64, _LABEL: bool}
_TARGET = {"target": True, "nontarget": False}


@dataclass(frozen=True)
class Trials:
    """A trial list: ``enrol`` (N,) and ``test`` (N,) ids, ``target`` (N,) bool."""

    enrol: np.ndarray
    test: np.ndarray
    target: np.ndarray

    def __len__(self) -> int:
        return len(self.target)


def read_trials(path: str | Path) -> Trials:
    """Reads a trial list; ``-`` is the standard input.

    Raises:
        TimbreError: naming file and line, for a line of another form and for an empty list.
    """
    return Trials(*_columns(path, f"<enrol> <test> {_LABEL}"))


def write_trials(path: str | Path, trials: Trials) -> None:
    """Writes a trial list, whole or not at all; an empty one is refused."""
    labels = np.where(trials.target, "target", "nontarget").tolist()
    _write(path, trials.enrol, trials.test, labels)


def read_scores(path: str | Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Reads scores as ``enrol`` (N,), ``test`` (N,) ids and ``scores`` (N,) float64.

    Raises:
        TimbreError: naming file and line, for a line of another form, a score that is not finite or beyond
            :data:`LARGEST_SCORE`, no line.
    """
    enrol, test, scores = _columns(path, f"<enrol> <test> {_SCORE}")
    return enrol, test, scores


def write_scores(path: str | Path, enrol: np.ndarray, test: np.ndarray, scores: np.ndarray) -> None:
    """Writes scores, whole or not at all, with all their digits: different scores stay different.

    Raises:
        TimbreError: for no scores, another number of ids than of scores, and a score that is not finite or beyond
            :data:`LARGEST_SCORE`.
    """
    scores = np.asarray(scores)
    if len(bad := _no_scores(scores)):
        trial = f"trial {bad[0] + 1} ({enrol[bad[0]]} {test[bad[0]]})"
        raise TimbreError(f"{path}: the score of {trial} is {scores[bad[0]]}; are the embeddings finite?")
    # nine digits tell any two float32 apart; repr gives as many as a float64 needs
    digits = "%.9g".__mod__ if scores.dtype == np.float32 else repr
    _write(path, enrol, test, list(map(digits, scores.tolist())))


def read_scores_of(trials: Trials, path: str | Path) -> np.ndarray:
    """The scores (N,) float64 of ``trials`` from a file that holds just them, in their order.

    Raises:
        TimbreError: for fewer or more scores than trials, and for the first pair that is not the trial's.
    """
    enrol, test, scores = read_scores(path)
    mend = "score these trials again (steps/score_trials.sh)"
    if len(scores) != len(trials):
        raise TimbreError(f"{path}: {len(scores)} scores for {len(trials)} trials; {mend}")
    other = np.flatnonzero((enrol != trials.enrol) | (test != trials.test))
    if len(other):
        i = other[0]
        trial = f"{trials.enrol[i]} {trials.test[i]}"
        raise TimbreError(f"{path}:{i + 1}: scores '{enrol[i]} {test[i]}', but the trial is '{trial}'; {mend}")
    return scores


def read_labelled_scores(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Reads ``<score> target|nontarget`` lines, as Kaldi's ``compute-eer``: scores (N,), target (N,) bool."""
    scores, target = _columns(path, f"{_SCORE} {_LABEL}")
    return scores, target


def sha256(path: str | Path) -> str:
    """The SHA-256 of a file, in hexadecimal: the name of a trial list beside a result."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _columns(path: str | Path, form: str) -> list[np.ndarray]:
    """The columns of a table whose lines have the fields of ``form``: ids, scores and labels."""
    fields = form.split()
    path = "/dev/stdin" if str(path) == "-" else path
    text = read_text(path)
    if not text:
        raise TimbreError(f"{path}: empty; expected lines '{form}'")
    if "\x7f" in text:  # the other control characters stand out among the blanks
        line = text[: text.index("\x7f")].count("\n") + 1
        raise TimbreError(f"{path}:{line}: the control character '\\x7f'; remove it")
    columns = [np.empty(text.count("\n"), dtype=_TYPES.get(field, object)) for field in fields]
    ids: dict[str, str] = {}  # each id once, however often it stands in the file
    row = 0
    for block in _blocks(text):
        words = _words(block, len(fields), row, path, form)
        end = row + len(words) // len(fields)
        for i, (field, column) in enumerate(zip(fields, columns, strict=True)):
            some = words[i :: len(fields)]
            if field == _SCORE:
                column[row:end] = _numbers(some, row, path, plain="_" not in block and block.isascii())
            elif field == _LABEL:
                column[row:end] = _targets(some, row, path)
            else:
                column[row:end] = list(map(ids.setdefault, some, some))
        row = end
    return columns


def _blocks(text: str) -> Iterator[str]:
    """``text`` in pieces of whole lines."""
    start = 0
    while start < len(text):
        end = text.find("\n", start + _BLOCK) + 1 or len(text)
        yield text[start:end]
        start = end


def _words(block: str, fields: int, row: int, path: str | Path, form: str) -> list[str]:
    """All words of the lines of ``block``, ``fields`` a line; ``row`` lines stand before them."""
    data = np.frombuffer(block.encode(), dtype=np.uint8)
    ends = np.flatnonzero(data <= ord(" "))  # every separator, line ends included
    usual = np.array([ord(" ")] * (fields - 1) + [ord("\n")])
    if len(ends) % fields == 0 and (data[ends].reshape(-1, fields) == usual).all() and (np.diff(ends) > 1).all():
        words = block.replace("\n", " ").split(" ")
        if words[0]:
            return words[:-1]
    texts = block.split("\n")[:-1]  # tabs, runs of spaces, or a bad line
    lines = [list(filter(None, line.replace("\t", " ").split(" "))) for line in texts]
    for number, (line, words) in enumerate(zip(texts, lines, strict=True), start=row + 1):
        if control := _CONTROL.search(line):
            raise TimbreError(f"{path}:{number}: the control character {control[0]!r}; remove it")
        if len(words) != fields:
            raise TimbreError(f"{path}:{number}: expected '{form}', found '{' '.join(words)}'")
    return [word for words in lines for word in words]


def _targets(words: list[str], row: int, path: str | Path) -> np.ndarray:
    """``target|nontarget`` as bool; ``row`` lines stand before them."""
    try:
        return np.fromiter(map(_TARGET.__getitem__, words), dtype=bool, count=len(words))
    except KeyError as error:
        bad = error.args[0]
        line = row + words.index(bad) + 1
        raise TimbreError(f"{path}:{line}: expected target or nontarget at the end, found '{bad}'") from None


def _numbers(words: list[str], row: int, path: str | Path, plain: bool) -> np.ndarray:
    """Scores as float64; ``row`` lines stand before them. Unless they are ``plain``, they are looked at closely."""
    try:  # float() takes 1_0 and the digits of all scripts
        if not plain and (bad := next((word for word in words if "_" in word or not word.isascii()), None)):
            raise ValueError(repr(bad))
        scores = np.fromiter(map(float, words), dtype=np.float64, count=len(words))
    except ValueError as error:
        line = row + next(i for i, word in enumerate(words) if repr(word) in str(error)) + 1
        raise TimbreError(f"{path}:{line}: the score is not a number: {words[line - row - 1]}") from None
    if len(bad := _no_scores(scores)):
        raise TimbreError(
            f"{path}:{row + bad[0] + 1}: the score is {words[bad[0]]}; scores must be finite, and at most "
            f"{LARGEST_SCORE:g}"
        )
    return scores


def _no_scores(scores: np.ndarray) -> np.ndarray:
    """The places of those that are not finite or too large."""
    return np.flatnonzero(~(np.abs(scores) <= LARGEST_SCORE))


def _write(path: str | Path, enrol: np.ndarray, test: np.ndarray, last: list[str]) -> None:
    if not (len(enrol) == len(test) == len(last)):
        raise TimbreError(f"{path}: {len(enrol)} and {len(test)} ids for {len(last)} lines")
    if not last:
        raise TimbreError(f"{path}: no trials to write; are the lists they are made from empty?")
    with atomic_write(path) as file:
        file.writelines(map("%s %s %s\n".__mod__, zip(enrol, test, last, strict=True)))
