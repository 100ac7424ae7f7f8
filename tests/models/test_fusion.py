"""The fusion of streams: every utterance by itself, over time, by its language."""

from __future__ import annotations

import pytest
import torch
from messages import refused
from torch import nn

from timbre.models.fusion import Fusion, FusionConf
from timbre.models.streams import StreamConf, Streams

FRAMES = StreamConf(features={"kind": "mfcc"}, channels=6, hidden=5, layers=2)
VECTOR = StreamConf(model="somewhere")
DIMS = {"mfcc": 4, "phones": 3, "ge2e": 7, "byol": 9}
STREAMS = {"mfcc": FRAMES, "phones": FRAMES, "ge2e": VECTOR, "byol": VECTOR}
CLASSES = {"de": ["anger", "boredom", "joy"], "en": ["anger", "joy"]}


def make(streams=tuple(STREAMS), fine_tuned=None, **conf) -> Fusion:
    torch.manual_seed(0)
    chosen = {name: STREAMS[name] for name in streams}
    model = Fusion(FusionConf(size=8, widths={"de": 6, "en": 4}, **conf), chosen, DIMS, CLASSES, fine_tuned or {})
    for norm in model.modules():
        if isinstance(norm, nn.modules.batchnorm._BatchNorm):
            norm.running_mean.uniform_(-1, 1)
            norm.running_var.uniform_(0.5, 2)
    return model.eval()


def batch(lengths=((9, 11), (5, 6), (1, 2)), extra=0, fill=0.0, language="de", names=tuple(STREAMS)) -> Streams:
    """Utterances of so many frames in both streams of frames, padded by ``extra`` more with ``fill``."""
    generator, values = torch.Generator().manual_seed(1), {}
    for name in ("mfcc", "phones"):
        counts = torch.tensor([pair[name == "phones"] for pair in lengths])
        frames = torch.full((len(lengths), int(counts.max()) + extra, DIMS[name]), fill)
        for row, count in zip(frames, counts, strict=True):
            row[:count] = torch.randn(int(count), DIMS[name], generator=generator)
        values[name] = frames, counts
    for name in ("ge2e", "byol"):
        values[name] = (
            torch.randn(len(lengths), 1, DIMS[name], generator=generator),
            torch.ones(len(lengths)).long(),
        )
    return Streams({name: values[name] for name in names}, language)


def rows(whole: Streams, chosen: list[int], cut: bool = False) -> Streams:
    picked = {name: (values[chosen], lengths[chosen]) for name, (values, lengths) in whole.values.items()}
    if cut:
        picked = {name: (values[:, : int(lengths.max())], lengths) for name, (values, lengths) in picked.items()}
    return Streams(picked, whole.language)


@pytest.mark.parametrize("fill", [0.0, float("nan")])
def test_an_utterance_is_the_same_alone_and_among_others_and_padded(fill):
    model = make()
    logits, features, weights = model(batch(extra=4, fill=fill))
    for row in range(3):
        alone = model(rows(batch(), [row], cut=True))
        for got, wanted in zip(alone, (logits, features, weights), strict=True):
            assert got.shape == (1, *wanted.shape[1:])  # a batch of one stays a batch
            torch.testing.assert_close(got[0], wanted[row], atol=1e-5, rtol=0)


def test_the_order_of_a_batch_is_nothing_and_that_of_time_is_something():
    model, whole = make(), batch()
    logits = model(whole)[0]
    torch.testing.assert_close(model(rows(whole, [2, 0, 1]))[0], logits[[2, 0, 1]], atol=1e-6, rtol=0)
    frames, lengths = whole.values["mfcc"]
    turned = frames.clone()
    turned[0, : int(lengths[0])] = frames[0, : int(lengths[0])].flip(0)
    before, after = (model.parts["mfcc"](values, lengths) for values in (frames, turned))
    assert (after[0] - before[0]).abs().max() > 1e-3
    torch.testing.assert_close(after[1:], before[1:])


def test_the_gate_is_the_softmax_of_the_speaker_and_weighs_the_streams_in_every_language():
    model, whole = make(l0=False, dropout=0.0), batch()
    for language in CLASSES:
        given = Streams(whole.values, language)
        logits, _, weights = model(given)
        speaker = whole.values["ge2e"][0][:, 0]
        torch.testing.assert_close(weights, model.gates[language](speaker).softmax(dim=1))
        parts = {name: model.parts[name](*whole.values[name]) for name in ("mfcc", "phones", "byol")}
        summed = sum(weights[:, [place]] * parts[name] for place, name in ((0, "mfcc"), (1, "phones"), (3, "byol")))
        fused = torch.cat([summed, weights[:, [2]] * speaker], dim=1)
        torch.testing.assert_close(logits, model.heads[language](fused)[0])
    other = model.gates["de"](speaker).softmax(dim=1) - model.gates["en"](speaker).softmax(dim=1)
    assert other.abs().max() > 1e-3


def test_without_a_gate_all_streams_weigh_the_same():
    weights = make(gate=False)(batch())[2]
    torch.testing.assert_close(weights, torch.full((3, 4), 0.25))


def test_one_stream_alone_of_any_kind():
    for name in STREAMS:
        logits, _, weights = make([name], gate=False)(batch(names=[name]))
        assert logits.shape == (3, 3) and (weights == 1).all()


def test_streams_are_left_out_in_training_and_never_all_of_them():
    model = make(stream_dropout=0.7, dropout=0.0).train()
    weights = torch.cat([model(batch())[2] for _ in range(50)])
    assert 0.3 < (weights == 0).float().mean() < 0.6
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(150))
    assert (model.eval()(batch())[2] > 0).all()


def test_a_gate_needs_a_speaker_and_a_language_a_head():
    with refused("fusion.gate", "fusion.speaker", "'ge2e'"):
        make(["mfcc"])
    with refused("'fa'", "de, en"):
        make()(batch(language="fa"))


def test_a_head_halves_its_width_and_has_a_norm_for_each_layer():
    model = make(layers={"de": 4})
    sizes = [tuple(linear.weight.shape) for linear in model.heads["de"].linears]
    assert sizes == [(12, 15), (6, 12), (3, 6), (1, 3)]
    assert [norm.num_features for norm in model.heads["de"].norms] == [12, 6, 3, 1]
    assert model.heads["de"].classes.weight.shape == (3, 1) and model.heads["en"].classes.weight.shape == (2, 2)


def test_a_norm_of_each_language_knows_its_own_statistics():
    model = make(domain_norm=True).train()
    before = model.norms["en"].running_mean.clone()
    model(batch(language="de"))
    torch.testing.assert_close(model.norms["en"].running_mean, before)


class Doubled(nn.Module):
    """An encoder of frames (B, T, F): twice the mean of the real ones, by a weight of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, frames, lengths):
        return self.scale * frames.nan_to_num().sum(dim=1) / lengths[:, None]


def test_a_fine_tuned_model_is_trained_through_and_normalised_by_the_statistics():
    encoder, statistics = Doubled(), torch.stack([torch.full((7,), 0.5), torch.full((7,), 3.0)])
    STREAMS["ge2e"] = StreamConf(model="somewhere", fine_tuning=0.01)
    try:
        tuned = make(fine_tuned={"ge2e": (encoder, statistics)})
    finally:
        STREAMS["ge2e"] = VECTOR
    whole = batch()
    frames = torch.randn(3, 4, 7)
    given = Streams({**whole.values, "ge2e": (frames, torch.tensor([4, 4, 4]))}, "de")
    logits, _, weights = tuned(given)
    wanted = (2 * frames.mean(dim=1) - 0.5) * 3
    torch.testing.assert_close(weights, tuned.gates["de"](wanted).softmax(dim=1))
    logits.sum().backward()
    assert encoder.scale.grad.abs() > 0
    assert tuned.learning_rate_shares == {tuned.encoders["ge2e"]: 0.01}
