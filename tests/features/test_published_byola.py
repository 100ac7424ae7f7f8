"""A made checkpoint of BYOL-A's layout, against torch's own layers in the published order."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torchaudio
from messages import names, refused
from torch import nn

from timbre.features.published import read_model
from timbre.models.trained import TrainedModel


class Published(nn.Module):
    """Maps (1, F, T), convolutions with biases, dropout that is off."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs in (1, 5, 5):
            layers += [nn.Conv2d(inputs, 5, 3, padding=1), nn.BatchNorm2d(5), nn.ReLU(), nn.MaxPool2d(2)]
        self.features = nn.Sequential(*layers)
        self.fc = nn.Sequential(nn.Linear(40, 12), nn.ReLU(), nn.Dropout(0.3), nn.Linear(12, 12), nn.ReLU())
        for norm in layers[1::4]:
            for value in (norm.running_mean, norm.weight.data, norm.bias.data):
                nn.init.uniform_(value, -1, 1)
            nn.init.uniform_(norm.running_var, 0.5, 2)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        frames = self.fc(self.features(maps).permute(0, 3, 2, 1).flatten(2))
        return frames.max(dim=1).values + frames.mean(dim=1)


@pytest.fixture
def published(tmp_path):
    """The network, and a function that saves its state with keys changed (``None``: left out)."""
    torch.manual_seed(0)
    network = Published().eval()

    def save(**changes: torch.Tensor | None):
        state = {**network.state_dict(), **{name.replace("__", "."): value for name, value in changes.items()}}
        file = tmp_path / "AudioNTT2020-BYOLA.pth"
        torch.save({name: value for name, value in state.items() if value is not None}, file)
        return file

    return network, save


@torch.inference_mode()
def test_embeddings_are_the_published(published, capsys) -> None:
    network, save = published
    samples = (0.1 * np.random.default_rng(0).normal(size=20000)).astype(np.float32)
    mel = torchaudio.transforms.MelSpectrogram(
        sample_rate=16000, n_fft=1024, win_length=1024, hop_length=160, n_mels=64, f_min=60, f_max=7800
    )
    frames = (mel(torch.from_numpy(samples)) + torch.finfo(torch.float32).eps).log()
    wanted = network(((frames + 5.4919195) / 5.0389895)[None, None])[0].numpy()
    np.testing.assert_allclose(TrainedModel.load(save()).embed(samples, 16000), wanted, atol=1e-5, rtol=1e-4)
    assert names(capsys.readouterr().err, "licence", "to evaluate")


def test_another_layout_is_refused_by_name(published) -> None:
    _, save = published
    with refused("BYOLA.pth: ", "without fc.0.bias", "BYOL-A"):
        read_model(save(fc__0__bias=None))
    with refused("BYOLA.pth: ", "features.5.running_var", "(4,)", "(5,)"):
        read_model(save(features__5__running_var=torch.ones(4)))
