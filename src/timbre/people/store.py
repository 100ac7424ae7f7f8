"""People on disk: a folder that can be copied, with names and embeddings, and no audio.

    people.json                 which model and which ark; of each person the name and the recordings
    embeddings.<hash>.ark       one matrix (N, D) float32 in Kaldi's form, a row for each recording, in their order

A change writes a new ark, then takes effect with the new ``people.json``; so a reader sees all of it or nothing.
One process changes at a time, under a lock. Folder and files are for their user alone. Names are values in JSON,
never a path: any text will do that has something to see in it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from timbre.errors import TimbreError, did_you_mean, doing
from timbre.kaldi.atomic import atomic_write
from timbre.kaldi.objects import write_object
from timbre.kaldi.tables import read_matrix

FORMAT = "timbre-people-1"
RECORD = "people.json"


@dataclass(frozen=True)
class Recording:
    """What is kept of a recording beside its embedding: ``seconds`` of it, and of speech in it."""

    seconds: float
    speech: float


@dataclass(frozen=True)
class Enrolled:
    """Who is enrolled.

    Attributes:
        model_sha256: of the model whose embeddings these are (:func:`timbre.features.published.model_sha256`).
        model: where it was when the folder was made.
        people: ``{name: recordings}``, in the order of enrolment.
        embeddings: ``(N, D)``, a row for each recording of each person, in that order.
    """

    model_sha256: str
    model: str
    people: dict[str, list[Recording]] = field(default_factory=dict)
    embeddings: np.ndarray = field(default_factory=lambda: np.empty((0, 0), dtype=np.float32))

    @property
    def counts(self) -> np.ndarray:
        """How many recordings (P,) each person has."""
        return np.array([len(recordings) for recordings in self.people.values()], dtype=np.int64)

    @property
    def means(self) -> np.ndarray:
        """The mean embedding (P, D) of each person."""
        starts = np.cumsum(self.counts) - self.counts
        return np.add.reduceat(self.embeddings, starts, axis=0) / self.counts[:, None].astype(np.float32)

    def of(self, name: str) -> slice:
        """The rows of a person.

        Raises:
            TimbreError: for a name that is not enrolled, with the nearest.
        """
        names = list(self.people)
        if name not in self.people:
            raise TimbreError(f"'{name}' is not enrolled{did_you_mean(name, names)}")
        place = names.index(name)
        stop = int(self.counts[: place + 1].sum())
        return slice(stop - len(self.people[name]), stop)

    def with_recordings(self, further: Mapping[str, Sequence[tuple[Recording, np.ndarray]]]) -> Enrolled:
        """The same with further recordings, each with its embedding (D,), of these people or new ones."""
        names = list(dict.fromkeys([*self.people, *further]))
        rows, people = [], {}
        for name in names:
            new = further.get(name, [])
            old = self.embeddings[self.of(name)] if name in self.people else []
            rows += [*old, *(embedding for _, embedding in new)]
            people[name] = [*self.people.get(name, []), *(recording for recording, _ in new)]
        return Enrolled(self.model_sha256, self.model, people, np.stack(rows).astype(np.float32))

    def without(self, name: str) -> Enrolled:
        """The same without a person."""
        rows = self.of(name)
        people = {other: recordings for other, recordings in self.people.items() if other != name}
        return Enrolled(self.model_sha256, self.model, people, np.delete(self.embeddings, rows, axis=0))


def require_name(name: str) -> str:
    """A name, without blanks at its ends.

    Raises:
        TimbreError: for one that nobody could see, or that would break a line.
    """
    name = name.strip()
    if not name or not name.isprintable():
        raise TimbreError(f"{name!r}: a name has letters to see, and no line breaks or control characters")
    return name


def read_people(folder: Path) -> Enrolled | None:
    """What the folder holds; ``None`` where nobody was enrolled yet.

    Raises:
        TimbreError: for a record that is not as it should be, and embeddings that do not fit it.
    """
    path = folder / RECORD
    for _ in range(5):  # a change may remove the ark between the two reads
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise TimbreError(f"{path}: cannot be read: {error.strerror}") from None
        record = _parse(path, text)
        try:
            return _with_embeddings(folder, record)
        except TimbreError:
            if path.read_bytes() == text:
                raise
    raise TimbreError(f"{path}: changes all the time; try again")


@contextmanager
def changing(folder: Path) -> Iterator[Path]:
    """Keeps other processes from changing the folder, which is made, for the user alone, if it is not there."""
    with doing(f"cannot write {folder}"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(lock)


def write_people(folder: Path, enrolled: Enrolled) -> None:
    """Replaces what the folder holds, inside :func:`changing`; of what is replaced nothing is left."""
    content = hashlib.sha256(enrolled.embeddings.tobytes()).hexdigest()
    ark = f"embeddings.{content[:16]}.ark"
    people = [
        {"name": name, "recordings": [asdict(recording) for recording in recordings]}
        for name, recordings in enrolled.people.items()
    ]
    record = {
        "format": FORMAT,
        "model": enrolled.model,
        "model_sha256": enrolled.model_sha256,
        "embeddings": ark,
        "embeddings_sha256": content,
        "people": people,
    }
    mask = os.umask(0o077)
    try:
        if people:
            write_object(folder / ark, enrolled.embeddings)
        with atomic_write(folder / RECORD) as file:
            file.write(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    finally:
        os.umask(mask)
    for old in folder.glob("embeddings.*"):
        if old.name != ark or not people:
            old.unlink()


def forget(folder: str | Path, name: str) -> None:
    """Removes a person from a folder, which needs no model; nothing of her is left there.

    Raises:
        TimbreError: where nobody is enrolled, and for a name that is not.
    """
    folder = Path(folder)
    if read_people(folder) is None:
        raise TimbreError(f"{folder}: nobody is enrolled there")
    with changing(folder):
        write_people(folder, read_people(folder).without(require_name(name)))


def _parse(path: Path, text: bytes) -> dict[str, Any]:
    mend = "copy the folder again, or remove it and enrol anew"
    try:
        record = json.loads(text)
    except ValueError:
        raise TimbreError(f"{path}: not JSON; {mend}") from None
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise TimbreError(f"{path}: not a folder of people (format {FORMAT}); {mend}")
    try:
        people = {
            require_name(person["name"]): [_recording(each) for each in person["recordings"]]
            for person in record["people"]
        }
        parts = [record[key] for key in ("model", "model_sha256", "embeddings", "embeddings_sha256")]
    except (TimbreError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise TimbreError(f"{path}: damaged ({type(error).__name__}: {error}); {mend}") from None
    if not all(isinstance(part, str) for part in parts) or "/" in record["embeddings"]:
        raise TimbreError(f"{path}: damaged: model and embeddings are no names; {mend}")
    if len(people) < len(record["people"]) or not all(people.values()):
        raise TimbreError(f"{path}: damaged: a person stands there twice, or has no recording; {mend}")
    return record | {"people": people}


def _recording(values: Mapping[str, Any]) -> Recording:
    recording = Recording(float(values["seconds"]), float(values["speech"]))
    if not (0 <= recording.seconds < math.inf and 0 <= recording.speech < math.inf):
        raise ValueError("seconds below 0")
    return recording


def _with_embeddings(folder: Path, record: Mapping[str, Any]) -> Enrolled:
    enrolled = Enrolled(record["model_sha256"], record["model"], record["people"])
    if not enrolled.people:
        return enrolled
    path = folder / record["embeddings"]
    matrix = np.ascontiguousarray(read_matrix(str(path)), dtype=np.float32)
    found = hashlib.sha256(matrix.tobytes()).hexdigest()
    if len(matrix) != enrolled.counts.sum() or found != record["embeddings_sha256"]:
        raise TimbreError(f"{path}: not the embeddings of {folder / RECORD}; copy the folder again")
    return Enrolled(enrolled.model_sha256, enrolled.model, enrolled.people, matrix)
