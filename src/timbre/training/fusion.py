"""Training of a fusion of streams: languages in turn, cross-entropy and a contrastive loss, hard-concrete gates.

loss = cross-entropy + α · contrast + λ Σ P(a gate is open)       α of the language, λ = fusion.l0_penalty
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from timbre.errors import TimbreError
from timbre.kaldi.datadir import DataDir
from timbre.losses.class_contrast import ClassContrast
from timbre.models.fusion import build_fusion
from timbre.models.fusion_outputs import outputs
from timbre.models.precision import autocast
from timbre.models.streams import Extractor
from timbre.training.classification import temperature
from timbre.training.criterion import Criterion, Step
from timbre.training.experiment import Experiment, TrainConf
from timbre.training.fusion_speech import FusionBatch, FusionSelection, FusionSpeech, LanguageBatches
from timbre.training.task import Task


class FusionCriterion(Criterion):
    """The loss of a batch of one language."""

    def forward(self, batch: FusionBatch, margin_scale: float) -> Step:
        conf, language = self.encoder.conf, batch.streams.language
        labels = batch.labels.to(self.device)
        with autocast(self.precision, self.device):
            logits, features, _ = self.encoder(*batch.inputs(self.device))
        loss = F.cross_entropy(logits, labels, label_smoothing=conf.label_smoothing)
        measures = {"accuracy": (logits.argmax(dim=1) == labels).float().mean()}
        if conf.l0:
            measures["open_gates"] = self.encoder.penalty(language)
            loss = loss + conf.l0_penalty * measures["open_gates"]
        if conf.contrastive:
            measures["contrast"] = self.loss(features, labels)
            loss = loss + conf.contrastive_weights.get(language, 0.01) * measures["contrast"]
        return Step(loss, measures, logits)


class FusionTask(Task):
    """Streams of held-out utterances, whole, and their classes."""

    criterion = FusionCriterion
    norm_batches = sys.maxsize  # all: a head sees batches of its own language alone

    def __init__(self, experiment: Experiment, speech: FusionSpeech, device: torch.device) -> None:
        self.experiment, self.speech, self.device = experiment, speech, device
        self.classes = sorted(set().union(*speech.classes.values()))
        streams = experiment.used_streams
        self._extractors = {name: Extractor.of(conf) for name, conf in streams.items()}
        self.encoder = build_fusion(experiment.fusion, streams, self._extractors, speech.statistics, speech.classes)
        self.loss = ClassContrast()

    @staticmethod
    def select(experiment: Experiment, data: DataDir, sources: Path | None) -> FusionSelection:
        """What is trained on and what is held out, by the tables of a data directory alone."""
        return FusionSelection(experiment, data, list(data.utt2spk))

    @staticmethod
    def read(experiment: Experiment, data: DataDir, allow_pipes: bool, sources: Path | None) -> FusionSpeech:
        """The streams of a data directory."""
        return FusionSpeech(experiment, data)

    def batches(self, share: tuple[int, int] = (0, 1)) -> LanguageBatches:
        """Batches of one language each."""
        return self.divide(self.speech, self.experiment.train, share)

    @staticmethod
    def divide(speech: FusionSelection, conf: TrainConf, share: tuple[int, int] = (0, 1)) -> LanguageBatches:
        """The batches of what is trained on; one process does them all."""
        if share[1] > 1:
            raise TimbreError("a fusion of streams is trained by one process; leave --ngpu out")
        return LanguageBatches(speech, conf)

    def front_end(self) -> dict[str, Any]:
        """Of each stream its model, if it has one, and its statistics; of each language its classes."""
        streams = {
            name: {"state": extractor.state, "statistics": torch.from_numpy(self.speech.statistics[name])}
            for name, extractor in self._extractors.items()
        }
        return {"streams": streams, "languages": self.speech.classes}

    def evaluate(self, encoder: nn.Module, loss: nn.Module) -> dict[str, float]:
        """``heldout_error``: 1 less the recall, mean over classes and then languages; ``heldout_loss`` in nats."""
        found = self._heldout(encoder)
        recalls = [recall(logits, targets) for logits, targets in found.values()]
        losses = [F.cross_entropy(logits, targets).item() for logits, targets in found.values()]
        return {"heldout_error": 1 - float(np.mean(recalls)), "heldout_loss": float(np.mean(losses))}

    def fit(self, encoder: nn.Module, loss: nn.Module) -> tuple[dict[str, Any], str]:
        """The back-end of ``final.pt``, of each language a ``temperature``, and a line for people."""
        closed = "".join(
            f"; closed hard-concrete gates, {language}: "
            + ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares.items())
            for language, shares in encoder.closed_gates().items()
            if shares
        )
        if not self.speech.held:
            return {}, f"nothing held out{closed}"
        found = self._heldout(encoder)
        fitted = {language: temperature(*pair) for language, pair in found.items()}
        recalls = {language: recall(*pair) for language, pair in found.items()}
        backend = {"temperatures": fitted, "heldout_error": 1 - float(np.mean(list(recalls.values())))}
        backend["heldout_utterances"] = len(self.speech.held)
        said = ", ".join(f"{language} {100 * value:.1f} %" for language, value in recalls.items())
        return backend, f"mean recall of the {len(self.speech.held)} held-out training utterances: {said}{closed}"

    def _heldout(self, encoder: nn.Module) -> dict[str, tuple[Tensor, Tensor]]:
        """Of each language with held-out utterances their logits (N, C) and classes (N,)."""
        speech = self.speech
        said = outputs(encoder, speech.whole, speech.held, self.device)
        names = {
            language: [name for name in speech.held if speech.languages[name] == language]
            for language in speech.classes
        }
        return {
            language: (
                torch.from_numpy(np.stack([said[name].logits for name in held])),
                torch.tensor([speech.targets[name] for name in held]),
            )
            for language, held in names.items()
            if held
        }


def recall(logits: Tensor, targets: Tensor) -> float:
    """Unweighted average recall of ``logits (N, C)``: over the classes that ``targets (N,)`` have."""
    from sklearn.metrics import recall_score

    return float(recall_score(targets, logits.argmax(dim=1), labels=targets.unique(), average="macro"))
