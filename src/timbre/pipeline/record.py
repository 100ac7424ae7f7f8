"""The record of an output: of what it was made, and what it should be. Text beside the output (docs/formats.md)."""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from timbre.errors import TimbreError
from timbre.kaldi.atomic import atomic_write, together
from timbre.pipeline.declaration import Declaration, conf_values, hint
from timbre.pipeline.fingerprint import RECORD, Audio, FileState, data_tables, digest_of, folder_files, frame_tables

FORMS: dict[str, int] = {"evaluate_classes": 2, "evaluate_languages": 2, "score_lists": 2}
"""The number of a step's form, where it is not 1: raised when what the step writes changes for the same inputs."""


@dataclass
class Record:
    """What an output is made of.

    Attributes:
        form: of the step, :data:`FORMS`.
        values: options, ``{name: value}``; ``conf``: keys of the conf.
        inputs: ``{path: state}`` of the files that were read.
        made: ``{folder: identity}`` of frames and folders that other steps have made.
        audio: ``{data directory: digest}``; the files stand in ``audio_files``, which are not in the JSON.
        corpus: ``{folder: [number of files, digest]}``.
        outputs: ``{path below the output: size in bytes}``; ``tables``: the states of those that people may edit.
        identity: of the output, for those who read it: the same where nothing that matters has changed.
        run: when, how long, the versions of the code; none of it makes anything stale.
    """

    step: str
    form: int
    values: dict[str, str] = field(default_factory=dict)
    conf: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, FileState] = field(default_factory=dict)
    made: dict[str, str] = field(default_factory=dict)
    audio: dict[str, str] = field(default_factory=dict)
    corpus: dict[str, tuple[int, str]] = field(default_factory=dict)
    outputs: dict[str, int] = field(default_factory=dict)
    tables: dict[str, FileState] = field(default_factory=dict)
    identity: str = ""
    run: dict[str, Any] = field(default_factory=dict)
    audio_files: dict[str, Audio] = field(default_factory=dict, repr=False)

    @property
    def fingerprint(self) -> str:
        """A hash of all that the output is made of."""
        inputs = {path: state.sha256 for path, state in self.inputs.items()}
        return digest_of([self.step, self.form, self.values, self.conf, inputs, self.made, self.audio, self.corpus])


def describe(step: Declaration, known: Record | None = None) -> Record:
    """The record of a step as its inputs are now; ``known`` is an earlier one, whose hashes are a cache.

    Raises:
        TimbreError: for an input that is not there, with what makes it.
    """
    before = known.inputs if known else {}
    conf, named = conf_values(step.conf, step.keys)
    record = Record(step.step, FORMS.get(step.step, 1), _values(step.values), conf)
    record.identity = digest_of([step.step, record.form, record.values, conf])
    for path in step.made:
        there = _record_above(path if path.is_dir() else path.parent)
        if there is None or not path.exists():
            raise TimbreError(f"{path}: no such file, or its folder has no record; {hint(path)}")
        record.made[str(path)] = there.identity
    folders = dict.fromkeys([*step.data, *step.audio])
    for path in [*(table for folder in folders for table in data_tables(folder)), *step.inputs, *named]:
        try:
            record.inputs[str(path)] = FileState.of(path, before.get(str(path)))
        except TimbreError as error:
            raise TimbreError(f"{error}; {hint(path)}" if "no such file" in str(error) else str(error)) from None
    for folder in step.data:
        if frames := frame_tables(folder):
            if (there := _record_above(folder)) is not None:
                record.made[str(folder)] = there.identity
            else:  # features from elsewhere
                record.audio_files[str(folder)] = Audio.of(frames)
    for folder in step.audio:
        tables = [folder / name for name in ("wav.scp", "given.scp") if (folder / name).exists()]
        if not tables:
            raise TimbreError(f"{folder}/wav.scp: no such file; {hint(folder / 'wav.scp')}")
        record.audio_files[str(folder)] = Audio.of(tables)
    record.audio = {folder: audio.sha256 for folder, audio in record.audio_files.items()}
    for folder in step.corpus:
        if not folder.is_dir():
            raise TimbreError(f"{folder}: no such folder; an option names the corpus's (--help lists them)")
        files = folder_files(folder)
        record.corpus[str(folder)] = len(files), digest_of(files)
    if not step.by_content:
        record.identity = record.fingerprint
    elif record.made:
        record.identity = digest_of([record.identity, *record.made.values()])
    return record


def _values(texts: tuple[str, ...]) -> dict[str, str]:
    return dict(text.partition("=")[::2] for text in texts)


def _record_above(folder: Path) -> Record | None:
    """The record of a folder, or of the output that it is a part of (a fold, a baseline)."""
    real = folder.resolve()
    for place in (real, *list(real.parents)[:2]):
        if (record := read_record(place)) is not None:
            return record
    return None


def changes(record: Record, now: Record) -> list[str]:
    """What has changed since the record was written, each in a few words; empty where nothing has."""
    found = []
    if record.form != now.form:
        found.append(f"made by an earlier form of {now.step}")
    found += [f"conf: {line}" for line in _differences(record.conf, now.conf)]
    found += [f"option {line}" for line in _differences(record.values, now.values)]
    before, after = ({path: state.sha256 for path, state in one.inputs.items()} for one in (record, now))
    found += _moved(before, after)
    for folder, digest in now.audio.items():
        if record.audio.get(folder) != digest:
            found.append(_audio_change(folder, record.audio_files.get(folder), now.audio_files[folder]))
    found += _moved(record.made, now.made)
    for folder, (count, digest) in now.corpus.items():
        there = record.corpus.get(folder)
        if there is None or tuple(there) != (count, digest):
            counts = f" ({there[0]} files, now {count})" if there and there[0] != count else ""
            found.append(f"the corpus {folder} has changed{counts}" if there else f"the corpus is {folder} now")
    return found


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    keys = sorted(before.keys() | after.keys())
    return [f"{key} {before.get(key)} → {after.get(key)}" for key in keys if before.get(key) != after.get(key)]


def _moved(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    found = [f"{path} has changed" for path in after if path in before and before[path] != after[path]]
    found += [f"{path} is new" for path in after if path not in before]
    return found + [f"{path} is gone" for path in before if path not in after]


def _audio_change(folder: str, before: Audio | None, now: Audio) -> str:
    changed = now.changed(before) if before else []
    if not changed:
        return f"the audio of {folder} has changed"
    further = f" and {len(changed) - 1} more files" if len(changed) > 1 else ""
    return f"{changed[0]}{further} of {folder} changed"


def read_record(folder: Path, name: str = RECORD) -> Record | None:
    """The record beside an output; ``None`` where there is none, or none that is whole.

    What the machine refuses is raised: an output whose record could not be read now is not to be removed.
    """
    path = folder / name
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        for states in ("inputs", "tables"):
            values[states] = {key: FileState.parse(one) for key, one in values[states].items()}
        values["corpus"] = {name: tuple(one) for name, one in values["corpus"].items()}
        record = Record(**values)
        record.audio_files = {key: _read_audio(_audio_path(path, place)) for place, key in enumerate(record.audio)}
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError, KeyError, EOFError):
        return None
    return record


def write_record(record: Record, folder: Path, name: str = RECORD) -> None:
    """Writes a record, and the lists of audio files beside it."""
    path = folder / name
    values = {key: value for key, value in vars(record).items() if key != "audio_files"}
    for states in ("inputs", "tables"):
        values[states] = {key: asdict(state) for key, state in values[states].items()}
    with together(), atomic_write(path) as file:
        for place, key in enumerate(record.audio):
            audio = record.audio_files[key]
            with atomic_write(_audio_path(path, place), "wb") as listed:
                listed.write(len(audio.names).to_bytes(8, "little"))
                audio.stats.tofile(listed)
                listed.write("\n".join(audio.names).encode())
        json.dump(values, file, indent=1, ensure_ascii=False)
        file.write("\n")


def remove_record(folder: Path, name: str = RECORD) -> None:
    """Removes a record, and the lists of audio files beside it."""
    for path in (folder / name, *folder.glob(f".{Path(name).stem}.audio.*")):
        path.unlink(missing_ok=True)


def _audio_path(path: Path, place: int) -> Path:
    return path.with_name(f".{path.stem}.audio.{place}")


def _read_audio(path: Path) -> Audio:
    with open(path, "rb") as file:
        count = int.from_bytes(file.read(8), "little")
        stats = array("q")
        stats.fromfile(file, 2 * count)
        names = file.read().decode()
    return Audio(tuple(names.split("\n")) if names else (), stats)
