"""A small fusion: two languages whose tones tell the emotion, a stream of frames and one of a model."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch

from timbre.conf import build
from timbre.features.extract import extract_features
from timbre.features.published import FORMAT
from timbre.features.tensors import save_tensors
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.jobs import collect_jobs
from timbre.kaldi.streams import join_streams
from timbre.kaldi.text import write_table
from timbre.kaldi.vectors import collect_embeddings
from timbre.models import build_encoder
from timbre.models.extraction import extract_embeddings
from timbre.models.streams import stream_features
from timbre.models.trained import ModelConf, TrainedModel
from timbre.training.experiment import load_experiment
from timbre.training.naming import stream_folders

RATE = 8000
EMOTIONS = {"de": ("anger", "boredom", "joy"), "fr": ("anger", "joy")}
MFCC = f"{{kind: mfcc, sample_rate: {RATE}}}"


@pytest.fixture
def speaker_model(tmp_path):
    """A model that embeds, with random weights."""
    conf = build(
        ModelConf,
        {
            "features": {"kind": "logmel", "sample_rate": RATE, "num_mel_bins": 20},
            "input": {"cmvn": "none"},
            "encoder": {"kind": "lstm", "layers": 1, "hidden": 8, "embedding_dim": 6},
        },
    )
    torch.manual_seed(1)
    encoder = build_encoder(conf.encoder, 20)
    state = {"format": FORMAT, "conf": conf.model_dump(mode="json"), "classes": [], "backend": {}}
    save_tensors(tmp_path / "voice" / "final.pt", state | {"encoder": encoder.state_dict()})
    return tmp_path / "voice"


@pytest.fixture
def fusion_conf(tmp_path, speaker_model):
    """The conf of a small fusion of a stream of frames and one of a model, with further settings."""
    path = tmp_path / "fusion.yaml"
    path.write_text(f"""
task: fusion
labels: utt2emotion
streams:
  mfcc: {{features: {MFCC}, channels: 6, hidden: 5}}
  ge2e: {{model: {speaker_model}}}
fusion: {{size: 8, widths: {{de: 6, fr: 4}}, dropout: 0}}
train:
  {{epochs: 2, batch_size: 4, crop_frames: 0, precision: fp32, heldout_utterances: 0.2, heldout_unit: utterance}}
""")
    return lambda *settings: load_experiment(path, settings)


@pytest.fixture
def streams(tmp_path, fusion_conf):
    """A data directory of two languages with both streams; tones whose pitch tells the emotion."""
    source, rng = tmp_path / "source", np.random.default_rng(0)
    source.mkdir()
    rows = [
        (f"{language}-{speaker}-{number:02d}", language, f"{language}-{speaker}", names[number % len(names)])
        for language, names in EMOTIONS.items()
        for speaker in range(2)
        for number in range(9)
    ]
    for number, (utterance, _, _, emotion) in enumerate(rows):
        time = np.arange(RATE // 4 + 97 * (number % 5)) / RATE
        wave = 0.2 * np.sin(2 * np.pi * {"anger": 300, "boredom": 700, "joy": 1600}[emotion] * time)
        soundfile.write(
            source / f"{utterance}.wav", wave + 0.01 * rng.normal(size=len(wave)), RATE, subtype="FLOAT"
        )
    write_table(source / "wav.scp", {row[0]: source / f"{row[0]}.wav" for row in rows})
    for name, column in (("utt2lang", 1), ("utt2spk", 2), ("utt2emotion", 3)):
        write_table(source / name, {row[0]: row[column] for row in rows})
    data, made = DataDir(source), {}
    for name, stream in fusion_conf().streams.items():
        frames, _, model = stream_folders(fusion_conf())[name]
        folder = tmp_path / frames
        timbre_copy(data, folder)
        extract_features(DataDir(folder), stream_features(stream).features, folder / "arks", "1")
        collect_jobs(DataDir(folder), folder / "arks", "feats", ["utt2num_frames", "utt2dur"], 1, 0.0)
        vectors = None
        if model:
            vectors = tmp_path / f"{name}_vectors"
            extract_embeddings(TrainedModel.load(model), DataDir(folder), vectors / "parts", "1", "fail")
            collect_embeddings(DataDir(folder), vectors / "parts", vectors, 1, 0.0)
        made[name] = folder, vectors
    join_streams(data, made, tmp_path / "streams")
    return DataDir(tmp_path / "streams")


def timbre_copy(data: DataDir, folder) -> None:
    for name in ("wav.scp", "utt2spk", "utt2lang", "utt2emotion"):
        write_table(folder / name, data.table(name))
