"""Batches of random crops: each a pure function of the seed, the epoch and its place in it.

So nothing of a sampler or a generator needs to be stored: training that starts again in the middle of an
epoch sees the same batches, with any number of reading processes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset

from timbre.errors import TimbreError
from timbre.features.front_end import FrameReader
from timbre.training.experiment import SpecAugmentConf, TrainConf


class Batch(NamedTuple):
    """``feats`` (B, T, F) float32, ``lengths`` (B,) and ``labels`` (B,) int64, and whose they are."""

    feats: torch.Tensor
    lengths: torch.Tensor
    labels: torch.Tensor
    utterances: list[str]


class CropBatches(Dataset):
    """The batches of one epoch (:meth:`set_epoch`) by their place, all of ``conf.batch_size`` crops."""

    def __init__(self, reader: FrameReader, labels: dict[str, int], conf: TrainConf) -> None:
        """``labels``: the class of every utterance to train on."""
        if not labels:
            raise TimbreError("no utterance to train on")
        self._reader, self._conf = reader, conf
        self._utterances = np.array(list(labels), dtype=object)
        self._labels = np.array(list(labels.values()), dtype=np.int64)
        self._count = len(labels) * conf.crops_per_utterance
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draws the order of the epoch; the last batch is filled from its beginning."""
        self._epoch = epoch
        rng = np.random.default_rng([self._conf.seed, epoch])
        if self._conf.sampler == "plain":
            crops = [rng.permutation(len(self._labels)) for _ in range(self._conf.crops_per_utterance)]
            order = np.concatenate(crops)
        else:  # a speaker at random, then an utterance of that speaker at random
            by_speaker = np.argsort(self._labels, kind="stable")
            counts = np.bincount(self._labels)
            speakers = rng.choice(np.flatnonzero(counts), size=self._count)
            first = np.concatenate([[0], np.cumsum(counts)])[speakers]
            order = by_speaker[first + rng.integers(counts[speakers])]
        self._order = np.resize(order, len(self) * self._conf.batch_size)

    def __len__(self) -> int:
        return -(-self._count // self._conf.batch_size)

    def __getitem__(self, place: int) -> Batch:
        conf = self._conf
        rng = np.random.default_rng([conf.seed, self._epoch, place])
        chosen = self._order[place * conf.batch_size : (place + 1) * conf.batch_size]
        utterances = list(self._utterances[chosen])
        feats = np.stack([self._crop(utterance, rng) for utterance in utterances])
        spec_augment(feats, conf.spec_augment, rng)
        return Batch(
            torch.from_numpy(feats),
            torch.full((len(chosen),), conf.crop_frames, dtype=torch.int64),
            torch.from_numpy(self._labels[chosen]),
            utterances,
        )

    def _crop(self, utterance: str, rng: np.random.Generator) -> np.ndarray:
        """``(crop_frames, F)`` from a random place; a shorter utterance is repeated from a random place on."""
        total, length = self._reader.num_frames(utterance), self._conf.crop_frames
        if total >= length:
            return self._reader.read(utterance, int(rng.integers(total - length + 1)), length)
        frames = self._reader.read(utterance)
        return frames[(rng.integers(len(frames)) + np.arange(length)) % len(frames)]


def spec_augment(feats: np.ndarray, conf: SpecAugmentConf, rng: np.random.Generator) -> None:
    """Sets masks of random place and width to 0, in place; each row of ``feats`` (B, T, F) has its own."""
    batch, frames, bins = feats.shape
    for axis, size, masks, width in (
        (1, frames, conf.time_masks, conf.time_width),
        (2, bins, conf.frequency_masks, conf.frequency_width),
    ):
        for _ in range(masks):
            widths = rng.integers(min(width, size) + 1, size=(batch, 1))
            begin = rng.integers(size - widths + 1)
            place = np.arange(size)
            masked = (place >= begin) & (place < begin + widths)
            feats[np.broadcast_to(np.expand_dims(masked, 3 - axis), feats.shape)] = 0
