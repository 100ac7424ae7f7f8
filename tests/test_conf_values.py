"""Every number of every kind of section, set to what no number should be: refused by name, or it works.

Kinds and fields are found, not listed: a new one is tried as well.
"""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
import torch
from messages import names

from timbre.conf import Section, kind_module, kinds
from timbre.conf_effects import POSITIVE, conditions_of
from timbre.errors import TimbreError
from timbre.features.front_end import FrontEnd
from timbre.losses import build_loss
from timbre.models import build_encoder
from timbre.training.crops import spec_augment
from timbre.training.experiment import Experiment, load_experiment
from timbre.training.optimizer import build_optimizer
from timbre.training.schedule import learning_rate, margin_scale

BAD = [
    "-1",
    "0",
    "-0.5",
    "1.5",
    "3",
    "1000000000",
    "1e308",
    "1e-308",
    f"1{'0' * 30}",
    ".nan",
    ".inf",
    "true",
    "'3'",
]
BAD += ["[1]", "[]", "{a: 1}", "~", "yes", "1:30", "7999.5", "[1, 2]", "[2, 1]", "99999999"]
TASKS = {"byol": "self_supervised", "contrastive": "self_supervised", "allophone_ctc": "phones"}
PACKAGES = {"features": "timbre.features", "encoder": "timbre.models", "loss": "timbre.losses"}
DIMS = {"byola": 64, "audionet": 320, "redimnet2": 72, "wav2vec": 160}


def numbers(section, root, prefix, given=()):
    """``(key, settings with which it has an effect)`` of each number, at any depth."""
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, Section):
            yield from numbers(value, root, f"{prefix}{name}.", given)
        elif isinstance(value, bool | int | float | tuple):
            needs = list(given)
            for key, wanted in conditions_of(section, name).items():
                where = prefix + key if key.split(".")[0] in type(section).model_fields else key
                one = 1 if wanted == (POSITIVE,) else wanted[0]
                listed = isinstance(getattr(section, key, None), tuple)
                if key != "loss.margin" and not (key == "task" and "verification" in wanted):
                    needs.append(f"{where}={f'[{one}]' if listed else str(one).lower()}")
            yield f"{prefix}{name}", needs


def cases():
    experiment, found = Experiment(), []
    for part, package in PACKAGES.items():
        for kind in kinds(package):
            given = [f"{part}={{kind: {kind}}}"]
            given += [f"task={TASKS[kind]}"] if part == "loss" and kind in TASKS else []
            found += [
                (part, *one) for one in numbers(kind_module(package, kind).Conf(), experiment, f"{part}.", given)
            ]
    for part in ("train", "input", "augment"):
        found += [(part, *one) for one in numbers(getattr(experiment, part), experiment, f"{part}.")]
    found = [one for one in found if not one[1].endswith(("heldout_utterances", "loss.memory"))]
    found.append(("speeds", "speeds", []))
    return [(*case, bad) for case, bad in itertools.product(found, BAD)]


def works(part, conf):
    """The part is built, and does on a little speech what it is for."""
    generator = torch.Generator().manual_seed(0)
    if part == "features" and not hasattr(conf.features, "model") and conf.features.kind != "given":
        samples = torch.randn(20000, generator=generator).numpy() / 9
        assert np.isfinite(FrontEnd(conf.features, conf.input)(samples)).all()
    if part == "encoder":
        encoder = conf.encoder
        if encoder.kind == "allosaurus":
            encoder = encoder.model_copy(update={"phones": ("a", "b")})
        dim = DIMS.get(encoder.kind, 80)
        built = build_encoder(encoder, dim).eval()
        frames = max(built.min_frames, 40)
        if frames < 5000:
            feats = torch.randn(2, frames, dim, generator=generator)
            assert torch.isfinite(built(feats, torch.full((2,), frames))).all()
    if part == "loss" and conf.loss.kind not in TASKS:
        embeddings = torch.randn(8, 8, generator=generator)
        assert torch.isfinite(build_loss(conf.loss, 8, 4)(embeddings, torch.arange(8) // 2, 1.0).loss)
    if part == "train":
        layer = torch.nn.Linear(2, 2)
        build_optimizer(conf.train, list(layer.parameters()), layer)
        for epoch in np.linspace(0, conf.train.epochs, 7):
            assert 0 <= learning_rate(conf.train, epoch) <= conf.train.learning_rate * (1 + 1e-9)
            assert 0 <= margin_scale(conf.train, epoch) <= 1
        spec_augment(np.ones((2, 50, 20), np.float32), conf.train.spec_augment, np.random.default_rng(0))


def outcome(path, case):
    """``refused`` or ``works``; anything else is an error of its own kind."""
    part, key, needs, bad = case
    try:
        with torch.inference_mode():
            works(part, load_experiment(path, [*needs, f"{key}={bad}"]))
    except TimbreError as error:
        last = key.split(".")[-1]
        said = str(error)
        assert names(error) and (last in said or "encoder" in said or "samples" in said), f"{key}={bad}: {said}"
        return "refused"
    return "works"


@pytest.fixture
def conf(tmp_path):
    (tmp_path / "x.yaml").write_text("")
    return tmp_path / "x.yaml"


def test_a_bad_number_is_refused_or_works(conf):
    """A seeded choice of all."""
    found = [outcome(conf, case) for case in random.Random(0).sample(cases(), 300)]
    assert set(found) == {"refused", "works"} and found.count("refused") > 200


@pytest.mark.all
def test_every_bad_number_is_refused_or_works(conf):
    for case in cases():
        try:
            outcome(conf, case)
        except Exception as error:
            raise AssertionError(f"{case}") from error


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        (["features={kind: fbank, low_freq: 9000}"], ["low_freq 9000", "8000"]),
        (["features={kind: mfcc, high_freq: 8001}"], ["high_freq 8001", "8000"]),
        (["features={kind: fbank, high_freq: -8000}"], ["low_freq 20", "high_freq 0"]),
        (["features={kind: fbank, frame_length: 0.1}"], ["frame_length 0.1", "1.6 samples"]),
        (["features={kind: fbank, frame_shift: 30}"], ["frame_shift 30", "1 to 400"]),
        (["train={margin_epochs: [6, 2]}"], ["margin_epochs [6, 2]"]),
        (["train={margin_epochs: [6, 30]}"], ["margin_epochs [6, 30]", "20 epochs"]),
        (["train={warmup_epochs: 21}"], ["warmup_epochs 21", "20 epochs"]),
        (["train={final_learning_rate: 0.1}"], ["final_learning_rate 0.1", "learning_rate 0.001"]),
        (["train={spec_augment: {time_masks: 1, time_width: 200}}"], ["time_width 200", "crop_frames 200"]),
        (["speeds=[0.9, 0.9]"], ["speeds [0.9, 0.9]"]),
        (["speeds=[1]"], ["speeds [1.0]"]),
        (["train={batch_size: 1000000, crop_frames: 1000}"], ["train.batch_size 1000000", "298 GB"]),
        (["encoder={kind: xvector, channels: 10_000_000}"], ["encoder.channels", "10_000_000"]),
        (["encoder={kind: xvector, channels: 10000000}"], ["encoder xvector", "GB", "10000000"]),
        (["encoder={kind: lstm, hidden: 9000000}"], ["encoder lstm", "GB", "9000000"]),
        (["encoder={kind: transformer, layers: 10000}"], ["encoder.layers", "200"]),
    ],
)
def test_relations_and_sizes_are_refused_by_name(conf, settings, wanted):
    with pytest.raises(TimbreError) as caught:
        load_experiment(conf, settings)
    names(caught.value, conf, *wanted)
