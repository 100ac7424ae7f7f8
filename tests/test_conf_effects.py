"""A key that has no effect with the others is refused, wherever it was written; defaults never are."""

from __future__ import annotations

import pytest
from messages import refused

from timbre.conf import Section, build, dump
from timbre.conf_effects import conditions_of, require_effect
from timbre.training.experiment import Experiment, load_experiment

FUSION = ["task=fusion", "streams={mfcc: {features: {kind: mfcc}}, x: {model: exp/x}}"]


@pytest.fixture
def load(tmp_path):
    (tmp_path / "x.yaml").write_text("")
    return lambda *settings: load_experiment(tmp_path / "x.yaml", settings)


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        (["labels=utt2emotion"], ["labels utt2emotion", "task verification", "classification"]),
        (["task=classification", "train.heldout_speakers=3"], ["train.heldout_speakers 3", "classification", "6"]),
        (["train.heldout_utterances=0.1"], ["train.heldout_utterances 0.1", "verification", "0.05"]),
        (["train.heldout_unit=speaker"], ["train.heldout_unit speaker", "verification", "session"]),
        (["train.utterances_per_speaker=4"], ["train.utterances_per_speaker 4", "train.sampler plain", "p_by_k"]),
        (["train.momentum=0.5"], ["train.momentum 0.5", "train.optimizer adamw", "sgd"]),
        (["train.cycle_epochs=3"], ["train.cycle_epochs 3", "train.schedule cosine", "triangular2"]),
        (
            ["train.schedule=constant", "train.final_learning_rate=1e-4"],
            ["final_learning_rate", "constant", "cosine"],
        ),
        (["loss=softmax", "train.margin_epochs=[1, 2]"], ["train.margin_epochs [1.0, 2.0]", "loss.margin"]),
        (
            ["loss={kind: am_softmax, margin: 0}", "train.margin_epochs=[1, 2]"],
            ["train.margin_epochs", "loss.margin 0"],
        ),
        (
            ["train.spec_augment.time_width=9"],
            ["train.spec_augment.time_width 9", "train.spec_augment.time_masks 0"],
        ),
        (["train.spec_augment.frequency_width=9"], ["frequency_width 9", "frequency_masks 0"]),
        (["augment={probability: 0.5}"], ["augment.probability 0.5", "train.features ark", "online"]),
        (
            ["augment={kinds: [noise], decay: [0.1, 0.2]}"],
            ["augment.decay", "augment.kinds [noise]", "reverberation"],
        ),
        (["input={cmvn: none, norm_vars: true}"], ["input.norm_vars true", "input.cmvn none"]),
        (["input.window=100"], ["input.window 100", "input.cmvn utterance", "sliding"]),
        (
            ["encoder={kind: xvector, pooling: {kind: average, bottleneck: 3}}"],
            ["encoder.pooling.bottleneck", "average"],
        ),
        (["fusion.size=3"], ["fusion", "task verification"]),
        ([*FUSION, "train.spec_augment.time_masks=2"], ["train.spec_augment", "task fusion"]),
        ([*FUSION, "train.crops_per_utterance=2"], ["train.crops_per_utterance 2", "task fusion"]),
        ([*FUSION, "loss=softmax"], ["loss", "task fusion"]),
        ([*FUSION, "encoder={kind: xvector, channels: 3}"], ["encoder", "task fusion"]),
        ([*FUSION, "init=exp/x"], ["init exp/x", "task fusion"]),
        ([*FUSION, "streams.x.hidden=3"], ["streams.x.hidden 3", "streams.x.model exp/x"]),
        ([*FUSION, "fusion={l0: false, l0_penalty: 0.1}"], ["fusion.l0_penalty 0.1", "fusion.l0 false", "true"]),
        ([*FUSION, "train.sampler=p_by_k"], ["fusion", "p_by_k", "balanced"]),
    ],
)
def test_keys_without_effect_are_refused_with_the_key_that_decides(tmp_path, load, settings, wanted):
    with refused(tmp_path / "x.yaml", *wanted):
        load(*settings)


def test_the_advice_can_be_followed(tmp_path, load):
    """A key that a base has is set to the default that the message names; a resolved conf is read again."""
    (tmp_path / "base.yaml").write_text("train: {optimizer: sgd, momentum: 0.5}\n")
    (tmp_path / "x.yaml").write_text("base: base.yaml\ntrain: {optimizer: adamw}\n")
    with refused("train.momentum 0.5", "its default, 0.9"):
        load()
    resolved = dump(load("train.momentum=0.9"))
    (tmp_path / "x.yaml").write_text(resolved)
    assert dump(load()) == resolved


def test_conditions_name_keys_that_there_are():
    """A condition on a key that nobody has would be met by nothing."""

    def check(section: Section, where: str) -> int:
        count = 0
        for name in type(section).model_fields:
            for key in conditions_of(section, name):
                first = key.split(".")[0]
                assert any(first in type(one).model_fields for one in (section, Experiment())), (
                    f"{where}{name}: {key}"
                )
                count += 1
            value = getattr(section, name)
            count += check(value, f"{where}{name}.") if isinstance(value, Section) else 0
        return count

    assert check(Experiment(), "") > 25


def test_a_trained_models_conf_is_taken_as_it_is():
    """It is what training was done with, whatever had an effect."""
    conf = build(Experiment, {"train": {"momentum": 0.5}})
    with refused("train.momentum"):
        require_effect(conf)
