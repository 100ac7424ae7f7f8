"""The Conformer: its size, its subsampling's lengths, and its blocks beside torchaudio's."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from messages import refused
from torch.nn import functional as F
from torchaudio.models import Conformer
from waiting import LIMIT

from timbre.conf import build
from timbre.models import build_encoder, conformer
from timbre.models.attention import relative_positions
from timbre.models.layers import frame_mask

SMALL = {"channels": 8, "heads": 2, "layers": 1, "feed_forward": 12, "kernel": 5}
VERIFICATION = {"layers": 6, "feed_forward": 2048, "kernel": 15, "subsampling": 2, "embedding_dim": 192}
POOLING = {"kind": "attentive_statistics"}


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("values", "dim", "bins", "total"),
    [
        ({"embedding_dim": 0}, 40, 9, 7_538_688),
        ({**VERIFICATION, "pooling": POOLING}, 80, 39, 18_601_792),
    ],
)
def test_parameter_count(values: dict, dim: int, bins: int, total: int) -> None:
    """Beside torchaudio's blocks, which have no positions; counted from the structure."""
    conf = build(conformer.Conf, values)
    encoder, channels = build_encoder(conf, dim), conf.channels
    peer = Conformer(channels, conf.heads, conf.feed_forward, conf.layers, conf.kernel)
    positions = conf.layers * (channels * channels + 2 * channels)
    subsampling = 10 * channels + (channels + channels * bins * channels)
    subsampling += 9 * channels * channels + channels if conf.subsampling == 4 else 0
    assert count(encoder.blocks) == count(peer) + positions
    assert count(encoder.subsampling) == subsampling
    behind = count(encoder.pooling) + count(encoder.head)
    assert count(encoder) == total == count(peer) + positions + subsampling + behind
    assert encoder.embedding_dim == (conf.embedding_dim or channels)


def test_block_without_positions_is_torchaudios() -> None:
    torch.manual_seed(0)
    conf = conformer.Conf(**SMALL, dropout=0.0)
    block, peer = conformer.Block(conf), Conformer(8, 2, 12, 1, 5).conformer_layers[0]
    for parameter in block.parameters():  # scales and shifts of their own
        parameter.data += 0.2 * torch.randn_like(parameter)
    for bias in (block.attention.content_bias, block.attention.position_bias, block.attention.positions.weight):
        bias.data.zero_()
    for half, ffn in ((block.enter, peer.ffn1), (block.leave, peer.ffn2)):
        ffn.sequential[0], ffn.sequential[1], ffn.sequential[4] = half[0], half[1][0], half[1][3]
    peer.self_attn_layer_norm, peer.final_layer_norm = block.attention_norm, block.norm
    peer.self_attn.in_proj_weight, peer.self_attn.in_proj_bias = block.attention.inputs.parameters()
    peer.self_attn.out_proj = block.attention.output
    ours, (enter, _, depthwise, norm, _, leave, _) = block.convolution, peer.conv_module.sequential
    peer.conv_module.layer_norm = ours.norm
    with torch.no_grad():
        for here, there in ((ours.enter, enter), (ours.leave, leave), (ours.depthwise_norm, norm)):
            there.weight.copy_(here.weight.view_as(there.weight))
            there.bias.copy_(here.bias)
        depthwise.weight.copy_(ours.depthwise.weight[:, :, 0])
        depthwise.bias.copy_(ours.depthwise.bias)
    frames = torch.randn(3, 14, 8)
    for training in (True, False):  # in training with the batch's statistics, then with the running ones
        block.train(training), peer.train(training)
        found = block(frames, relative_positions(frames), None)
        torch.testing.assert_close(found, peer(frames.transpose(0, 1), None).transpose(0, 1), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("factor", [1, 2, 4])
@torch.inference_mode()
def test_lengths_are_the_convolutions(factor: int) -> None:
    """For every length; (L >> 2) − 1 is one too few where L mod 4 is 3."""
    layer, lengths = conformer.Subsampling(7, 2, factor), torch.arange(7, 201)
    feats = torch.randn(len(lengths), 200, 7)
    _, mask = layer(feats, frame_mask(feats, lengths, 7, layer.min_frames))
    for real, length in zip(mask, lengths, strict=True):
        alone, _ = layer(feats[:1, :length], None)
        assert real.sum() == alone.shape[1] and real[: alone.shape[1]].all()
    if factor == 4:
        assert mask.sum(1)[lengths % 4 == 3].tolist() == [length // 4 for length in range(7, 201, 4)]


def test_running_statistics_are_those_of_real_frames() -> None:
    """By hand: gate, depthwise convolution, mean and variance over real frames."""
    torch.manual_seed(0)
    module = conformer.ConvolutionModule(8, 5, 0.0)
    lengths = [30, 3, 17]
    frames, mask = torch.randn(3, 30, 8) + 2, torch.arange(30) < torch.tensor(lengths)[:, None]
    module(frames, mask)
    weight, bias = module.depthwise.weight[:, :, 0], module.depthwise.bias
    gated = [F.glu(module.enter(module.norm(row[:n])), dim=1) for row, n in zip(frames, lengths, strict=True)]
    rows = torch.cat([F.conv1d(row.T, weight, bias, padding=2, groups=8).T for row in gated])
    torch.testing.assert_close(module.depthwise_norm.running_mean, 0.1 * rows.mean(0))
    torch.testing.assert_close(module.depthwise_norm.running_var, 0.9 + 0.1 * rows.var(0))


def test_order_of_frames_matters() -> None:
    """With the convolution out of the way, by positions alone."""
    torch.manual_seed(0)
    encoder = build_encoder(conformer.Conf(**{**SMALL, "kernel": 1}, subsampling=1), 6).eval()
    feats, lengths = torch.randn(1, 12, 6), torch.tensor([12])
    same = torch.allclose(encoder(feats[:, torch.randperm(12)], lengths), encoder(feats, lengths), atol=1e-5)
    for block in encoder.blocks:
        block.attention.positions.weight.data.zero_()
    without = encoder(feats[:, torch.randperm(12)], lengths)
    assert not same and torch.allclose(without, encoder(feats, lengths), atol=1e-5)


def test_what_cannot_be_is_refused() -> None:
    encoder = build_encoder(conformer.Conf(**SMALL), 8)
    with refused("6 frames", 7):
        encoder(torch.zeros(2, 9, 8), torch.tensor([9, 6]))
    assert encoder.eval()(torch.zeros(1, 7, 8), torch.tensor([7])).isfinite().all()
    with refused("encoder.subsampling=4", "6 values", 7):
        build_encoder(conformer.Conf(**SMALL), 6)
    with refused("kernel", 30):
        build(conformer.Conf, {"kernel": 30})


def test_a_narrow_depthwise_convolution_ends_in_bf16():
    """In a process of its own: code that oneDNN makes without end cannot be interrupted."""
    code = (
        "import torch; from timbre.models.layers import Convolution\n"
        "with torch.autocast('cpu', dtype=torch.bfloat16), torch.no_grad():\n"
        "    print(Convolution(16, 16, 31, groups=16)(torch.ones(4, 31, 16)).dtype)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.stdout.strip() == "torch.float32", done.stderr
