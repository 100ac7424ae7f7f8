"""ONNX: every encoder's graph gives torch's embeddings at any length, in any batch, and says what it needs."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
import torch
from messages import names, refused

from timbre.__main__ import main
from timbre.conf import build, kind_module, kinds
from timbre.models import build_encoder
from timbre.models.export import export_onnx, session
from timbre.models.pooling import PoolingConf
from timbre.models.trained import TrainedModel
from timbre.training.experiment import Experiment
from timbre.training.train import train_experiment

DIM = 24
SMALL = {
    "channels": 8,
    "pooling_channels": 12,
    "aggregation_channels": 12,
    "embedding_dim": 6,
    "hidden": 10,
    "layers": 2,
    "convolutions": 1,
    "stages": [
        {"blocks": 1, "expansion": 2, "reduction": 12},
        {"bins": 3, "frames": 2, "blocks": 1, "reduction": 12},
        {"bins": 2, "frames": 2, "blocks": 1, "reduction": 24},
    ],
}
SEVERAL = {  # where a kind has several of what others have one
    "campplus": {"layers": [2, 1, 1]},
    "preactivated_resnet": {"channels": [4, 4, 8, 8], "blocks": [1, 1, 1, 1]},
}
POOLINGS = PoolingConf.model_fields["kind"].annotation.__args__
FURTHER = [
    *(("xvector", {"pooling": {"kind": kind}}) for kind in POOLINGS),
    ("xvector", {"second_segment_layer": True}),
    ("xvector", {"padding": "reflect"}),
    ("ecapa_tdnn", {"aggregation_norm": True}),
    ("ecapa_tdnn", {"padding": "reflect"}),
    ("resnet", {"depth": 50}),
    ("lstm", {"window": 20}),
]


def encoders() -> list[tuple[str, dict]]:
    """Every kind of encoder at a small size, a new one too; some with further settings."""
    modules = {kind: kind_module("timbre.models", kind) for kind in kinds("timbre.models")}
    every = [(kind, {}) for kind, module in modules.items() if hasattr(module, "Encoder")]
    every = [(kind, conf) for kind, conf in every if not hasattr(modules[kind].Encoder, "frames")]
    return [
        (
            kind,
            {name: value for name, value in SMALL.items() if name in modules[kind].Conf.model_fields}
            | SEVERAL.get(kind, {})
            | others,
        )
        for kind, others in [*every, *FURTHER]
    ]


def model(kind: str, **conf: object) -> TrainedModel:
    """A model with random weights, and BatchNorm statistics that padding would show in."""
    experiment = build(
        Experiment, {"features": {"kind": "fbank", "num_mel_bins": DIM}, "encoder": {"kind": kind, **conf}}
    )
    torch.manual_seed(0)
    encoder = build_encoder(experiment.encoder, DIM)
    for norm in encoder.modules():
        if isinstance(norm, torch.nn.modules.batchnorm._BatchNorm):
            norm.running_mean.uniform_(-1, 1)
            norm.running_var.uniform_(0.5, 2)
    backend = {
        "mean": torch.arange(encoder.embedding_dim) / 7,
        "threshold": 0.25,
        "calibration": {"a": 9.0, "b": -2.0},
    }
    state = {"conf": experiment.model_dump(), "classes": ["a", "b", "c"], "backend": backend}
    return TrainedModel(state | {"encoder": encoder.state_dict()}, torch.device("cpu"))


def test_a_front_end_of_frames_is_refused(tmp_path):
    with refused(tmp_path / "model.onnx", "wav2vec"):
        export_onnx(model("wav2vec", channels=8, context_channels=8), tmp_path / "model.onnx")


@pytest.mark.parametrize(("kind", "conf"), encoders(), ids=str)
def test_the_graph_gives_torchs_embeddings(kind, conf, tmp_path):
    trained = model(kind, **conf)
    export_onnx(trained, tmp_path / "model.onnx")
    run, generator = session(tmp_path / "model.onnx"), np.random.default_rng(1)
    shortest = trained.encoder.min_frames
    batches = [[shortest], [shortest + 1], [40], [173], [555], [90, 31], [shortest, 64, 65]]
    found, wanted = [], []
    for frames in batches:
        feats = np.full((len(frames), max(frames), DIM), np.nan, dtype=np.float32)  # padding is not looked at
        for row, count in zip(feats, frames, strict=True):
            row[:count] = 2 * generator.normal(size=(count, DIM))
        found.append(run(feats, np.array(frames)))
        with torch.inference_mode():
            wanted.append(trained.encoder(torch.from_numpy(feats), torch.tensor(frames)).numpy())
    found, wanted = np.concatenate(found), np.concatenate(wanted)
    assert found.shape == (10, trained.encoder.embedding_dim)
    spread = np.ptp(wanted, axis=0).max()  # random weights may tell utterances little apart
    assert np.abs(found - wanted).max() <= min(1e-4, 1e-3 * spread)


def test_the_graph_and_the_file_beside_it_describe_the_model(tmp_path):
    trained = model("xvector", channels=8, pooling_channels=12, embedding_dim=6)
    export_onnx(trained, tmp_path / "model.onnx")
    beside = json.loads((tmp_path / "model.onnx.json").read_text())
    graph = onnx.load(tmp_path / "model.onnx")
    onnx.checker.check_model(graph)
    assert {row.key: json.loads(row.value) for row in graph.metadata_props} == beside
    assert (beside["sample_rate"], beside["classes"], beside["min_frames"]) == (16000, 3, 15)
    assert beside["features"]["num_mel_bins"] == DIM and beside["input"]["cmvn"] == "utterance"
    assert (beside["threshold"], beside["calibration"]) == (0.25, {"a": 9.0, "b": -2.0})
    np.testing.assert_allclose(beside["mean"], np.arange(6) / 7, rtol=1e-6)


class Frozen(torch.nn.Module):
    """An encoder that decides by the number of frames in Python, which a trace cannot follow."""

    min_frames, embedding_dim = 1, DIM

    def forward(self, feats, lengths):
        return feats.sum(dim=1) / int(lengths.max()) + 0 * lengths[:, None]


def test_what_a_trace_gets_wrong_or_cannot_take_is_not_written(tmp_path):
    trained = model("xvector", channels=8, pooling_channels=12, embedding_dim=6)
    trained.encoder = trained.network = Frozen()
    with refused(tmp_path / "model.onnx", "encoder xvector", "lengths"):
        export_onnx(trained, tmp_path / "model.onnx")
    with refused(tmp_path / "model.onnx", "encoder lstm", "projections"):
        export_onnx(model("lstm", hidden=10, projection=4, layers=1, embedding_dim=6), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_the_command_writes_beside_the_model(tmp_path, toy_data, toy_conf, capsys):
    train_experiment(toy_conf("train.epochs=1"), toy_data(), tmp_path / "exp", "cpu")
    main(["export-onnx", "--model", str(tmp_path / "exp")])
    assert names(capsys.readouterr().out, tmp_path / "exp/model.onnx", "embedding")
    facts = json.loads((tmp_path / "exp/model.onnx.json").read_text())
    assert facts["classes"] == 6 and facts["threshold"] is not None
