"""ReDimNet2: its sizes, the authors' embeddings with the authors' weights, and the frames that are cut off."""

from __future__ import annotations

import pytest
import torch
from messages import refused

from timbre.conf import build
from timbre.features.redimnet2_weights import AUTHORS
from timbre.models import build_encoder, redimnet2

TINY = {"channels": 4, "embedding_dim": 3}
TINY["stages"] = [
    {"blocks": 1, "expansion": 2, "reduction": 12},
    {"bins": 2, "frames": 2, "blocks": 2, "reduction": 12},
    {"bins": 3, "frames": 2, "blocks": 1, "reduction": 6},
]
BINS, VALUES = 12, 48


def published_shapes() -> dict[str, tuple[int, ...]]:
    """The authors' names and shapes of the weights of ``TINY``."""
    shapes = {}

    def layer(name: str, *shape: int, bias: bool = True) -> None:
        shapes[f"{name}.weight"] = shape
        if bias:
            shapes[f"{name}.bias"] = shape[:1]

    def batch_norm(name: str, channels: int) -> None:
        layer(name, channels)
        shapes.update({f"{name}.running_mean": (channels,), f"{name}.running_var": (channels,)})
        shapes[f"{name}.num_batches_tracked"] = ()

    layer("backbone.stem.0", 4, 1, 3, 3)
    layer("backbone.stem.1", 4)
    layer("backbone.stem_gnorm", VALUES)
    stages = ((8, 4, (1, 1), 1, 4), (8, 8, (2, 2), 2, 4), (24, 24, (3, 4), 1, 8))
    for number, (width, outputs, tile, blocks, hidden) in enumerate(stages):
        stage = f"backbone.stage{number}"
        shapes[f"{stage}.0.w"] = (1, number + 1, VALUES, 1)
        layer(f"{stage}.2", width, 1, *tile)
        for block in range(blocks):
            name = f"{stage}.{3 + block}.conv_block"
            for part in "12":
                layer(f"{name}.conv{part}", width, 1, 3, 3, bias=False)
                layer(f"{name}.conv{part}pw", width, width, 1, 1)
                batch_norm(f"{name}.bn{part}", width)
        place = 3 + blocks
        if width > outputs:
            layer(f"{stage}.{place}.0", outputs, width, 1, 1)
            batch_norm(f"{stage}.{place}.1", outputs)
            place += 1
        context = f"{stage}.{place + 1}"  # behind the module that makes frames of maps
        layer(f"{context}.red_dim_conv.0", hidden, VALUES, 1)
        layer(f"{context}.red_dim_conv.1", hidden)
        for index, kernel in enumerate((7, 19, 31, 59)):
            layer(f"{context}.tcm.{index}.dwconvs.0", hidden, 1, kernel)
            batch_norm(f"{context}.tcm.{index}.norm", hidden)
            layer(f"{context}.tcm.{index}.pwconv1", hidden, hidden, 1)
        for part in ("k_proj", "v_proj", "q_proj", "out_proj"):
            layer(f"{context}.tcm.4.attention.{part}", hidden, hidden)
        layer(f"{context}.tcm.4.layer_norm", hidden)
        for part in ("intermediate_dense", "output_dense"):
            layer(f"{context}.tcm.4.feed_forward.{part}", hidden, hidden)
        layer(f"{context}.tcm.4.final_layer_norm", hidden)
        layer(f"{context}.exp_dim_conv", VALUES, hidden, 1)
        layer(f"{stage}.{place + 3}", VALUES)  # behind the upsampling
    shapes["backbone.fin_wght1d.w"] = (1, 4, VALUES, 1)
    layer("pool.linear1", 128, 3 * VALUES, 1)
    layer("pool.linear2", VALUES, 128, 1)
    batch_norm("bn", 2 * VALUES)
    layer("linear", 3, 2 * VALUES)
    return shapes


def waves(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Values that are the same on every machine, variances above 0."""
    if not shape:
        return torch.tensor(7)
    count = torch.Size(shape).numel()
    values = torch.sin(torch.arange(1, count + 1, dtype=torch.float64) * (1 + len(name) / 100)).float().view(shape)
    if len(shape) > 1:
        return 0.7 * values
    return 1 + 0.5 * values if name.endswith(("running_var", ".weight")) else 0.3 * values


def tiny() -> torch.nn.Module:
    encoder = build_encoder(build(redimnet2.Conf, TINY), BINS)
    weights = {name: waves(name, shape) for name, shape in published_shapes().items()}
    conf, converted, _ = AUTHORS.encoder(weights)
    assert build(redimnet2.Conf, conf | {"size": "b2", "head": None}) == build(redimnet2.Conf, TINY)
    encoder.load_state_dict(converted)
    return encoder.eval()


@pytest.mark.parametrize(
    ("size", "parameters"), [("b0", 1_126_452), ("b1", 2_176_464), ("b2", 3_696_480), ("b3", 4_204_040)]
)
def test_parameters_are_as_many_as_the_authors_train(size: str, parameters: int) -> None:
    encoder = build_encoder(redimnet2.Conf(size=size), 72)
    assert sum(weight.numel() for weight in encoder.parameters()) == parameters


@torch.inference_mode()
def test_embeddings_are_the_authors() -> None:
    """Computed once with their network and these weights; of 19 frames it looks at 16, of 43 at 40."""
    known = torch.tensor([[-9.549515, -8.263764, 11.376030], [-9.351797, -8.257008, 11.177029]])
    feats, encoder = waves("feats", (1, 43, BINS)), tiny()
    for count, row in ((16, 0), (19, 0), (43, 1)):
        found = encoder(feats[:, :count], torch.tensor([count]))
        torch.testing.assert_close(found[0], known[row], atol=1e-4, rtol=1e-5)
    batch, lengths = feats.repeat(5, 1, 1), torch.tensor([16, 19, 43, 20, 40])
    batch[torch.arange(43) >= lengths[:, None]] = torch.nan
    found = encoder(batch, lengths)
    torch.testing.assert_close(found[[0, 1, 2, 4]], known[[0, 0, 1, 1]], atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(found[3], encoder(feats[:, :20], lengths[3:4])[0], atol=1e-4, rtol=1e-5)
    assert (found[3] - found[0]).abs().max() > 0.01  # a step of four frames is seen


def test_every_published_weight_has_a_place_or_is_refused() -> None:
    weights = {name: torch.zeros(shape) for name, shape in published_shapes().items()}
    with refused("backbone.stage1.3.conv_block.se.squeeze"):
        AUTHORS.encoder({**weights, "backbone.stage1.3.conv_block.se.squeeze.weight": torch.zeros(3)})


def test_unsuitable_sizes_are_refused_by_name() -> None:
    with refused("80 values", "redimnet2", "multiple of 12"):
        build_encoder(redimnet2.Conf(), 80)
    with refused("encoder.stages", "reduction 40"):
        build_encoder(redimnet2.Conf(channels=4), 72)
