"""AISHELL-1 (OpenSLR 33, Apache-2.0): Mandarin read by 400 people in quiet rooms, 178 h, 16 kHz.

    <corpus>/data_aishell/wav/{train,dev,test}/S0002/BAC009S0002W0122.wav
    <corpus>/data_aishell/transcript/aishell_transcript_v0.8.txt    BAC009S0002W0122 而 对 …
    <corpus>/resource_aishell/speaker.info                          0002 F

The counts are those of the transcribed utterances; 325 recordings without a transcript are left out. Source:
Bu et al. (2017), "AISHELL-1: An Open-Source Mandarin Speech Corpus and A Speech Recognition Baseline".

Protocols, each with the 20 speakers of ``test``; whatever is chosen is drawn by hash and the same everywhere:

- ``lab``: 300 training speakers and the test speakers, 10 utterances of each; ``trials`` are all pairs of test
  utterances, ``trials_balanced`` as many nontargets as targets;
- ``full``: all training speakers; each test speaker is enrolled from 3 utterances (``enrol``) and tried against
  all the others, 20 × 7,116 trials, as in Kaldi's recipe, which draws without a seed;
- ``hard``: trained as ``full``; each of those enrolment utterances is a model of its own, the others are cut to
  2 s, and trials are between speakers of one gender.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import soundfile
from pydantic import Field

from timbre.conf import Section
from timbre.corpora.aishell_stand_in import LAYOUT as LAYOUT
from timbre.corpora.download import Archive
from timbre.corpora.rows import Row, refuse_missing_audio, refuse_shared_speakers, summary
from timbre.corpora.trials import draw, draw_enrolment, make_model_trials, make_trials, save_trials
from timbre.errors import TimbreError, some
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.text import read_lines, read_optional, write_table

WHOLE = {"train": (120_098, 340), "dev": (14_326, 40), "test": (7_176, 20)}  # utterances, speakers
SEED = 1  # of every choice
LAB_SPEAKERS, LAB_UTTERANCES = 300, 10
ENROL_UTTERANCES = 3
HARD_SECONDS = 2.0

# OpenSLR publishes no checksums. The sizes are those that Kaldi's recipe checks, the MD5 those of PaddleSpeech's.
_RESOURCES = "https://www.openslr.org/resources/33"
ARCHIVES = (
    Archive(
        url=f"{_RESOURCES}/data_aishell.tgz",
        size=15_582_913_665,
        unpacked=15_700_000_000,  # the speakers' archives; they are unpacked one by one
        folder="data_aishell",
        md5="2f494334227864a8a8fec932999db9d8",
        inner="wav/*.tar.gz",
    ),
    Archive(
        url=f"{_RESOURCES}/resource_aishell.tgz",
        size=1_246_920,
        unpacked=5_000_000,
        folder="resource_aishell",
        md5="957d480a0fcac85fc18e550756f624e5",
    ),
)


class Options(Section):
    """What to make of the corpus."""

    protocol: Literal["lab", "full", "hard"] = Field("lab", description="which utterances, and which trials")


def prepare(corpus: Path, options: Options, report: Callable[[str], None]) -> dict[str, list[Row]]:
    """The rows of ``train`` and ``test`` of a protocol; of a smaller corpus all that it takes is reported.

    Raises:
        TimbreError: for speakers' archives that are still packed, files in the wrong place, a speaker in two
            parts, empty files, and a protocol that the corpus is too small for.
    """
    parts = _read(_root(corpus), report)
    refuse_shared_speakers(parts)
    parts = {"train": parts["train"], "test": parts["test"]}
    if options.protocol == "lab":
        parts["train"] = _some_of_each(_some_speakers(parts["train"], report), "train", report)
        parts["test"] = _some_of_each(parts["test"], "test", report)
    refuse_missing_audio(parts, "unpack the corpus again (timbre download --corpus-kind aishell)")
    if options.protocol == "hard":
        parts["test"] = _cut(parts["test"])
    return parts


def write_lists(test: DataDir, options: Options, report: Callable[[str], None]) -> None:
    """``trials`` of the protocol, and ``trials_balanced`` or the models of ``enrol`` where it has them."""
    if options.protocol == "lab":
        report(save_trials(test.path / "trials", make_trials(test)))
        report(save_trials(test.path / "trials_balanced", make_trials(test, "balanced", SEED)))
        return
    models = draw_enrolment(test.utt2spk, ENROL_UTTERANCES, SEED)
    if options.protocol == "hard":
        models = {utt: [utt] for utts in models.values() for utt in utts}
    write_table(test.path / "enrol", {model: " ".join(utts) for model, utts in models.items()})
    trials = make_model_trials(test, models, same_gender=options.protocol == "hard")
    report(f"{test.path / 'enrol'}: {len(models)} models")
    report(save_trials(test.path / "trials", trials))


def _root(corpus: Path) -> Path:
    """The folder ``data_aishell``, given it or the one that holds it."""
    for root in (corpus / "data_aishell", corpus):
        if (root / "wav").is_dir():
            return root
    raise TimbreError(
        f"{corpus}: no AISHELL-1 there (no data_aishell/wav); give the folder that holds data_aishell"
    )


def _read(root: Path, report: Callable[[str], None]) -> dict[str, list[Row]]:
    """The rows of the three parts, against the counts of the whole corpus; what is missing is named."""
    _refuse_packed(root)
    texts = read_optional(root / "transcript" / "aishell_transcript_v0.8.txt")
    genders = _genders(root.parent / "resource_aishell" / "speaker.info")
    found = {part: _wavs(root / "wav" / part) for part in WHOLE}
    speakers = {spk for wavs in found.values() for spk, _ in wavs}
    if absent := sorted(set(genders) - speakers):
        report(f"corpus: no audio of {len(absent)} speakers of speaker.info: {some(absent)}")
    if unknown := sorted(speakers - set(genders)):
        report(
            f"corpus: speaker.info knows no gender of {some(unknown)}; so the data directories have no spk2gender"
        )
    if texts is not None:
        stems = {wav.stem for wavs in found.values() for _, wav in wavs}
        if absent := sorted(utt for utt in texts if utt not in stems and utt[6:11] in speakers):
            report(f"corpus: no audio of {len(absent)} transcribed utterances: {some(absent)}")
        if surplus := len(stems - set(texts)):
            report(f"corpus: {surplus} recordings without a transcript left out")
    parts = {
        part: [
            Row(
                f"{spk}-{wav.stem}",
                spk,
                wav,
                {"text": texts[wav.stem]} if texts is not None else {},
                {} if unknown else {"spk2gender": genders[spk]},
            )
            for spk, wav in wavs
            if texts is None or wav.stem in texts
        ]
        for part, wavs in found.items()
    }
    for line in summary(parts, WHOLE):
        report(f"corpus: {line}")
    if empty := [part for part in ("train", "test") if not parts[part]]:
        raise TimbreError(f"{root / 'wav' / empty[0]}: no utterances there; AISHELL-1 has S*/BAC*.wav there")
    return parts


def _refuse_packed(root: Path) -> None:
    """Speakers' archives lie in ``wav``, or where their folders would."""
    archives = [*root.glob("wav/S*.tar.gz"), *root.glob("wav/*/S*.tar.gz")]
    unpacked = {folder.name for folder in root.glob("wav/*/S*") if folder.is_dir()}
    packed = sorted(path.name for path in archives if path.name.split(".")[0] not in unpacked)
    if packed:
        raise TimbreError(
            f"{root / 'wav'}: {len(packed)} speakers' archives are still packed: {some(packed)}; to unpack them: "
            f"timbre download --corpus-kind aishell --dir {root.parent} (fetches nothing that is there)"
        )


def _wavs(folder: Path) -> list[tuple[str, Path]]:
    """``(speaker, file)`` of a part, sorted; a file that is not its folder's speaker's is refused."""
    wavs = [(path.parent.name, path) for path in sorted(folder.glob("S*/[!.]*.wav"))]
    wrong = [path for spk, path in wavs if not re.fullmatch(rf"BAC009{re.escape(spk)}W\d{{4}}", path.stem)]
    if wrong:
        name = f"BAC009{wrong[0].parent.name}Wnnnn.wav"
        raise TimbreError(f"{wrong[0]}: expected a name like {name} ({len(wrong)} such files); remove or rename it")
    return wavs


def _genders(path: Path) -> dict[str, str]:
    """``{S0002: f}`` of ``speaker.info``; empty where it is not there."""
    if not path.exists():
        return {}
    genders = {}
    for number, line in read_lines(path):
        fields = line.split()
        if len(fields) < 2 or fields[1].lower() not in ("f", "m"):
            raise TimbreError(f"{path}:{number}: expected a speaker's number and F or M, found '{line}'")
        genders[f"S{fields[0].removeprefix('S')}"] = fields[1].lower()
    return genders


def _some_speakers(rows: Sequence[Row], report: Callable[[str], None]) -> list[Row]:
    """The rows of the training speakers of ``lab``."""
    speakers = {row.speaker for row in rows}
    if len(speakers) < LAB_SPEAKERS:
        report(f"lab: {len(speakers)} training speakers instead of {LAB_SPEAKERS}: there are no more")
    chosen = set(draw(speakers, LAB_SPEAKERS, SEED))
    return [row for row in rows if row.speaker in chosen]


def _some_of_each(rows: Sequence[Row], part: str, report: Callable[[str], None]) -> list[Row]:
    """The utterances of ``lab``, so many of each speaker."""
    spk2utt: dict[str, list[str]] = {}
    for row in rows:
        spk2utt.setdefault(row.speaker, []).append(row.utterance)
    few = [spk for spk, utts in spk2utt.items() if len(utts) < LAB_UTTERANCES]
    if few:
        report(f"lab: {part}: fewer than {LAB_UTTERANCES} utterances, so all of them, of {some(few)}")
    chosen = {utt for utts in spk2utt.values() for utt in draw(utts, LAB_UTTERANCES, SEED)}
    return [row for row in rows if row.utterance in chosen]


def _cut(rows: Sequence[Row]) -> list[Row]:
    """The rows of ``hard``: all but the enrolment utterances are segments of 2 s at a place drawn by hash."""
    unknown = sorted({row.speaker for row in rows if "spk2gender" not in row.speaker_tables})
    if unknown:
        raise TimbreError(
            f"protocol hard: no gender of {some(unknown)}, and its trials are between speakers of one; give "
            "resource_aishell/speaker.info (timbre download --corpus-kind aishell fetches it)"
        )
    models = draw_enrolment({row.utterance: row.speaker for row in rows}, ENROL_UTTERANCES, SEED)
    whole = {utt for utts in models.values() for utt in utts}
    cut = []
    for row in rows:
        length = _seconds(row)
        start, end = 0.0, length
        if row.utterance not in whole and length > HARD_SECONDS:
            start = round(_fraction(row.utterance) * (length - HARD_SECONDS), 2)
            end = start + HARD_SECONDS
        cut.append(replace(row, tables={"segments": f"{row.utterance} {start:.2f} {end:.4f}"}))
    return cut


def _seconds(row: Row) -> float:
    try:
        return soundfile.info(row.wav).duration
    except soundfile.LibsndfileError as error:
        raise TimbreError(f"{row.utterance}: {row.wav}: not readable as audio: {error}; unpack it again") from None


def _fraction(name: str) -> float:
    """A number in [0, 1) drawn by the name's hash."""
    return int.from_bytes(hashlib.sha256(f"{SEED} {name}".encode()).digest()[:4], "big") / 2**32
