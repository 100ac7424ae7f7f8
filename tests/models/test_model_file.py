"""A model's file, damaged at seeded places or changed in any part: refused in one line, or as it was."""

from __future__ import annotations

import copy
import io
import random
import zipfile

import numpy as np
import pytest
import torch
from messages import names, refused

import timbre
from timbre.conf import build
from timbre.errors import TimbreError
from timbre.features.published import FORMAT, read_model
from timbre.features.tensors import load_tensors, save_tensors
from timbre.losses import build_loss
from timbre.models import build_encoder
from timbre.training.experiment import Experiment

FRAMES = [np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)]


def made(task="verification"):
    """The state of a small model, of which every part is there."""
    torch.manual_seed(0)
    conf = build(
        Experiment,
        {
            "task": task,
            "features": {"kind": "given", "dim": 8},
            "input": {"cmvn": "global", "norm_vars": True},
            "encoder": {"kind": "xvector", "channels": 4, "pooling_channels": 5, "embedding_dim": 6},
            "loss": {"kind": "softmax"},
        },
    )
    return {
        "format": FORMAT,
        "conf": conf.model_dump(mode="json"),
        "classes": ["a", "b", "c"],
        "statistics": torch.tensor([[0.5] * 8, [2.0] * 8]),
        "backend": {
            "mean": torch.zeros(6),
            "threshold": 0.5,
            "calibration": {"a": 3.0, "b": 1.0},
            "temperature": 1.5,
        },
        "encoder": build_encoder(conf.encoder, 8).state_dict(),
        "loss": build_loss(conf.loss, 6, 3).state_dict(),
    }


def outputs(path):
    """What the model makes of frames, and what is known of it."""
    model = timbre.load(path)
    run = getattr(model, "posteriors", model.embed_frames)
    return run(FRAMES, ["x"])[0], model.classes


def refused_or_same(path, expected):
    try:
        found, classes = outputs(path)
    except TimbreError as error:
        assert names(error, path) and "\n" not in str(error), error
        assert "weights_only" not in str(error), error
        return "refused"
    np.testing.assert_array_equal(found, expected[0])
    assert classes == expected[1]
    return "same"


def damaged(data, rng):
    """Bytes flipped, cut, repeated or put in at seeded places."""
    place, data = rng.randrange(len(data)), bytearray(data)
    kind = rng.choice(("flip", "flip", "flip", "cut", "zeros", "twice", "swap"))
    if kind == "flip":
        data[place] ^= 1 << rng.randrange(8)
    elif kind == "cut":
        del data[place:]
    elif kind == "zeros":
        data[place : place + 64] = bytes(len(data[place : place + 64]))
    elif kind == "twice":
        data[place:place] = data[place : place + 100]
    else:
        other = rng.randrange(len(data))
        data[place], data[other] = data[other], data[place]
    return bytes(data)


def damage(path, task, count, seed):
    save_tensors(path, made(task))
    whole, expected = path.read_bytes(), outputs(path)
    rng, found = random.Random(seed), []
    for _ in range(count):
        path.write_bytes(damaged(whole, rng))
        found.append(refused_or_same(path, expected))
    return found


def test_any_bit_of_a_weight_is_noticed(tmp_path):
    path, state = tmp_path / "final.pt", made()
    save_tensors(path, state)
    whole = path.read_bytes()
    weight = state["encoder"][
        "segment.weight" if "segment.weight" in state["encoder"] else next(iter(state["encoder"]))
    ]
    begin = whole.index(weight.numpy().tobytes())
    for place in range(begin, begin + 16):
        changed = bytearray(whole)
        changed[place] ^= 1
        path.write_bytes(changed)
        with refused(path, "damaged"):
            read_model(path)


def places(value, path=()):
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))


VALUES = [None, 3, -1.5, float("nan"), "x", [], {}, [1, "a"], ["a", "a"], {"x": 1}, True, torch.zeros(3)]
VALUES += [torch.full((2, 8), float("inf")), torch.zeros(1).expand(10**6, 10**6), 10**30, ["a"] * 4]


def changed(state, rng):
    """One part dropped, or in its place something else, or a tensor of another shape or type."""
    state = copy.deepcopy(state)
    *above, last = rng.choice(list(places(state))[1:])
    holder = state
    for key in above:
        holder = holder[key]
    value, kind = holder[last], rng.choice(("drop", "other", "other", "more"))
    if kind == "drop":
        del holder[last]
    elif isinstance(value, torch.Tensor) and kind == "more":
        holder[last] = rng.choice(
            (
                value[..., None],
                value.double(),
                value.repeat(2, *[1] * (value.dim() - 1)) if value.dim() else value[None],
                value.to(torch.int32),
                value.half(),
            )
        )
    elif kind == "more" and isinstance(value, dict):
        value["further"] = rng.choice(VALUES)
    else:
        holder[last] = rng.choice(VALUES)
    return state, ".".join([*above, last])


def change(path, task, count, seed):
    """Of each change what came out; what is accepted gives finite outputs."""
    state, rng, found = made(task), random.Random(seed), []
    for _ in range(count):
        hostile, where = changed(state, rng)
        torch.save(hostile, path)
        try:
            values, _ = outputs(path)
            assert np.isfinite(values).all(), where
            found.append("accepted")
        except TimbreError as error:
            assert names(error, path) and "\n" not in str(error), (where, error)
            found.append("refused")
    return found


@pytest.mark.parametrize("harm", [damage, change])
def test_a_harmed_model_is_refused_or_works(tmp_path, harm):
    """Damaged bytes give what was saved; a changed part may give something else."""
    found = harm(tmp_path / "final.pt", "classification", 100, 1)
    assert found.count("refused") > 40


@pytest.mark.all
@pytest.mark.parametrize("harm", [damage, change])
@pytest.mark.parametrize("task", ["verification", "classification"])
def test_many_harmed_models_are_refused_or_work(tmp_path, harm, task):
    harm(tmp_path / "final.pt", task, 500, 2)


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("classes", {"a": 1}, ["classes", "dict"]),
        ("classes", ["a", "b", "a"], ["classes", "a", "twice"]),
        ("classes", ["a", 3], ["classes"]),
        ("classes", ["a", "b"], ["loss", "[3, 6]"]),
        ("statistics", torch.zeros(2, 7), ["statistics", "7", "8"]),
        ("statistics", torch.zeros(3, 8), ["statistics", "[3, 8]"]),
        ("statistics", torch.full((2, 8), float("nan")), ["statistics", "not finite"]),
        ("backend.mean", torch.zeros(7), ["backend.mean", "7", "6"]),
        ("backend.threshold", float("nan"), ["backend.threshold", "nan"]),
        ("backend.calibration", {"a": "x", "b": 0}, ["backend.calibration.a"]),
        ("backend.calibration", {"a": 1.0, "b": 0.0, "c": 1}, ["backend.calibration", "c"]),
        ("backend.temperature", 0.0, ["backend.temperature", "above 0"]),
        ("backend", None, ["backend", "missing"]),
        ("encoder", {}, ["encoder", "Missing key"]),
        ("encoder.segment", torch.zeros(3), ["encoder", "segment"]),
        ("conf.encoder.kind", "y", ["encoder.kind", "'y'"]),
        ("conf.encoder.channels", 10_000_000, ["encoder", "426", "700,000,570,000,086"]),
        ("conf.encoder.newer_key", 1, ["newer_key"]),
        ("conf.features.dim", 80, ["statistics of 8 values", "80"]),
        ("conf.features", [], ["conf.features", "list"]),
    ],
)
def test_each_part_is_named(tmp_path, key, value, wanted):
    path, state = tmp_path / "final.pt", made("classification")
    *above, last = key.split(".")
    holder = state
    for part in above:
        holder = holder[part]
    holder[last] = value
    torch.save(state, path)
    with refused(path, *wanted) as caught:
        timbre.load(path)
    assert "\n" not in str(caught.value)


def test_bombs_are_refused_before_they_are_unpacked(tmp_path):
    """Records that are compressed; data that references blow up; a tensor without its bytes."""
    path = tmp_path / "final.pt"
    save_tensors(path, made())
    plain = io.BytesIO(path.read_bytes())
    with zipfile.ZipFile(plain) as archive, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for record in archive.namelist():
            packed.writestr(record, archive.read(record))
    with refused(path, "compressed"):
        load_tensors(path)
    blown: list = ["x"]
    for _ in range(40):
        blown = [blown, blown]
    for hostile, word in ((blown, "values"), (torch.zeros(1).expand(10**5, 10**5), "bytes")):
        torch.save({"format": FORMAT, "conf": hostile}, path)
        with refused(path, word):
            load_tensors(path)
