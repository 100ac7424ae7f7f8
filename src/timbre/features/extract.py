"""A data directory's waveforms → ark/scp: frames (``feats``) and voice activity (``vad``)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from timbre.conf import Section
from timbre.errors import TimbreError
from timbre.features.front_end import build_extractor
from timbre.features.vad import VadConf, VoiceActivity
from timbre.kaldi.audio import WaveReader
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.policy import BadAudio
from timbre.kaldi.tables import ArkWriter
from timbre.kaldi.text import write_table


def extract_features(
    data: DataDir, conf: Section, out: Path, job: str, bad_audio: str = "fail", allow_pipes: bool = False
) -> None:
    """Writes ``out/feats.<job>.{ark,scp}`` and beside them ``utt2num_frames``, ``utt2dur`` and ``skipped``.

    Args:
        conf: the ``features`` section.
        bad_audio: ``fail`` or ``skip`` (:mod:`timbre.kaldi.policy`).
        allow_pipes: run the commands of wav.scp.
    """
    extractor = build_extractor(conf)
    frames: dict[str, int] = {}
    durations: dict[str, str] = {}

    def note(utterance: str, samples: torch.Tensor) -> np.ndarray:
        features = extractor(samples).numpy()
        if not np.isfinite(features).all():
            raise TimbreError(f"{utterance}: features that are not finite")
        frames[utterance] = len(features)
        durations[utterance] = f"{len(samples) / conf.sample_rate:.4f}"
        return features

    _extract(data, conf, note, out / f"feats.{job}", bad_audio, allow_pipes, storage=conf.storage)
    write_table(out / f"utt2num_frames.{job}", frames)
    write_table(out / f"utt2dur.{job}", durations)


def extract_vad(
    data: DataDir, conf: VadConf, features: Section, out: Path, job: str, bad_audio: str, allow_pipes: bool
) -> None:
    """Writes ``out/vad.<job>.{ark,scp}``: vectors ``(T,)`` of 1 (voiced) and 0, as Kaldi's compute-vad."""
    detect = VoiceActivity(conf, features)

    def voiced(utterance: str, samples: torch.Tensor) -> np.ndarray:
        found = detect(samples)
        if not found.any():
            raise TimbreError(f"{utterance}: no voiced frame of {len(found)}; lower input.vad.energy_threshold")
        return found

    _extract(data, features, voiced, out / f"vad.{job}", bad_audio, allow_pipes)


def _extract(
    data: DataDir,
    conf: Section,
    compute: Callable[[str, torch.Tensor], np.ndarray],
    name: Path,
    bad_audio: str,
    allow_pipes: bool,
    storage: str = "float32",
) -> None:
    """Writes ``compute(utterance, samples)`` of each utterance to ``<name>.{ark,scp}``, and what was skipped."""
    reader = WaveReader(data, conf.sample_rate, conf.resample, allow_pipes)
    bad = BadAudio(bad_audio)
    torch.manual_seed(0)  # dither, where a conf asks for it
    with ArkWriter(f"{name}.ark", f"{name}.scp", storage) as writer:
        for utterance in tqdm(reader.utterances, desc=name.name, unit="utt", mininterval=1):
            with bad.caught(utterance):
                try:
                    array = compute(utterance, torch.from_numpy(reader.read(utterance)))
                except TimbreError as error:
                    said = str(error)
                    raise TimbreError(said if said.startswith(utterance) else f"{utterance}: {said}") from None
                writer.write(utterance, array)
    bad.write(f"{name}.skipped")
