"""A trained classifier as its users have it: one file, and audio in, probabilities of the classes out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from timbre.conf import build
from timbre.errors import TimbreError
from timbre.features.model_file import load_weights, of_model
from timbre.features.published import read_model
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.waveform import Audio
from timbre.losses import build_loss
from timbre.models.extraction import extract_vectors
from timbre.models.trained import TrainedModel, resolve_device
from timbre.scoring.posteriors import write_classes
from timbre.training.experiment import Experiment
from timbre.training.fusion_classifier import FusionClassifier, extract_fusion, no_languages


class _Network(nn.Module):
    """From frames to probabilities."""

    def __init__(self, encoder: nn.Module, head: nn.Module, temperature: float) -> None:
        super().__init__()
        self.encoder, self.head, self.temperature = encoder, head, temperature

    def forward(self, feats: Tensor, lengths: Tensor) -> Tensor:
        """``(B, T, F)``, ``(B,)`` -> ``(B, C)``."""
        return self.posteriors(self.encoder(feats, lengths).float())

    def posteriors(self, embeddings: Tensor) -> Tensor:
        """``(B, D)`` -> ``(B, C)``."""
        return (self.head.logits(embeddings).float() / self.temperature).softmax(dim=1)


class Classifier(TrainedModel):
    """A trained model with its classes' weights, in evaluation mode.

        p = softmax(z / τ)

    of the loss's logits z, without a margin, and the temperature τ that fits held-out training utterances
    (:func:`timbre.training.classification.temperature`); 1 where nothing was held out.
    """

    output = "posteriors"

    def __init__(self, state: dict[str, Any], device: torch.device) -> None:
        super().__init__(state, device)
        experiment = build(Experiment, state["conf"])
        if experiment.task != "classification":
            raise TimbreError(
                "this model was trained for verification: its classes are training speakers; use timbre verify or "
                "timbre embed, or train one with task: classification"
            )
        head = build_loss(experiment.loss, self.encoder.embedding_dim, len(self.classes))
        load_weights(head, state["loss"], "loss")
        fitted = self.backend.get("temperature")
        self.temperature: float = 1.0 if fitted is None else fitted
        self.network = _Network(self.encoder, head, self.temperature).to(device).eval()

    def posteriors(self, frames: Sequence[np.ndarray], names: Sequence[str]) -> np.ndarray:
        """Probabilities ``(N, C)`` of ``N`` arrays ``(T, F)``, in one padded batch; ``names`` for messages."""
        embeddings = torch.from_numpy(self.embed_frames(frames, names)).to(self.device)
        with torch.inference_mode():
            return self.network.posteriors(embeddings).cpu().numpy()

    def facts(self) -> dict[str, Any]:
        """The classes in the order of the columns."""
        return {"classes": self.classes}

    def classify(self, source: Audio, rate: int | None = None, language: str = "") -> dict[str, float]:
        """The classes of audio (:meth:`waveform`): probabilities, the highest first."""
        if language:
            raise no_languages(language)
        audio = self.waveform(source, rate)
        values = self.posteriors([self.frames(audio)], [audio.name])[0]
        return {self.classes[column]: float(values[column]) for column in np.argsort(-values, kind="stable")}


def load(path: str | Path, device: str = "cpu") -> TrainedModel | FusionClassifier:
    """The model of ``<path>/final.pt``; a :class:`Classifier` or :class:`FusionClassifier` where trained as one."""
    kinds = {"classification": Classifier, "fusion": FusionClassifier}
    with of_model(path):
        state = read_model(path)
        return kinds.get(state["conf"].get("task"), TrainedModel)(state, resolve_device(device))


def load_classifier(path: str | Path, device: str = "cpu") -> Classifier | FusionClassifier:
    """As :func:`load`, of classifiers alone; other models are refused."""
    with of_model(path):
        state = read_model(path)
        kind = FusionClassifier if state["conf"].get("task") == "fusion" else Classifier
        return kind(state, resolve_device(device))


def classify(
    models: Sequence[Classifier | FusionClassifier],
    source: Audio,
    rate: int | None = None,
    language: str = "",
) -> dict[str, float]:
    """The mean of the probabilities p_k(c) that K models, such as those of folds, give a class c:

        p(c) = Σ_k p_k(c) / K

    where p_k(c) is 0 of a class that model k does not know. They sum to 1; the highest comes first. A fusion of
    streams has classes for each ``language``.
    """
    if isinstance(models[0], FusionClassifier):  # streams are alike in all folds, and are extracted once
        models[0].require(language)
        extracted = models[0].extract(source, rate)
        found = [model.decide(extracted, language) for model in models]
    else:
        found = [model.classify(source, rate, language) for model in models]
    names = dict.fromkeys(name for each in found for name in each)
    means = {name: sum(each.get(name, 0.0) for each in found) / len(found) for name in names}
    return dict(sorted(means.items(), key=lambda row: -row[1]))


def extract_posteriors(
    model: Classifier | FusionClassifier,
    data: DataDir,
    out: Path,
    job: str,
    bad_audio: str,
    precision: str = "fp32",
    language: str = "",
) -> None:
    """Writes ``out/posteriors.<job>.{ark,scp}`` and ``.skipped`` (:func:`extract_vectors`), and ``out/classes``.

    Of a fusion the weights of its streams too, with ``language`` for all utterances where it is given
    (:func:`timbre.training.fusion_classifier.extract_fusion`).
    """
    if isinstance(model, FusionClassifier):
        if precision != "fp32":
            raise TimbreError(f"--precision {precision}: a fusion of streams predicts in fp32; leave it out")
        return extract_fusion(model, data, out, job, language)
    write_classes(out / "classes", model.classes)
    extract_vectors(model, model.posteriors, "posteriors", data, out, job, bad_audio, precision)
