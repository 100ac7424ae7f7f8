"""Training without labels: what is held out, what is measured on it, and what final.pt keeps."""

from __future__ import annotations

import json

import pytest
import torch
from messages import refused

from timbre.features.published import read_model
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.text import write_table
from timbre.models.trained import TrainedModel
from timbre.training.speech import TrainingSpeech
from timbre.training.train import train_experiment
from timbre.training.trainer import Trainer

SETTINGS = (
    "task=self_supervised",
    "encoder={kind: byola, channels: 2, embedding_dim: 8}",
    "loss={kind: byol, frames: 25, hidden: 8, projection: 4, memory: 8}",
    "train.heldout_unit=speaker",
    "train.heldout_utterances=0.25",
    "train.spec_augment={time_masks: 0, frequency_masks: 0}",
)


@pytest.fixture
def conf(toy_conf):
    return lambda *settings: toy_conf(*SETTINGS, *settings)


def test_whole_speakers_are_held_out_and_measured_after_every_epoch(tmp_path, toy_data, conf):
    data = toy_data()
    speech = TrainingSpeech(conf(), data)
    held = {data.utt2spk[name] for name in speech.held}
    assert len(speech.held) == 8 and not held & {data.utt2spk[name] for name in speech.labels}
    train_experiment(conf(), data, tmp_path / "exp", "cpu")
    history = [json.loads(line) for line in (tmp_path / "exp" / "history.jsonl").read_text().splitlines()]
    assert len(history) == 3 and {"loss", "heldout_loss", "heldout_embedding_std"} <= history[0].keys()
    assert "heldout_error" not in history[0]  # of BYOL's measures none chooses epochs: the last are averaged
    assert sorted(file.name for file in (tmp_path / "exp").glob("epoch_*")) == ["epoch_0002.pt", "epoch_0003.pt"]


def test_no_label_has_a_say(tmp_path, toy_data, conf):
    data = toy_data()
    train_experiment(conf("train.heldout_unit=utterance"), data, tmp_path / "one", "cpu")
    write_table(data.path / "utt2spk", {name: f"{name[:3]}x" for name in data.utt2spk})
    train_experiment(conf("train.heldout_unit=utterance"), DataDir(data.path), tmp_path / "other", "cpu")
    one, other = (read_model(tmp_path / name) for name in ("one", "other"))
    assert all(torch.equal(value, other["encoder"][name]) for name, value in one["encoder"].items())


def test_the_model_embeds_and_has_neither_classes_nor_the_objective(tmp_path, toy_data, conf):
    train_experiment(conf(), toy_data(), tmp_path / "exp", "cpu")
    state = read_model(tmp_path / "exp")
    assert state["classes"] == [] and state["loss"] == {}
    frames = torch.randn(40, 23).numpy()
    assert TrainedModel.load(tmp_path / "exp").embed_frames([frames], ["a"]).shape == (1, 8)


def test_killed_with_a_momentum_target_and_a_memory_it_ends_with_the_same_weights(tmp_path, toy_data, conf):
    data = toy_data()
    train_experiment(conf(), data, tmp_path / "whole", "cpu")
    steps, original = [], Trainer._step

    def dies(self, *arguments):
        steps.append(1)
        if len(steps) == 7:
            raise KeyboardInterrupt
        return original(self, *arguments)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Trainer, "_step", dies)
        train_experiment(conf(), data, tmp_path / "killed", "cpu")
    train_experiment(conf(), data, tmp_path / "killed", "cpu")
    whole, killed = (read_model(tmp_path / name)["encoder"] for name in ("whole", "killed"))
    assert all(torch.equal(value, killed[name]) for name, value in whole.items())


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        (["loss={kind: softmax}"], ["loss softmax", "self_supervised"]),
        (["task=verification"], ["loss byol", "verification"]),
        (["speeds=[0.9]"], ["speeds", "self_supervised"]),
    ],
)
def test_confs_that_cannot_be(conf, settings, wanted):
    with refused(*wanted):
        conf(*settings)
