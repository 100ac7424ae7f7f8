"""Global normalisation: by what is trained on and nothing else, the same from training to export."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
import torch
from messages import refused

import timbre
from timbre.features import raw
from timbre.features.extract import extract_features
from timbre.features.front_end import FrontEnd, InputConf
from timbre.features.front_end_file import write_front_end
from timbre.features.published import read_model
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.jobs import collect_jobs
from timbre.kaldi.layout import FRONT_END
from timbre.kaldi.tables import read_vectors
from timbre.kaldi.text import read_table, write_table
from timbre.models.export import export_onnx
from timbre.models.extraction import extract_embeddings
from timbre.models.trained import TrainedModel
from timbre.training.speech import TrainingSpeech
from timbre.training.train import train_experiment
from timbre.training.trainer import Trainer

FEATURES = raw.Conf(sample_rate=1000)


@pytest.fixture
def waves(tmp_path):
    """Sixteen utterances of two emotions as samples, and a function that writes them: data, features and all."""
    rng = np.random.default_rng(0)
    samples = {f"s{n % 4}-{n:02d}": rng.normal(0.01, 0.1, 390 + 7 * n).astype(np.float32) for n in range(16)}
    path = tmp_path / "data"

    def write() -> DataDir:
        path.mkdir(exist_ok=True)
        for utterance, wave in samples.items():
            soundfile.write(path / f"{utterance}.wav", wave, FEATURES.sample_rate, subtype="FLOAT")
        write_table(path / "wav.scp", {utterance: path / f"{utterance}.wav" for utterance in samples})
        write_table(path / "utt2spk", {utterance: utterance[:2] for utterance in samples})
        write_table(path / "utt2emotion", {name: ("joy", "anger")[n // 8] for n, name in enumerate(samples)})
        extract_features(DataDir(path), FEATURES, path / "arks", "1")
        collect_jobs(DataDir(path), path / "arks", "feats", ["utt2num_frames"], 1, 0.0)
        write_front_end(path / FRONT_END, FEATURES, InputConf())
        return DataDir(path)

    return samples, write


@pytest.fixture
def conf(toy_conf):
    """An experiment on them with some held out, and further settings."""
    return lambda *settings: toy_conf(
        f"features={{kind: raw, sample_rate: {FEATURES.sample_rate}}}",
        "input={cmvn: global, norm_vars: true}",
        "labels=utt2emotion",
        "task=classification",
        "train.epochs=2",
        "train.heldout_utterances=0.25",
        *settings,
    )


@pytest.mark.parametrize("source", ["ark", "online"])
def test_statistics_are_those_of_what_is_trained_on(waves, conf, source):
    samples, write = waves
    experiment = conf(f"train.features={source}")
    speech = TrainingSpeech(experiment, write())
    extract = raw.Extractor(experiment.features)
    frames = np.concatenate([extract(torch.from_numpy(samples[name])).numpy() for name in speech.labels])
    wanted = [[frames.mean(dtype=np.float64)] * 20, [1 / frames.std(dtype=np.float64)] * 20]
    np.testing.assert_allclose(speech.statistics, wanted, rtol=1e-5)
    front_end = FrontEnd(experiment.features, experiment.input, speech.statistics)
    for name in (*list(speech.labels)[:2], speech.held[0]):
        for reader in (speech.whole, speech.crops):
            np.testing.assert_array_equal(reader.read(name), front_end(samples[name]))
            np.testing.assert_array_equal(reader.read(name, 1, 2), front_end(samples[name])[1:3])
    samples[speech.held[0]] *= 9
    np.testing.assert_array_equal(TrainingSpeech(experiment, write()).statistics, speech.statistics)
    samples[next(iter(speech.labels))] *= 9
    assert (TrainingSpeech(experiment, write()).statistics[1] < 0.9 * speech.statistics[1]).all()


@pytest.mark.parametrize("held_out", [True, False])
def test_a_copy_counts_where_its_original_does(waves, conf, held_out):
    data = waves[1]()
    before = TrainingSpeech(conf(), data)
    original = before.held[0] if held_out else next(iter(before.labels))
    for name in ("feats.scp", "utt2num_frames", "utt2spk", "utt2emotion"):
        table = read_table(data.path / name)
        write_table(data.path / name, table | {f"{original}-noise": table[original]})
    utterances = read_table(data.path / "utt2spk")
    write_table(data.path / "utt2uniq", {name: name.removesuffix("-noise") for name in utterances})
    after = TrainingSpeech(conf(), DataDir(data.path))
    assert after.held == before.held
    assert np.array_equal(after.statistics, before.statistics) == held_out


@pytest.fixture
def trained(waves, conf, tmp_path):
    train_experiment(conf(), waves[1](), tmp_path / "exp", "cpu")
    return timbre.load(tmp_path / "exp")


def test_a_model_embeds_files_as_it_embeds_their_frames(trained, waves, tmp_path):
    data = DataDir(tmp_path / "data")
    extract_embeddings(trained, data, tmp_path / "out", "1", "fail")
    names, matrix = read_vectors(tmp_path / "out/xvector.1.scp")  # in padded batches
    alone = np.stack([trained.embed(data.path / f"{name}.wav") for name in names])
    np.testing.assert_allclose(alone, matrix, atol=1e-4 * np.abs(alone).max())
    state = read_model(tmp_path / "exp")
    other = TrainedModel(state | {"statistics": 2 * state["statistics"]}, torch.device("cpu"))
    assert np.abs(other.embed(data.path / f"{names[0]}.wav") - matrix[0]).max() > 1e-2 * np.abs(alone).max()


def test_the_model_holds_them_and_is_refused_without(trained, waves, conf, tmp_path):
    state = read_model(tmp_path / "exp")
    np.testing.assert_array_equal(state["statistics"].numpy(), TrainingSpeech(conf(), waves[1]()).statistics)
    export_onnx(trained, tmp_path / "model.onnx")
    beside = json.loads((tmp_path / "model.onnx.json").read_text())
    np.testing.assert_array_equal(np.float32(beside["statistics"]), trained.statistics)
    del state["statistics"]
    with refused("input.cmvn", "steps/train_encoder.sh", "final.pt"):
        TrainedModel(state, torch.device("cpu"))


def test_training_that_is_resumed_has_the_same(trained, waves, conf, tmp_path, monkeypatch):
    step, done = Trainer._step, []

    def interrupted(*args):
        done.append(step(*args))
        if len(done) == 3:
            raise KeyboardInterrupt
        return done[-1]

    monkeypatch.setattr(Trainer, "_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_experiment(conf(), DataDir(tmp_path / "data"), tmp_path / "again", "cpu")
    monkeypatch.setattr(Trainer, "_step", step)
    train_experiment(conf(), DataDir(tmp_path / "data"), tmp_path / "again", "cpu")
    one, other = (read_model(tmp_path / name) for name in ("exp", "again"))
    assert torch.equal(one["statistics"], other["statistics"])
    assert all(torch.equal(one["encoder"][name], other["encoder"][name]) for name in one["encoder"])
