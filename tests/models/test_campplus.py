"""CAM++: its size, its embeddings, and its parts against plain forms."""

from __future__ import annotations

import pytest
import torch
from formula import fill, waves
from torch.nn import functional as F

from timbre.models import build_encoder, campplus
from timbre.models.layers import frame_mask

TINY = {"channels": 4, "growth": 2, "bottleneck": 4, "embedding_dim": 4}


@pytest.mark.parametrize(("dim", "count"), [(512, 7_176_224), (192, 6_848_544)])
def test_parameter_count(dim: int, count: int) -> None:
    encoder = build_encoder(campplus.Conf(embedding_dim=dim), 80)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == count


@pytest.mark.parametrize(
    ("frames", "embedding"),
    [
        (31, [-0.684400, -0.094548, 0.340763, 0.533730]),
        (430, [-0.060966, 0.085545, 0.133681, 0.109199]),  # two segments, and 15 frames of a third
    ],
)
@torch.inference_mode()
def test_embeddings_are_those_of_the_published_network(frames: int, embedding: list[float]) -> None:
    """Computed once by 3D-Speaker's class with the same weights."""
    encoder = fill(build_encoder(campplus.Conf(**TINY), 16))
    found = encoder(waves(frames, 16), torch.tensor([frames]))[0]
    torch.testing.assert_close(found, torch.tensor(embedding, dtype=torch.float64), atol=1e-6, rtol=0)


def test_segments_are_averaged_over_the_frames_that_they_have() -> None:
    lengths, frames = [250, 120, 30], torch.randn(3, 260, 2, dtype=torch.float64)
    segments = campplus.Segments(frames, frame_mask(frames, torch.tensor(lengths), 2, 1))
    found = segments.spread(segments.means(frames))
    for row, length in enumerate(lengths):
        real = frames[row, :length]
        wanted = torch.cat([part.mean(0).expand_as(part) for part in real.split(campplus.SEGMENT)]) + real.mean(0)
        torch.testing.assert_close(found[row, :length], wanted)
        alone = campplus.Segments(real[None], None)
        context = alone.spread(alone.means(real[None]))[0].expand_as(real)
        torch.testing.assert_close(context, wanted)


def plain_norm(frames: torch.Tensor, norm: torch.nn.Module) -> torch.Tensor:
    """BatchNorm in training, with its statistics; of ``(B, T, C)``."""
    flat = frames.flatten(0, 1)
    return F.batch_norm(
        flat, norm.running_mean, norm.running_var, norm.weight, norm.bias, training=True, momentum=norm.momentum
    ).view_as(frames)


@pytest.mark.parametrize("momentum", [0.1, None])
def test_block_in_training_is_batchnorm_in_every_layer(momentum: float | None) -> None:
    """Outputs, gradients and running statistics against concatenation, BatchNorm, ReLU and linear layers."""
    found = []
    for shared in (True, False):
        torch.manual_seed(0)
        block = campplus.DenseBlock(6, 5, layers=3, dilation=2, bottleneck=4, growth=3).double().train()
        for norm in (one for one in block.modules() if isinstance(one, torch.nn.BatchNorm1d)):
            norm.momentum = momentum if shared else momentum or 1.0  # of a first batch the mean is the batch's
            torch.nn.init.uniform_(norm.weight, -1, 2)
            torch.nn.init.uniform_(norm.bias, -1, 1)
            norm.running_mean.uniform_()
        frames = torch.randn(4, 20, 6, dtype=torch.float64, requires_grad=True)
        segments = campplus.Segments(frames, None)
        if shared:
            out = block(frames, None, segments)
        else:
            grown = frames
            for layer in block.layers:
                hidden = layer.enter.linear(F.relu(plain_norm(grown, layer.enter.norm)))
                hidden = F.relu(plain_norm(hidden, layer.norm))
                grown = torch.cat([grown, layer.emphasise(hidden, segments)], dim=2)
            out = block.transit.linear(F.relu(plain_norm(grown, block.transit.norm)))
        out.square().sum().backward()
        gradients = {name: weight.grad for name, weight in block.named_parameters()}
        buffers = {name: value for name, value in block.named_buffers() if name.endswith(("mean", "var"))}
        found.append({"out": out.detach(), "frames": frames.grad, **gradients, **buffers})
    torch.testing.assert_close(found[0], found[1])
