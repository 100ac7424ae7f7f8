"""A model that was never trained, and voices that it tells apart: noise, each of a spectrum of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from model_states import model_state

from timbre.conf import build
from timbre.features.tensors import save_tensors
from timbre.models import build_encoder, xvector

RATE = 16000


def voice(speaker: int, recording: int, seconds: float = 1.5) -> np.ndarray:
    """Noise under the spectrum of a speaker, a little another each time; half of it is a pause."""
    own, other = np.random.default_rng(speaker), np.random.default_rng([speaker, recording])
    samples = other.standard_normal(int(seconds * RATE))
    points = np.linspace(0, 1, 12)
    shape = np.interp(
        np.linspace(0, 1, len(samples) // 2 + 1), points, own.normal(0, 1.2, 12) + other.normal(0, 0.05, 12)
    )
    samples = np.fft.irfft(np.fft.rfft(samples) * np.exp(shape), len(samples))
    samples[len(samples) // 2 :] *= 0.01
    return (0.3 * samples / np.abs(samples).max()).astype(np.float32)


@pytest.fixture(scope="session")
def exp(tmp_path_factory) -> Path:
    """An experiment directory: the x-vector of random weights, and the mean of some voices' embeddings."""
    import timbre

    folder = tmp_path_factory.mktemp("exp")
    torch.manual_seed(0)
    values = {"kind": "xvector", "channels": 64, "pooling_channels": 64, "embedding_dim": 64}
    weights = build_encoder(build(xvector.Conf, values), 23).state_dict()
    features, frames = {"kind": "fbank", "num_mel_bins": 23}, {"cmvn": "none"}
    conf = {"task": "verification", "features": features, "input": frames, "encoder": values}
    save_tensors(folder / "final.pt", model_state(conf=conf, encoder=weights))
    rows = timbre.load(folder).embed_many([voice(speaker, 0) for speaker in range(90, 100)], RATE)
    backend = {"mean": torch.from_numpy(rows.mean(axis=0))}
    save_tensors(folder / "final.pt", model_state(conf=conf, encoder=weights, backend=backend))
    return folder


@pytest.fixture(scope="session")
def write_voices():
    """``write_voices(folder, speakers, recordings)``: wav files, and the lines of their table."""

    def write(folder: Path, speakers: range, recordings: range) -> list[str]:
        lines = []
        for speaker in speakers:
            for recording in recordings:
                name = f"v{speaker}-{recording}.wav"
                soundfile.write(folder / name, voice(speaker, recording), RATE)
                lines.append(f"voice {speaker}\t{name}")
        return lines

    return write


@pytest.fixture(scope="session")
def own(exp, tmp_path_factory) -> Path:
    """A calibration of the model on twelve voices with four recordings each."""
    import timbre
    from timbre.people.own_calibration import write_calibration

    recordings = [(f"voice {s}", voice(s, r), f"day {r % 2}") for s in range(50, 62) for r in range(4)]
    calibration, _ = timbre.calibrate(exp, recordings, rate=RATE)
    path = tmp_path_factory.mktemp("own") / "own.calibration"
    write_calibration(path, calibration)
    return path
