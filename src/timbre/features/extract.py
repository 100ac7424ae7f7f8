"""A data directory's utterances → ark/scp: frames (``feats``) and voice activity (``vad``)."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from timbre.conf import Section, kind_module
from timbre.errors import TimbreError
from timbre.features.frames import digest, dithering, utterance_seed
from timbre.features.front_end import build_extractor
from timbre.features.vad import VadConf, VoiceActivity
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.layout import NOTES
from timbre.kaldi.policy import BadAudio
from timbre.kaldi.tables import ArkWriter
from timbre.kaldi.text import write_table
from timbre.kaldi.wave_reader import WaveReader

_QUIETEST = 1e-10  # of full scale: a segment of zeros has a level too, -200 dB


class Computed:
    """The frames of a data directory's utterances, computed from their waveforms.

    A features module whose frames come from elsewhere holds a ``Source(data, conf)`` of this form.
    """

    def __init__(
        self, data: DataDir, conf: Section, allow_pipes: bool = False, detect: VoiceActivity | None = None
    ) -> None:
        if data.has("given.scp") and not data.has("wav.scp"):
            raise TimbreError(
                f"{data.path}: no wav.scp but given.scp: its frames came with the corpus, and features.kind "
                f"{conf.kind} computes frames from waveforms; set it to given"
            )
        self._waves = WaveReader(data, conf.sample_rate, conf.resample, allow_pipes)
        self._extract, self._conf, self._detect = build_extractor(conf), conf, detect
        self.utterances = self._waves.utterances

    def read(self, utterance: str) -> tuple[np.ndarray, dict[str, str]]:
        """An utterance's frames ``(T, F)`` float32, and what is known for its :data:`NOTES`."""
        samples = self._waves.read(utterance)
        notes = {
            "utt2dur": f"{len(samples) / self._conf.sample_rate:.4f}",
            "utt2level": f"{level(samples):.2f}",
            "utt2audio": digest(samples),
        }
        with dithering(self._conf, utterance_seed(utterance)):
            return self._extract(torch.from_numpy(samples)).numpy(), notes

    def voiced(self, utterance: str, frames: int) -> np.ndarray:
        """Which frames are voiced, ``(T,)`` bool; refused where none of the first ``frames`` is."""
        samples = torch.from_numpy(self._waves.read(utterance))
        with dithering(self._conf, utterance_seed(utterance)):
            found = self._detect(samples)
        if not found[:frames].any():
            raise TimbreError(f"no voiced frame of {len(found)}; lower input.vad.energy_threshold")
        return found


def level(samples: np.ndarray) -> float:
    """The root of the mean square of samples ``(N,)`` in [-1, 1), in dB: 0 of a square wave at full scale."""
    return 20 * np.log10(max(float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))), _QUIETEST))


def extract_features(
    data: DataDir,
    conf: Section,
    out: Path,
    job: str,
    bad_audio: str = "fail",
    allow_pipes: bool = False,
    vad: VadConf | None = None,
) -> None:
    """Writes ``out/feats.<job>.{ark,scp}`` and ``skipped``, and beside them the tables of :data:`NOTES`.

    A table is empty where nothing of the kind is known. What is skipped stands in none of them.

    Args:
        conf: the ``features`` section.
        bad_audio: ``fail`` or ``skip`` (:mod:`timbre.kaldi.policy`).
        allow_pipes: run the commands of wav.scp.
        vad: write ``vad.<job>.{ark,scp}`` too, vectors ``(T,)`` of 1 (voiced) and 0, as Kaldi's compute-vad.
    """
    own = getattr(kind_module("timbre.features", conf.kind), "Source", None)
    detect = VoiceActivity(vad, conf) if vad else None
    source = own(data, conf) if own else Computed(data, conf, allow_pipes, detect)
    notes: dict[str, dict[str, str]] = {name: {} for name in NOTES}
    bad = BadAudio(bad_audio)
    with ExitStack() as stack:
        feats = stack.enter_context(_writer(out, "feats", job, conf.storage))
        voiced = stack.enter_context(_writer(out, "vad", job)) if detect else None
        for utterance in tqdm(source.utterances, desc=f"feats.{job}", unit="utt", mininterval=1):
            usable = False
            with bad.caught(utterance):
                features, known = source.read(utterance)
                if not np.isfinite(features).all():
                    raise TimbreError("features that are not finite")
                found = source.voiced(utterance, len(features)) if detect else None
                usable = True
            if usable:
                for name, value in {"utt2num_frames": str(len(features)), **known}.items():
                    notes[name][utterance] = value
                feats.write(utterance, features)
                if voiced:
                    voiced.write(utterance, found)
    bad.write(out / f"feats.{job}.skipped")
    for name, table in notes.items():
        write_table(out / f"{name}.{job}", table)


def _writer(out: Path, name: str, job: str, storage: str = "float32") -> ArkWriter:
    return ArkWriter(f"{out}/{name}.{job}.ark", f"{out}/{name}.{job}.scp", storage)
