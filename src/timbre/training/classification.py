"""Classification: how well held-out utterances are classified, and how far the probabilities can be trusted."""

from __future__ import annotations

import math
from typing import Any

import scipy
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from timbre.models.extraction import embed_utterances
from timbre.training.experiment import Experiment
from timbre.training.speech import TrainingSpeech
from timbre.training.task import Task

COLDEST, HOTTEST = 0.05, 20.0  # temperatures that are searched between


class Classification(Task):
    """The held-out utterances, whole, and their classes."""

    def __init__(self, experiment: Experiment, speech: TrainingSpeech, device: torch.device) -> None:
        super().__init__(experiment, speech, device)
        column = {name: number for number, name in enumerate(speech.classes)}
        self._targets = torch.tensor([column[speech.utt2class[utterance]] for utterance in speech.held])

    def evaluate(self, encoder: nn.Module, loss: nn.Module) -> dict[str, float]:
        """``heldout_error``, the share of wrong decisions, and ``heldout_loss``, cross-entropy in nats."""
        logits = self._logits(encoder, loss)
        cross_entropy = F.cross_entropy(logits, self._targets).item()
        return {"heldout_error": self._error(logits), "heldout_loss": cross_entropy}

    def fit(self, encoder: nn.Module, loss: nn.Module) -> tuple[dict[str, Any], str]:
        """The back-end of ``final.pt`` and a line for people.

        With held-out utterances it holds their ``temperature``, ``heldout_error`` and number
        (``heldout_utterances``).
        """
        held = self.speech.held
        if not held:
            return {}, "nothing held out"
        logits = self._logits(encoder, loss)
        error = self._error(logits)
        backend = {"temperature": temperature(logits, self._targets)}
        backend |= {"heldout_error": error, "heldout_utterances": len(held)}
        return backend, f"accuracy of the {len(held)} held-out training utterances {100 * (1 - error):.2f} %"

    def _error(self, logits: Tensor) -> float:
        return (logits.argmax(dim=1) != self._targets).float().mean().item()

    def _logits(self, encoder: nn.Module, loss: nn.Module) -> Tensor:
        embeddings = embed_utterances(encoder, self.speech.whole, self.speech.held, self.device)
        with torch.inference_mode():
            return loss.logits(torch.from_numpy(embeddings).to(self.device)).float().cpu()


def temperature(logits: Tensor, targets: Tensor) -> float:
    """The τ by which ``logits`` (N, C) are to be divided before the softmax (Guo et al. 2017, arXiv 1706.04599).

    It minimises the cross-entropy of softmax(z / τ) and the ``targets`` (N,), each of which counts as certain to
    1 − 1 / (N + 2) alone, as in Platt's scaling: N utterances without an error do not show that there are none.
    """
    smoothing = 1 / (len(targets) + 2)
    found = scipy.optimize.minimize_scalar(
        lambda log: F.cross_entropy(logits / math.exp(log), targets, label_smoothing=smoothing).item(),
        bounds=(math.log(COLDEST), math.log(HOTTEST)),
        method="bounded",
    )
    return math.exp(found.x)
