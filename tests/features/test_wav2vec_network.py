"""wav2vec's network: counts, padding, pieces of long audio, bf16. Its numbers are in test_published_wav2vec.py."""

from __future__ import annotations

import pytest
import torch
from messages import refused

from timbre.conf import build
from timbre.features import wav2vec_network
from timbre.features.wav2vec_network import Layer, Network, NetworkConf

SMALL = {"channels": 8, "context_channels": 6, "context_kernels": (3, 4)}
LARGE = {**SMALL, "kernels": (10, 8, 4, 4, 4, 1, 1), "strides": (5, 4, 2, 2, 2, 1, 1)}
LARGE |= {"context_skip": True, "log_compression": True}


def make(**values: object) -> Network:
    torch.manual_seed(0)
    network = Network(build(NetworkConf, values))
    for norm in network.modules():  # as trained: a shift of 0 would hide what padding does
        if isinstance(norm, torch.nn.GroupNorm):
            torch.nn.init.uniform_(norm.weight, 0.5, 2)
            torch.nn.init.uniform_(norm.bias, -0.2, 1)
    return network


def spoken(*lengths: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [0.1 * torch.randn(length, generator=generator) + 0.05 for length in lengths]


def test_sizes_of_the_paper() -> None:
    conf = NetworkConf()
    assert (conf.reach, conf.hop) == (465, 160)
    assert build(NetworkConf, LARGE).reach == 465  # layers of kernel 1 see no more
    assert sum(weight.numel() for weight in Network(conf).parameters()) == 512 * (
        10 + 512 * (8 + 4 + 4 + 4) + 2 * 5 + 9 * (3 * 512 + 1 + 2)
    )


@pytest.mark.parametrize("count", [465, 624, 625, 3000, 16000])
@torch.inference_mode()
def test_frames_are_counted_by_the_convolutions(count: int) -> None:
    latents, contexts, lengths = make(**SMALL)(spoken(count)[0][None], torch.tensor([count]))
    assert latents.shape == (1, (count - 465) // 160 + 1, 8)
    assert contexts.shape[1:] == (latents.shape[1], 6) and lengths.tolist() == [latents.shape[1]]


@pytest.mark.parametrize("conf", [SMALL, LARGE], ids=["base", "large"])
@pytest.mark.parametrize("fill", [0.0, 1e3, float("nan")])
@torch.inference_mode()
def test_an_utterance_has_its_own_frames_in_any_batch(conf: dict, fill: float) -> None:
    network, rows = make(**conf), spoken(4000, 465, 9000, 1777)
    counts = torch.tensor([len(row) for row in rows])
    batch = torch.full((len(rows), 9500), fill)
    for place, row in zip(batch, rows, strict=True):
        place[: len(row)] = row
    latents, contexts, lengths = network(batch, counts)
    for place, row in enumerate(rows):
        alone = network(row[None], counts[place : place + 1])
        for found, wanted in zip((latents, contexts), alone, strict=False):
            count = wanted.shape[1]
            assert lengths[place] == count and wanted.abs().max() > 0.1
            torch.testing.assert_close(found[place, :count], wanted[0], atol=1e-5, rtol=0)
            assert not found[place, count:].any()


@pytest.mark.parametrize("conf", [SMALL, LARGE], ids=["base", "large"])
@pytest.mark.parametrize("count", [465, 5000, 20011])
@torch.inference_mode()
def test_pieces_change_no_number(conf: dict, count: int, monkeypatch) -> None:
    """A normalisation of each piece by itself would: the utterance grows louder and louder."""
    monkeypatch.setattr(wav2vec_network, "PIECE", 100)
    network, samples = make(**conf), spoken(count)[0] * torch.linspace(0.1, 2, count)
    wanted = network(samples[None], torch.tensor([count]))[1][0]
    torch.testing.assert_close(network.contexts(samples), wanted, atol=1e-5, rtol=0)


def test_the_first_context_frame_sees_copies_of_itself_and_none_sees_the_future() -> None:
    layer = Layer(2, 3, 4, causal=True)
    frames = torch.randn(1, 9, 2)
    out = layer.convolve(frames)
    repeated = torch.cat([frames[:, :1]] * 3 + [frames], dim=1)
    torch.testing.assert_close(out, layer.convolve(repeated)[:, 3:])
    later = frames.clone()
    later[:, 5:] += 1
    changed = (layer.convolve(later) != out).any(dim=2)[0]
    assert changed.tolist() == [False] * 5 + [True] * 4


@pytest.mark.parametrize("padded", [0, 3])
def test_statistics_are_fp32_in_bf16(padded: int) -> None:
    """Sums of thousands of bf16 values around 5 in bf16 would stop growing at 2048."""
    layer, frames = Layer(4, 4, 1), (5 + torch.randn(1, 4000 + padded, 4)).bfloat16()
    lengths = torch.tensor([4000])
    exact = layer.normalise(frames.float(), lengths)
    with torch.autocast("cpu", torch.bfloat16):
        rough = layer.normalise(frames, lengths)
    assert rough.dtype == torch.bfloat16
    torch.testing.assert_close(rough.float(), exact, atol=0.05, rtol=0.02)


def test_gradients_pass_by_padding() -> None:
    network = make(**LARGE)
    samples = torch.stack([torch.nn.functional.pad(row, (0, 900 - len(row))) for row in spoken(800, 465)])
    samples = samples.requires_grad_()
    network(samples, torch.tensor([800, 465]))[1].square().sum().backward()
    assert samples.grad.isfinite().all() and samples.grad[0, :785].any() and not samples.grad[1, 465:].any()
    assert all(weight.grad.isfinite().all() for weight in network.parameters())


def test_kernels_want_strides() -> None:
    with refused("5 kernels", "2 strides"):
        build(NetworkConf, {"strides": (5, 4)})
