"""What VoxCeleb publishes beside its audio: the official trial lists, and tables of the speakers."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from timbre.errors import TimbreError, some
from timbre.kaldi.trials import Trials

# A list's files, the cleaned form first, and the trials of each as published.
FILES = {
    "O": {"veri_test2.txt": 37_611, "veri_test.txt": 37_720},
    "E": {"list_test_all2.txt": 579_818, "list_test_all.txt": 581_480},
    "H": {"list_test_hard2.txt": 550_894, "list_test_hard.txt": 552_536},
}


@dataclass(frozen=True)
class OfficialList:
    """A list ``O``, ``E`` or ``H``, in its ``cleaned`` or ``original`` form."""

    name: str
    form: str
    path: Path
    trials: Trials

    @property
    def utterances(self) -> set[str]:
        """All that it names."""
        return {*self.trials.enrol, *self.trials.test}

    def described(self) -> str:
        """``the cleaned form (veri_test2.txt), 37611 trials, as published``."""
        published = FILES[self.name][self.path.name]
        compared = "as published" if len(self.trials) == published else f"not the published {published}"
        return f"the {self.form} form ({self.path.name}), {len(self.trials)} trials, {compared}"

    def refuse_missing(self, utterances: Collection[str]) -> None:
        """Every utterance it names must be among these."""
        missing = sorted(self.utterances - set(utterances))
        if missing:
            raise TimbreError(
                f"{self.path}: names {len(missing)} utterances of which there is no audio: {some(missing)}; "
                "complete VoxCeleb1, or give a --lists folder without this list"
            )

    def refuse_speakers(self, trained_on: Collection[str]) -> None:
        """None of its speakers may be trained on."""
        both = sorted({utt.split("-", 1)[0] for utt in self.utterances} & set(trained_on))
        if both:
            raise TimbreError(
                f"{self.path}: list {self.name} names {len(both)} speakers of the training part: {some(both)}; "
                "train on VoxCeleb2 (--voxceleb2), or give a --lists folder with the list O alone"
            )


def read_lists(folder: Path) -> list[OfficialList]:
    """The lists of a folder, of each the cleaned form if that is there."""
    lists = []
    for name, files in FILES.items():
        for file, form in zip(files, ("cleaned", "original"), strict=True):
            if (folder / file).exists():
                lists.append(OfficialList(name, form, folder / file, _read(folder / file)))
                break
    if not lists:
        known = ", ".join(file for files in FILES.values() for file in files)
        raise TimbreError(f"{folder}: none of VoxCeleb's trial lists there ({known})")
    return lists


def read_speakers(folders: Sequence[Path]) -> tuple[dict[str, str], set[str]]:
    """``{speaker: f|m}``, and the speakers of VoxCeleb2 test, by the tables found first in ``folders``."""
    genders: dict[str, str] = {}
    tests: set[str] = set()
    for name in ("vox1_meta.csv", "vox2_meta.csv"):
        path = next((folder / name for folder in folders if (folder / name).exists()), None)
        rows = _table(path) if path else []
        genders |= {row["ID"]: row["Gender"] for row in rows}
        tests |= {row["ID"] for row in rows if name == "vox2_meta.csv" and row["Set"] == "test"}
    return genders, tests


def _table(path: Path) -> list[dict[str, str]]:
    """The rows of a table, whose fields stand between tabs or commas with spaces around them."""
    rows = [[field.strip() for field in re.split("[\t,]", line)] for line in _lines(path) if line.strip()]
    header = ["ID", *rows[0][1:]] if rows and rows[0][0].startswith("VoxCeleb") else []
    if not {"Gender", "Set"} <= set(header):
        raise TimbreError(f"{path}: expected columns 'VoxCeleb… ID', Gender and Set; download the table again")
    return [dict(zip(header, row, strict=False)) for row in rows[1:]]


def _read(path: Path) -> Trials:
    """Lines ``1|0 id10270/<video>/00001.wav id10271/<video>/00002.wav``; the ids join a path's parts by ``-``."""
    text = "\n".join(_lines(path))
    words = text.split()
    labels, enrol, test = words[0::3], words[1::3], words[2::3]
    paths = {*enrol, *test}
    good = re.compile(r"id\d{5}/[^/]+/[^/]+\.(wav|m4a)")
    if not words or len(words) % 3 or set(labels) - {"0", "1"} or not all(map(good.fullmatch, paths)):
        raise TimbreError(f"{path}{_first_bad(text.split(chr(10)), good)}")
    ids = {name: name.replace("/", "-").rpartition(".")[0] for name in paths}
    columns = [np.array([ids[name] for name in names], dtype=object) for names in (enrol, test)]
    return Trials(*columns, np.array(labels) == "1")


def _first_bad(lines: Iterable[str], good: re.Pattern[str]) -> str:
    expected = "expected lines '1|0 <speaker>/<video>/<file>.wav <speaker>/<video>/<file>.wav'"
    for number, line in enumerate(lines, start=1):
        label, *paths = line.split() or [""]
        if label not in ("0", "1") or len(paths) != 2 or not all(map(good.fullmatch, paths)):
            return f":{number}: {expected}, found '{line}'"
    return f": {expected}"


def _lines(path: Path) -> list[str]:
    """A published file's lines, whatever ends them."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TimbreError(f"{path}: cannot be read: {error}; download it again") from error
