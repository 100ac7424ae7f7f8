"""VoxCeleb1 and 2: interviews with celebrities from YouTube, 7,363 speakers, 2,800 h, 16 kHz.

    <VoxCeleb1>/…/id10001/<video>/00001.wav        1,251 speakers, of which id10270 to id10309 are the test part
    <VoxCeleb2>/…/id00012/<video>/00001.m4a        5,994 speakers of dev, 118 of test; m4a or converted to wav
    <lists>/veri_test2.txt …                       1|0 id10270/<video>/00001.wav id10271/<video>/00002.wav
    <lists>/vox1_meta.csv, vox2_meta.csv           genders and parts; optional

Folders between the root and the speakers (``dev``, ``test``, ``wav``, ``aac``) may be there or not. The table
``utt2session`` names the video of each utterance, ``<speaker>-<video>``. Trained on
is VoxCeleb2 dev, or without it VoxCeleb1 dev; the test part is what the official lists name. m4a goes through
ffmpeg in ``wav.scp``. Sources: Nagrani et al. (2017), arXiv 1706.08612; Chung et al. (2018), arXiv 1806.05622.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import Field

from timbre.conf import Section
from timbre.corpora.rows import Row, summary
from timbre.corpora.trials import save_trials
from timbre.corpora.voxceleb_meta import read_lists, read_speakers
from timbre.corpora.voxceleb_stand_in import LAYOUT as LAYOUT
from timbre.errors import TimbreError, some
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.rxfile import is_command
from timbre.kaldi.text import write_table
from timbre.kaldi.trials import sha256

WHOLE = {  # utterances, speakers
    "VoxCeleb1 dev": (148_642, 1_211),
    "VoxCeleb1 test": (4_874, 40),
    "VoxCeleb2 dev": (1_092_009, 5_994),
}
_WHERE = (
    "the licence asks everybody to request the corpora themselves: "
    "https://www.robots.ox.ac.uk/~vgg/data/voxceleb (or mm.kaist.ac.kr/datasets/voxceleb), where the lists are too"
)


class Options(Section):
    """Where the rest is; the corpus is VoxCeleb1, which holds what is tested on."""

    voxceleb2: Path | None = Field(
        None, strict=False, description="root folder of VoxCeleb2, to train on; else VoxCeleb1 dev is"
    )
    lists: Path | None = Field(None, strict=False, description="folder of the official trial lists")


def prepare(corpus: Path, options: Options, report: Callable[[str], None]) -> dict[str, list[Row]]:
    """The rows of ``train`` and ``test``.

    Raises:
        TimbreError: for folders without audio or lists, lists that name absent audio or speakers of the training
            part, the same utterance in two folders, and m4a files where there is no ffmpeg.
    """
    lists = read_lists(_given(options.lists, "--lists"))
    genders, tests = read_speakers([folder for folder in (options.lists, options.voxceleb2, corpus) if folder])
    first = _scan(_given(corpus, "--voxceleb1"), "id1", "VoxCeleb1")
    found = {
        "VoxCeleb1 dev": [row for row in first if not _is_test(row.speaker)],
        "VoxCeleb1 test": [row for row in first if _is_test(row.speaker)],
    }
    if options.voxceleb2:
        second = _scan(_given(options.voxceleb2, "--voxceleb2"), "id0", "VoxCeleb2")
        found["VoxCeleb2 dev"] = [row for row in second if row.speaker not in tests]
    for line in summary(found, WHOLE):
        report(f"corpus: {line}")
    train = found["VoxCeleb2 dev" if options.voxceleb2 else "VoxCeleb1 dev"]
    trained_on = {row.speaker for row in train}
    for one in lists:
        one.refuse_missing({row.utterance for row in first})
        one.refuse_speakers(trained_on)
        report(f"list {one.name}: {one.described()}")
    named = {utt for one in lists for utt in one.utterances}
    parts = {"train": train, "test": [row for row in first if row.utterance in named]}
    _require_ffmpeg([row for rows in parts.values() for row in rows])
    return {part: _with_genders(rows, genders) for part, rows in parts.items()}


def write_lists(test: DataDir, options: Options, report: Callable[[str], None]) -> None:
    """``trials_O``, ``trials_E``, ``trials_H``, and the table ``lists`` of where each comes from."""
    rows = {}
    for one in read_lists(_given(options.lists, "--lists")):
        path = test.path / f"trials_{one.name}"
        report(save_trials(path, one.trials))
        rows[one.name] = f"{one.form} {one.path.name} {sha256(path)}"
    write_table(test.path / "lists", rows)


def _given(folder: Path | None, option: str) -> Path:
    if folder is None:
        raise TimbreError(f"{option} DIR is missing; {_WHERE}")
    if not folder.is_dir():
        raise TimbreError(f"{option} {folder}: no such folder; {_WHERE}")
    return folder


def _is_test(speaker: str) -> bool:
    """The 40 speakers of VoxCeleb1 whose names begin with E."""
    return "id10270" <= speaker <= "id10309"


def _scan(root: Path, prefix: str, title: str) -> list[Row]:
    """The rows of all files ``id…/<video>/nnnnn.{wav,m4a}`` below a folder; of both forms of one file the wav."""
    rows = [row for folder, names in _video_folders(root, prefix) for row in _of_video(folder, names)]
    if not rows:
        raise TimbreError(
            f"{root}: no {title} there: no folders {prefix}…/<video> with wav or m4a files (speakers by name, as "
            "in the first release, are not read); " + _WHERE
        )
    seen: dict[str, str | Path] = {}
    for row in rows:
        if row.utterance in seen:
            raise TimbreError(
                f"{root}: {row.utterance} is there twice: {seen[row.utterance]} and {row.wav}; remove one"
            )
        seen[row.utterance] = row.wav
    return rows


def _video_folders(root: Path, prefix: str) -> Iterator[tuple[str, list[str]]]:
    """Folders ``…/<speaker>/<video>`` and their files. VoxCeleb2's part ``test`` is passed over."""
    speaker = re.compile(rf"{prefix}\d{{{7 - len(prefix)}}}")
    for folder, folders, names in os.walk(root, followlinks=True):
        if prefix == "id0" and "test" in folders:
            folders.remove("test")
        if speaker.fullmatch(os.path.basename(os.path.dirname(folder))):
            yield folder, names


def _of_video(folder: str, names: Sequence[str]) -> Iterator[Row]:
    parent, video = os.path.split(folder)
    speaker = os.path.basename(parent)
    for name in names:
        stem, extension = os.path.splitext(name)
        if name.startswith(".") or extension not in (".wav", ".m4a"):
            continue
        if extension == ".m4a" and f"{stem}.wav" in names:
            continue
        path = os.path.join(folder, name)
        wav = path if extension == ".wav" else f"ffmpeg -v 8 -i {shlex.quote(path)} -f wav -acodec pcm_s16le - |"
        session = {"utt2session": f"{speaker}-{video}"}  # a video shares its microphone and its room
        yield Row(f"{speaker}-{video}-{stem}", speaker, wav, session)


def _require_ffmpeg(rows: Sequence[Row]) -> None:
    packed = [row.utterance for row in rows if is_command(str(row.wav))]
    if packed and not shutil.which("ffmpeg"):
        raise TimbreError(
            f"{len(packed)} files are m4a, which ffmpeg decodes, and it is not installed; install it, or convert "
            f"them to wav files beside them: {some(packed)}"
        )


def _with_genders(rows: Sequence[Row], genders: Mapping[str, str]) -> list[Row]:
    """The rows with ``spk2gender``, if all of the part's speakers are known."""
    if any(row.speaker not in genders for row in rows):
        return list(rows)
    return [replace(row, speaker_tables={"spk2gender": genders[row.speaker]}) for row in rows]
