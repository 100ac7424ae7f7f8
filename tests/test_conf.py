"""Confs: what is read, and each kind of mistake with its name and mend."""

from __future__ import annotations

import pytest
from messages import refused

from timbre.conf import differences, dump
from timbre.pipeline.plan import experiment_name
from timbre.training.experiment import load_experiment
from timbre.training.naming import features_name


def written(folder, text, name="x.yaml"):
    (folder / name).write_text(text)
    return folder / name


@pytest.mark.parametrize(
    "text,wanted",
    [
        ("trian: {}", ("'trian'", "'train'")),
        ("train: {epoch: 3}", ("'train.epoch'", "'epochs'")),
        ("train: {spec_augment: {time_mask: 1}}", ("'train.spec_augment.time_mask'", "'time_masks'")),
        ("train: {epochs: 0}", ("train.epochs: ", "greater than 0", "found 0")),
        ("train: {epochs: many}", ("train.epochs: ", "integer", "'many'")),
        ("train: {optimizer: adm}", ("train.optimizer: ", "'sgd', 'adam' or 'adamw'", "'adm'")),
        ("encoder: {kind: xvectr}", ("encoder.kind: ", "'xvectr'", "'xvector'")),
        ("encoder: {kind: trained}", ("encoder.kind: ", "'trained'", "xvector")),
        ("encoder: {kind: ../../x}", ("encoder.kind: ", "'../../x'", "xvector")),
        ("loss: {kind: am_softmax, margn: 0.1}", ("'loss.margn'", "'margin'")),
        ("features: {kind: mfcc, num_ceps: 30}", ("features: ", "num_ceps 30", "num_mel_bins 23")),
        ("train: [1]", ("train: ", "keys and values", "[1]")),
        ("a: b: c", ("x.yaml: ", "YAML", "line 1, column 5")),
        ("- 1", ("x.yaml: ", "keys and values", "list")),
        ("features: none.yaml", ("none.yaml: ",)),
        ("encoder: !!python/object/apply:os.system ['true']", ("x.yaml: ", "YAML", "os.system", "line 1")),
    ],
)
def test_mistakes_are_refused_by_name(tmp_path, text, wanted):
    path = written(tmp_path, text + "\n")
    with refused(tmp_path, *wanted):
        load_experiment(path)


def test_settings_override_and_are_checked_too(tmp_path):
    path = written(tmp_path, "train: {epochs: 3, seed: 7}\n")
    conf = load_experiment(path, ["train.epochs=9", "encoder.kind=ecapa_tdnn", "speeds=[0.9, 1.1]"])
    assert (conf.train.epochs, conf.train.seed, conf.encoder.kind) == (9, 7, "ecapa_tdnn")
    assert conf.speeds == (0.9, 1.1)
    with refused("'train.epoch'", "'epochs'"):
        load_experiment(path, ["train.epoch=9"])
    with refused("--set", "key=value", "'train.epochs'"):
        load_experiment(path, ["train.epochs"])


def test_features_come_from_a_file_beside_the_conf_or_stand_alone(tmp_path):
    written(tmp_path, "kind: mfcc\nnum_ceps: 20\n", "mfcc.yaml")
    conf = load_experiment(written(tmp_path, "features: mfcc.yaml\n"))
    assert conf.features.num_ceps == 20
    assert conf.features == load_experiment(tmp_path / "mfcc.yaml").features


def test_a_conf_says_what_differs_from_its_base(tmp_path):
    written(tmp_path, "kind: mfcc\nnum_ceps: 20\n", "mfcc.yaml")
    written(tmp_path, "kind: fbank\n", "fbank.yaml")
    written(
        tmp_path,
        "features: mfcc.yaml\nencoder: {kind: xvector, channels: 64}\n"
        "loss: {kind: am_softmax, margin: 0.4}\ntrain: {epochs: 3, seed: 5}\n",
        "first.yaml",
    )
    written(tmp_path, "base: first.yaml\nencoder: {embedding_dim: 32}\nloss: {kind: softmax}\n", "second.yaml")
    conf = load_experiment(
        written(tmp_path, "base: second.yaml\nfeatures: fbank.yaml\ntrain: {epochs: 9}\n", "third.yaml"),
        ["train.seed=7"],
    )
    assert (conf.encoder.channels, conf.encoder.embedding_dim) == (64, 32)  # a section is laid over the base's …
    assert (
        conf.loss.model_dump() == {"kind": "softmax"} and conf.features.kind == "fbank"
    )  # … another kind replaces it
    assert (conf.train.epochs, conf.train.seed) == (9, 7)
    written(tmp_path, "base: third.yaml\n", "first.yaml")
    with refused("third.yaml: base: ", "second.yaml"):
        load_experiment(tmp_path / "second.yaml")
    with refused("x.yaml: base: ", "found 3"):
        load_experiment(written(tmp_path, "base: 3\n"))


def test_the_resolved_conf_is_a_conf_and_says_what_differs(tmp_path):
    conf = load_experiment(written(tmp_path, "encoder: {kind: ecapa_tdnn}\ntrain: {epochs: 3}\n"))
    again = load_experiment(written(tmp_path, dump(conf), "y.yaml"))
    assert again == conf
    assert differences(conf)["train.epochs"] == (3, 20)
    assert differences(conf)["encoder.kind"] == ("ecapa_tdnn", "xvector")
    assert "train.seed" not in differences(conf)


def test_names_follow_from_the_conf(tmp_path):
    path = written(tmp_path, "features: {kind: fbank}\n", "small.yaml")
    assert experiment_name(path) == "small"
    assert experiment_name(path, ["train.epochs=3", "a=/x y"]) == "small,a=-x-y,train.epochs=3"
    name = features_name(load_experiment(path))
    assert name.startswith("fbank80-")
    assert name != features_name(load_experiment(path, ["features.low_freq=30"]))
    assert name == features_name(load_experiment(path, ["train.epochs=3"]))
