"""Back-ends: from raw embeddings to scores, by what training speakers showed.

A back-end is named ``<base>[+snorm|+asnorm][+calibration|+quality]``:

    base          mean of the training embeddings off → [LDA] → length normalisation → cosine or PLDA
    snorm, asnorm scores normalised against a cohort of training speakers (:mod:`timbre.scoring.normalisation`)
    calibration   log-likelihood ratios by a line fitted on held-out training speakers
    quality       the same with quality measures (:mod:`timbre.scoring.quality`)

Its folder, which :mod:`timbre.scoring.backend_training` writes, has Kaldi's files: ``mean.vec``, ``lda.mat``
(L, D), ``plda`` and ``lda_plda`` (after the base), ``cohort.{ark,scp}``, and ``calibration.<back-end>.json``.
Before PLDA rows have length √L, as ``ivector-normalize-length`` makes them, and PLDA normalises once more, as
``ivector-plda-scoring``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np

from timbre.errors import TimbreError, did_you_mean
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.layout import made_by
from timbre.kaldi.tables import read_matrix, read_vector
from timbre.kaldi.text import read_table, read_text
from timbre.kaldi.trials import Trials, read_trials, write_scores
from timbre.scoring.calibration import Calibration
from timbre.scoring.embeddings import Embeddings, check_dimensions, products
from timbre.scoring.normalisation import TOP, CohortScores, cohort_scores, symmetric
from timbre.scoring.plda import Plda
from timbre.scoring.quality import model_durations, quality_measures, seconds_of, utterance_durations

BASES = ("cosine", "lda", "plda", "lda_plda")
NORMALISATIONS = ("", "snorm", "asnorm")
CALIBRATIONS = ("", "calibration", "quality")
RECORD = "backend.json"


@dataclass(frozen=True)
class Name:
    """The parts of a back-end's name; ``normalisation`` and ``calibration`` may be ``""``."""

    base: str
    normalisation: str = ""
    calibration: str = ""

    def __str__(self) -> str:
        return "+".join(filter(None, (self.base, self.normalisation, self.calibration)))

    @property
    def lda(self) -> bool:
        """Whether there is an LDA before the scores."""
        return self.base.startswith("lda")

    @property
    def plda(self) -> bool:
        """Whether PLDA makes the scores."""
        return self.base.endswith("plda")


def parse(name: str) -> Name:
    """The parts of a back-end's name; an unknown one is refused with the nearest."""
    known = {str(parts): parts for parts in (Name(*row) for row in product(BASES, NORMALISATIONS, CALIBRATIONS))}
    if name not in known:
        raise TimbreError(
            f"no back-end '{name}'{did_you_mean(name, known)}; names are "
            f"<{'|'.join(BASES)}>[+snorm|+asnorm][+calibration|+quality]"
        )
    return known[name]


@dataclass(frozen=True)
class Sides:
    """What trials compare: tables of embeddings ``enrol`` (E) and ``test`` (T) of distinct ids, and the rows
    (N,) of the trials in them. ``counts`` (E,): utterances that made each enrolment. ``seconds``: (E,), (T,)."""

    enrol: Embeddings
    test: Embeddings
    enrol_rows: np.ndarray
    test_rows: np.ndarray
    counts: np.ndarray | int = 1
    seconds: tuple[np.ndarray, np.ndarray] | None = None

    def quality(self) -> dict[str, np.ndarray]:
        """The quality measures (N,) of the trials."""
        if self.seconds is None:
            raise TimbreError("+quality needs durations: name the data directory of the trials with --data")
        return quality_measures(self.enrol, self.test, self.seconds, self.enrol_rows, self.test_rows)


def sides_of(trials: Trials, enrol: Embeddings, test: Embeddings, trials_path: str | Path = "trials") -> Sides:
    """The embeddings that trials name, each once.

    Raises:
        TimbreError: for an id without embedding, and for tables of different dimensions.
    """
    check_dimensions(enrol, test)
    enrol_used, enrol_rows = np.unique(enrol.rows(trials.enrol, trials_path), return_inverse=True)
    test_used, test_rows = np.unique(test.rows(trials.test, trials_path), return_inverse=True)
    return Sides(enrol.take(enrol_used), test.take(test_used), enrol_rows, test_rows)


@dataclass(frozen=True)
class Prepared:
    """One side of trials, ready to be compared: ``rows`` (N, P) and, with a cohort, their scores against it."""

    rows: np.ndarray
    cohort: CohortScores | None = None


@dataclass(frozen=True)
class Backend:
    """A trained back-end; what its ``name`` does not ask for is ``None``. ``top`` is AS-norm's."""

    name: Name
    mean: np.ndarray
    top: int = TOP
    lda: np.ndarray | None = None
    plda: Plda | None = None
    cohort: Embeddings | None = None
    calibration: Calibration | None = None

    @classmethod
    def read(cls, folder: str | Path, name: Name, top: int) -> Backend:
        """Reads the files of ``folder`` that ``name`` needs."""
        folder = Path(folder)
        calibration = folder / f"calibration.{name}.json"
        return cls(
            name,
            read_vector(str(folder / "mean.vec")),
            top,
            read_matrix(str(folder / "lda.mat")) if name.lda else None,
            Plda.read(folder / name.base) if name.plda else None,
            Embeddings.read(folder / "cohort.scp") if name.normalisation else None,
            Calibration(**json.loads(read_text(calibration))) if name.calibration else None,
        )

    def normalised(self, embeddings: Embeddings) -> np.ndarray:
        """The embeddings (N, D) less the mean, after LDA, with length one (cosine) or √L (PLDA): (N, L)."""
        unit = embeddings.normalised(self.mean, self.lda)
        return unit * np.sqrt(np.float32(unit.shape[1])) if self.name.plda else unit

    def enrol_rows(self, embeddings: Embeddings, counts: np.ndarray | int = 1) -> np.ndarray:
        """Rows (N, P) of enrolments, means of ``counts`` utterances; <enrol row, test row> is the score."""
        rows = self.normalised(embeddings)
        return rows if self.plda is None else self.plda.enrol_rows(self.plda.transformed(rows, counts), counts)

    def test_rows(self, embeddings: Embeddings) -> np.ndarray:
        """Rows (N, P) of test utterances."""
        rows = self.normalised(embeddings)
        return rows if self.plda is None else self.plda.test_rows(self.plda.transformed(rows))

    def prepare_enrolments(self, embeddings: Embeddings, counts: np.ndarray | int = 1) -> Prepared:
        """Enrolments, means of ``counts`` utterances; a speaker of the cohort counts as a test of one utterance."""
        rows = self.enrol_rows(embeddings, counts)
        return Prepared(rows, self._against(rows, embeddings.keys, self.test_rows))

    def prepare_tests(self, embeddings: Embeddings) -> Prepared:
        """Test utterances; a speaker of the cohort counts as an enrolment of one utterance."""
        rows = self.test_rows(embeddings)
        return Prepared(rows, self._against(rows, embeddings.keys, self.enrol_rows))

    def _against(
        self, rows: np.ndarray, keys: list[str], other: Callable[[Embeddings], np.ndarray]
    ) -> CohortScores | None:
        if self.cohort is None:
            return None
        return cohort_scores(
            rows, other(self.cohort), self.top if self.name.normalisation == "asnorm" else None, keys
        )

    def raw_scores(
        self, enrol: Prepared, test: Prepared, enrol_rows: np.ndarray, test_rows: np.ndarray
    ) -> np.ndarray:
        """Scores (N,) of trials, rows (N,) of both sides, before any calibration."""
        scores = products(enrol.rows, test.rows, enrol_rows, test_rows)
        if enrol.cohort is None or test.cohort is None:
            return scores
        return symmetric(scores, enrol.cohort, test.cohort, enrol_rows, test_rows)

    def scores(self, sides: Sides) -> np.ndarray:
        """Scores (N,) of trials, log-likelihood ratios in nats of a calibrated back-end."""
        enrol, test = self.prepare_enrolments(sides.enrol, sides.counts), self.prepare_tests(sides.test)
        scores = self.raw_scores(enrol, test, sides.enrol_rows, sides.test_rows)
        if self.calibration is not None:
            quality = sides.quality() if self.name.calibration == "quality" else {}
            scores = self.calibration.llr(scores, quality)
        return scores


def read_counts(path: str | Path, keys: list[str]) -> np.ndarray:
    """The number of utterances (N,) of each key of ``num_utts.ark``; a missing or bad one is refused by name."""
    table = read_table(path)
    if missing := [key for key in keys if key not in table]:
        raise TimbreError(f"{path}: '{missing[0]}' is missing; {made_by(Path('num_utts.ark'))} makes it")
    return np.array([int(table[key]) for key in keys])


def score_trials(
    trials_path: str | Path,
    enrol_scp: str | Path,
    test_scp: str | Path,
    scores_path: str | Path,
    backend: str,
    folder: str | Path,
    num_utts: str | Path | None = None,
    data: str | Path | None = None,
) -> str:
    """Reads trials and embeddings, writes the scores of a back-end; returns a line for people.

    Args:
        num_utts: ``num_utts.ark`` of the enrolments, for PLDA; ``None``: each is of one utterance.
        data: the trials' data directory with ``utt2dur``, for ``+quality``.
    """
    name, record = parse(backend), json.loads(read_text(Path(folder) / RECORD))
    if str(name) not in record["backends"]:
        raise TimbreError(
            f"{folder}: trained for {', '.join(record['backends'])}, not for {name}; "
            f"steps/train_backends.sh (stage 3 with --backend {name}) trains it"
        )
    trials = read_trials(trials_path)
    enrol = Embeddings.read(enrol_scp)
    test = enrol if Path(enrol_scp) == Path(test_scp) else Embeddings.read(test_scp)
    sides = sides_of(trials, enrol, test, trials_path)
    if num_utts:
        sides = replace(sides, counts=read_counts(num_utts, sides.enrol.keys))
    if data and name.calibration == "quality":
        directory = DataDir(data)
        enrolled = seconds_of(sides.enrol.keys, model_durations(directory), data)
        sides = replace(
            sides, seconds=(enrolled, seconds_of(sides.test.keys, utterance_durations(directory), data))
        )
    scores = Backend.read(folder, name, record["top"]).scores(sides)
    write_scores(scores_path, trials.enrol, trials.test, scores.astype(np.float32))
    said, fitted = f"{scores_path}: {len(trials)} trials scored", record["heldout"]["enrolment_utterances"]
    used = round(float(np.median(sides.counts)))
    if name.calibration and used != fitted:
        said += (
            f"\nwarning: {name} is fitted on models of {fitted} utterances, and these are of {used} (the median); "
            "their log-likelihood ratios are off. steps/train_backends.sh with this test data fits them"
        )
    return said
