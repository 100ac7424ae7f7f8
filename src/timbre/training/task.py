"""What an experiment trains and how it is judged: what the tasks of one encoder have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from timbre.errors import TimbreError, some
from timbre.features.front_end import build_extractor
from timbre.kaldi.datadir import DataDir
from timbre.losses import build_loss
from timbre.models import build_encoder
from timbre.training.averaging import MOST
from timbre.training.criterion import Criterion, EmbeddingCriterion
from timbre.training.crops import CropBatches
from timbre.training.experiment import Experiment, TrainConf
from timbre.training.initialise import refuse_known_utterances, start_from
from timbre.training.selection import Selection
from timbre.training.speech import TrainingSpeech


class Task:
    """An encoder and its loss, new, for the speech that they are to be trained on.

    A task is a subclass. It has ``evaluate(encoder, loss) -> {measure: value}``, on what is held out (by
    ``heldout_eer`` or ``heldout_error`` epochs are chosen), and ``fit(encoder, loss)``, which returns the back-end
    of ``final.pt`` and a line for people.
    """

    criterion: type[Criterion] = EmbeddingCriterion
    keeps_loss = True  # in final.pt
    norm_batches = MOST  # that BatchNorm's statistics of averaged weights are taken of

    def __init__(self, experiment: Experiment, speech: TrainingSpeech, device: torch.device) -> None:
        self.experiment, self.speech, self.device = experiment, speech, device
        self.classes: list[str] = speech.classes
        self._extractor = build_extractor(experiment.features)
        self.encoder: nn.Module = build_encoder(experiment.encoder, self._extractor.dim)
        self.loss = self.build_loss()

    @staticmethod
    def select(experiment: Experiment, data: DataDir, sources: Path | None) -> Selection:
        """What is trained on and what is held out, by the tables of a data directory alone."""
        return Selection(experiment, data, list(data.utt2spk), sources)

    @staticmethod
    def read(experiment: Experiment, data: DataDir, allow_pipes: bool, sources: Path | None) -> TrainingSpeech:
        """The speech of a data directory, as the task trains on it."""
        return TrainingSpeech(experiment, data, allow_pipes, sources)

    def build_loss(self) -> nn.Module:
        """The loss of the conf over the classes."""
        return build_loss(self.experiment.loss, self.encoder.embedding_dim, len(self.classes))

    def batches(self, share: tuple[int, int] = (0, 1)) -> CropBatches:
        """What is trained on, this process's ``share`` of it.

        Raises:
            TimbreError: for utterances that are trained on whole and are too short for the encoder.
        """
        conf, speech, least = self.experiment.train, self.speech, self.encoder.min_frames
        lengths = {name: speech.crops.num_frames(name) for name in speech.labels} if not conf.crop_frames else {}
        if short := [f"{utterance} ({frames})" for utterance, frames in lengths.items() if frames < least]:
            raise TimbreError(
                f"{len(short)} of {len(lengths)} utterances have fewer frames than the encoder needs, {least}: "
                f"{some(short)}; leave them out of the data, or set train.crop_frames to {least} or more"
            )
        return self.divide(speech, conf, share)

    @staticmethod
    def divide(speech: Selection, conf: TrainConf, share: tuple[int, int] = (0, 1)) -> CropBatches:
        """The batches of what is trained on; of a selection their order alone."""
        return CropBatches(speech.crops, speech.labels, conf, share)

    def start(self, data: DataDir) -> str:
        """Takes the weights of the model that the conf starts from; returns what is to be said of it."""
        experiment, speech = self.experiment, self.speech
        if experiment.task != "verification" and speech.held:
            refuse_known_utterances(experiment.init, experiment, data)
        return start_from(experiment.init, experiment, self.encoder, self.loss, self.classes, speech.held_out)

    def front_end(self) -> dict[str, Any]:
        """What ``final.pt`` holds of the way from waveforms to the encoder, beside the conf."""
        found: dict[str, Any] = {}
        if hasattr(self._extractor, "state"):
            found["extractor"] = self._extractor.state
        if self.speech.statistics is not None:
            found["statistics"] = torch.from_numpy(self.speech.statistics)
        return found
