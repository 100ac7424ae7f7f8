"""Made checkpoints of speaker toolkits: embeddings as the toolkits' own classes give them, and what is refused.

``EXPECTED`` are the first values by WeSpeaker 0.0.2 (wespeaker-unofficial), SpeechBrain 1.1.2 (the noise of its
x-vector's pooling at its mean) and 3D-Speaker 0.0.6 (speakerlab), each behind its own front-end, of the checkpoints
and the waveform made here. ``benchmarks/parity.py`` compares at full size.
"""

from __future__ import annotations

import math
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from messages import names, refused

from timbre.features import (
    campplus_weights,
    ecapa_weights,
    eres2net_v2_weights,
    published_speechbrain,
    redimnet2_weights,
    resnet_weights,
    xvector_weights,
)
from timbre.features.foreign_yaml import ForeignYaml
from timbre.features.published import model_sha256, read_model
from timbre.models.trained import TrainedModel

ECAPA = {"channels": 16, "bins": 10, "aggregated": 24, "dim": 6, "hidden": 8, "context": True}
XVECTOR = {"channels": 8, "bins": 10, "pooled": 12, "dim": 6}
CAMPPLUS = {"head": 2, "bins": 1, "channels": 6, "growth": 4, "bottleneck": 8, "layers": (2, 1, 1), "dim": 6}
REDIMNET2 = {
    "channels": 4,
    "bins": 12,
    "stages": (redimnet2_weights.Stage(1, 1, 1, 2, 4), redimnet2_weights.Stage(2, 2, 2, 1, 8)),
    "head": 3,
    "dim": 6,
}
RESNET = {"channels": 2, "bins": 2, "dim": 6}
CASES = {
    "wespeaker_ecapa": (ecapa_weights.WESPEAKER, ECAPA | {"context": False, "normed": True}),
    "wespeaker_ecapa_glob": (ecapa_weights.WESPEAKER, ECAPA),
    "wespeaker_xvector": (xvector_weights.WESPEAKER, XVECTOR),
    "wespeaker_resnet": (resnet_weights.WESPEAKER, {"depth": 34, **RESNET, "second": True}),
    "wespeaker_bottleneck": (
        resnet_weights.WESPEAKER_BOTTLENECK,
        {"depth": 50, **RESNET, "hidden": 8, "context": True},
    ),
    "speechbrain_ecapa": (ecapa_weights.SPEECHBRAIN, ECAPA | {"aggregated": 48}),
    "speechbrain_xvector": (xvector_weights.SPEECHBRAIN, XVECTOR),
    "speechbrain_resnet": (
        resnet_weights.SPEECHBRAIN,
        {"blocks": (1, 2, 1, 1), "channels": (2, 2, 4, 4), "bins": 2, "dim": 6},
    ),
    "wespeaker_campplus": (campplus_weights.WESPEAKER, CAMPPLUS),
    "3dspeaker_eres2net": (
        eres2net_v2_weights.THREE_D_SPEAKER,
        {"channels": 8, "base": 26, "scale": 2, "expansion": 2, "blocks": (1, 1, 1, 1), "bins": 1, "dim": 6},
    ),
    "redimnet2": (redimnet2_weights.AUTHORS, REDIMNET2),
    "wespeaker_redimnet2": (redimnet2_weights.WESPEAKER, REDIMNET2),
    "3dspeaker_resnet": (resnet_weights.THREE_D_SPEAKER, {"depth": 34, **RESNET, "second": True}),
    "3dspeaker_xvector": (xvector_weights.THREE_D_SPEAKER, XVECTOR),
    "3dspeaker_campplus": (campplus_weights.THREE_D_SPEAKER, CAMPPLUS),
    "3dspeaker_ecapa": (ecapa_weights.THREE_D_SPEAKER, ECAPA | {"aggregated": 48}),
}
CLASSES = {
    "wespeaker_ecapa": "ECAPA_TDNN_c512",
    "wespeaker_ecapa_glob": "ECAPA_TDNN_GLOB_c512",
    "wespeaker_xvector": "XVEC",
    "wespeaker_resnet": "ResNet34",
    "wespeaker_bottleneck": "ResNet50",
    "wespeaker_campplus": "CAMPPlus",
    "wespeaker_redimnet2": "ReDimNet2Custom",
    "speechbrain_ecapa": "ECAPA_TDNN.ECAPA_TDNN",
    "speechbrain_xvector": "Xvector.Xvector",
    "speechbrain_resnet": "ResNet.ResNet",
}
HYPERPARAMS = """
n_mels: 10
pretrained_path: speechbrain/some-model
__set_seed: !apply:os.system ["touch {ran}"]
compute_features: !new:speechbrain.lobes.features.Fbank
    n_mels: !ref <n_mels>
mean_var_norm: !new:speechbrain.processing.features.InputNormalization
    norm_type: sentence
    std_norm: False
embedding_model: !new:speechbrain.lobes.models.{called}
    input_size: !ref <n_mels>
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables: {{embedding_model: !ref <embedding_model>}}
    paths: !!python/object/apply:os.system ["touch {ran}"]
"""
CONFIG = """
model: {called}
model_args: {{embed_dim: 6}}
dataset_args:
  shuffle_args: &shared {{shuffle_size: 2500}}
  other: *shared
  frontend: {front}
  tfmel_args: {{n_mels: 12, norm_signal: true, do_preemph: true, n_fft: 512, eps: 1.0e-8}}
  fbank_args: {{num_mel_bins: {bins}, frame_shift: 10, frame_length: 25, dither: 1.0}}
"""
EXPECTED = {
    "wespeaker_ecapa": [1.788332, -1.360113, 4.568314, 1.208128, -3.762973, 0.09234107],
    "wespeaker_ecapa_glob": [0.4084217, 2.610487, 5.420571, 3.26416, -3.935982, -0.388731],
    "wespeaker_xvector": [-0.1686642, -0.1957486, 0.1479168, 0.2337331, -0.3765047, -0.6752366],
    "wespeaker_resnet": [0.8650811, 1.816423, 2.831239, -0.5037029, -1.474422, -1.862187],
    "wespeaker_bottleneck": [-0.3624761, 1.564386, 0.2184005, 0.6570671, -0.8748255, 2.746651],
    "speechbrain_ecapa": [12.7579, -2.17022, -1.418203, 12.71435, 7.005066, -2.859691],
    "speechbrain_xvector": [-4.736374, 2.506612, 1.8155, 0.8680987, -3.256576, -3.120859],
    "speechbrain_resnet": [-0.6984896, -1.276472, 1.804824, 2.079725, 6.551869, 2.42179],
    "wespeaker_campplus": [0.05605043, 0.1682045, -0.1585725, -0.1982511, 0.2428806, 0.3129539],
    "3dspeaker_campplus": [0.05596322, 0.1679782, -0.1585975, -0.1981148, 0.2433727, 0.3130262],
    "3dspeaker_resnet": [0.842373, 1.183938, 1.936195, -0.39959, -1.241659, -1.567375],
    "3dspeaker_xvector": [0.03991462, -0.3518338, 0.1032993, 0.3944764, 0.5978803, -0.2995489],
    "3dspeaker_eres2net": [-0.426746, 4.140164, -1.121057, 0.5191384, 0.6791315, 2.806749],
    "redimnet2": [1.123976, -0.2220197, 0.2868581, 0.5688702, 0.7800668, 0.4550644],
    "wespeaker_redimnet2": [1.123976, -0.2220197, 0.2868581, 0.5688702, 0.7800668, 0.4550644],
    "3dspeaker_ecapa": [3.179771, -0.981554, 0.2614184, 3.306416, 1.770564, -1.134061],
}


def weights_of(case: str) -> dict[str, torch.Tensor]:
    """Weights by their published names, each a function of its name and shape alone."""
    family, sizes = CASES[case]
    return {name: _weight(name, shape) for name, shape in family.conversion(**sizes).shapes.items()}


def _weight(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    values = np.random.RandomState(zlib.crc32(name.encode())).uniform(-1, 1, shape)
    if len(shape) > 1:
        values *= 1.7 / math.sqrt(math.prod(shape[1:]))
    elif name.endswith("running_var"):
        values = 1.2 + 0.7 * values
    elif name.endswith("weight"):  # of a norm
        values = 1 + 0.5 * values
    else:
        values *= 0.3
    return torch.from_numpy(values).float()


def waveform() -> np.ndarray:
    """A second of noise that is louder and softer, with a part that is almost silent."""
    loudness = 0.1 * (1 + np.sin(np.arange(16000) / 900)) * np.where(np.arange(16000) < 4000, 1e-5, 1)
    return (loudness * np.random.RandomState(0).uniform(-1, 1, 16000)).astype(np.float32)


def save(case: str, folder: Path, **changes: object) -> Path:
    """The checkpoint with keys changed (``None``: left out) and its configuration; returns what a user gives."""
    options = changes.pop("options", {})
    weights = weights_of(case) | {name.replace("__", "."): value for name, value in changes.items()}
    weights = {name: value for name, value in weights.items() if value is not None}
    toolkit, called = case.split("_")[0], CLASSES.get(case, "")
    if toolkit == "wespeaker":
        front = "tfmel" if "ReDim" in called else "fbank"
        bins = CASES[case][1]["bins"] * (8 if called.startswith(("ResNet", "CAM")) else 1)
        (folder / "config.yaml").write_text(CONFIG.format(called=called, bins=bins, front=front))
        weights |= {"frontend.spec.x": torch.ones(1)} if front == "tfmel" else {}
        torch.save({**weights, "projection.weight": torch.ones(2, 6)}, folder / "avg_model.pt")
        return folder / "avg_model.pt"
    if toolkit == "speechbrain":
        (folder / "hyperparams.yaml").write_text(HYPERPARAMS.format(called=called, ran=folder / "ran"))
        torch.save(weights, folder / "embedding_model.ckpt")
        return folder
    if toolkit == "redimnet2":
        config = {"F": 12, "C": 4, "feat_type": "tf", "spec_params": {"norm_signal": True}, "agg_gnorm": True}
        torch.save({"model_config": config | options, "state_dict": weights}, folder / "b0.pt")
        return folder / "b0.pt"
    torch.save({"state_dict": {f"module.{name}": value for name, value in weights.items()}}, folder / "x.ckpt")
    return folder / "x.ckpt"


@pytest.mark.parametrize("case", CASES)
def test_embeddings_are_the_toolkits(case: str, tmp_path, capsys) -> None:
    model = TrainedModel.load(save(case, tmp_path))
    found = model.embed(waveform(), 16000)
    assert len(found) == 6
    np.testing.assert_allclose(found, EXPECTED[case], atol=2e-5 * np.abs(EXPECTED[case]).max())
    said = capsys.readouterr().err
    assert names(said, "licence", "SHA-256", case.split("_")[0])
    assert ("assumed" in said) == case.startswith("3dspeaker")
    assert not (tmp_path / "ran").exists()


def test_what_does_not_fit_is_named(tmp_path) -> None:
    with refused("avg_model.pt", "WeSpeaker's ECAPA-TDNN", "without layer2.se_res2block.0.conv.bias"):
        read_model(save("wespeaker_ecapa", tmp_path, layer2__se_res2block__0__conv__bias=None))
    with refused("WeSpeaker's ECAPA-TDNN", "without 'conv.weight'"):
        read_model(save("wespeaker_ecapa", tmp_path, conv__weight=None))
    with refused("unknown frontend.x"):
        read_model(save("wespeaker_xvector", tmp_path, frontend__x=torch.ones(1)))
    with refused("layer3.se_res2block.0.bn.weight", "(5,)", "(16,)"):
        read_model(save("wespeaker_ecapa", tmp_path, layer3__se_res2block__0__bn__weight=torch.ones(5)))
    with refused("no tensor"):
        read_model(save("wespeaker_xvector", tmp_path, seg_1__bias="x"))
    with refused("seg_1.weight", "shape"):
        read_model(save("wespeaker_resnet", tmp_path, seg_1__weight=torch.ones(())))
    with refused("not finite"):
        read_model(save("wespeaker_xvector", tmp_path, seg_1__bias=torch.full((6,), torch.nan)))
    with refused("3, 4, 7, 3"):
        read_model(save("wespeaker_resnet", tmp_path, **{"layer3__6__conv1__weight": torch.ones(1)}))
    with refused("backbone.stage1.6.tcm.4.attention.k_proj.weight"):
        read_model(save("redimnet2", tmp_path, backbone__stage1__6__tcm__4__attention__k_proj__weight=None))
    with refused("model_config", "feat_type pt", "tf"):
        read_model(save("redimnet2", tmp_path, options={"feat_type": "pt"}))
    torch.save({"a": torch.ones(1)}, tmp_path / "other.pt")
    with refused("other.pt", "wespeaker", "speechbrain", "3dspeaker", "resemblyzer"):
        read_model(tmp_path / "other.pt")


def test_the_configuration_beside_is_held_against_the_weights(tmp_path, capsys) -> None:
    path = save("wespeaker_ecapa", tmp_path)
    config = tmp_path / "config.yaml"
    text = config.read_text()
    for old, new, *said in (
        ("num_mel_bins: 10", "num_mel_bins: 80", "num_mel_bins 80", "10"),
        ("ECAPA_TDNN_c512", "ResNet34", "ResNet34", "ECAPA-TDNN"),
        ("frontend: fbank", "frontend: s3prl", "s3prl"),
        ("frame_shift: 10", "frame_shift: x", "frame_shift"),
        ("model_args:", "model_args: [", "config.yaml", "YAML"),
    ):
        config.write_text(text.replace(old, new))
        with refused("config.yaml" if "frame_shift" not in said else "avg_model.pt", *said):
            TrainedModel.load(path)
    config.unlink()
    capsys.readouterr()
    np.testing.assert_allclose(
        TrainedModel.load(path).embed(waveform(), 16000), EXPECTED["wespeaker_ecapa"], rtol=1e-3
    )
    assert names(capsys.readouterr().err, "config.yaml", "assumed", "Hamming")
    folder = save("speechbrain_ecapa", tmp_path)
    text = (folder / "hyperparams.yaml").read_text()
    for old, new, *said in (
        ("n_mels: 10", "n_mels: 80", "n_mels 80", "10"),
        ("norm_type: sentence", "norm_type: global", "mean_var_norm.norm_type global", "sentence"),
        ("n_mels: !ref <n_mels>", "n_mels: !ref <n_mels>\n    deltas: True", "compute_features.deltas"),
        ("n_mels: !ref <n_mels>", "n_mels: !ref <n_mels>\n    n_fft: 512", "n_fft 512"),
        ("ECAPA_TDNN.ECAPA_TDNN", "Xvector.Xvector", "Xvector"),
    ):
        (folder / "hyperparams.yaml").write_text(text.replace(old, new, 1))
        with refused("hyperparams.yaml", *said):
            TrainedModel.load(folder)


def test_a_front_end_can_be_given_beside_the_checkpoint(tmp_path, capsys) -> None:
    path = save("3dspeaker_ecapa", tmp_path)
    before = read_model(path)
    (tmp_path / "x.ckpt.yaml").write_text("features: {scale: int16}\ninput: {cmvn: none}\n")
    model = TrainedModel.load(path)
    assert model.conf.features.scale == "int16" and model.conf.features.num_mel_bins == 10
    assert model.conf.input.cmvn == "none"
    assert names(capsys.readouterr().err, "x.ckpt.yaml")
    assert model_sha256(read_model(path)) != model_sha256(before)
    (tmp_path / "x.ckpt.yaml").write_text("encoder: {kind: xvector}\n")
    with refused("x.ckpt.yaml", "encoder", "features", "input"):
        read_model(path)


def test_the_same_weights_are_of_speechbrain_where_its_configuration_is(tmp_path, capsys) -> None:
    save("speechbrain_ecapa", tmp_path)
    assert read_model(tmp_path / "embedding_model.ckpt")["conf"]["features"]["kind"] == "mel_decibels"
    (tmp_path / published_speechbrain.CONFIG).unlink()
    assert read_model(tmp_path / "embedding_model.ckpt")["conf"]["features"]["kind"] == "fbank"
    assert names(capsys.readouterr().err, "assumed", "hyperparams.yaml")


def test_foreign_yaml_is_data(tmp_path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("n: 3\na: !new:os.system {x: !ref <n>, y: !ref <n>/b, z: [1.5, yes, null, '2']}\nb: &b [*b]\n")
    values = ForeignYaml(file)
    assert values.get("a") == {"x": 3, "y": "<n>/b", "z": [1.5, True, None, "2"]}
    assert values.tag("a") == "new:os.system" and values.tag("n") == "" and values.get("c", 7) == 7
    with refused("a.yaml", "b", "levels"):
        values.get("b")
    lines = ["x0: &x0 [1, 1]", *(f"x{n}: &x{n} [*x{n - 1}, *x{n - 1}]" for n in range(1, 18))]
    file.write_text("\n".join([*lines, "a: !ref <a>"]))
    values = ForeignYaml(file)
    for key in ("x17", "a"):
        with refused("a.yaml", key, "levels"):
            values.get(key)
    for text in ("- 1", "[" * 100_000, "\0"):
        file.write_text(text)
        with refused("a.yaml"):
            ForeignYaml(file)
