"""How well phones are recognised: the phone error rate, by language, with its interval.

    PER = (S + D + I) / N

substituted, deleted and inserted phones over those that were said, sums over utterances; it may exceed 1. They are
counted on a shortest alignment, of several on one with the most phones right. Intervals are 95 % and resample
speakers (:mod:`timbre.scoring.class_bootstrap`), those of each language by themselves.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from timbre.corpora.phones import PhoneSpeech, read_transcripts
from timbre.errors import TimbreError, some
from timbre.kaldi.atomic import atomic_write
from timbre.kaldi.datadir import DataDir
from timbre.scoring.bootstrap import with_interval
from timbre.scoring.class_bootstrap import draw_units, resampled
from timbre.scoring.evaluation import aligned, percent

ALL = "all"
ERRORS = ("substitutions", "deletions", "insertions")
HEAD = ("part", "language", "phones", "speakers", "PER % [95 %]", "S %", "D %", "I %", "baseline PER %")
_OPERATION = 1 << 20  # of an alignment's cost; a substitution costs 1 more, so that ties go to fewer of them


def count_errors(truths: Sequence[Sequence[str]], guesses: Sequence[Sequence[str]]) -> np.ndarray:
    """Substitutions, deletions and insertions (N, 3) of N utterances.

    With d(i, j) the cost of making the first i phones of the truth the first j of the guess,

        d(i, j) = min of  d(i − 1, j) + 1                             deletion
                          d(i − 1, j − 1) + [truth_i ≠ guess_j]       substitution
                          d(i, j − 1) + 1                             insertion

    whose last line is j + the minimum of d'(i, k) − k over k ≤ j, d' being that of the first two: a row is computed
    at once, for all utterances.
    """
    number = {phone: n for n, phone in enumerate({phone for row in (*truths, *guesses) for phone in row})}
    truth, lengths = _matrix(truths, number, -1)
    guess, sizes = _matrix(guesses, number, -2)
    along = _OPERATION * np.arange(guess.shape[1] + 1)
    row = np.tile(along, (len(truth), 1))
    costs = row.copy()  # of an utterance without phones it is that of insertions alone
    for place in range(truth.shape[1]):
        different = (_OPERATION + 1) * (guess != truth[:, place, None])
        best = np.concatenate([row[:, :1], np.minimum(row[:, 1:], row[:, :-1] + different - _OPERATION)], axis=1)
        row = np.minimum.accumulate(best + _OPERATION - along, axis=1) + along
        costs = np.where((lengths == place + 1)[:, None], row, costs)
    distance, substitutions = np.divmod(costs[np.arange(len(truth)), sizes], _OPERATION)
    unequal = distance - substitutions
    return np.stack([substitutions, (unequal + lengths - sizes) // 2, (unequal - lengths + sizes) // 2], axis=1)


def _matrix(rows: Sequence[Sequence[str]], number: Mapping[str, int], fill: int) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of phones as ``(N, longest)``, ``fill`` after the last, and how many each row has, ``(N,)``."""
    lengths = np.array([len(row) for row in rows])
    matrix = np.full((len(rows), lengths.max(initial=0)), fill)
    matrix[np.arange(matrix.shape[1]) < lengths[:, None]] = [number[phone] for row in rows for phone in row]
    return matrix, lengths


def phone_error_rate(truths: Sequence[Sequence[str]], guesses: Sequence[Sequence[str]]) -> float:
    """The PER of utterances together."""
    return float(count_errors(truths, guesses).sum() / sum(map(len, truths)))


def fit_baseline(speech: PhoneSpeech, frames: Mapping[str, int]) -> dict[str, tuple[str, float]]:
    """Of each language the phone that is said most often, and how many phones are said a frame."""
    said: dict[str, list[str]] = {}
    length: dict[str, int] = {}
    for utterance, phones in speech.phones.items():
        language = speech.language[utterance]
        said.setdefault(language, []).extend(phones)
        length[language] = length.get(language, 0) + frames[utterance]
    found = {}
    for language, phones in said.items():
        names, counts = np.unique(phones, return_counts=True)
        found[language] = (str(names[counts.argmax()]), len(phones) / length[language])
    return found


def evaluate_phones(
    parts: Mapping[str, tuple[str | Path, str | Path]],
    out: str | Path,
    train: str | Path,
    count: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Writes ``out/metrics.json`` (task ``phones``); returns the metrics.

    The baseline knows no more of an utterance than its language and how long it is: it says the language's most
    frequent phone in the training data, as often as phones are said there in that time.

    Args:
        parts: by name a data directory with ``phones``, ``utt2lang`` and ``utt2num_frames``, and the table of what
            was recognised.
        train: the data directory that was trained on, for the baseline; with the same features.

    Raises:
        TimbreError: for utterances that were not recognised, and languages that were not trained on.
    """
    trained = DataDir(train)
    baseline = fit_baseline(PhoneSpeech.of(trained), _frames(trained))
    metrics: dict[str, Any] = {
        "task": "phones",
        "train": str(train),
        "bootstrap": {"level": 0.95, "seed": seed, "replicates": count},
        "parts": {},
    }
    for name, (data, recognised) in parts.items():
        metrics["parts"][name] = _part(DataDir(data), Path(recognised), baseline, count, seed)
    with atomic_write(Path(out) / "metrics.json") as file:
        file.write(json.dumps(metrics, indent=2, allow_nan=False, ensure_ascii=False) + "\n")
    return metrics


def _part(
    data: DataDir, recognised: Path, baseline: Mapping[str, tuple[str, float]], count: int, seed: int
) -> dict[str, Any]:
    """Of each language, and of all, the measures of a part."""
    speech, frames, found = PhoneSpeech.of(data), _frames(data), read_transcripts(recognised)
    if missing := [utterance for utterance in speech.phones if utterance not in found]:
        raise TimbreError(
            f"{recognised}: lacks {len(missing)} utterances of {data.path} ({some(missing, 3)}); "
            "steps/recognise_phones.sh makes it"
        )
    utterances = list(speech.phones)
    languages = np.array([speech.language[utterance] for utterance in utterances])
    if untrained := sorted(set(languages.tolist()) - baseline.keys()):
        raise TimbreError(f"{data.path}/utt2lang: nothing of {some(untrained)} was trained on; leave it out")
    truths = [speech.phones[utterance] for utterance in utterances]
    guesses = [
        [phone] * round(rate * frames[utterance])
        for utterance, language in zip(utterances, languages, strict=True)
        for phone, rate in [baseline[language]]
    ]
    errors = count_errors(truths, [found[utterance] for utterance in utterances])
    blind = count_errors(truths, guesses)
    said = np.array([len(truth) for truth in truths])
    people = np.unique([data.utt2spk[utterance] for utterance in utterances], return_inverse=True)[1]
    chosen = {language: languages == language for language in sorted(set(languages.tolist()))}
    return {
        "data": str(data.path),
        "languages": {
            language: _measures(errors[rows], blind[rows], said[rows], people[rows], count, seed)
            for language, rows in {**chosen, ALL: np.ones(len(said), dtype=bool)}.items()
        },
    }


def _measures(
    errors: np.ndarray, blind: np.ndarray, said: np.ndarray, people: np.ndarray, count: int, seed: int
) -> dict[str, Any]:
    """Rates of utterances with ``errors (N, 3)`` in ``said (N,)`` phones by ``people (N,)``."""
    names, people = np.unique(people, return_inverse=True)
    what, units = resampled(people)
    draws = draw_units(units, count, seed)
    sums = np.zeros((draws.shape[1], 2))
    np.add.at(sums, units, np.stack([errors.sum(axis=1), said], axis=1))
    wrong, phones = (draws @ sums).T
    return {
        "utterances": len(said),
        "phones": int(said.sum()),
        "speakers": len(names),
        "resampled": what,
        "phone_error_rate": with_interval(float(errors.sum() / said.sum()), wrong / phones),
        **dict(zip(ERRORS, (errors.sum(axis=0) / said.sum()).tolist(), strict=True)),
        "baseline_phone_error_rate": float(blind.sum() / said.sum()),
    }


def rows(metrics: Mapping[str, Any]) -> list[list[str]]:
    """A row for each part and language, under :data:`HEAD`."""
    return [
        [
            part,
            language,
            str(values["phones"]),
            str(values["speakers"]),
            percent(values["phone_error_rate"]),
            *(f"{100 * values[name]:.2f}" for name in (*ERRORS, "baseline_phone_error_rate")),
        ]
        for part, measured in metrics["parts"].items()
        for language, values in measured["languages"].items()
    ]


def table(metrics: Mapping[str, Any]) -> str:
    """All parts and languages, for the terminal."""
    return aligned([HEAD, *rows(metrics)])


def _frames(data: DataDir) -> dict[str, int]:
    return data.numbers("utt2num_frames")
