"""The fusion of streams: every utterance by itself, over time, by its language."""

from __future__ import annotations

import pytest
import torch
from messages import refused
from torch import nn
from torch.nn import functional as F

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


def woken(model: Fusion) -> Fusion:
    """Gates that weigh streams unevenly, as after training."""
    for gate in model.gates.values():
        nn.init.normal_(gate[-1].weight)
    return model


@pytest.mark.parametrize("join", ["concatenate", "sum"])
@pytest.mark.parametrize("heard", ["streams", "speaker"])
def test_streams_are_normalised_weighed_and_joined(join, heard):
    model, whole = woken(make(l0=False, join=join, gate_input=heard)), batch()
    for language in CLASSES:
        logits, _, weights = model(Streams(whole.values, language))
        values = {name: F.layer_norm(part(*whole.values[name]), (8,)) for name, part in model.parts.items()}
        given = values["ge2e"] if heard == "speaker" else torch.cat([values[name] for name in STREAMS], dim=1)
        torch.testing.assert_close(weights, model.gates[language](given).softmax(dim=1))
        weighed = [4 * weights[:, [place]] * values[name] for place, name in enumerate(STREAMS)]
        if join == "sum":  # the speaker's, the third, beside the sum of the others
            weighed = [weighed[0] + weighed[1] + weighed[3], weighed[2]]
        torch.testing.assert_close(logits, model.heads[language](torch.cat(weighed, dim=1))[0])
    other = model(Streams(whole.values, "de"))[2] - weights
    assert other.abs().max() > 1e-3 and (weights[0] - weights[1]).abs().max() > 1e-3


def test_the_gate_begins_even():
    for conf in ({}, {"gate": False}, {"gate_input": "speaker"}):
        torch.testing.assert_close(make(**conf)(batch())[2], torch.full((3, 4), 0.25))


def test_the_scale_of_a_stream_says_nothing():
    """A stream with a thousand times the deviation of another weighs no more: what went wrong without a norm."""
    model, plain = make(dropout=0.0), make(dropout=0.0, stream_norm=False)
    for network, same in ((model, True), (plain, False)):
        whole = batch()
        before = network(whole)[0]
        with torch.no_grad():
            network.parts["ge2e"].linear.weight.mul_(1000)
            network.parts["ge2e"].linear.bias.mul_(1000)
        assert torch.allclose(network(whole)[0], before, atol=1e-3) is same


def test_one_stream_alone_of_any_kind_needs_no_gate():
    for name in STREAMS:
        model = make([name])
        logits, _, weights = model(batch(names=[name]))
        assert logits.shape == (3, 3) and (weights == 1).all() and not model.weighs


def test_mean_and_deviation_stand_beside_the_attention():
    """A stream of both kinds of pooling sees a frame that the attention, its values at 0, cannot."""
    streams = {"mfcc": StreamConf(features={"kind": "mfcc"}, channels=6, hidden=5, pooling="both")}
    torch.manual_seed(0)
    model = Fusion(FusionConf(size=8), streams, DIMS, CLASSES, {}).eval()
    nn.init.zeros_(model.parts["mfcc"].value.weight)
    whole = batch(names=["mfcc"])
    before = model.parts["mfcc"](*whole.values["mfcc"])
    whole.values["mfcc"][0][0, 3] += 1
    changed = (model.parts["mfcc"](*whole.values["mfcc"]) - before).abs().amax(dim=1) > 1e-4
    assert changed.tolist() == [True, False, False]
    padded = batch(extra=5, fill=float("nan"), names=["mfcc"]).values["mfcc"]
    torch.testing.assert_close(model.parts["mfcc"](*padded), before)


def test_streams_are_left_out_in_training_and_never_all_of_them():
    model = make(stream_dropout=0.7, dropout=0.0).train()
    weights = torch.cat([model(batch())[2] for _ in range(50)])
    assert 0.3 < (weights == 0).float().mean() < 0.6
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(150))
    assert (model.eval()(batch())[2] > 0).all()


def test_a_gate_that_hears_the_speaker_needs_one_and_a_language_a_head():
    with refused("fusion.gate_input", "fusion.speaker", "'ge2e'", "streams"):
        make(["mfcc", "byol"], gate_input="speaker")
    with refused("'fa'", "de, en"):
        make()(batch(language="fa"))


def test_a_head_halves_its_width_and_has_a_norm_for_each_layer():
    model = make(depths={"de": 4})
    sizes = [tuple(linear.weight.shape) for linear in model.heads["de"].linears]
    assert sizes == [(12, 32), (6, 12), (3, 6), (1, 3)]
    assert [norm.num_features for norm in model.heads["de"].norms] == [12, 6, 3, 1]
    assert model.heads["de"].classes.weight.shape == (3, 1) and model.heads["en"].classes.weight.shape == (2, 2)


def test_a_norm_of_each_language_knows_its_own_statistics():
    model = make(domain_norm=True).train()
    before = model.domain_norms["en"].running_mean.clone()
    model(batch(language="de"))
    torch.testing.assert_close(model.domain_norms["en"].running_mean, before)


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
    logits = tuned(given)[0]
    plain = make()
    plain.load_state_dict(tuned.state_dict(), strict=False)
    wanted = ((2 * frames.mean(dim=1) - 0.5) * 3)[:, None]
    normalised = Streams({**whole.values, "ge2e": (wanted, torch.ones(3).long())}, "de")
    torch.testing.assert_close(logits, plain(normalised)[0])
    logits.sum().backward()
    assert encoder.scale.grad.abs() > 0
    assert tuned.learning_rate_shares[tuned.encoders["ge2e"]] == 0.01
