"""Verification: how well an encoder tells held-out speakers apart, and what scores of its embeddings mean."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import nn

from timbre.models.extraction import embed_utterances
from timbre.scoring import calibration
from timbre.scoring.metrics import between, eer, roc_curve
from timbre.training.task import Task

MOST_FOR_MEAN = 1000
"""Training utterances, evenly spread, whose embeddings' mean is subtracted in scoring."""


class Verification(Task):
    """The held-out speakers' trials: all pairs of their utterances, by cosine."""

    def evaluate(self, encoder: nn.Module, loss: nn.Module) -> dict[str, float]:
        """``heldout_eer`` (0 to 1)."""
        return {"heldout_eer": eer(roc_curve(*self._trials(encoder, 0.0))).value}

    def fit(self, encoder: nn.Module, loss: nn.Module) -> tuple[dict[str, Any], str]:
        """The back-end of ``final.pt`` and a line for people.

        It holds the ``mean`` of training embeddings; with held-out speakers also ``threshold``, ``calibration``,
        ``heldout_eer`` and ``heldout_speakers``, of embeddings less the mean. The threshold is that of equal error
        rates, in the middle of the gap in the scores.
        """
        speech = self.speech
        originals = [utterance for utterance in speech.labels if speech.is_original(utterance)]
        chosen = originals[:: -(-len(originals) // MOST_FOR_MEAN)]
        mean = embed_utterances(encoder, speech.whole, chosen, self.device).mean(axis=0)
        backend: dict[str, Any] = {"mean": torch.from_numpy(mean)}
        if not speech.held:
            return backend, "nobody held out"
        scores, targets = self._trials(encoder, mean)
        result = eer(roc_curve(scores, targets))
        fitted = calibration.fit(scores, targets, speech.held_out)
        backend |= {"threshold": between(result.threshold, scores), "calibration": asdict(fitted)}
        backend |= {"heldout_eer": result.value, "heldout_speakers": speech.held_out}
        said = f"EER of the {len(speech.held_out)} held-out training speakers {100 * result.value:.2f} %"
        return backend, said + (f"; their calibration: {doubt}" if (doubt := fitted.doubt()) else "")

    def _trials(self, encoder: nn.Module, mean: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
        """Scores and labels of all pairs."""
        speech = self.speech
        embeddings = embed_utterances(encoder, speech.whole, speech.held, self.device) - mean
        return pair_scores(embeddings, [speech.utt2spk[utterance] for utterance in speech.held])


def pair_scores(embeddings: np.ndarray, speakers: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Cosines of all pairs of ``(N, D)`` embeddings and whether each is a target: two arrays (N(N−1)/2,)."""
    unit = embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)
    first, second = np.triu_indices(len(unit), k=1)
    names = np.unique(speakers, return_inverse=True)[1]
    return (unit @ unit.T)[first, second].astype(np.float64), names[first] == names[second]
