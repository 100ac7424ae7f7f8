"""Augmented copies of a data directory, as in Kaldi's recipes: wav files first, in jobs, then the directory.

    <out>/wav/<kind>/<speaker>/<id>-<kind>.wav   16-bit, one a kind and utterance
    <out>/augment.yaml                           what they are made of
    <out>/jobs/                                  what the jobs wrote
    <out>/{wav.scp,utt2spk,utt2uniq,…}           the originals and the copies, once all are there

A folder made with another conf, or of other data, is refused.
"""

from __future__ import annotations

import hashlib
import logging
import zlib
from pathlib import Path

import numpy as np
import soundfile
from tqdm import tqdm

from timbre.conf import Section, dump, load
from timbre.errors import TimbreError, some
from timbre.features.augment import AugmentConf, Augmenter
from timbre.kaldi.atomic import atomic_write
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.jobs import merge_counted
from timbre.kaldi.perturb import add_wave_copies, utt2person, wave_copy
from timbre.kaldi.policy import BadAudio, check_skipped
from timbre.kaldi.text import write_table
from timbre.kaldi.validate import validate
from timbre.kaldi.wave_reader import WaveReader
from timbre.kaldi.write_wave import write_wave

log = logging.getLogger(__name__)
_PEAK = 0.98  # full scale less a little: what rounds to 16 bit does not clip


class Made(Section):
    """What the copies in a folder are made of (its ``augment.yaml``)."""

    augment: AugmentConf
    sample_rate: int
    sources: str
    data: str


def made_of(data: DataDir, augment: AugmentConf, sample_rate: int, sources: str) -> Made:
    """``data`` is a hash of the tables by which waveforms, and the speakers of babble, are found."""
    tables = [data.path / name for name in ("wav.scp", "segments", "utt2speed", "utt2spk", "utt2uniq")]
    digest = hashlib.sha256(b"".join(table.read_bytes() for table in tables if table.exists())).hexdigest()[:12]
    return Made(augment=augment, sample_rate=sample_rate, sources=sources, data=digest)


def write_copies(
    data: DataDir,
    made: Made,
    out: Path,
    job: int = 1,
    num_jobs: int = 1,
    resample: bool = False,
    bad_audio: str = "fail",
    allow_pipes: bool = False,
) -> None:
    """Writes the wav files of one job's utterances that are not there yet.

    The generator of a copy starts from its id, so that it is the same from any job and any time. A copy that
    would clip is made softer as a whole, and named in the log.

    Args:
        made: :func:`made_of`; the conf's ``kinds`` are the copies of each utterance.
        bad_audio: ``fail`` or ``skip`` (:mod:`timbre.kaldi.policy`).
        resample, allow_pipes: as in :class:`timbre.kaldi.wave_reader.WaveReader`.
    Raises:
        TimbreError: no kinds, a folder of another conf or data, and what goes wrong with an utterance.
    """
    if not 1 <= job <= num_jobs:
        raise TimbreError(f"there is no job {job} of {num_jobs}; jobs count from 1")
    if out.resolve() == data.path.resolve():
        raise TimbreError(f"{out}: source and destination are the same directory")
    _bind(made, out)
    reader = WaveReader(data, made.sample_rate, resample, allow_pipes)
    folder = Path(made.sources) if made.sources else None
    augment = Augmenter(made.augment, reader, utt2person(data), made.sample_rate, folder)
    bad, durations = BadAudio(bad_audio), {}
    kinds, count = made.augment.kinds, len(reader.utterances)
    mine = reader.utterances[count * (job - 1) // num_jobs : count * job // num_jobs]
    for utterance in tqdm(mine, desc=f"augment.{job}", unit="utt", mininterval=1):
        with bad.caught(utterance):
            files = {kind: wave_copy(out / "wav", data.utt2spk[utterance], utterance, kind) for kind in kinds}
            durations[utterance] = f"{_copy(utterance, files, reader, augment, made.sample_rate):.6f}"
    write_table(out / "jobs" / f"utt2dur.{job}", durations)
    bad.write(out / "jobs" / f"skipped.{job}")


def collect_copies(data: DataDir, out: Path, jobs: int, max_skipped: float) -> str:
    """Writes the data directory ``out`` of originals and copies; utterances that were skipped are in neither.

    Returns:
        one line: how many utterances there are.
    Raises:
        TimbreError: naming utterances that no job wrote, files that are missing, or the skipped utterances when
            they are more than ``max_skipped`` (a fraction) of all.
    """
    kinds = load(Made, out / "augment.yaml").augment.kinds
    durations, skipped = merge_counted(data, out / "jobs", "utt2dur.{}", "skipped.{}", jobs)
    write_table(out / "augment.skipped", skipped)
    check_skipped(skipped, len(durations) + len(skipped), max_skipped, out / "augment.skipped")
    speaker = data.utt2spk
    files = [wave_copy(out / "wav", speaker[utt], utt, kind) for utt in durations for kind in kinds]
    if missing := [str(file) for file in files if not file.exists()]:
        raise TimbreError(
            f"{out}/wav: expected {len(files)} files, missing {len(missing)}: {some(missing)}; run the step again"
        )
    add_wave_copies(data, out, kinds, out / "wav", durations)
    validate(out, feats=False, text=False)
    said = f"{out}: {len(durations)} utterances and {len(files)} copies ({', '.join(kinds)})"
    return said + (f", {len(skipped)} skipped" if skipped else "")


def _bind(made: Made, out: Path) -> None:
    """Refuses a folder that holds copies made otherwise; each job writes the same conf."""
    if not made.augment.kinds:
        raise TimbreError("augment.kinds is empty, so there is nothing to add: --set augment.kinds=[noise,babble]")
    path, text = out / "augment.yaml", dump(made)
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise TimbreError(
            f"{out} holds copies of another conf or data ({path}); remove it or choose another folder"
        )
    with atomic_write(path) as file:
        file.write(text)


def _copy(utterance: str, files: dict[str, Path], reader: WaveReader, augment: Augmenter, rate: int) -> float:
    """Writes the copies of an utterance, ``{kind: file}``, that are missing; returns its duration in seconds."""
    if all(path.exists() for path in files.values()):
        return soundfile.info(next(iter(files.values()))).duration
    samples = reader.read(utterance)
    for kind, path in files.items():
        if not path.exists():
            rng = np.random.default_rng(zlib.crc32(path.stem.encode()))
            copy = augment.apply(kind, utterance, samples, rng)
            if (peak := np.abs(copy).max()) > _PEAK:
                log.info("%s: %.1f dB softer, or it would clip", path.stem, 20 * np.log10(peak / _PEAK))
                copy = copy * (_PEAK / peak)
            write_wave(path, copy, rate)
    return len(samples) / rate
