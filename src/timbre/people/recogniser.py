"""A model that scores recordings against people, and decides: the part that knows no folder.

Scores are made as recipes make them (:mod:`timbre.scoring.backend`), so a list of trials gets the same numbers
either way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from timbre.errors import TimbreError
from timbre.kaldi.waveform import Audio, Waveform
from timbre.models.trained import TrainedModel
from timbre.people.backends import open_backend, read_cohort
from timbre.people.decision import Rule, make_rule, posteriors
from timbre.people.own_calibration import OwnCalibration, cohort_sha256, read_calibration
from timbre.people.recording import Quality, measure_quality, warn_of_quality
from timbre.scoring.backend import Backend, Prepared, parse
from timbre.scoring.embeddings import Embeddings
from timbre.scoring.tail import Tail

EVEN = 0.5
"""The prior of an enrolled speaker, where none is given."""


@dataclass(frozen=True)
class Candidate:
    """A person beside a recording.

    ``score`` is the back-end's, a log-likelihood ratio in nats where there is a calibration; ``probability`` is
    that of this person, ``None`` without one.
    """

    name: str
    score: float
    probability: float | None


@dataclass(frozen=True)
class Answer:
    """Who a recording is of.

    Attributes:
        name: the nearest person, ``None`` for unknown, or where nothing decides.
        candidates: the nearest people first.
        unknown: the probability of somebody else; ``None`` without a calibration.
        rule: by which it was decided; ``None`` without a calibration.
        quality: of the recording, and ``warnings``, what speaks against it.
    """

    name: str | None
    candidates: list[Candidate]
    unknown: float | None
    rule: Rule | None
    quality: Quality
    warnings: list[str]


@dataclass(frozen=True)
class Heard:
    """Recordings as the model hears them: ``embeddings`` (N, D), ``qualities`` and ``warnings`` of each (N)."""

    embeddings: np.ndarray
    qualities: list[Quality]
    warnings: list[list[str]]


@dataclass(frozen=True)
class Examined:
    """An answer and what it came from.

    Attributes:
        cohort: the recording's scores (C,) against the cohort, before any normalisation; ``None`` without one.
        people: its scores (P,) of that kind against the people, in the order of enrolment.
    """

    answer: Answer
    cohort: np.ndarray | None
    people: np.ndarray | None


class Recogniser:
    """A model with its back-end and calibration.

    Args:
        model: a path, or a model.
        backend: the name of a trained back-end (:func:`timbre.people.backends.open_backend`).
        cohort: embeddings of other people (an scp, or a folder of people), for AS-norm.
        calibration: what ``timbre.calibrate`` gives, or a file of it; else the model's own is taken, if it has one.

    Raises:
        TimbreError: for a calibration of another model, back-end or cohort.
    """

    def __init__(
        self,
        model: str | Path | TrainedModel,
        backend: str = "",
        cohort: str | Path | None = None,
        calibration: str | Path | OwnCalibration | None = None,
        device: str = "cpu",
    ) -> None:
        self.path = "" if isinstance(model, TrainedModel) else str(model)
        self.model = model if isinstance(model, TrainedModel) else TrainedModel.load(model, device)
        members = read_cohort(cohort, self.model) if cohort else None
        self.qualities: dict[str, tuple[float, float]] = {}
        if calibration is None:
            self.backend = open_backend(self.model, self.path, backend, members)
            if self.backend.name.calibration == "quality":
                raise TimbreError(
                    "a back-end with +quality is for lists of trials; take one without (--backend NAME)"
                )
            return
        own, calibration = calibration, "the calibration"
        if not isinstance(own, OwnCalibration):
            own, calibration = read_calibration(own), own
        if own.model_sha256 != self.model.sha256:
            raise TimbreError(
                f"{calibration}: made for another model; make it again for this one (timbre calibrate)"
            )
        if backend and replace(parse(backend), calibration="") != parse(own.backend):
            raise TimbreError(
                f"{calibration}: made for the back-end {own.backend}, not {backend}; leave --backend out"
            )
        found = open_backend(self.model, self.path, own.backend, members)
        if own.cohort_sha256 != cohort_sha256(found.cohort or members):
            raise TimbreError(f"{calibration}: made with another cohort, or without one; give the same --cohort")
        name = replace(found.name, calibration="calibration")
        self.backend = replace(found, name=name, calibration=own.line)
        self.qualities = own.qualities

    def hear(self, sources: Iterable[Audio], rate: int | None = None) -> Heard:
        """Audio files, samples (N,) at ``rate`` Hz or waveforms, embedded in batches."""
        qualities: list[Quality] = []
        warnings: list[list[str]] = []

        def waveforms() -> Iterable[Waveform]:
            for source in sources:
                audio = self.model.waveform(source, rate)
                qualities.append(measure_quality(audio.samples, audio.rate))
                warnings.append(warn_of_quality(audio.name, qualities[-1], self.qualities))
                yield audio

        return Heard(self.model.embed_many(waveforms()), qualities, warnings)

    def prepare(self, names: list[str], means: np.ndarray, counts: np.ndarray | int = 1) -> Prepared:
        """People (P) by the means (P, D) of their ``counts`` embeddings, ready for :meth:`scores`."""
        return self.backend.prepare_enrolments(Embeddings(names, means, "people"), counts)

    def scores(self, people: Prepared, embeddings: np.ndarray) -> np.ndarray:
        """:func:`score_people` by the model's back-end."""
        return score_people(self.backend, people, embeddings)

    def against_cohort(self, people: Prepared, embeddings: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Scores (T, C) of embeddings (T, D) against the cohort, and (T, P) against people, neither normalised.

        ``None`` where the back-end has no cohort.
        """
        if self.backend.cohort is None:
            return None
        rows = self.backend.test_rows(Embeddings(["recording"] * len(embeddings), embeddings, "recordings"))
        return rows @ self.backend.enrol_rows(self.backend.cohort).T, rows @ people.rows.T

    def rule(self, people: int, false_accepts: float | None = None, prior: float | None = None) -> Rule | None:
        """How it is decided among so many people; ``None`` without a calibration.

        Raises:
            TimbreError: for a rate or prior that cannot be kept, as there is no calibration.
        """
        if self.backend.calibration is None:
            if false_accepts is not None or prior is not None:
                raise TimbreError(
                    "this model has no calibration, so no rate can be kept; make one from recordings of your own "
                    "(timbre calibrate) and give it with --calibration"
                )
            return None
        tail = self.backend.calibration.tail
        return make_rule(people, Tail(**tail) if tail else None, false_accepts, prior)

    def answers(
        self, names: Sequence[str], people: Prepared, heard: Heard, rule: Rule | None, prior: float | None, top: int
    ) -> list[Answer]:
        """The answer of each recording, with the ``top`` nearest people."""
        if not len(heard.embeddings):
            return []
        scores = self.scores(people, heard.embeddings)
        probabilities, unknown = posteriors(scores, prior or EVEN) if rule else (None, None)
        nearest = np.argsort(-scores, axis=1, kind="stable")[:, :top]
        found = []
        for row, order in enumerate(nearest.tolist()):
            candidates = [
                Candidate(names[k], float(scores[row, k]), float(probabilities[row, k]) if rule else None)
                for k in order
            ]
            accepted = rule is not None and candidates[0].score >= rule.threshold
            stranger = float(unknown[row]) if rule else None
            name = candidates[0].name if accepted else None
            found.append(Answer(name, candidates, stranger, rule, heard.qualities[row], heard.warnings[row]))
        return found

    def compare(
        self,
        first: Audio,
        second: Audio,
        rate: int | None = None,
        false_accepts: float | None = None,
        prior: float | None = None,
    ) -> Answer:
        """Whether two recordings are of one speaker; the one candidate is called ``same speaker``."""
        rule = self.rule(1, false_accepts, prior)
        heard = self.hear([first, second], rate)
        person = self.prepare(["same speaker"], heard.embeddings[:1])
        other = Heard(
            heard.embeddings[1:], heard.qualities[1:], [[line for each in heard.warnings for line in each]]
        )
        return self.answers(["same speaker"], person, other, rule, prior, 1)[0]


def score_people(backend: Backend, people: Prepared, embeddings: np.ndarray) -> np.ndarray:
    """Scores (T, P) of embeddings (T, D) against people, log-likelihood ratios with a calibration."""
    tests = Embeddings([f"recording {row + 1}" for row in range(len(embeddings))], embeddings, "recordings")
    size = len(embeddings), len(people.rows)
    test_rows, enrol_rows = np.indices(size).reshape(2, -1)
    scores = backend.raw_scores(people, backend.prepare_tests(tests), enrol_rows, test_rows)
    if backend.calibration is not None:
        scores = backend.calibration.llr(scores)
    return scores.reshape(size)
