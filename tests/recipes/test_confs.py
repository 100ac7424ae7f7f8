"""Every conf of every recipe: those of speakers and emotions train on toy data, the others are built."""

from __future__ import annotations

import logging

import pytest
import tiny

from timbre.features.front_end import build_extractor
from timbre.kaldi.text import write_table
from timbre.models import build_encoder
from timbre.training.experiment import load_experiment
from timbre.training.train import train_experiment

RECIPES = [".", *sorted(str(path.parent.relative_to(tiny.ROOT)) for path in tiny.ROOT.glob("egs/*/*/run.sh"))]
CONFS = [(recipe, conf) for recipe in RECIPES for conf in tiny.confs(recipe)]


def load(recipe, conf, settings=()):
    return load_experiment(tiny.ROOT / recipe / "conf" / f"{conf}.yaml", settings)


TRAINED = [one for one in CONFS if load(*one).task in ("verification", "classification")]


def train(recipe, conf, toy_data, directory, *settings):
    """Trains on features from ark; augmented waveforms are what the recipes' own tests have."""
    ark = ["train.features=ark", "augment={}", *settings]
    experiment = load(recipe, conf, tiny.settings(recipe, conf) + ark)
    data = toy_data(dim=getattr(experiment.features, "dim", None) or build_extractor(experiment.features).dim)
    speakers = sorted(data.utt2spk)
    write_table(
        data.path / "utt2emotion", {name: ("anger", "joy", "sad")[n % 3] for n, name in enumerate(speakers)}
    )
    train_experiment(experiment, data, directory, "cpu", trust_features=True)
    return directory / "final.pt"


@pytest.mark.parametrize(("recipe", "conf"), [one for one in TRAINED if not one[1].endswith("_large_margin")])
def test_every_conf_trains(recipe, conf, toy_data, tmp_path):
    assert train(recipe, conf, toy_data, tmp_path / "exp").exists()


@pytest.mark.parametrize(("recipe", "conf"), [one for one in TRAINED if one[1].endswith("_large_margin")])
def test_every_fine_tuning_starts_from_its_base(recipe, conf, toy_data, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    base = conf.removesuffix("_large_margin")
    assert load(recipe, conf).init == f"exp/{base}"
    train(recipe, base, toy_data, tmp_path / "base")
    train(recipe, conf, toy_data, tmp_path / "tuned", f"init={tmp_path / 'base'}")
    assert "6 of 6 classes" in caplog.text


@pytest.mark.parametrize(("recipe", "conf"), [one for one in CONFS if one not in TRAINED])
def test_every_other_conf_can_be_built(recipe, conf):
    experiment = load(recipe, conf)
    if experiment.task == "fusion":
        assert experiment.used_streams
    elif experiment.task == "self_supervised":
        assert build_encoder(experiment.encoder, build_extractor(experiment.features).dim)
    else:
        assert experiment.task == "phones" and experiment.encoder.kind == "allosaurus"
