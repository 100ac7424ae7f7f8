"""A made checkpoint of Resemblyzer's layout: its embeddings by the published rule, window by window."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from messages import names, refused
from torch import nn

from timbre.features.melspectrogram import Conf, Extractor
from timbre.features.published import read_model
from timbre.models.trained import TrainedModel


@pytest.fixture
def published(tmp_path):
    """The networks of a checkpoint, and a function that saves it with keys changed (``None``: left out)."""
    torch.manual_seed(0)
    network = nn.ModuleDict({"lstm": nn.LSTM(40, 256, 3, batch_first=True), "linear": nn.Linear(256, 256)})
    weights = {**network.state_dict(), "similarity_weight": torch.ones(1), "similarity_bias": torch.ones(1)}

    def save(**changes: torch.Tensor | None):
        changed = {**weights, **{name.replace("__", "."): value for name, value in changes.items()}}
        model = {name: value for name, value in changed.items() if value is not None}
        torch.save({"step": 7, "model_state": model}, tmp_path / "pretrained.pt")
        return tmp_path / "pretrained.pt"

    return network, save


def embedded(network: nn.ModuleDict, mels: torch.Tensor) -> torch.Tensor:
    """Windows of 160 frames from every 77th on, one after another."""
    parts = []
    for begin in range(0, len(mels) - 159, 77):
        hidden = network["lstm"](mels[None, begin : begin + 160])[1][0]
        raw = network["linear"](hidden[-1]).relu()
        parts.append(raw[0] / raw[0].norm())
    mean = torch.stack(parts).mean(dim=0)
    return mean / mean.norm()


@torch.inference_mode()
@pytest.mark.parametrize(("count", "windows"), [(9000, 1), (31000, 1), (35000, 2), (70000, 5)])
def test_embeddings_are_the_published(published, capsys, count: int, windows: int) -> None:
    network, save = published
    samples = (0.01 * np.random.default_rng(0).normal(size=count)).astype(np.float32)
    model = TrainedModel.load(save())
    mels = Extractor(Conf())(torch.from_numpy(samples))
    assert len(mels) == 160 + 77 * (windows - 1)
    np.testing.assert_allclose(model.embed(samples, 16000), embedded(network, mels).numpy(), atol=1e-5)
    assert names(capsys.readouterr().err, "licence", "Apache-2.0")


def test_another_layout_is_refused_by_name(published) -> None:
    _, save = published
    with refused("/pretrained.pt: ", "without lstm.bias_hh_l2", "unknown x", "Resemblyzer"):
        read_model(save(lstm__bias_hh_l2=None, x=torch.ones(1)))
    with refused("/pretrained.pt: ", "linear.weight", "(256, 9)", "(256, 256)"):
        read_model(save(linear__weight=torch.ones(256, 9)))
