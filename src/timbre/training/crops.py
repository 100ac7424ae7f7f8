"""Batches of random crops: each a pure function of the seed, the epoch and its place in it.

So nothing of a sampler or a generator needs to be stored: training that starts again in the middle of an
epoch sees the same batches, with any number of reading processes.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch.utils.data import Dataset

from timbre.errors import TimbreError
from timbre.models.batching import padded
from timbre.randomness import generator
from timbre.training.experiment import SpecAugmentConf, TrainConf


class Batch(NamedTuple):
    """``feats`` (B, T, F) float32, ``lengths`` (B,) and ``labels`` (B,) int64, and whose they are."""

    feats: torch.Tensor
    lengths: torch.Tensor
    labels: torch.Tensor
    utterances: list[str]

    def inputs(self, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """What an encoder takes; lengths stay on the CPU, where they are read."""
        return self.feats.to(device), self.lengths


class FrameSource(Protocol):
    """Where crops come from: :class:`timbre.features.front_end.FrameReader`, or frames computed online."""

    def num_frames(self, utterance: str) -> int:
        """Frames of the whole utterance."""

    def crop(self, utterance: str, length: int, rng: np.random.Generator) -> np.ndarray:
        """``(length, F)`` from a random place of the utterance."""


class CropBatches(Dataset):
    """The batches of one epoch (:meth:`set_epoch`) by their place, all of ``conf.batch_size`` crops.

    With ``conf.crop_frames`` 0 they are whole utterances, padded with zeros.

    Of several processes each takes its rows of every batch: ``share`` is ``(which, of how many)``.
    """

    def __init__(
        self, reader: FrameSource | None, labels: dict[str, int], conf: TrainConf, share: tuple[int, int] = (0, 1)
    ) -> None:
        """``labels``: the class of every utterance to train on. Without a ``reader`` there is their order alone."""
        if not labels:
            raise TimbreError("no utterance to train on")
        which, processes = share
        if conf.batch_size % processes:
            fitting = next(count for count in range(processes, 0, -1) if not conf.batch_size % count)
            raise TimbreError(
                f"train.batch_size={conf.batch_size} cannot be divided among {processes} processes; take a "
                f"multiple of {processes}, or --ngpu {fitting}"
            )
        size = conf.batch_size // processes
        self._rows = slice(which * size, (which + 1) * size)
        self._reader, self._conf = reader, conf
        self._utterances = np.array(list(labels), dtype=object)
        self._labels = np.array(list(labels.values()), dtype=np.int64)
        self._count = len(labels) * conf.crops_per_utterance
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draws the order of the epoch; the last batch is filled from its beginning."""
        self._epoch = epoch
        rng = generator(self._conf.seed, "order", epoch)
        draw = {"plain": self._plain, "balanced": self._balanced, "p_by_k": self._p_by_k}[self._conf.sampler]
        self._order = np.resize(draw(rng), len(self) * self._conf.batch_size)

    def _plain(self, rng: np.random.Generator) -> np.ndarray:
        """Every utterance as often as every other."""
        return np.concatenate([rng.permutation(len(self._labels)) for _ in range(self._conf.crops_per_utterance)])

    def _balanced(self, rng: np.random.Generator) -> np.ndarray:
        """A speaker at random, then an utterance of that speaker at random."""
        by_speaker, first, counts = self._by_speaker(rng)
        speakers = rng.choice(np.flatnonzero(counts), size=self._count)
        return by_speaker[first[speakers] + rng.integers(counts[speakers])]

    def _p_by_k(self, rng: np.random.Generator) -> np.ndarray:
        """Batches of P different speakers with K utterances each, different ones where the speaker has K."""
        k, p = self._conf.utterances_per_speaker, self._conf.batch_speakers
        by_speaker, first, counts = self._by_speaker(rng)
        speakers = np.flatnonzero(counts)
        if p > len(speakers):
            mend = (
                f"what fits: --set train.batch_size={k * len(speakers)}" if len(speakers) > 1 else "two are needed"
            )
            raise TimbreError(
                f"train.batch_size={self._conf.batch_size} with train.utterances_per_speaker={k} makes batches of "
                f"{p} speakers, and there are {len(speakers)} to train on; {mend}"
            )
        batches = len(speakers) // p  # of a permutation of all speakers
        permutations = np.tile(speakers, (-(-len(self) // batches), 1))
        chosen = rng.permuted(permutations, axis=1)[:, : batches * p].reshape(-1, 1)[: len(self) * p]
        places = (rng.integers(counts[chosen]) + np.arange(k)) % counts[chosen]
        return by_speaker[first[chosen] + places].ravel()

    def _by_speaker(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Utterances in the order of their speakers, shuffled within; each speaker's first place and count."""
        counts = np.bincount(self._labels)
        order = np.lexsort((rng.random(len(self._labels)), self._labels))
        return order, np.cumsum(counts) - counts, counts

    def __len__(self) -> int:
        return -(-self._count // self._conf.batch_size)

    def __getitem__(self, place: int) -> Batch:
        conf, rows = self._conf, self._rows
        chosen = self._order[place * conf.batch_size :][rows]
        utterances = list(self._utterances[chosen])
        feats, lengths = padded(
            [
                self._frames(utterance, generator(conf.seed, "crop", self._epoch, place, row))
                for row, utterance in enumerate(utterances, start=rows.start)
            ]
        )
        rng = generator(conf.seed, "masks", self._epoch, place)
        every = self._order[place * conf.batch_size :][: conf.batch_size]
        frames = conf.crop_frames or np.array([[self._reader.num_frames(name)] for name in self._utterances[every]])
        spec_augment(feats.numpy(), conf.spec_augment, rng, conf.batch_size, rows, frames)
        return Batch(feats, lengths, torch.from_numpy(self._labels[chosen]), utterances)

    def _frames(self, utterance: str, rng: np.random.Generator) -> np.ndarray:
        """A crop, or the whole utterance where there are none."""
        crop = self._conf.crop_frames
        return self._reader.crop(utterance, crop or self._reader.num_frames(utterance), rng)


def spec_augment(
    feats: np.ndarray,
    conf: SpecAugmentConf,
    rng: np.random.Generator,
    batch: int | None = None,
    rows: slice = slice(None),
    frames: int | np.ndarray | None = None,
) -> None:
    """Sets masks of random place and width to the mean, in place; each row of ``feats`` (B, T, F) has its own.

    The mean is that of each bin over the row's own frames as they were: near 0 where frames are normalised, and no
    outlier where they are not. Where ``feats`` are some ``rows`` of a ``batch``, the masks of all its rows are
    drawn: they do not depend on how many processes share it. ``frames`` are how many of its T each row of the
    batch has, one number or (batch, 1); those after them stay as they are.
    """
    batch, frames = batch or len(feats), feats.shape[1] if frames is None else frames
    valid = (np.arange(feats.shape[1]) < np.broadcast_to(frames, (batch, 1))[rows])[:, :, None]
    chosen: np.ndarray | None = None  # what is masked of (B, T, F)
    if np.ptp(frames) == 0:  # rows that are all as long draw what crops of that length do
        frames = int(np.max(frames))
    shares = [(np.asarray(share) * frames).astype(int) for share in (conf.time_masks_share, conf.time_width_share)]
    for axis, size, masks, width in (
        (1, frames, conf.time_masks, conf.time_width),
        (1, frames, *shares),
        (2, feats.shape[2], conf.frequency_masks, conf.frequency_width),
    ):
        for number in range(np.max(masks)):
            widths = rng.integers(np.minimum(width, size) + 1, size=(batch, 1))
            begin = rng.integers(size - widths + 1)
            place = np.arange(feats.shape[axis])
            masked = ((place >= begin) & (place < begin + widths) & (number < masks))[rows]
            masked = np.expand_dims(masked, 3 - axis)
            chosen = masked if chosen is None else chosen | masked
    if chosen is not None:
        whole = valid.all()  # numpy is slower with a mask of what counts
        means = feats.mean(axis=1, keepdims=True, where=True if whole else valid)
        np.copyto(feats, means, where=chosen if whole else chosen & valid)
