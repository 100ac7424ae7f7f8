"""Experiments that classified the same utterances: what each decided, and how two of them differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from timbre.errors import TimbreError
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.labels import read_labels
from timbre.scoring.class_bootstrap import Decisions, rates, replicates, resampled
from timbre.scoring.classification import COMPARED, decide, ordered, sha256_of_labels
from timbre.scoring.difference import Difference
from timbre.scoring.measured import System
from timbre.scoring.posteriors import Posteriors
from timbre.scoring.verdict import stamp


@dataclass(frozen=True)
class Tested:
    """The labelled utterances that systems were tested on: of ``labels`` (N), by ``speakers`` (N,) from 0 on."""

    data: DataDir
    utterances: list[str]
    labels: list[str]
    speakers: np.ndarray
    sha256: str

    @property
    def units(self) -> np.ndarray:
        """What is drawn anew, (N,): speakers, or utterances of few speakers."""
        return resampled(self.speakers)[1]

    @classmethod
    def of(cls, systems: Sequence[System]) -> Tested:
        """Reads what the ``metrics.json`` of all systems say that they were tested on.

        Raises:
            TimbreError: naming systems whose utterances or labels are not the same, and a data directory where
                they are others by now.
        """
        first = systems[0].metrics
        digest = first["utterances"]["sha256"]
        for other in systems[1:]:
            if other.metrics["utterances"]["sha256"] != digest:
                theirs = f"{_tested(systems[0])} and {_tested(other)}"
                raise TimbreError(
                    f"different utterances or labels cannot be compared: {theirs}; evaluate one part with both"
                )
        path = Path(first["data"]) / first["labels"]
        if not path.exists():
            raise TimbreError(f"{path}: no such file, of {systems[0].folder}; call this in the recipe's folder")
        data = DataDir(first["data"])
        table = read_labels(data, first["labels"])
        utterances = sorted(table, key=str.encode)
        if sha256_of_labels(utterances, table) != digest:
            raise TimbreError(
                f"{path}: other utterances or labels than those of SHA-256 {digest[:12]}… that {systems[0].folder} "
                "was evaluated on; evaluate again (stage 4)"
            )
        speakers = np.unique([data.utt2spk[utterance] for utterance in utterances], return_inverse=True)[1]
        return cls(data, utterances, [table[utterance] for utterance in utterances], speakers, digest)

    def decisions(self, system: System) -> Decisions:
        """What a system made of the utterances, by its posteriors."""
        posteriors = ordered(Posteriors.read(system.output("posteriors")), self.utterances, self.data)
        known = set(posteriors.classes)
        names = [*sorted(known, key=str.encode), *sorted(set(self.labels) - known, key=str.encode)]
        number = {name: column for column, name in enumerate(names)}
        return decide(posteriors, names, np.array([number[label] for label in self.labels]), self.units)[0]


def compare_classes(first: System, second: System) -> tuple[str, dict[str, Difference]]:
    """What the utterances are, which must be those of both, and the differences by measure."""
    tested, how = Tested.of((first, second)), first.metrics["bootstrap"]
    once, points, draws = np.ones((1, int(tested.units.max()) + 1)), [], []
    for system in (first, second):
        decisions = tested.decisions(system)
        points.append({name: float(value[0]) for name, value in rates(decisions, once).items()})
        draws.append(replicates(decisions, how["replicates"], how["seed"]))
    said = (
        f"{tested.data.path}: {len(tested.utterances)} utterances, {len(set(tested.labels))} classes, "
        f"{tested.speakers.max() + 1} speakers, SHA-256 {tested.sha256}"
    )
    stamps = [(system.folder, stamp(system.metrics)) for system in (first, second)]
    said += "".join(f"\n{folder}: {how_tested}" for folder, how_tested in stamps if how_tested)
    return said, {
        name: Difference.of(points[0][name], points[1][name], draws[0][name] - draws[1][name]) for name in COMPARED
    }


def _tested(system: System) -> str:
    metrics, tested = system.metrics, system.metrics["utterances"]
    said = f"{tested['count']} utterances, SHA-256 {tested['sha256'][:12]}…"
    return f"{system.folder}: {metrics['data']}/{metrics['labels']} ({said})"
