"""Training without labels: how well the objective does on utterances that are held out."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from timbre.losses import build_objective
from timbre.randomness import seed_of
from timbre.training.criterion import ObjectiveCriterion
from timbre.training.crops import CropBatches
from timbre.training.experiment import SpecAugmentConf
from timbre.training.task import Task


class SelfSupervised(Task):
    """The held-out utterances, cut into the same crops after every epoch."""

    criterion = ObjectiveCriterion
    keeps_loss = False

    def build_loss(self) -> nn.Module:
        """The objective of the conf."""
        self.classes = []
        return build_objective(self.experiment.loss, self.encoder)

    def evaluate(self, encoder: nn.Module, loss: nn.Module) -> dict[str, float]:
        """Of each measure of the objective its mean over the held-out crops: ``heldout_loss`` …

        Where the objective has a measure of choice, ``heldout_error`` is 1 less that one.
        """
        conf = self.experiment.train.model_copy(update={"spec_augment": SpecAugmentConf(), "sampler": "plain"})
        batches = CropBatches(self.speech.whole, dict.fromkeys(self.speech.held, 0), conf)
        criterion = ObjectiveCriterion(encoder, loss, conf.precision, self.device)
        sums: dict[str, float] = {}
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(seed_of(conf.seed, "heldout"))  # the same negatives and views after every epoch
            for place in range(len(batches)):
                step = criterion(batches[place], 1.0)
                for name, value in {"loss": step.loss, **step.measures}.items():
                    sums[name] = sums.get(name, 0.0) + value.item() / len(batches)
        found = {f"heldout_{name}": value for name, value in sums.items()}
        if loss.measure_of_choice:
            found["heldout_error"] = 1 - sums[loss.measure_of_choice]
        return found

    def fit(self, encoder: nn.Module, loss: nn.Module) -> tuple[dict[str, Any], str]:
        """What ``final.pt`` tells of the held-out utterances, and a line for people."""
        if not self.speech.held:
            return {}, "nothing held out"
        found = self.evaluate(encoder, loss)
        shown = ", ".join(f"{name.removeprefix('heldout_')} {value:.4g}" for name, value in found.items())
        return found, f"{len(self.speech.held)} held-out utterances: {shown}"
