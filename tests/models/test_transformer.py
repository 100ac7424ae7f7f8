"""The Transformer encoder: its size, and its layers beside torch's."""

from __future__ import annotations

import pytest
import torch

from timbre.models import build_encoder, transformer

SIMPLE = {"channels": 80, "heads": 2, "layers": 1, "feed_forward": 256, "head": (80,), "embedding_dim": 0}
MEDIUM = {"channels": 512, "heads": 16, "layers": 2, "feed_forward": 1024, "head": (512, 256), "embedding_dim": 0}


@pytest.mark.parametrize(("values", "head"), [(SIMPLE, 80 * 81), (MEDIUM, 512 * 513 + 513 * 256)])
def test_parameter_count(values: dict, head: int) -> None:
    """Beside the published systems' parts; their last layer is the classifier."""
    encoder = build_encoder(transformer.Conf(**values), 40)
    channels = values["channels"]
    layer = torch.nn.TransformerEncoderLayer(channels, values["heads"], values["feed_forward"])
    expected = 41 * channels + values["layers"] * sum(parameter.numel() for parameter in layer.parameters()) + head
    assert sum(parameter.numel() for parameter in encoder.parameters()) == expected
    assert encoder.embedding_dim == values["head"][-1]


def torchs(layer: transformer.Layer, conf: transformer.Conf) -> torch.nn.Module:
    """torch's layer with the same weights."""
    other = torch.nn.TransformerEncoderLayer(
        conf.channels, conf.heads, conf.feed_forward, dropout=0.0, batch_first=True
    )
    other.self_attn.in_proj_weight, other.self_attn.in_proj_bias = layer.attention.inputs.parameters()
    other.self_attn.out_proj = layer.attention.output
    other.norm1, other.norm2 = layer.attention_norm, layer.feed_forward_norm
    other.linear1, other.linear2 = layer.feed_forward[0], layer.feed_forward[3]
    return other


def test_embedding_is_that_of_torchs_layers() -> None:
    torch.manual_seed(0)
    conf = transformer.Conf(channels=8, heads=2, layers=3, feed_forward=12, head=[10], embedding_dim=5, dropout=0.0)
    encoder = build_encoder(conf, 6).train()  # evaluation mode would take torch's fused form, which has no gradient
    for norm in encoder.modules():
        if isinstance(norm, torch.nn.LayerNorm):
            torch.nn.init.uniform_(norm.weight, 0.5, 2)
            torch.nn.init.uniform_(norm.bias, -1, 1)
    feats, lengths = torch.randn(3, 11, 6), torch.tensor([11, 1, 6])
    padding = torch.arange(11) >= lengths[:, None]
    frames = encoder.first(feats)
    for layer in encoder.layers:
        frames = torchs(layer, conf)(frames, src_key_padding_mask=padding)
    mean = torch.stack([row[:count].mean(0) for row, count in zip(frames, lengths, strict=True)])
    hidden, embedding = encoder.head[0], encoder.head[2]
    wanted = embedding(hidden(mean).relu())
    torch.testing.assert_close(encoder(feats, lengths), wanted, atol=1e-5, rtol=1e-5)


def test_dropout_is_of_training_alone() -> None:
    conf = transformer.Conf(**SIMPLE)
    encoder, batch = build_encoder(conf, 6), (torch.randn(2, 9, 6), torch.full((2,), 9))
    assert not torch.equal(encoder(*batch), encoder(*batch))
    assert torch.equal(encoder.eval()(*batch), encoder(*batch))
