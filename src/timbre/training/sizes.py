"""Whether what a conf asks for fits into a memory, before any of it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from timbre.conf import Section
from timbre.errors import TimbreError
from timbre.losses import build_loss, build_objective
from timbre.models import build_encoder
from timbre.models.sizes import PLAIN, bound, integers

if TYPE_CHECKING:
    from timbre.training.experiment import Experiment

MOST = 64 * 2**30
"""Bytes that weights in training, or the frames of a batch, may take: the GPUs that most have are smaller."""
_COPIES = 4  # of a weight in training: itself, its gradient, the optimiser's two moments
_BYTES = 4 * _COPIES


def require_sizes(experiment: Experiment) -> None:
    """Refuses an encoder, a loss or a batch that no memory holds.

    Weights are counted on torch's ``meta`` device, where they take no memory.

    Raises:
        TimbreError: naming the largest weight and the estimate, or the keys of a batch.
    """
    conf, dim = experiment.train, _dim(experiment.features)
    frames = 4 * conf.batch_size * max(conf.crop_frames, 1) * dim
    if frames > MOST:
        raise TimbreError(
            f"train.batch_size {conf.batch_size} times train.crop_frames {conf.crop_frames}: a batch takes "
            f"{_gigabytes(frames)}, more than {_gigabytes(MOST)}; take less"
        )
    if experiment.task == "fusion":  # its parts lie in its streams' models
        return
    if bound(experiment.encoder, experiment.loss) < PLAIN:
        return
    kind = f"encoder {experiment.encoder.kind} with loss {experiment.loss.kind}"
    try:
        with torch.device("meta"):
            parts = _parts(experiment, dim)
    except TimbreError:  # it does not fit the frames, and is refused where their size is known for sure
        if (width := integers(experiment.encoder)[-1]) ** 2 * _BYTES > MOST:
            raise TimbreError(f"{kind}: a layer of {width} to {width} takes more than {_gigabytes(MOST)}") from None
        return
    except (MemoryError, OverflowError, RuntimeError, TypeError) as error:
        said = str(error).splitlines()[0]
        raise TimbreError(f"{kind}: a size that torch cannot make ({said}); take smaller ones") from None
    tensors = {name: value for part in parts for name, value in (*part.named_parameters(), *part.named_buffers())}
    sizes = {
        name: value.numel() * value.element_size() * (_COPIES if value.requires_grad else 1)
        for name, value in tensors.items()
    }
    if (total := sum(sizes.values())) > MOST:
        largest = max(sizes, key=sizes.__getitem__)
        raise TimbreError(
            f"{kind}: weights take {_gigabytes(total)} in training, more than {_gigabytes(MOST)}; the largest, "
            f"{largest}, has the shape {list(tensors[largest].shape)}; take smaller sizes"
        )


def _parts(experiment: Experiment, dim: int) -> list[nn.Module]:
    encoder = build_encoder(experiment.encoder, dim)
    if experiment.task == "self_supervised":
        return [encoder, build_objective(experiment.loss, encoder)]
    if experiment.task == "phones":  # its loss takes the phones of the training data
        return [encoder]
    return [encoder, build_loss(experiment.loss, encoder.embedding_dim, 2)]


def _dim(features: Section) -> int:
    """Values of a frame; of those that a trained network makes, which is not opened for it, about as many."""
    found = (getattr(features, name, None) for name in ("dim", "num_ceps", "num_mel_bins", "length"))
    return next(filter(None, found), 512)


def _gigabytes(size: float) -> str:
    return f"{size / 2**30:,.0f} GB"
