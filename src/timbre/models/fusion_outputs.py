"""What a fusion of streams says of utterances, in batches of one language and nearly one length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from tqdm import tqdm

from timbre.models.batching import length_batches
from timbre.models.fusion import Fusion
from timbre.models.streams import StreamReader, Streams, batch_of


class Output(NamedTuple):
    """Of an utterance the ``logits (C,)`` of its language's classes and the ``weights (S,)`` of the streams."""

    logits: np.ndarray
    weights: np.ndarray


def fused(model: Fusion, batch: Streams, device: torch.device) -> list[Output]:
    """A batch's outputs, by a model in evaluation mode."""
    with torch.inference_mode():
        logits, _, weights = model(batch.to(device))
    return [Output(*pair) for pair in zip(logits.cpu().numpy(), weights.float().cpu().numpy(), strict=True)]


def outputs(
    model: Fusion,
    reader: StreamReader,
    utterances: Sequence[str],
    device: torch.device,
    languages: Mapping[str, str] | None = None,
    progress: str = "",
) -> dict[str, Output]:
    """The outputs of whole ``utterances``, each by the gate and the head of its language.

    Args:
        languages: of each utterance (default: those of ``reader``).
        progress: what a progress bar is to be called; without it there is none.
    """
    languages = languages or reader.languages
    by_language: dict[str, list[str]] = {}
    for utterance in utterances:
        by_language.setdefault(languages[utterance], []).append(utterance)
    found: dict[str, Output] = {}
    with tqdm(total=len(utterances), desc=progress, unit="utt", mininterval=1, disable=not progress) as bar:
        for language, names in by_language.items():
            lengths = np.array([reader.num_frames(name) for name in names])
            for chosen in length_batches(lengths, device=device.type):
                together = [names[index] for index in chosen]
                batch = batch_of([reader.read(name) for name in together], language)
                found.update(zip(together, fused(model, batch, device), strict=True))
                bar.update(len(together))
    return {utterance: found[utterance] for utterance in utterances}
