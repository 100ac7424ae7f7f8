"""What is told of a model file, and the part of a conf that is its own."""

from __future__ import annotations

import hashlib

import pytest
import torch
from messages import names

from timbre import plain_yaml
from timbre.__main__ import main
from timbre.conf import build
from timbre.features.published import FORMAT
from timbre.features.tensors import save_tensors
from timbre.models import build_encoder
from timbre.models.trained import ModelConf

CONF = {
    "features": {"kind": "fbank", "num_mel_bins": 12, "scale": "unit"},
    "input": {"cmvn": "none"},
    "encoder": {
        "kind": "preactivated_resnet",
        "channels": [2, 2, 4, 4],
        "blocks": [1, 1, 1, 1],
        "embedding_dim": 5,
    },
}


@pytest.fixture
def model(tmp_path):
    """A model's file, and how many parameters it has."""
    encoder = build_encoder(build(ModelConf, CONF).encoder, 12)
    backend = {"mean": torch.full((5,), 2.0), "threshold": 0.25, "calibration": {"a": 7.0, "b": -1.5}}
    state = {
        "format": FORMAT,
        "conf": {"task": "verification", **CONF},
        "classes": list("abcd"),
        "backend": backend,
    }
    save_tensors(tmp_path / "final.pt", {**state, "encoder": encoder.state_dict(), "loss": {}})
    return tmp_path / "final.pt", sum(parameter.numel() for parameter in encoder.parameters())


def test_a_model_is_described(model, capsys) -> None:
    file, parameters = model
    for path in (file, file.parent):
        main(["show-model", str(path)])
        said = capsys.readouterr().out
        assert names(
            said, hashlib.sha256(file.read_bytes()).hexdigest(), f"{parameters:,}", "16000 Hz", "12 values"
        )
        assert names(said, FORMAT, "preactivated_resnet", "4 (a, b, c, …)", "0.2500", "7", "-1.5")


def test_its_conf_is_printed_as_it_differs_from_the_defaults(model, capsys) -> None:
    main(["show-model", "--conf", str(model[0])])
    printed = plain_yaml.parse(capsys.readouterr().out, "printed")
    assert printed == CONF
    assert build(ModelConf, printed) == build(ModelConf, CONF)
