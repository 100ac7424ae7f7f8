"""Recordings of noise, as data directories, for what does not look at what was said; and a network for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from timbre.conf import Section
from timbre.features.extract import extract_features
from timbre.features.front_end import InputConf
from timbre.features.front_end_file import write_front_end
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.jobs import collect_jobs
from timbre.kaldi.layout import FRONT_END, NOTES

RATE = 16_000
SMALL_XVECTOR = ["encoder.channels=16", "encoder.pooling_channels=16", "encoder.embedding_dim=8"]


def write_recordings(folder: Path, names: list[str], seconds: float, rng: np.random.Generator) -> DataDir:
    """A data directory of 16-bit noise."""
    folder.mkdir(parents=True)
    for name in names:
        soundfile.write(folder / f"{name}.wav", 0.1 * rng.standard_normal(int(seconds * RATE)), RATE)
    data = DataDir(folder)
    data.write("wav.scp", {name: folder / f"{name}.wav" for name in names})
    return data


def write_training_data(folder: Path, features: Section, speakers: int, utterances: int, seconds: float) -> DataDir:
    """The same of so many speakers and utterances of each, with their features, as stage 1 makes them."""
    utt2spk = {f"s{s:04d}-{u:03d}": f"s{s:04d}" for s in range(speakers) for u in range(utterances)}
    data = write_recordings(folder, list(utt2spk), seconds, np.random.default_rng(0))
    data.write("utt2spk", utt2spk)
    extract_features(data, features, folder / "feats", "1")
    collect_jobs(data, folder / "feats", "feats", NOTES, 1, 0.0)
    write_front_end(folder / FRONT_END, features, InputConf())
    return data
