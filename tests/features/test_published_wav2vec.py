"""fairseq's wav2vec: a made checkpoint of its layout gives the frames of a forward written out here."""

from __future__ import annotations

import math
from argparse import Namespace

import pytest
import torch
from messages import names, refused
from torch.nn import functional as F

from timbre.features import published_wav2vec, wav2vec
from timbre.features.published import read_model
from timbre.models import build_encoder
from timbre.models import wav2vec as encoder_module

ENCODER = [(6, 10, 5), (6, 8, 4), (6, 4, 2), (6, 4, 2), (6, 4, 2)]
OPTIONS = {
    "base": {
        "conv_feature_layers": "[(6, 10, 5)] + [(6, 8, 4)] + [(6, 4, 2)] * 3",
        "conv_aggregator_layers": "[(6, 3, 1)] * 3",
    },
    "large": {
        "conv_feature_layers": str([*ENCODER, (6, 1, 1), (6, 1, 1)]),
        "conv_aggregator_layers": "[(6, 2, 1), (6, 3, 1), (6, 4, 1)]",
        "skip_connections_agg": True,
        "log_compression": True,
        "residual_scale": 0.5,
        "aggregator": "cnn",
    },
    "projected": {
        "conv_feature_layers": str(ENCODER),
        "conv_aggregator_layers": "[(4, 5, 1), (4, 2, 1)]",
        "skip_connections_agg": True,
    },
}
LAYERS = {
    "base": (ENCODER, [(6, 3)] * 3),
    "large": ([*ENCODER, (6, 1, 1), (6, 1, 1)], [(6, 2), (6, 3), (6, 4)]),
    "projected": (ENCODER, [(4, 5), (4, 2)]),
}


def make(name: str) -> dict:
    """A checkpoint with random weights under fairseq's names."""
    encoder, context = LAYERS[name]
    generator = torch.Generator().manual_seed(1)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator) / math.sqrt(max(math.prod(shape[1:]), 4))

    weights, inputs = {}, 1
    for layer, (width, kernel, _) in enumerate(encoder):
        block = f"feature_extractor.conv_layers.{layer}"
        weights[f"{block}.0.weight"] = draw(width, inputs, kernel)
        weights |= {f"{block}.2.weight": 1 + draw(width), f"{block}.2.bias": draw(width)}
        inputs = width
    for layer, (width, kernel) in enumerate(context):
        block = f"feature_aggregator.conv_layers.{layer}"
        weights |= {f"{block}.1.weight": draw(width, inputs, kernel), f"{block}.1.bias": draw(width)}
        weights |= {f"{block}.3.weight": 1 + draw(width), f"{block}.3.bias": draw(width)}
        if inputs != width:
            weights[f"feature_aggregator.residual_proj.{layer}.weight"] = draw(width, inputs, 1)
        inputs = width
    weights["wav2vec_predictions.project_to_steps.weight"] = draw(inputs, 6, 1, 12)
    weights["wav2vec_predictions.project_to_steps.bias"] = draw(6)
    return {"args": Namespace(arch="wav2vec", **OPTIONS[name]), "model": weights, "extra_state": {"epoch": 3}}


def reference(checkpoint: dict, name: str, samples: torch.Tensor) -> torch.Tensor:
    """Contexts ``(T, D)`` as fairseq computes them, in (1, C, T)."""
    encoder, context = LAYERS[name]
    weights, large = checkpoint["model"], OPTIONS[name]
    x = samples[None, None]
    for layer, (_, _, stride) in enumerate(encoder):
        block = f"feature_extractor.conv_layers.{layer}"
        x = F.conv1d(x, weights[f"{block}.0.weight"], stride=stride)
        x = F.relu(F.group_norm(x, 1, weights[f"{block}.2.weight"], weights[f"{block}.2.bias"]))
    if large.get("log_compression"):
        x = (x.abs() + 1).log()
    for layer, (_, kernel) in enumerate(context):
        block, residual = f"feature_aggregator.conv_layers.{layer}", x
        x = F.conv1d(
            F.pad(x, (kernel - 1, 0), mode="replicate"), weights[f"{block}.1.weight"], weights[f"{block}.1.bias"]
        )
        x = F.relu(F.group_norm(x, 1, weights[f"{block}.3.weight"], weights[f"{block}.3.bias"]))
        if large.get("skip_connections_agg"):
            if residual.shape[1] != x.shape[1]:
                residual = F.conv1d(residual, weights[f"feature_aggregator.residual_proj.{layer}.weight"])
            x = (x + residual) * math.sqrt(0.5)
    return x[0].T


@pytest.mark.parametrize("name", OPTIONS)
def test_frames_are_those_of_the_published_network(name: str, tmp_path, capsys) -> None:
    checkpoint, file = make(name), tmp_path / "wav2vec.pt"
    torch.save(checkpoint, file)
    extract = wav2vec.Extractor(wav2vec.Conf(model=str(file)))
    samples = torch.randn(4321, generator=torch.Generator().manual_seed(2)) * 0.1
    frames = extract(samples)
    assert frames.shape == ((4321 - 465) // 160 + 1, extract.dim) and frames.abs().max() > 0.5
    torch.testing.assert_close(frames, reference(checkpoint, name, samples), atol=1e-5, rtol=1e-5)
    assert names(capsys.readouterr().err, "licence", "MIT", "SHA-256")


def test_options_of_later_checkpoints_stand_elsewhere(tmp_path) -> None:
    checkpoint, file = make("large"), tmp_path / "later.pt"
    old = published_wav2vec.convert(checkpoint)
    keys = ("conv_feature_layers", "conv_aggregator_layers")  # the others have the same values by default
    checkpoint["cfg"] = {"model": {key: OPTIONS["large"][key] for key in keys}, "task": {}}
    torch.save({**checkpoint, "args": None}, file)
    new = read_model(file)
    assert new["conf"] == old["conf"] and new["encoder"].keys() == old["encoder"].keys()


def test_what_it_becomes_is_an_encoder() -> None:
    state = published_wav2vec.convert(make("large"))
    conf = encoder_module.Conf(**state["conf"]["encoder"])
    build_encoder(conf, 160).load_state_dict(state["encoder"])
    assert state["format"] == "timbre-1" and conf.log_compression and conf.context_kernels == (2, 3, 4)


def test_other_weights_are_refused_by_name() -> None:
    name = "feature_extractor.conv_layers.2.0.weight"
    for change, wanted in (
        (lambda weights: weights.pop(name), [f"without {name}"]),
        (
            lambda weights: weights.update({"vector_quantizer.vars": torch.ones(1)}),
            ["unknown vector_quantizer.vars"],
        ),
        (lambda weights: weights.update({name: torch.ones(6, 6, 5)}), [name, "(6, 6, 5)", "(6, 6, 4)"]),
    ):
        checkpoint = make("base")
        change(checkpoint["model"])
        with refused("wav2vec", *wanted):
            published_wav2vec.convert(checkpoint)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("activation", "gelu"),
        ("aggregator", "gru"),
        ("agg_zero_pad", True),
        ("conv_aggregator_layers", "__import__('os').getcwd()"),
        ("conv_aggregator_layers", "[(6, 3, 2)]"),
        ("conv_feature_layers", "[(6, 10, 5), (8, 8, 4)]"),
    ],
)
def test_other_networks_are_refused_by_their_options(option: str, value: object) -> None:
    checkpoint = make("base")
    setattr(checkpoint["args"], option, value)
    with refused(option, value):
        published_wav2vec.convert(checkpoint)


def test_recognises_its_own_alone() -> None:
    assert published_wav2vec.recognises(make("base"))
    for other in ([], {}, {"model": 3}, {"model": {"encoder.weight": 1}}, {"format": "timbre-1", "encoder": {}}):
        assert not published_wav2vec.recognises(other)
