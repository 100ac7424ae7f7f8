"""People who are enrolled in a folder, and recordings in which one of them is heard, or nobody.

>>> import timbre
>>> people = timbre.People("people", model="exp/ecapa_aam")
>>> people.enrol("alice", ["a1.wav", "a2.wav"])
>>> people.identify("x.wav").name
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from timbre.errors import TimbreError
from timbre.kaldi.waveform import Audio, Waveform
from timbre.models.trained import TrainedModel
from timbre.people.own_calibration import OwnCalibration
from timbre.people.recogniser import Answer, Examined, Heard, Recogniser
from timbre.people.store import (
    RECORD,
    Enrolled,
    Recording,
    changing,
    forget,
    read_people,
    require_name,
    write_people,
)
from timbre.scoring.backend import Prepared

TOP = 5


class People:
    """The people of a folder, and the model that knows them.

    Args:
        folder: made by the first :meth:`enrol`.
        model: a path, or a model; ``None``: that of the first enrolment, where it was then.
        backend, cohort, calibration, device: as :class:`timbre.people.recogniser.Recogniser`.

    Raises:
        TimbreError: for a model whose embeddings are not those of the folder.
    """

    def __init__(
        self,
        folder: str | Path,
        model: str | Path | TrainedModel | None = None,
        backend: str = "",
        cohort: str | Path | None = None,
        calibration: str | Path | OwnCalibration | None = None,
        device: str = "cpu",
    ) -> None:
        self.folder = Path(folder)
        self._stamp = self._read_stamp()
        there = read_people(self.folder)
        if model is None and there is None:
            raise TimbreError(f"{folder}: nobody is enrolled there, so no model is known; name one (--model M)")
        self.recogniser = Recogniser(model or there.model, backend, cohort, calibration, device)
        self._prepared: Prepared | None = None
        self._enrolled = there or self._nobody()
        self._require_same_model()

    @property
    def names(self) -> list[str]:
        """Who is enrolled, in that order."""
        return list(self._current().people)

    @property
    def recordings(self) -> dict[str, list[Recording]]:
        """Of each person what is kept of the recordings, beside their embeddings."""
        return dict(self._current().people)

    def enrol(self, name: str, sources: Audio | Sequence[Audio], rate: int | None = None) -> list[str]:
        """Adds recordings of a person, new or known; returns what speaks against them, in lines.

        Args:
            name: any text without line breaks.
            sources: audio files, samples (N,) at ``rate`` Hz, or waveforms.
        """
        one = isinstance(sources, str | Path | np.ndarray | Waveform)
        return self.enrol_many(((name, source) for source in ([sources] if one else sources)), rate)

    def enrol_many(self, recordings: Iterable[tuple[str, Audio]], rate: int | None = None) -> list[str]:
        """The same of ``(name, source)`` pairs, of one person or many: all of them or, on an error, none."""
        names: list[str] = []

        def sources() -> Iterable[Audio]:
            for name, source in recordings:
                names.append(require_name(name))
                yield source

        heard = self.recogniser.hear(sources(), rate)
        if not names:
            raise TimbreError("no recording to enrol")
        new: dict[str, list[tuple[Recording, np.ndarray]]] = {}
        for name, row, quality in zip(names, heard.embeddings, heard.qualities, strict=True):
            kept = Recording(round(quality.seconds, 2), round(quality.speech, 2))
            new.setdefault(name, []).append((kept, row))
        with changing(self.folder):
            write_people(self.folder, self._current(anew=True).with_recordings(new))
        return [line for lines in heard.warnings for line in lines]

    def forget(self, name: str) -> None:
        """Removes a person: nothing of her is left in the folder."""
        forget(self.folder, name)

    def identify(
        self,
        source: Audio,
        rate: int | None = None,
        top: int = TOP,
        false_accepts: float | None = None,
        prior: float | None = None,
    ) -> Answer:
        """Who a recording is of, or that it is of nobody who is enrolled.

        Args:
            top: candidates that are returned.
            false_accepts: the rate at which strangers may be taken for anybody (default 0.01).
            prior: instead: the probability that the speaker is enrolled.
        """
        return self.identify_many([source], rate, top, false_accepts, prior)[0]

    def identify_many(
        self,
        sources: Iterable[Audio],
        rate: int | None = None,
        top: int = TOP,
        false_accepts: float | None = None,
        prior: float | None = None,
    ) -> list[Answer]:
        """:meth:`identify` of each of many recordings, embedded in batches."""
        return self._answer(sources, rate, top, false_accepts, prior)[0]

    def examine(
        self,
        source: Audio,
        rate: int | None = None,
        top: int = TOP,
        false_accepts: float | None = None,
        prior: float | None = None,
    ) -> Examined:
        """:meth:`identify`, with what the answer came from."""
        (answer,), heard = self._answer([source], rate, top, false_accepts, prior)
        others, known = self.recogniser.against_cohort(self._everybody()[1], heard.embeddings) or ([None], [None])
        return Examined(answer, others[0], known[0])

    def verify(
        self,
        source: Audio,
        claim: str,
        rate: int | None = None,
        false_accepts: float | None = None,
        prior: float | None = None,
    ) -> Answer:
        """Whether a recording is of the person ``claim``: an answer with her as the one candidate.

        Raises:
            TimbreError: for a name that is not enrolled.
        """
        rule = self.recogniser.rule(1, false_accepts, prior)
        current = self._current()
        rows = current.of(require_name(claim))
        mean = current.embeddings[rows].mean(axis=0, keepdims=True)
        person = self.recogniser.prepare([claim], mean, np.array([rows.stop - rows.start]))
        heard = self.recogniser.hear([source], rate)
        return self.recogniser.answers([claim], person, heard, rule, prior, 1)[0]

    def scores(self, embeddings: np.ndarray) -> np.ndarray:
        """Scores (T, P) of embeddings (T, D) against each person (:meth:`Recogniser.scores`)."""
        return self.recogniser.scores(self._everybody()[1], embeddings)

    def _answer(
        self,
        sources: Iterable[Audio],
        rate: int | None,
        top: int,
        false_accepts: float | None,
        prior: float | None,
    ) -> tuple[list[Answer], Heard]:
        """The answers, and what was heard; what cannot be asked is refused before anything is heard."""
        names, people = self._everybody()
        rule = self.recogniser.rule(len(names), false_accepts, prior)
        heard = self.recogniser.hear(sources, rate)
        return self.recogniser.answers(names, people, heard, rule, prior, top), heard

    def _everybody(self) -> tuple[list[str], Prepared]:
        current = self._current()
        if not current.people:
            raise TimbreError(f"{self.folder}: nobody is enrolled there (timbre enrol)")
        if self._prepared is None:
            self._prepared = self.recogniser.prepare(list(current.people), current.means, current.counts)
        return list(current.people), self._prepared

    def _current(self, anew: bool = False) -> Enrolled:
        """What the folder holds now: other processes may change it."""
        stamp = self._read_stamp()
        if anew or stamp != self._stamp:
            self._enrolled, self._prepared, self._stamp = read_people(self.folder) or self._nobody(), None, stamp
            self._require_same_model()
        return self._enrolled

    def _read_stamp(self) -> tuple[int, ...]:
        """What changes whenever the record is written."""
        try:
            stat = (self.folder / RECORD).stat()
        except FileNotFoundError:
            return ()
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def _require_same_model(self) -> None:
        if self._enrolled.model_sha256 != self.recogniser.model.sha256:
            raise TimbreError(
                f"{self.folder}: people were enrolled with another model ({self._enrolled.model}), whose "
                "embeddings cannot be compared with this one's; take that model, or another folder"
            )

    def _nobody(self) -> Enrolled:
        path = self.recogniser.path
        return Enrolled(self.recogniser.model.sha256, str(Path(path).absolute()) if path else "")
