"""ML 2023 homework 4 (National Taiwan University): log mel segments of 600 speakers of VoxCeleb2, without audio.

    <corpus>/metadata.json  {"n_mels": 40, "speakers": {<id>: [{"feature_path": "uttr-….pt", "mel_len": 435}, …]}}
    <corpus>/testdata.json  {"n_mels": 40, "utterances": [{"feature_path": "uttr-….pt", "mel_len": 492}, …]}
    <corpus>/mapping.json   {"speaker2id": {"id00464": 0, …}, "id2speaker": {"0": "id00464", …}}
    <corpus>/uttr-*.pt      float tensors (mel_len, n_mels)

Who speaks in the utterances of testdata.json is asked for; the answer is a CSV file. The files come from elsewhere:
every field is checked before it is believed.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from pydantic import ConfigDict, PositiveInt, ValidationError, field_validator

from timbre.conf import Section
from timbre.corpora.rows import Row
from timbre.errors import TimbreError, some
from timbre.kaldi.atomic import atomic_write

EXPECTED = {"labelled": (56_666, 600), "test": (4_000, 0)}  # utterances, speakers


class _Json(Section):
    """An object of the corpus's files: types are taken at their word, further keys let pass."""

    model_config = ConfigDict(extra="ignore", strict=True)


class Feature(_Json):
    """A file of frames, and how many there are."""

    feature_path: str
    mel_len: PositiveInt

    @field_validator("feature_path")
    @classmethod
    def _in_the_corpus(cls, path: str) -> str:
        pure = PurePosixPath(path)
        if len(path.split()) != 1 or not path.isprintable():
            raise ValueError("expected a file name without spaces")
        if pure.is_absolute() or ".." in pure.parts:
            raise ValueError("leads out of the corpus's folder")
        return str(pure)

    @property
    def stem(self) -> str:
        """The file's name without its ending."""
        return PurePosixPath(self.feature_path).stem


class Metadata(_Json):
    """metadata.json: whose the labelled utterances are."""

    n_mels: PositiveInt
    speakers: dict[str, list[Feature]]


class Unlabelled(_Json):
    """testdata.json."""

    n_mels: PositiveInt
    utterances: list[Feature]


class Numbers(_Json):
    """mapping.json: the speakers' numbers, both ways."""

    speaker2id: dict[str, int]
    id2speaker: dict[str, str]


J = TypeVar("J", bound=_Json)


def prepare(corpus: Path) -> dict[str, list[Row]]:
    """The rows of ``labelled`` (ids ``<speaker>-<stem>``) and ``test`` (ids ``<stem>``, speakers not known).

    Raises:
        TimbreError: naming file and key: for files that do not have the form above, contradict each other, or list
            a feature twice, in both parts, outside of the folder, or that is missing or empty.
    """
    if not (corpus / "metadata.json").is_file():
        inside = sorted(corpus.glob("*/metadata.json"))
        hint = f"it is {inside[0].parent}" if inside else "it holds metadata.json, testdata.json and mapping.json"
        raise TimbreError(f"{corpus}: not the root folder of the data (no metadata.json in it); {hint}")
    labelled = _read(corpus / "metadata.json", Metadata)
    test = _read(corpus / "testdata.json", Unlabelled)
    if labelled.n_mels != test.n_mels:
        raise TimbreError(
            f"{corpus}: n_mels is {labelled.n_mels} in metadata.json and {test.n_mels} in testdata.json; both must "
            "come from one data set"
        )
    known = _speakers(corpus)
    if unknown := [speaker for speaker in labelled.speakers if speaker not in known]:
        raise TimbreError(
            f"{corpus}/metadata.json: {len(unknown)} speakers are not in the speaker2id of mapping.json: "
            f"{some(unknown)}; both must come from one data set"
        )
    said = [(one, speaker) for speaker, features in labelled.speakers.items() for one in features]
    homes = [(one, f"metadata.json (speaker {speaker})") for one, speaker in said]
    _refuse_repeated(corpus, [*homes, *((one, "testdata.json") for one in test.utterances)])
    _refuse_missing(corpus, {"metadata.json": [one for one, _ in said], "testdata.json": test.utterances})
    return {
        "labelled": [_row(corpus, one, f"{speaker}-{one.stem}", speaker) for one, speaker in said],
        "test": [_row(corpus, one, one.stem, one.stem) for one in test.utterances],
    }


def write_submission(corpus: Path, found: Mapping[str, str], classes: Iterable[str], out: Path) -> int:
    """Writes the answer ``Id,Category``: of each utterance of testdata.json, in its order, file and speaker.

    Args:
        found: the most probable speaker of each utterance of the part ``test``.
        classes: all the speakers that could have been found.
    Returns:
        How many utterances there are.
    Raises:
        TimbreError: naming utterances without an answer, answers without an utterance, classes that are no
            speakers of mapping.json.
    """
    utterances, known = _read(corpus / "testdata.json", Unlabelled).utterances, _speakers(corpus)
    _refuse_repeated(corpus, [(one, "testdata.json") for one in utterances])
    stems = {one.stem for one in utterances}
    for names, problem, mend in (
        ([stem for stem in stems if stem not in found], "have no posteriors", "predict all of the part 'test'"),
        (
            [name for name in found if name not in stems],
            "have posteriors but are not in it",
            "predict 'test' alone",
        ),
    ):
        if names:
            raise TimbreError(
                f"{corpus}/testdata.json: {len(names)} utterances {problem}: {some(sorted(names))}; {mend} "
                "(stage 3)"
            )
    if unknown := [name for name in classes if name not in known]:
        raise TimbreError(
            f"{corpus}/mapping.json: {len(unknown)} classes of the posteriors are not in its speaker2id: "
            f"{some(unknown)}; the model was trained on other speakers"
        )
    with atomic_write(out) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["Id", "Category"])
        writer.writerows([one.feature_path, found[one.stem]] for one in utterances)
    return len(utterances)


def _row(corpus: Path, feature: Feature, utterance: str, speaker: str) -> Row:
    frames = {"utt2mel_len": str(feature.mel_len)}
    return Row(utterance, speaker, tables=frames, given=corpus / feature.feature_path)


def _speakers(corpus: Path) -> Mapping[str, int]:
    """The numbers of the speakers, the same both ways."""
    path = corpus / "mapping.json"
    numbers = _read(path, Numbers)
    back = {str(number): speaker for speaker, number in numbers.speaker2id.items()}
    for speaker, number in numbers.speaker2id.items():
        if back[str(number)] != speaker:
            raise TimbreError(
                f"{path}: speaker2id: '{speaker}' and '{back[str(number)]}' have one number, {number}"
            )
    for number in [*back, *numbers.id2speaker]:
        one, other = back.get(number), numbers.id2speaker.get(number)
        if one != other:
            raise TimbreError(
                f"{path}: number {number} is {one or 'nobody'} by speaker2id and {other or 'nobody'} by id2speaker"
            )
    return numbers.speaker2id


def _refuse_repeated(corpus: Path, listed: Sequence[tuple[Feature, str]]) -> None:
    """A file may be listed once, in one place: ``(feature, where)``."""
    home: dict[str, str] = {}
    for feature, where in listed:
        path = feature.feature_path
        if path in home:
            raise TimbreError(f"{corpus}: {path} is listed twice, in {home[path]} and in {where}; remove one")
        home[path] = where


def _refuse_missing(corpus: Path, listed: Mapping[str, Sequence[Feature]]) -> None:
    """Every file must be there and hold something; each folder is read once, each file asked for its size once."""
    sizes: dict[str, int] = {}
    for folder in {posixpath.dirname(one.feature_path) for features in listed.values() for one in features}:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(corpus / folder) as entries:
            sizes |= {posixpath.join(folder, one.name): one.stat().st_size for one in entries if one.is_file()}
    for name, features in listed.items():
        missing = [one.feature_path for one in features if not sizes.get(one.feature_path)]
        if missing:
            raise TimbreError(
                f"{corpus / name}: {len(missing)} of {len(features)} feature files missing or empty: "
                f"{some(missing)}; unpack the data again"
            )


def _read(path: Path, form: type[J]) -> J:
    """A JSON file of that form; the first values that are not are named by their keys."""
    try:
        return form.model_validate(json.loads(path.read_bytes().decode("utf-8"), object_pairs_hook=_once))
    except OSError as error:
        raise TimbreError(f"{path}: cannot be read: {error.strerror}; unpack the data again") from None
    except ValidationError as error:
        wrong = [_complaint(problem) for problem in error.errors(include_url=False)]
        raise TimbreError(f"{path}: {some(wrong, 3)}") from None
    except (ValueError, RecursionError) as error:
        raise TimbreError(f"{path}: not JSON in UTF-8: {error}; unpack the data again") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key '{next(key for key in keys if keys.count(key) > 1)}' stands twice in one object")
    return found


def _complaint(problem: Mapping[str, Any]) -> str:
    """One of pydantic's errors: the dotted key, what is wrong, and what stands there."""
    key = ".".join(map(str, problem["loc"])) or "the whole file"
    reason = problem["msg"].removeprefix("Value error, ")
    there = "" if problem["type"] == "missing" else f", found {str(problem['input'])[:60]!r}"
    return f"{key}: {reason[0].lower()}{reason[1:]}{there}"
