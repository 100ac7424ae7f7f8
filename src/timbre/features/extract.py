"""A data directory's utterances → ark/scp: frames (``feats``) and voice activity (``vad``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from timbre.conf import Section, kind_module
from timbre.errors import TimbreError
from timbre.features.front_end import build_extractor
from timbre.features.vad import VadConf, VoiceActivity
from timbre.kaldi.audio import WaveReader
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.policy import BadAudio
from timbre.kaldi.tables import ArkWriter
from timbre.kaldi.text import write_table


class Computed:
    """The frames of a data directory's utterances, computed from their waveforms.

    A features module whose frames come from elsewhere holds a ``Source(data, conf)`` of this form.
    """

    def __init__(self, data: DataDir, conf: Section, allow_pipes: bool = False) -> None:
        if data.has("given.scp") and not data.has("wav.scp"):
            raise TimbreError(
                f"{data.path}: no wav.scp but given.scp: its frames came with the corpus, and features.kind "
                f"{conf.kind} computes frames from waveforms; set it to given"
            )
        self._waves = WaveReader(data, conf.sample_rate, conf.resample, allow_pipes)
        self._extract, self._rate = build_extractor(conf), conf.sample_rate
        self.utterances = self._waves.utterances

    def read(self, utterance: str) -> tuple[np.ndarray, float]:
        """An utterance's frames ``(T, F)`` float32 and its length in seconds."""
        samples = self._waves.read(utterance)
        return self._extract(torch.from_numpy(samples)).numpy(), len(samples) / self._rate


def extract_features(
    data: DataDir, conf: Section, out: Path, job: str, bad_audio: str = "fail", allow_pipes: bool = False
) -> None:
    """Writes ``out/feats.<job>.{ark,scp}`` and beside them ``utt2num_frames``, ``utt2dur`` and ``skipped``.

    Args:
        conf: the ``features`` section.
        bad_audio: ``fail`` or ``skip`` (:mod:`timbre.kaldi.policy`).
        allow_pipes: run the commands of wav.scp.
    """
    own = getattr(kind_module("timbre.features", conf.kind), "Source", None)
    source = own(data, conf) if own else Computed(data, conf, allow_pipes)
    frames: dict[str, int] = {}
    durations: dict[str, str] = {}

    def note(utterance: str) -> np.ndarray:
        features, seconds = source.read(utterance)
        if not np.isfinite(features).all():
            raise TimbreError("features that are not finite")
        frames[utterance] = len(features)
        durations[utterance] = f"{seconds:.4f}"
        return features

    _extract(source.utterances, note, out / f"feats.{job}", bad_audio, storage=conf.storage)
    write_table(out / f"utt2num_frames.{job}", frames)
    write_table(out / f"utt2dur.{job}", durations)


def extract_vad(
    data: DataDir, conf: VadConf, features: Section, out: Path, job: str, bad_audio: str, allow_pipes: bool
) -> None:
    """Writes ``out/vad.<job>.{ark,scp}``: vectors ``(T,)`` of 1 (voiced) and 0, as Kaldi's compute-vad."""
    detect = VoiceActivity(conf, features)
    reader = WaveReader(data, features.sample_rate, features.resample, allow_pipes)

    def voiced(utterance: str) -> np.ndarray:
        found = detect(torch.from_numpy(reader.read(utterance)))
        if not found.any():
            raise TimbreError(f"no voiced frame of {len(found)}; lower input.vad.energy_threshold")
        return found

    _extract(reader.utterances, voiced, out / f"vad.{job}", bad_audio)


def _extract(
    utterances: Iterable[str],
    compute: Callable[[str], np.ndarray],
    name: Path,
    bad_audio: str,
    storage: str = "float32",
) -> None:
    """Writes ``compute(utterance)`` of each utterance to ``<name>.{ark,scp}``, and what was skipped."""
    bad = BadAudio(bad_audio)
    torch.manual_seed(0)  # dither, where a conf asks for it
    with ArkWriter(f"{name}.ark", f"{name}.scp", storage) as writer:
        for utterance in tqdm(utterances, desc=name.name, unit="utt", mininterval=1):
            with bad.caught(utterance):
                try:
                    array = compute(utterance)
                except TimbreError as error:
                    said = str(error)
                    own = said.startswith(f"{utterance}: ")
                    raise TimbreError(said if own else f"{utterance}: {said}") from None
                writer.write(utterance, array)
    bad.write(f"{name}.skipped")
