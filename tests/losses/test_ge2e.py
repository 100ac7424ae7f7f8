"""GE2E: the paper's double loop, and the batches where angles or centroids fail."""

from __future__ import annotations

import pytest
import torch
from messages import refused

from timbre.losses import build_loss, ge2e


def make() -> torch.nn.Module:
    return build_loss(ge2e.Conf(), 8, 100)


def batch(speakers: int = 5, utterances: int = 4, dim: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    """Embeddings in speakers' order, and labels with gaps between them."""
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(speakers * utterances, dim, generator=generator, dtype=torch.float64)
    return rows.requires_grad_(), (7 * torch.arange(speakers) + 3).repeat_interleave(utterances)


def naive(embeddings: torch.Tensor, labels: torch.Tensor, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Equations 5, 6 and 9 of the paper, term by term; the mean over utterances."""
    speakers = sorted(set(labels.tolist()))
    unit = [[row / row.norm() for row in embeddings[labels == speaker]] for speaker in speakers]
    terms = []
    for j, own in enumerate(unit):
        for i, utterance in enumerate(own):
            similarities = []
            for k, others in enumerate(unit):
                used = [other for m, other in enumerate(others) if (k, m) != (j, i)]
                centroid = torch.stack(used).mean(0)
                similarities.append(w * torch.cosine_similarity(utterance, centroid, dim=0) + b)
            terms.append(-similarities[j] + torch.stack(similarities).exp().sum().log())
    return torch.stack(terms).mean()


@pytest.mark.parametrize("utterances", [2, 4])
def test_is_the_double_loop_in_value_and_gradient(utterances: int) -> None:
    loss, (x, y) = make().double(), batch(utterances=utterances)
    w, b = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (10.0, -5.0))
    expected = naive(x, y, w, b)
    wanted = torch.autograd.grad(expected, (x, w, b))
    out = loss(x, y)
    found = torch.autograd.grad(out.loss, (x, loss.scale, loss.offset))
    torch.testing.assert_close(out.loss, expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(found[0], wanted[0], atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(found[1], 0.01 * wanted[1], atol=0, rtol=1e-4)  # softplus' slope at 10
    torch.testing.assert_close(found[2], 0.01 * wanted[2], atol=1e-12, rtol=0)


def test_known_logits() -> None:
    """Two orthogonal speakers, each with one vector twice: w + b of the own, b of the other."""
    out = make()(torch.eye(2).repeat_interleave(2, dim=0) * 9, torch.tensor([4, 4, 1, 1]))
    torch.testing.assert_close(out.logits, torch.tensor([[-5.0, 5.0]] * 2 + [[5.0, -5.0]] * 2))
    assert out.targets.tolist() == [1, 1, 0, 0]  # columns in the order of the labels
    assert torch.equal(out.margin_logits, out.logits)


def test_rows_may_come_in_any_order() -> None:
    loss, (x, y) = make(), batch()
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(1))
    straight, mixed = loss(x, y), loss(x[order], y[order])
    torch.testing.assert_close(mixed.loss, straight.loss)
    torch.testing.assert_close(mixed.logits, straight.logits[order])
    assert torch.equal(mixed.targets, straight.targets[order])


def test_scale_is_positive_wherever_training_drives_it() -> None:
    loss, (x, y) = make(), batch()
    before = loss(x, y).logits - loss.offset
    loss.scale.data.fill_(-3.0)
    after = loss(x, y).logits - loss.offset
    assert torch.equal(after.sign(), before.sign()) and after.abs().max() > 0.01


def test_negative_cosines_have_gradients() -> None:
    loss = make()
    x = torch.tensor([[1.0, 0.1], [-1.0, 0.1], [0.1, 1.0], [0.1, -1.0]], requires_grad=True)  # own cosines −0.98
    loss(x, torch.tensor([0, 0, 1, 1])).loss.backward()
    assert (x.grad.norm(dim=1) > 0.1).all() and loss.scale.grad > 0


@pytest.mark.parametrize("extreme", ["same", "opposite", "zero", "one_zero", "huge", "tiny"])
def test_extremes_are_finite(extreme: str) -> None:
    x = batch()[0].detach().float()
    x = {
        "same": torch.ones_like(x),
        "opposite": x[:1] * torch.tensor([1.0, -1.0]).repeat(10)[:, None],  # centroids are zero
        "zero": torch.zeros_like(x),
        "one_zero": x * (torch.arange(20) > 0)[:, None],
        "huge": 1e15 * x,
        "tiny": 1e-30 * x,
    }[extreme].requires_grad_()
    loss = make()
    out = loss(x, batch()[1])
    out.loss.backward()
    assert out.loss.isfinite() and x.grad.isfinite().all() and loss.scale.grad.isfinite()


def test_fp32_inside_autocast() -> None:
    loss, (x, y) = make(), batch()
    x = x.detach().bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = loss(x, y)
    assert out.loss.dtype == out.logits.dtype == torch.float32
    assert torch.equal(out.loss, loss(x.float(), y).loss)


def test_needs_all_rows_and_has_no_classes() -> None:
    loss, (x, y) = make(), batch()
    assert loss.whole_batch and loss.class_parameters == ()
    assert torch.equal(loss(x, y, 0.0).loss, loss(x, y, 1.0).loss)


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ([5, 5, 5, 5], "speaker 5 "),
        ([5, 5, 7, 8], "speaker 7, 8 "),
        ([5, 5, 7, 7, 7], "2 to 3 utterances"),
    ],
)
def test_batches_without_centroids_are_refused(labels: list[int], found: str) -> None:
    with refused("ge2e: ", found, "train.sampler=p_by_k", "train.utterances_per_speaker"):
        make()(torch.randn(len(labels), 8), torch.tensor(labels))
