"""The speech that a fusion of streams is trained on: its classes by language, what is held out, its batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from timbre.corpora.splits import units
from timbre.errors import TimbreError
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.labels import read_labels, read_languages
from timbre.models.streams import StreamReader, Streams, batch_of, usable
from timbre.randomness import generator
from timbre.training.experiment import Experiment, TrainConf
from timbre.training.heldout import folds_of, split_utterances


class FusionSelection:
    """The utterances of a data directory as a fusion divides them, which tables alone say.

    Attributes:
        classes: of each language its classes in order; ``labels`` is the number among them of each utterance to
            train on, ``targets`` of every utterance.
        held: the utterances that are held out, of each language the same share.
    """

    def __init__(self, experiment: Experiment, data: DataDir, utterances: Sequence[str]) -> None:
        conf = experiment.train
        self.languages, emotion = read_languages(data), read_labels(data, experiment.labels)
        if strange := [name for name in set(self.languages.values()) if not usable(name)]:
            raise TimbreError(f"{data.path}/utt2lang: no language can be called '{strange[0]}' here; take en, de …")
        unit_of = units(data, conf.heldout_unit)
        originals = data.originals
        spoken: dict[str, dict[str, str]] = {}
        for utterance in (name for name in utterances if originals.get(name, name) == name):
            spoken.setdefault(self.languages[utterance], {})[utterance] = emotion[utterance]
        self.classes = {language: sorted(set(spoken[language].values())) for language in sorted(spoken)}
        self.held: list[str] = []
        for language, labels in spoken.items():
            if len(self.classes[language]) < 2:
                raise TimbreError(f"{data.path}: all utterances of language {language} are of one class")
            self.held += split_utterances(
                labels, unit_of, conf.heldout_utterances, conf.seed, spoken.values(), folds_of(data)
            )
        apart = set(self.held)
        self.targets = {
            utterance: self.classes[self.languages[utterance]].index(emotion[utterance]) for utterance in utterances
        }
        self.labels = {
            name: number for name, number in self.targets.items() if originals.get(name, name) not in apart
        }

    def add_speed_copies(self, speeds: Iterable[float]) -> None:
        """Adds the copies that stage 1 will make to what is trained on (:mod:`timbre.kaldi.perturb`)."""
        labels = dict(self.labels)
        for prefix in [f"sp{speed:g}-" for speed in speeds]:
            self.labels |= {prefix + utterance: label for utterance, label in labels.items()}
            self.languages |= {prefix + utterance: self.languages[utterance] for utterance in labels}

    def __str__(self) -> str:
        said = ", ".join(f"{language} {len(names)}" for language, names in self.classes.items())
        return f"classes by language: {said}; {len(self.labels)} utterances to train on, {len(self.held)} held out"


class FusionSpeech(FusionSelection):
    """A data directory of streams as a fusion trains on it.

    Attributes, beside those of :class:`FusionSelection`:
        statistics: of each stream mean and inverse deviation (2, F) over the utterances to train on.
        whole: where whole utterances come from.
    """

    def __init__(self, experiment: Experiment, data: DataDir) -> None:
        unread = StreamReader(data, experiment.used_streams)
        super().__init__(experiment, data, unread.utterances)
        self.statistics = unread.statistics(list(self.labels))
        self.whole = StreamReader(data, experiment.used_streams, self.statistics)


class FusionBatch(NamedTuple):
    """Utterances of one language: their streams, ``labels`` (B,) int64, and whose they are."""

    streams: Streams
    labels: Tensor
    utterances: list[str]

    def inputs(self, device: torch.device) -> tuple[Streams]:
        """What the model takes."""
        return (self.streams.to(device),)


class LanguageBatches(Dataset):
    """The batches of one epoch by their place: each of one language, the languages in turn.

    A language has as many batches as its utterances fill, and they are spread evenly over the epoch. No batch has a
    single row: what does not fill the last one is spread over all of the language's.
    """

    def __init__(self, speech: FusionSelection, conf: TrainConf) -> None:
        if not speech.labels:
            raise TimbreError("no utterance to train on")
        self._speech, self._conf = speech, conf
        self._of: dict[str, np.ndarray] = {}
        for language in speech.classes:
            names = [name for name in speech.labels if speech.languages[name] == language]
            if len(names) < 2:
                raise TimbreError(f"language {language} has {len(names)} utterances to train on; two are needed")
            self._of[language] = np.array(names, dtype=object)
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draws the batches of the epoch."""
        self._epoch = epoch
        rng = generator(self._conf.seed, "order", epoch)
        placed = []
        for language, names in self._of.items():
            order = self._balanced(names, rng) if self._conf.sampler == "balanced" else rng.permutation(names)
            count = min(-(-len(order) // self._conf.batch_size), len(order) // 2)
            parts = np.array_split(order, count)
            placed += [((number + 0.5) / len(parts), language, part) for number, part in enumerate(parts)]
        self._batches = [(language, list(part)) for _, language, part in sorted(placed, key=lambda row: row[:2])]

    def _balanced(self, names: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """As many utterances, each of a class drawn first, so that all classes come equally often."""
        labels = np.array([self._speech.labels[name] for name in names])
        counts = np.bincount(labels)
        return rng.choice(names, size=len(names), p=1 / (counts[labels] * np.count_nonzero(counts)))

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, place: int) -> FusionBatch:
        language, names = self._batches[place]
        rng, crop = generator(self._conf.seed, "crop", self._epoch, place), self._conf.crop_frames or None
        read = [
            self._speech.whole.read(name, start, crop)
            for name, start in zip(names, rng.random(len(names)), strict=True)
        ]
        labels = torch.tensor([self._speech.labels[name] for name in names])
        return FusionBatch(batch_of(read, language), labels, names)
