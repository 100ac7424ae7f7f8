"""The contrastive loss over classes: GE2E's, and finite for whatever a batch has."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from timbre.losses import ge2e
from timbre.losses.class_contrast import ClassContrast


def test_of_equally_many_rows_it_is_ge2e_whatever_the_vectors_lengths():
    torch.manual_seed(0)
    labels = torch.tensor([0, 0, 0, 1, 1, 1, 4, 4, 4])
    features = torch.randn(9, 5)
    contrast, other = ClassContrast(), ge2e.Loss(ge2e.Conf(), 5, 3)
    wanted = other(F.normalize(features), labels).loss
    torch.testing.assert_close(contrast(features, labels), wanted)
    torch.testing.assert_close(contrast(features * 300, labels), wanted)


def test_the_only_row_of_a_class_is_a_centroid_and_no_more():
    torch.manual_seed(0)
    labels, features = torch.tensor([0, 0, 1, 1, 1, 2]), torch.randn(6, 4, requires_grad=True)
    contrast = ClassContrast()
    value = contrast(features, labels)
    unit = F.normalize(features)
    scale, offset = F.softplus(contrast.ge2e.scale), contrast.ge2e.offset
    losses = []
    for row in range(5):
        scores = []
        for label in range(3):
            members = [place for place in range(6) if labels[place] == label and place != row]
            centroid = F.normalize(unit[members].sum(dim=0), dim=0)
            scores.append(scale * (unit[row] @ centroid) + offset)
        losses.append(F.cross_entropy(torch.stack(scores)[None], labels[row][None]))
    torch.testing.assert_close(value, torch.stack(losses).mean())
    value.backward()
    assert torch.isfinite(features.grad).all() and features.grad[5].abs().max() > 0


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2], [3]])
def test_of_batches_with_nothing_to_compare_it_is_zero_with_a_gradient(labels):
    features = torch.randn(len(labels), 4, requires_grad=True)
    value = ClassContrast()(features, torch.tensor(labels))
    value.backward()
    assert value == 0 and (features.grad == 0).all()
