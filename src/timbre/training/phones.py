"""Recognition of phones: training on transcripts, and what the trained model makes of speech."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from timbre.conf import build
from timbre.corpora.phones import PhoneSpeech, read_inventory, write_transcripts
from timbre.errors import TimbreError
from timbre.features.front_end import FrameReader
from timbre.features.model_file import load_weights
from timbre.features.online import OnlineFrames
from timbre.kaldi.datadir import DataDir
from timbre.losses import build_objective
from timbre.losses.allophone_ctc import greedy
from timbre.models.batching import length_batches, padded
from timbre.models.trained import TrainedModel
from timbre.scoring.phones import phone_error_rate
from timbre.training.criterion import ObjectiveCriterion
from timbre.training.experiment import Experiment
from timbre.training.selection import Selection
from timbre.training.speech import TrainingSpeech
from timbre.training.task import Task


def _transcripts(experiment: Experiment, data: DataDir) -> PhoneSpeech:
    """What is said in whole utterances; crops, whose words nobody knows, are refused."""
    if experiment.train.crop_frames:
        raise TimbreError(
            f"train.crop_frames={experiment.train.crop_frames}: task phones trains on whole utterances, whose "
            "transcripts it has; what fits: --set train.crop_frames=0"
        )
    return PhoneSpeech.of(data)


class TranscribedSpeech(TrainingSpeech):
    """Speech and what is said (``said``)."""

    def __init__(
        self, experiment: Experiment, data: DataDir, allow_pipes: bool = False, sources: Path | None = None
    ) -> None:
        self.said = _transcripts(experiment, data)
        super().__init__(experiment, data, allow_pipes, sources)


class Phones(Task):
    """The phone error rate of the held-out utterances, whole."""

    criterion = ObjectiveCriterion
    speech: TranscribedSpeech

    @staticmethod
    def select(experiment: Experiment, data: DataDir, sources: Path | None) -> Selection:
        """As of every task; transcripts have to be there."""
        _transcripts(experiment, data)
        return Task.select(experiment, data, sources)

    @staticmethod
    def read(experiment: Experiment, data: DataDir, allow_pipes: bool, sources: Path | None) -> TranscribedSpeech:
        """The speech of a data directory with ``phones`` and ``utt2lang``."""
        return TranscribedSpeech(experiment, data, allow_pipes, sources)

    def build_loss(self) -> nn.Module:
        """The objective of the conf, with the transcripts."""
        self.classes = []
        return build_objective(self.experiment.loss, self.encoder, self.speech.said)

    @torch.inference_mode()
    def evaluate(self, encoder: nn.Module, loss: nn.Module) -> dict[str, float]:
        """``heldout_error``, the phone error rate, and ``heldout_loss``, the CTC loss a phoneme (nats)."""
        speech, said = self.speech, self.speech.said
        losses: list[Tensor] = []
        found: dict[str, list[str]] = {}
        for language, names, logits, counts in _logits(encoder, speech.whole, _held(speech), self.device):
            losses.append(loss.ctc(logits, counts, names))
            found.update(zip(names, loss.decode(logits, counts, language), strict=True))
        truths, guesses = [said.phones[name] for name in speech.held], [found[name] for name in speech.held]
        return {
            "heldout_error": phone_error_rate(truths, guesses),
            "heldout_loss": torch.cat(losses).mean().item(),
        }

    def fit(self, encoder: nn.Module, loss: nn.Module) -> tuple[dict[str, Any], str]:
        """What ``final.pt`` tells of the held-out utterances, and a line for people."""
        held = len(self.speech.held)
        if not held:
            return {}, "nothing held out"
        found = self.evaluate(encoder, loss)
        error = 100 * found["heldout_error"]
        return {**found, "heldout_utterances": held}, f"PER of the {held} held-out utterances {error:.2f} %"


def _held(speech: TranscribedSpeech) -> dict[str, list[str]]:
    held: dict[str, list[str]] = {}
    for utterance in speech.held:
        held.setdefault(speech.said.language[utterance], []).append(utterance)
    return held


def _logits(
    encoder: nn.Module,
    reader: FrameReader | OnlineFrames,
    utterances: Mapping[str, list[str]],
    device: torch.device,
):
    """Of ``{language: utterances}`` batches: language, names (B), logits ``(B, T', 1 + P)``, lengths ``(B,)``."""
    for language, names in utterances.items():
        lengths = np.array([reader.num_frames(name) for name in names])
        for batch in length_batches(lengths, device=device.type):
            spoken = [names[index] for index in batch]
            feats, counts = padded([reader.read(name) for name in spoken])
            yield language, spoken, *encoder.frames(feats.to(device), counts)


class Recogniser(TrainedModel):
    """A trained model of task ``phones``, or a published one, in evaluation mode."""

    def __init__(self, state: dict[str, Any], device: torch.device) -> None:
        super().__init__(state, device)
        experiment = build(Experiment, state["conf"])
        if experiment.task != "phones":
            raise TimbreError(f"this model was trained for task {experiment.task} and recognises no phones")
        self.objective = build_objective(experiment.loss, self.encoder)
        load_weights(self.objective, state.get("loss", {}), "loss")
        self.objective.to(device).eval()

    @torch.inference_mode()
    def recognise(self, data: DataDir, inventory: str = "") -> dict[str, list[str]]:
        """``{utterance: phones}`` of a data directory with ``feats.scp`` made by the model's front-end.

        In the phonemes of its language, by ``utt2lang``; where that is not there, or the model was trained on no
        language (a published one), in phones.

        Args:
            inventory: a file of the phones' names, in the place of the model's own.
        """
        names = read_inventory(inventory) if inventory else self.encoder.phones
        if len(names) != len(self.encoder.phones):
            raise TimbreError(f"{inventory}: {len(names)} phones, and the model has {len(self.encoder.phones)}")
        reader = FrameReader(data, self.conf.input, self.statistics)
        known = bool(self.objective.phonemes) and data.has("utt2lang") and not inventory
        language = data.table("utt2lang") if known else dict.fromkeys(reader.utterances, "")
        spoken: dict[str, list[str]] = {}
        for utterance in reader.utterances:
            spoken.setdefault(language[utterance], []).append(utterance)
        found: dict[str, list[str]] = {}
        for of, batch, logits, counts in _logits(self.encoder, reader, spoken, self.device):
            said = self.objective.decode(logits, counts, of) if known else greedy(logits, counts, names)
            found.update(zip(batch, said, strict=True))
        return found


def recognise_phones(model: Recogniser, data: DataDir, out: Path, inventory: str = "") -> str:
    """Writes ``out/phones`` (:func:`timbre.corpora.phones.write_transcripts`); returns a line for people."""
    found = model.recognise(data, inventory)
    write_transcripts(out / "phones", found)
    return f"{out}/phones: {sum(map(len, found.values()))} phones in {len(found)} utterances"
