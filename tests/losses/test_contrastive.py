"""wav2vec's objective: a loop over all pairs, draws, padding, and the batches at its edges."""

from __future__ import annotations

import math

import pytest
import torch
from messages import refused

from timbre.losses import build_objective, contrastive
from timbre.models import build_encoder, lstm, wav2vec

LENGTHS = torch.tensor([9, 2, 6, 1])
WIDTH, DIM = 5, 4


def make(steps: int = 3, negatives: int = 4) -> torch.nn.Module:
    torch.manual_seed(0)
    encoder = build_encoder(wav2vec.Conf(channels=WIDTH, context_channels=DIM, context_kernels=(2,)), 160)
    objective = build_objective(contrastive.Conf(steps=steps, negatives=negatives), encoder)
    objective.predict.reset_parameters()  # as trained: they begin at 0
    return objective.double()


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    """Latents and contexts of four rows, as an encoder gives them: zero where padded."""
    generator = torch.Generator().manual_seed(1)
    real = (torch.arange(9) < LENGTHS[:, None])[:, :, None]
    drawn = [torch.randn(4, 9, width, generator=generator, dtype=torch.float64) for width in (WIDTH, DIM)]
    return drawn[0] * real, drawn[1] * real


def looped(objective, latents, contexts, lengths, negatives) -> tuple[torch.Tensor, float]:
    """The paper's sum, pair by pair."""
    terms, right = [], []
    for row, length in enumerate(lengths.tolist()):
        for i in range(length):
            for k in range(1, objective.steps + 1):
                if i + k >= length:
                    continue
                weight = objective.predict.weight.view(objective.steps, WIDTH, DIM)[k - 1]
                made = weight @ contexts[row, i] + objective.predict.bias.view(objective.steps, WIDTH)[k - 1]
                truth = latents[row, i + k] @ made - math.log(negatives.shape[2])
                others = torch.stack([latents[row, place] @ made for place in negatives[row, i + k]])
                others = others - math.log(negatives.shape[2])
                terms.append(-truth.sigmoid().log() - len(others) * (-others).sigmoid().log().mean())
                right.append(bool((truth > others).all()))
    return torch.stack(terms).mean(), sum(right) / len(right)


@pytest.mark.parametrize("steps", [1, 3, 12])
def test_is_the_loop_in_value_and_gradient(steps: int) -> None:
    objective, (latents, contexts) = make(steps), batch()
    latents, contexts = latents.requires_grad_(), contexts.requires_grad_()
    negatives = objective.draw(LENGTHS, 9, latents.device)
    loss, accuracy = looped(objective, latents, contexts, LENGTHS, negatives)
    found = objective.contrast(latents, contexts, LENGTHS, negatives)
    torch.testing.assert_close(found["loss"], loss)
    assert found["accuracy"].item() == pytest.approx(accuracy) and 0 < accuracy < 1
    inputs = (latents, contexts, objective.predict.weight)
    for mine, theirs in zip(
        torch.autograd.grad(found["loss"], inputs), torch.autograd.grad(loss, inputs), strict=True
    ):
        torch.testing.assert_close(mine, theirs)


def test_it_begins_at_the_best_of_those_who_do_not_look() -> None:
    """A constant product with all candidates is best where it begins: the encoder is not pushed anywhere."""
    encoder = build_encoder(wav2vec.Conf(channels=WIDTH, context_channels=DIM, context_kernels=(2,)), 160)
    objective, (latents, contexts) = build_objective(contrastive.Conf(negatives=10), encoder).double(), batch()
    latents = latents.requires_grad_()
    found = objective.contrast(latents, contexts, LENGTHS, objective.draw(LENGTHS, 9, latents.device))
    assert found["loss"].item() == pytest.approx(math.log(11) + 10 * math.log(11 / 10))
    assert found["accuracy"].item() == 0  # as high as a negative is not above it
    found["loss"].backward()
    assert not latents.grad.any() and objective.predict.weight.grad.any()
    constant = torch.ones(1, 9, WIDTH, dtype=torch.float64)
    same = objective.contrast(constant, contexts[:1], LENGTHS[:1], torch.zeros(1, 9, 10, dtype=torch.int64))
    gradient = torch.autograd.grad(same["loss"], objective.predict.bias)[0]
    torch.testing.assert_close(gradient, torch.zeros_like(gradient), atol=1e-12, rtol=0)


def test_negatives_are_uniform_over_the_other_frames_of_the_row() -> None:
    objective = make(negatives=20_000)
    drawn = objective.draw(LENGTHS, 9, torch.device("cpu"))
    for row, length in enumerate(LENGTHS[:3].tolist()):
        for place in range(length):
            counts = torch.bincount(drawn[row, place], minlength=9)
            assert counts[place] == 0 and not counts[length:].any()
            expected = 20_000 / (length - 1)
            others = torch.arange(length) != place
            assert (counts[:length][others] - expected).abs().max() < 5 * math.sqrt(expected) * (length > 2) + 1
    assert drawn.min() >= 0 and drawn.max() < 9


def test_draws_are_those_of_the_global_generator() -> None:
    objective, draws = make(), []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        draws.append(objective.draw(LENGTHS, 9, torch.device("cpu")))
    assert torch.equal(draws[0], draws[1]) and not torch.equal(draws[0], draws[2])


def test_a_row_has_its_loss_beside_any_neighbour_and_padding() -> None:
    objective, (latents, contexts) = make(), batch()
    negatives = objective.draw(LENGTHS, 9, latents.device)
    sums, counts = 0.0, 0
    for row, length in enumerate(LENGTHS[:3].tolist()):
        alone = (part[row : row + 1, :length] for part in (latents, contexts))
        found = objective.contrast(*alone, LENGTHS[row : row + 1], negatives[row : row + 1, :length])
        predictions = sum(max(length - k, 0) for k in (1, 2, 3))
        sums, counts = sums + found["loss"] * predictions, counts + predictions
    together = objective.contrast(latents, contexts, LENGTHS, negatives)["loss"]
    torch.testing.assert_close(together, sums / counts)
    beyond = latents + 100 * (torch.arange(9) >= LENGTHS[:, None])[:, :, None]
    torch.testing.assert_close(objective.contrast(beyond, contexts, LENGTHS, negatives)["loss"], together)


def test_with_an_encoder_in_bf16() -> None:
    torch.manual_seed(0)
    encoder = build_encoder(wav2vec.Conf(channels=8, context_channels=8, context_kernels=(3,)), 160)
    objective = build_objective(contrastive.Conf(), encoder)
    objective.predict.reset_parameters()
    assert not any(part is encoder for part in objective.modules())
    feats, lengths = 0.1 * torch.randn(3, 40, 160), torch.tensor([40, 4, 30])
    losses = {}
    for enabled in (False, True):
        torch.manual_seed(1)
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            found = objective(encoder, feats, lengths, ["a", "b", "c"])
        found["loss"].backward()
        losses[enabled] = found["loss"].item()
        assert found["loss"].dtype == torch.float32 and 0 <= found["accuracy"].item() <= 1
    assert losses[True] == pytest.approx(losses[False], rel=0.02) and losses[True] != losses[False]
    assert all(weight.grad.isfinite().all() for part in (encoder, objective) for weight in part.parameters())


def test_batches_and_encoders_that_give_nothing_to_predict_are_refused() -> None:
    encoder = build_encoder(wav2vec.Conf(channels=8, context_channels=8, context_kernels=(3,)), 160)
    objective = build_objective(contrastive.Conf(), encoder)
    with refused("a: 1 latents", "train.crop_frames"):
        objective(encoder, torch.randn(2, 3, 160), torch.tensor([3, 3]), ["a", "b"])
    with refused("contrastive", "kind wav2vec"):
        build_objective(contrastive.Conf(), build_encoder(lstm.Conf(), 10))
