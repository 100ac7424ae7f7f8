"""LSTM: its size, its last state, its windows, and what a dead ReLU leaves."""

from __future__ import annotations

import pytest
import torch
from messages import refused
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence

from timbre.conf import build
from timbre.losses import build_loss, ge2e
from timbre.models import build_encoder, lstm

SMALL = {"layers": 2, "hidden": 16, "embedding_dim": 8}
LENGTHS = torch.tensor([5, 40, 16, 17, 1, 24, 33])


def make(**values: int) -> tuple[torch.nn.Module, torch.Tensor]:
    """An encoder in evaluation mode, and a batch for it padded with NaN."""
    torch.manual_seed(0)
    encoder = build_encoder(lstm.Conf(**SMALL, **values), 4).eval()
    feats = 3 * torch.randn(len(LENGTHS), 50, 4)
    return encoder, feats.masked_fill((torch.arange(50) >= LENGTHS[:, None])[:, :, None], torch.nan)


@pytest.mark.parametrize(("values", "count"), [({}, 1_423_616), ({"hidden": 768, "projection": 256}, 4_729_088)])
def test_parameter_count(values: dict[str, int], count: int) -> None:
    encoder = build_encoder(lstm.Conf(**values), 40)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == count
    assert encoder.embedding_dim == 256


@pytest.mark.parametrize("projection", [0, 6])
def test_embedding_is_of_the_last_real_frame(projection: int) -> None:
    """The packed form's final state, linear, ReLU, length 1."""
    encoder, feats = make(projection=projection)
    packed = pack_padded_sequence(feats, LENGTHS, batch_first=True, enforce_sorted=False)
    expected = F.relu(encoder.embedding(encoder.lstm(packed)[1][0][-1]))
    out = encoder(feats, LENGTHS)
    torch.testing.assert_close(out, expected / expected.norm(dim=1, keepdim=True), atol=1e-5, rtol=0)
    torch.testing.assert_close(out.norm(dim=1), torch.ones(len(LENGTHS)))
    assert (out == 0).any()  # the ReLU is there


def test_windows_overlap_by_half_and_the_last_reaches_the_end() -> None:
    numbered = torch.arange(50.0)[None, :, None] + 100 * torch.arange(len(LENGTHS))[:, None, None]
    parts, sizes, owner = lstm.windows(numbered, LENGTHS, 16, 8)
    spans = [(row, int(part[0]) % 100, int(size)) for row, part, size in zip(owner, parts, sizes, strict=True)]
    begins = {0: [0], 1: [0, 8, 16, 24], 2: [0], 3: [0, 1], 4: [0], 5: [0, 8], 6: [0, 8, 16, 17]}
    expected = [(row, begin, min(16, int(LENGTHS[row]))) for row in begins for begin in begins[row]]
    assert spans == expected
    for (row, begin, size), part in zip(spans, parts, strict=True):
        assert torch.equal(part[:size], numbered[row, begin : begin + size])


def test_windows_may_follow_each_other_at_another_distance() -> None:
    encoder = make(window=16, window_hop=5)[0]
    _, _, owner = lstm.windows(torch.zeros(1, 30, 4), torch.tensor([30]), encoder.window, encoder.hop)
    assert len(owner) == 4  # from 0, 5, 10, 14
    assert make(window=15)[0].hop == 8
    with refused("window_hop 17", 16):
        build(lstm.Conf, {"window": 16, "window_hop": 17})


def test_windows_are_averaged_and_normalised_again() -> None:
    encoder, feats = make(window=16)
    begins = [[0], [0, 8, 16, 24], [0], [0, 1], [0], [0, 8], [0, 8, 16, 17]]
    whole = make()[0]
    for row, out in enumerate(encoder(feats, LENGTHS)):
        parts = [feats[row, begin : min(begin + 16, int(LENGTHS[row]))] for begin in begins[row]]
        mean = torch.cat([whole(part[None], torch.tensor([len(part)])) for part in parts]).mean(0)
        torch.testing.assert_close(out, mean / mean.norm(), atol=1e-5, rtol=0)
    assert (encoder(feats, LENGTHS) - whole(feats, LENGTHS)).abs().max() > 1e-3
    torch.testing.assert_close(make(window=40)[0](feats, LENGTHS), whole(feats, LENGTHS))


def test_training_sees_whole_crops() -> None:
    windowed, feats = make(window=16)
    assert torch.equal(windowed.train()(feats, LENGTHS), make()[0].train()(feats, LENGTHS))


@pytest.mark.parametrize("window", [0, 16])
def test_dead_relu_is_finite_in_value_and_gradient(window: int) -> None:
    """All embeddings zero, and through GE2E, which divides by lengths and by centroids' too."""
    encoder, feats = make(window=window)
    encoder.embedding.bias.data.fill_(-100.0)
    out = encoder(feats[:6], LENGTHS[:6])
    assert not out.any()
    build_loss(ge2e.Conf(), 8, 3)(out, torch.tensor([0, 0, 1, 1, 2, 2])).loss.backward()
    assert all(parameter.grad.isfinite().all() for parameter in encoder.parameters())


def test_projection_must_shrink() -> None:
    with refused("projection 16", "hidden"):
        build(lstm.Conf, {"hidden": 16, "projection": 16})
