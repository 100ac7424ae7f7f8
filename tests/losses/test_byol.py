"""BYOL: its distance, who learns and who follows, and the memory, resumed to the bit."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from messages import refused

from timbre.conf import build
from timbre.losses import build_objective, byol
from timbre.models import build_encoder, byola

SMALL = {"frames": 16, "hidden": 12, "projection": 6, "memory": 10}


def make(**values: object) -> tuple[torch.nn.Module, byol.Objective]:
    torch.manual_seed(0)
    encoder = build_encoder(byola.Conf(channels=4, embedding_dim=10), 9)
    return encoder.train(), build_objective(byol.Conf(**SMALL | values), encoder).train()


def batch(seed: int = 1, rows: int = 4) -> tuple[torch.Tensor, torch.Tensor, list[str]]:
    feats = torch.randn(rows, 16, 9, generator=torch.Generator().manual_seed(seed))
    return feats, torch.full((rows,), 16), [f"u{row}" for row in range(rows)]


def step(encoder: torch.nn.Module, objective: byol.Objective, seed: int = 1) -> dict[str, torch.Tensor]:
    """A step of gradient descent on the batch of a seed."""
    torch.manual_seed(seed)
    found = objective(encoder, *batch(seed))
    found["loss"].backward()
    with torch.no_grad():
        for weight in [*encoder.parameters(), *objective.parameters()]:
            if weight.grad is not None:
                weight -= 0.1 * weight.grad
                weight.grad = None
    return found


def test_distance_is_0_of_the_same_direction_and_4_of_the_opposite() -> None:
    rows = torch.tensor([[3.0, 4.0], [1.0, 0.0]])
    torch.testing.assert_close(byol.distance(rows, 7 * rows), torch.zeros(2), atol=1e-6, rtol=0)
    torch.testing.assert_close(byol.distance(rows, -rows), torch.full((2,), 4.0))
    torch.testing.assert_close(
        byol.distance(rows, rows @ torch.tensor([[0.0, 1.0], [-1.0, 0.0]])), torch.full((2,), 2.0)
    )
    assert byol.distance(rows.bfloat16(), rows.bfloat16()).dtype == torch.float32


def test_loss_is_of_each_view_predicted_from_the_other() -> None:
    """In evaluation, term by term, from views that are made alike."""
    encoder, objective = make()
    encoder.eval(), objective.eval()
    feats, lengths, names = batch()
    torch.manual_seed(5)
    found = objective(encoder, feats, lengths, names)["loss"]
    torch.manual_seed(5)
    first, second = objective._views(feats)
    assert (first - second).abs().max() > 0.1
    terms = []
    for view, other in ((first, second), (second, first)):
        p = objective.predictor(objective.projector(encoder(view, lengths)))
        z = objective.target_projector(objective.target_encoder(other, lengths))
        terms.append(2 - 2 * torch.cosine_similarity(p, z))
    torch.testing.assert_close(found, (terms[0] + terms[1]).mean())


def test_targets_have_no_gradient_and_follow_in_training_only() -> None:
    encoder, objective = make(momentum=0.9)
    objective(encoder, *batch())["loss"].backward()
    followers = [*objective.target_encoder.parameters(), *objective.target_projector.parameters()]
    online = [*encoder.parameters(), *objective.projector.parameters()]
    assert all(weight.grad is None and not weight.requires_grad for weight in followers)
    assert all(weight.grad is not None for weight in [*online, *objective.predictor.parameters()])
    before = [weight.clone() for weight in followers]
    with torch.no_grad():
        for weight in online:
            weight += 1
    objective.eval()(encoder, *batch())
    assert all(torch.equal(*pair) for pair in zip(followers, before, strict=True))
    objective.train()(encoder, *batch())
    for weight, old, new in zip(followers, before, online, strict=True):
        torch.testing.assert_close(weight, 0.9 * old + 0.1 * new)


def test_targets_begin_where_training_does() -> None:
    """Weights that were put into the encoder after the objective was made."""
    encoder, objective = make()
    with torch.no_grad():
        for weight in encoder.parameters():
            weight += 1
    objective(encoder, *batch())
    for weight, follower in zip(encoder.parameters(), objective.target_encoder.parameters(), strict=True):
        assert torch.equal(weight, follower)


def test_memory_holds_the_latest_crops_and_evaluation_leaves_it() -> None:
    encoder, objective = make()
    for seed in (1, 2, 3):
        objective(encoder, *batch(seed))
    kept = torch.cat([batch(seed)[0] for seed in (1, 2, 3)])  # 12 crops in 10 places: the first two are gone
    assert torch.equal(objective.memory, torch.cat([kept[10:], kept[2:10]]))
    objective.eval()(encoder, *batch(4))
    assert torch.equal(objective.memory[2:], kept[2:10]) and objective.seen == 12
    small = make(memory=3)[1]
    small(encoder, *batch(1))
    assert torch.equal(small.memory, batch(1)[0][1:])


def test_what_is_mixed_in_comes_from_the_memory() -> None:
    """Crops of silence, among loud ones: no view is louder than silence before the memory has heard a loud one."""
    objective = make(mixup=0.9, scale=(1.0, 1.0), canvas=1.0)[1]
    objective.norm = torch.nn.Identity()
    silence, loud = torch.full((4, 16, 9), -5.0), torch.full((4, 16, 9), 5.0)
    assert torch.cat(objective._views(silence)).max() < -4.99
    objective._views(loud)
    assert torch.cat(objective._views(silence)).amax(dim=(1, 2)).gt(0).sum() >= 2
    objective.eval()
    assert torch.cat(objective._views(silence)).max() < -4.99  # others of the batch, and the memory not at all


def test_views_have_mean_0_and_deviation_1() -> None:
    views = torch.cat(make()[1]._views(7 + 3 * batch()[0]))
    torch.testing.assert_close(
        torch.stack([views.mean(), views.std()]), torch.tensor([0.0, 1.0]), atol=1e-2, rtol=0
    )


def test_another_state_goes_on_to_the_bit() -> None:
    encoder, objective = make()
    step(encoder, objective, 1)
    saved = deepcopy((encoder.state_dict(), objective.state_dict()))
    wanted = [step(encoder, objective, seed)["loss"] for seed in (2, 3)]
    encoder, objective = make(momentum=0.99)
    step(encoder, objective, 9)
    encoder.load_state_dict(saved[0])
    objective.load_state_dict(saved[1])
    found = [step(encoder, objective, seed)["loss"] for seed in (2, 3)]
    assert torch.equal(torch.stack(found), torch.stack(wanted))


def test_training_brings_views_together() -> None:
    encoder, objective = make(momentum=0.5)
    first = step(encoder, objective)["loss"]
    for _ in range(60):
        last = step(encoder, objective)["loss"]
    assert last < 0.5 * first


def test_spread_tells_a_collapse() -> None:
    torch.manual_seed(0)
    assert byol.spread(torch.ones(8, 5) * torch.arange(1, 9)[:, None]) < 1e-3
    assert byol.spread(torch.randn(1000, 50)) == pytest.approx(1, abs=0.05)


def test_bf16_keeps_the_loss_in_fp32() -> None:
    encoder, objective = make()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = objective(encoder, *batch())
    assert found["loss"].dtype == torch.float32 and 0 < found["loss"] < 8


def test_crops_of_another_length_are_refused() -> None:
    encoder, objective = make()
    feats, lengths, names = batch()
    with refused("15 to 16 frames", "loss.frames=16", "train.crop_frames"):
        objective(encoder, feats, lengths - torch.tensor([0, 1, 0, 0]), names)
    with refused("12 to 12 frames", "loss.frames=16", "train.crop_frames"):
        objective(encoder, feats[:, :12], lengths - 4, names)
    with refused("scale", "[1.5, 0.6]"):
        build(byol.Conf, {"scale": [1.5, 0.6]})
