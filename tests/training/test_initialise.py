"""Training from another model: what is taken, what stays, and what is refused."""

from __future__ import annotations

import pytest
import torch
from messages import names, refused

from timbre.features.published import read_model
from timbre.features.tensors import load_tensors
from timbre.models import build_encoder
from timbre.training.experiment import load_experiment
from timbre.training.initialise import freeze, start_from
from timbre.training.train import train_experiment


@pytest.fixture
def trained(toy_data, toy_conf, tmp_path):
    """A model of all but two of eight speakers, and its state."""
    train_experiment(toy_conf("train.epochs=1", "loss.kind=aam_softmax"), toy_data(), tmp_path / "first", "cpu")
    return str(tmp_path / "first"), read_model(tmp_path / "first")


def built(conf, classes):
    from timbre.losses import build_loss

    encoder = build_encoder(conf.encoder, 23)
    return encoder, build_loss(conf.loss, encoder.embedding_dim, len(classes))


def test_class_weights_are_found_by_the_speakers_names(trained, toy_conf):
    path, state = trained
    conf = toy_conf("loss.kind=aam_softmax")
    known = state["classes"]
    classes = ["new-a", *known[::-1][:4], "new-b"]
    encoder, loss = built(conf, classes)
    fresh = loss.weight.detach().clone()
    said = start_from(path, conf, encoder, loss, classes, [])
    assert names(said, "4 of 6 classes")
    for row, speaker in enumerate(classes):
        expected = state["loss"]["weight"][known.index(speaker)] if speaker in known else fresh[row]
        assert torch.equal(loss.weight[row], expected)
    assert all(torch.equal(value, state["encoder"][name]) for name, value in encoder.state_dict().items())


def test_another_loss_keeps_its_own_weights(trained, toy_conf):
    path, state = trained
    conf = toy_conf("loss.kind=softmax")
    encoder, loss = built(conf, state["classes"])
    fresh = loss.classifier.weight.detach().clone()
    said = start_from(path, conf, encoder, loss, state["classes"], [])
    assert names(said, "class weights", state["conf"]["loss"]["kind"])
    assert torch.equal(loss.classifier.weight, fresh)


def test_another_model_or_its_own_speakers_held_out_are_refused(trained, toy_conf):
    path, state = trained
    conf = toy_conf("loss.kind=aam_softmax")
    encoder, loss = built(conf, state["classes"])
    with refused(path, "encoder.channels", " 8 ", " 16 "):
        start_from(path, toy_conf("encoder.channels=8"), encoder, loss, state["classes"], [])
    with refused(path, f"({state['classes'][0]})", "train.seed", "train.heldout_speakers"):
        start_from(path, conf, encoder, loss, state["classes"], [state["classes"][0], "other"])
    with refused(path + "x", "steps/train_encoder.sh"):
        start_from(path + "x", conf, encoder, loss, state["classes"], [])


def test_frozen_parts_end_as_they_began(trained, toy_data, toy_conf, tmp_path):
    path, state = trained
    settings = [
        "loss.kind=aam_softmax",
        f"init={path}",
        "freeze=[frame_layers.0, frame_layers.1]",
        "train.epochs=2",
    ]
    train_experiment(toy_conf(*settings), toy_data(), tmp_path / "second", "cpu")
    after = read_model(tmp_path / "second")["encoder"]
    frozen = [name for name in after if name.startswith(("frame_layers.0", "frame_layers.1"))]
    assert any("running_mean" in name for name in frozen)
    assert all(torch.equal(after[name], state["encoder"][name]) for name in frozen)
    assert not torch.equal(after["embedding.weight"], state["encoder"]["embedding.weight"])
    with refused("freeze", "'frame_layer.0'", "'frame_layers.0'"):
        freeze(build_encoder(toy_conf().encoder, 23), ["frame_layer.0"])


def test_a_conf_without_features_and_encoder_takes_those_of_the_model(trained, tmp_path):
    path, state = trained
    (tmp_path / "fine_tuning.yaml").write_text("loss: {kind: softmax}\ntrain: {epochs: 2, frozen_epochs: 1}\n")
    experiment = load_experiment(tmp_path / "fine_tuning.yaml", [f"init={path}"])
    for name in ("features", "input", "encoder"):
        assert getattr(experiment, name).model_dump(mode="json") == state["conf"][name]
    with refused("fine_tuning.yaml", "train.frozen_epochs", "init"):
        load_experiment(tmp_path / "fine_tuning.yaml")
    with refused("fine_tuning.yaml", "no model"):
        load_experiment(tmp_path / "fine_tuning.yaml", [f"init={tmp_path}/no model"])


def test_the_encoder_is_frozen_in_the_first_epochs_alone(trained, toy_data, toy_conf, tmp_path):
    """Its BatchNorm statistics too; what the optimiser knows of it begins with the epoch after."""
    path, state = trained
    settings = ["train.epochs=2", "train.frozen_epochs=1", "train.average=2"]
    train_experiment(
        toy_conf("loss.kind=aam_softmax", f"init={path}", *settings), toy_data(), tmp_path / "second", "cpu"
    )
    first, second = (load_tensors(tmp_path / f"second/epoch_{epoch:04d}.pt", "") for epoch in (1, 2))
    assert all(torch.equal(value, state["encoder"][name]) for name, value in first["encoder"].items())
    assert not torch.equal(first["loss"]["weight"], state["loss"]["weight"])
    assert not torch.equal(second["encoder"]["embedding.weight"], first["encoder"]["embedding.weight"])
    assert not torch.equal(*(each["encoder"]["frame_layers.0.norm.running_mean"] for each in (first, second)))
