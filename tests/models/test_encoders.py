"""Every encoder with every pooling: an utterance's embedding is its own, whatever stands beside it."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from messages import refused

from timbre.conf import Section, build, kind_module
from timbre.conf_effects import require_effect
from timbre.models import build_encoder, ecapa_tdnn, xvector

DIM = 10
POOLINGS = ["average", "statistics", "self_attentive", "attentive_statistics"]
XVECTOR = {"kind": "xvector", "channels": 16, "pooling_channels": 24, "embedding_dim": 12}
PLAIN = {"attention_norm": False, "unbiased": True, "floor": 1e-6, "add_floor": True}
ECAPA = {"kind": "ecapa_tdnn", "channels": 16, "aggregation_channels": 24, "embedding_dim": 12}
LSTM = {"kind": "lstm", "layers": 2, "hidden": 16, "embedding_dim": 12}
TRANSFORMER = {"kind": "transformer", "channels": 16, "heads": 2, "layers": 2, "feed_forward": 24}
TRANSFORMER |= {"embedding_dim": 12, "dropout": 0.0}  # what is dropped depends on the padding too
CONFORMER = {**TRANSFORMER, "kind": "conformer", "kernel": 7}
BYOLA = {"kind": "byola", "channels": 6, "embedding_dim": 12, "dropout": 0.0}
AUDIONET = {"kind": "audionet", "average": 1, "convolutions": 1, "channels": 4, "hidden": 12}
ALLOSAURUS = {"kind": "allosaurus", "layers": 2, "hidden": 8, "phones": list("abcdefghijk")}
WAV2VEC = {"kind": "wav2vec", "channels": 8, "kernels": [10, 8], "strides": [5, 4]}
WAV2VEC |= {"context_channels": 12, "context_kernels": [3, 2]}
CAMPPLUS = {"kind": "campplus", "head_channels": 2, "channels": 8, "growth": 4, "bottleneck": 6}
CAMPPLUS |= {"layers": [2, 3, 2], "embedding_dim": 12}
REDIMNET2 = {"kind": "redimnet2", "channels": 4, "embedding_dim": 12}
REDIMNET2["stages"] = [
    {"blocks": 1, "expansion": 2, "reduction": 10},
    {"bins": 2, "frames": 2, "blocks": 1, "reduction": 10},
    {"frames": 2, "blocks": 1, "reduction": 5},
]
ENCODERS = {
    "xvector": XVECTOR,
    "xvector_two": {**XVECTOR, "second_segment_layer": True},
    "ecapa": ECAPA,
    "ecapa_plain": {**ECAPA, "dense_residual": False},
    "ecapa_norm": {**ECAPA, "aggregation_norm": True},
    "ecapa_reflect": {**ECAPA, "padding": "reflect", "embedding_norm": False, "pooling": PLAIN},
    "xvector_reflect": {**XVECTOR, "padding": "reflect", "slope": 0.1, "norm_affine": True},
    "xvector_second": {**XVECTOR, "second_segment_layer": True, "embedding": "second"},
    "resnet": {"kind": "resnet", "channels": 2, "embedding_dim": 12},
    "resnet_bottleneck": {"kind": "resnet", "depth": 50, "channels": 2, "embedding_dim": 12},
    "resnet_second": {
        "kind": "resnet",
        "depth": 18,
        "channels": 4,
        "embedding_dim": 12,
        "second_segment_layer": True,
    },
    "preactivated_resnet": {
        "kind": "preactivated_resnet",
        "channels": [2, 4, 4, 6],
        "blocks": [1, 2, 1, 1],
        "embedding_dim": 12,
    },
    "campplus": CAMPPLUS,
    "eres2net_v2": {"kind": "eres2net_v2", "channels": 4, "blocks": [1, 2, 1, 2], "embedding_dim": 12},
    "redimnet2": REDIMNET2,
    "redimnet2_head": {**REDIMNET2, "size": "b0"},
    "lstm": LSTM,
    "lstm_projected": {**LSTM, "projection": 8},
    "lstm_windows": {**LSTM, "window": 16},
    "lstm_hop": {**LSTM, "window": 16, "window_hop": 5},
    "byola": BYOLA,
    "audionet": AUDIONET,
    "audionet_lstm": {**AUDIONET, "convolutions": 0},
    "transformer": TRANSFORMER,
    "transformer_head": {**TRANSFORMER, "head": [14, 12], "embedding_dim": 0},
    "conformer": CONFORMER,
    "conformer_half": {**CONFORMER, "subsampling": 2},
    "conformer_whole": {**CONFORMER, "subsampling": 1},
    "allosaurus": ALLOSAURUS,
    "allosaurus_stacked": {**ALLOSAURUS, "stack": 3},
    "wav2vec": WAV2VEC,
    "wav2vec_large": {**WAV2VEC, "context_skip": True, "log_compression": True},
}


def conf_of(name: str) -> type[Section]:
    return kind_module("timbre.models", ENCODERS[name]["kind"]).Conf


EVERY = pytest.mark.parametrize(
    ("name", "pooling"),
    [(name, kind) for name in ENCODERS for kind in (POOLINGS if "pooling" in conf_of(name).model_fields else [""])],
)
EVERY_KIND = pytest.mark.parametrize(
    "name",
    [
        "xvector",
        "ecapa",
        "resnet",
        "preactivated_resnet",
        "campplus",
        "eres2net_v2",
        "redimnet2",
        "lstm",
        "byola",
        "audionet",
        "transformer",
        "conformer",
        "wav2vec",
        "allosaurus",
    ],
)


def make(name: str, pooling: str = "", **others: object) -> torch.nn.Module:
    values = {**ENCODERS[name], **others}
    values |= {"pooling": {**values.get("pooling", {}), "kind": pooling}} if pooling else {}
    conf = build(conf_of(name), values)
    torch.manual_seed(0)
    encoder = build_encoder(conf, DIM)
    for norm in encoder.modules():  # as trained: a shift or scale of 0 and 1 would hide what padding does
        if isinstance(norm, torch.nn.modules.batchnorm._BatchNorm):
            norm.running_mean.uniform_(-1, 1)
            norm.running_var.uniform_(0.5, 2)
            if norm.affine:
                torch.nn.init.uniform_(norm.weight, 0.5, 2)
                torch.nn.init.uniform_(norm.bias, -1, 1)
    return encoder.eval()


def padded(utterances: list[torch.Tensor], extra: int = 0, fill: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    lengths = torch.tensor([len(utterance) for utterance in utterances])
    feats = torch.full((len(utterances), int(lengths.max()) + extra, DIM), fill)
    for row, utterance in zip(feats, utterances, strict=True):
        row[: len(utterance)] = utterance
    return feats, lengths


def utterances(*lengths: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [3 * torch.randn(length, DIM, generator=generator) + 1 for length in lengths]


@EVERY
@torch.inference_mode()
def test_embedding_is_the_same_alone_padded_and_beside_any_neighbour(name: str, pooling: str) -> None:
    encoder = make(name, pooling)
    spoken = utterances(40, 17, 90, encoder.min_frames, 41)
    alone = torch.cat([encoder(utterance[None], torch.tensor([len(utterance)])) for utterance in spoken])
    assert alone.isfinite().all()
    assert torch.pdist(alone).min() > 2e-4  # they differ, or the rest would say nothing
    for extra, fill in ((0, 0.0), (100, 0.0), (7, float("nan"))):  # what stands in the padding is not looked at
        torch.testing.assert_close(encoder(*padded(spoken, extra, fill)), alone, atol=1e-5, rtol=0)
    order = [3, 0, 4, 2, 1]
    shuffled = encoder(*padded([spoken[index] for index in order]))
    torch.testing.assert_close(shuffled, alone[order], atol=1e-5, rtol=0)


def objective(embeddings: torch.Tensor) -> torch.Tensor:
    """A sum with fixed random weights: sums of squares are constants behind a BatchNorm or on the unit sphere."""
    return (embeddings * torch.randn(embeddings.shape, generator=torch.Generator().manual_seed(2))).sum()


@EVERY
@pytest.mark.parametrize("training", [True, False])
def test_batch_without_padding_is_not_masked(name: str, pooling: str, training: bool, monkeypatch) -> None:
    encoder = make(name, pooling).train(training)
    feats, lengths = torch.randn(3, 40, DIM), torch.full((3,), 40)

    def refuse(*args: object) -> None:
        raise AssertionError("masking")

    for masking in ("masked_fill", "masked_scatter"):
        monkeypatch.setattr(torch.Tensor, masking, refuse)
    encoder(feats, lengths)
    with refused("masking", error=AssertionError):
        encoder(feats, lengths - 1)


@EVERY
def test_gradients_are_finite_with_the_shortest_utterances(name: str, pooling: str) -> None:
    encoder = make(name, pooling).train()
    feats, lengths = padded(utterances(encoder.min_frames, encoder.min_frames, 30))
    objective(encoder(feats.requires_grad_(), lengths)).backward()
    assert feats.grad.isfinite().all() and feats.grad[2].any()
    assert not feats.grad[0, encoder.min_frames :].any()
    assert all(weight.grad.isfinite().all() for weight in encoder.parameters() if weight.requires_grad)


@EVERY
def test_training_on_padded_batches_is_training_on_real_frames(name: str, pooling: str) -> None:
    """BatchNorm's statistics, running ones included, are those of the real frames, however many are padded.

    In float64: BatchNorm over three embeddings makes errors of 1e-3 in a gradient out of the rounding of fp32.
    """
    states = []
    for extra in (0, 50):
        encoder = make(name, pooling).double().train()
        feats, lengths = padded(utterances(40, 40, 40), extra)
        out = encoder(feats.double(), lengths)
        objective(out).backward()
        gradients = {key: parameter.grad for key, parameter in encoder.named_parameters()}
        states.append({"out": out.detach(), **gradients, **dict(encoder.named_buffers())})
    torch.testing.assert_close(states[1], states[0], atol=1e-10, rtol=1e-10)


@EVERY_KIND
@pytest.mark.usefixtures("native_bf16")
@torch.inference_mode()
def test_bf16_autocast_is_close(name: str) -> None:
    encoder = make(name)
    feats, lengths = padded(utterances(60, 30))
    exact = encoder(feats, lengths)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = encoder(feats, lengths).float()
    assert torch.cosine_similarity(exact, rough).min() > 0.999
    assert not torch.equal(exact, rough)


@EVERY_KIND
def test_bad_batches_are_refused_by_name(name: str) -> None:
    encoder = make(name)
    least = encoder.min_frames
    with refused(f"{least - 1} frames", least):
        encoder(torch.zeros(2, 40, DIM), torch.tensor([40, least - 1]))
    with refused("7 values", DIM):
        encoder(torch.zeros(1, 40, 7), torch.tensor([40]))
    with refused(41, 40):
        encoder(torch.zeros(1, 40, DIM), torch.tensor([41]))


def test_conf_refuses_idle_and_unknown_keys() -> None:
    with refused("pooling.bottleneck 64", "pooling.kind average", "attentive_statistics"):
        require_effect(build(xvector.Conf, {"pooling": {"kind": "average", "bottleneck": 64}}))
    with refused("'pooling.botleneck'", "'bottleneck'"):
        build(ecapa_tdnn.Conf, {"pooling": {"botleneck": 64}})
    assert build(ecapa_tdnn.Conf, {"pooling": {"bottleneck": 64}}).pooling.kind == "attentive_statistics"
    with refused("channels", 8, 20):
        build(ecapa_tdnn.Conf, {"channels": 20})


@EVERY_KIND
def test_a_training_step_leaves_nothing_behind(name: str) -> None:
    """No cycle through the graph, which nothing collects, keeps a step's tensors alive."""
    encoder = make(name).train()
    feats, lengths = torch.randn(4, 60, DIM), torch.full((4,), 60)
    kept = []

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept.append(weakref.ref(tensor.untyped_storage()))
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        objective(encoder(feats, lengths)).backward()
    owned = {value.untyped_storage().data_ptr() for value in (*encoder.parameters(), *encoder.buffers(), feats)}
    gc.collect()
    left = [storage() for storage in kept if storage() is not None]
    assert not [storage for storage in left if storage.data_ptr() not in owned]
