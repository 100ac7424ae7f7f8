"""What the page can ask of a folder of people, as plain data; audio is bytes, and stays in memory.

A recording may be of any rate and of several channels: it is resampled, and the channels' mean is taken, and the
answer says so.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from timbre.errors import named
from timbre.kaldi.audio import decode, require_sound
from timbre.kaldi.waveform import Waveform
from timbre.people.decision import Rule
from timbre.people.people import People
from timbre.people.recogniser import Examined
from timbre.people.store import require_name
from timbre.serve.limits import Limits

BINS = 40
NAME = "recording"
"""What messages call a recording: paths and names of files are never sent."""


class Recognition:
    """Args:
    people: for one thread; see :class:`timbre.serve.turns.Turns`.
    false_accepts, prior: as :meth:`timbre.people.people.People.identify`.
    """

    def __init__(
        self, people: People, limits: Limits, false_accepts: float | None = None, prior: float | None = None
    ) -> None:
        self._people = people
        self._limits = limits
        self._how = {"false_accepts": false_accepts, "prior": prior}
        people.recogniser.rule(1, **self._how)  # a rate that cannot be kept is refused before anybody asks

    def overview(self) -> dict[str, Any]:
        """Who is enrolled, and how it is decided."""
        recogniser = self._people.recogniser
        recordings = self._people.recordings
        rule = recogniser.rule(len(recordings), **self._how) if recordings else None
        return {
            "people": [
                {
                    "name": name,
                    "recordings": len(those),
                    "seconds": round(sum(each.seconds for each in those), 1),
                    "speech": round(sum(each.speech for each in those), 1),
                }
                for name, those in recordings.items()
            ],
            "backend": str(recogniser.backend.name),
            "calibrated": recogniser.backend.calibration is not None,
            "cohort": 0 if recogniser.backend.cohort is None else len(recogniser.backend.cohort.keys),
            "rule": _rule(rule),
            "limits": {
                "bytes": self._limits.body,
                "seconds": self._limits.seconds,
                "name": self._limits.name,
            },
        }

    def identify(self, data: bytes) -> dict[str, Any]:
        """Who a recording is of; refused where nobody is enrolled."""
        audio, notes = self._listen(data)
        found = self._people.examine(audio, top=self._limits.shown, **self._how)
        answer = found.answer
        return {
            "name": answer.name,
            "unknown": answer.unknown,
            "rule": _rule(answer.rule),
            "candidates": [asdict(one) for one in answer.candidates],
            "people": len(self._people.names),
            "quality": asdict(answer.quality),
            "notes": notes,
            "warnings": _without_name(answer.warnings),
            "cohort": self._cohort(found),
        }

    def enrol(self, name: str, data: bytes) -> dict[str, Any]:
        """Adds a recording to a person, new or known."""
        name = require_name(name)
        audio, notes = self._listen(data)
        warnings = self._people.enrol(name, audio)
        recordings = len(self._people.recordings[name])
        return {"name": name, "recordings": recordings, "notes": notes, "warnings": _without_name(warnings)}

    def forget(self, name: str) -> dict[str, Any]:
        """Removes a person."""
        self._people.forget(name)
        return {"name": name}

    @property
    def names(self) -> list[str]:
        return self._people.names

    def _listen(self, data: bytes) -> tuple[Waveform, list[str]]:
        """The waveform of an audio file's bytes, and what was done to it, in lines."""
        samples, rate = decode(data, NAME, self._limits.seconds, foreign=True)
        notes = []
        if (channels := samples.shape[1]) > 1:
            notes.append(f"{channels} channels: their mean was taken")
        mono = samples.mean(axis=1, dtype=np.float32)
        with named(NAME):
            require_sound(mono)
        for wanted in sorted({each for each, _ in self._people.recogniser.model.sample_rates if each}):
            if rate > wanted:
                notes.append(f"resampled from {rate} Hz to the model's {wanted} Hz")
            if rate < wanted:
                notes.append(f"{rate} Hz, and the model's rate is {wanted} Hz: the upper frequencies are missing")
        return Waveform(mono, rate, NAME, resample=True), notes

    def _cohort(self, found: Examined) -> dict[str, Any] | None:
        """A histogram of the scores against the cohort, with the nearest people's of that kind."""
        if found.cohort is None or found.people is None:
            return None
        scores = dict(zip(self._people.names, found.people.tolist(), strict=True))
        nearest = {one.name: scores[one.name] for one in found.answer.candidates[:3]}
        nearest = dict(sorted(nearest.items(), key=lambda one: -one[1]))
        values = [*found.cohort.tolist(), *nearest.values()]
        counts, edges = np.histogram(found.cohort, BINS, (min(values), max(values)))
        return {
            "size": len(found.cohort),
            "counts": counts.tolist(),
            "edges": edges.tolist(),
            "nearest": [{"name": name, "score": score} for name, score in nearest.items()],
        }


def _rule(rule: Rule | None) -> dict[str, Any] | None:
    return None if rule is None else asdict(rule) | {"text": str(rule)}


def _without_name(lines: list[str]) -> list[str]:
    return [line.removeprefix(f"{NAME}: ") for line in lines]
