"""Batches of crops: what they hold, and that they follow from seed, epoch and place alone."""

from __future__ import annotations

import numpy as np
import pytest

from timbre.conf import build
from timbre.features.front_end import FrameReader, InputConf
from timbre.training.crops import CropBatches, spec_augment
from timbre.training.experiment import SpecAugmentConf, TrainConf


@pytest.fixture
def batches(toy_data):
    def make(**options):
        data = toy_data()
        labels = {utt: int(spk[1:]) for utt, spk in data.utt2spk.items()}
        conf = build(TrainConf, {"batch_size": 6, "crop_frames": 40, **options})
        return CropBatches(FrameReader(data, InputConf()), labels, conf), labels

    return make


def test_an_epoch_shows_each_utterance_and_its_last_batch_is_full(batches):
    crops, labels = batches(crops_per_utterance=1)
    epoch = [crops[place] for place in range(len(crops))]
    assert len(epoch) == 6 and all(len(batch.utterances) == 6 for batch in epoch)
    assert {utt for batch in epoch for utt in batch.utterances} == set(labels)
    for batch in epoch:
        assert batch.feats.shape == (6, 40, 23)
        assert batch.labels.tolist() == [labels[utt] for utt in batch.utterances]


def test_batches_follow_from_seed_epoch_and_place(batches):
    (one, _), (other, _) = batches(), batches()
    one.set_epoch(2)
    other[0]
    other.set_epoch(2)
    np.testing.assert_array_equal(one[3].feats, other[3].feats)
    other.set_epoch(1)
    assert one[3].utterances != other[3].utterances
    assert one[3].utterances != batches(seed=2)[0][3].utterances


def test_crops_are_rows_of_the_utterance_and_short_ones_wrap(batches, toy_data):
    crops, _ = batches(crop_frames=80)
    reader = FrameReader(toy_data(), InputConf())
    seen = set()
    for place in range(len(crops)):
        batch = crops[place]
        for crop, utt in zip(batch.feats.numpy(), batch.utterances, strict=True):
            whole = reader.read(utt)
            start = np.abs(whole - crop[0]).sum(axis=1).argmin()
            np.testing.assert_allclose(crop, whole[(start + np.arange(80)) % len(whole)], atol=1e-5)
            seen.add(len(whole) < 80)
    assert seen == {True, False}


def test_balanced_sampling_shows_speakers_equally_often(toy_data):
    data = toy_data()
    labels = {utt: 0 if utt < "s07" else 1 for utt in data.utt2spk}  # 28 utterances against 4
    conf = build(TrainConf, {"batch_size": 50, "crop_frames": 20, "sampler": "balanced", "crops_per_utterance": 10})
    crops = CropBatches(FrameReader(data, InputConf()), labels, conf)
    shown = np.concatenate([crops[place].labels for place in range(len(crops))])
    assert 0.4 < shown.mean() < 0.6


def test_spec_augment_masks_each_row_by_itself():
    feats = np.ones((8, 60, 20), dtype=np.float32)
    conf = SpecAugmentConf(time_masks=1, time_width=20, frequency_masks=1, frequency_width=6)
    spec_augment(feats, conf, np.random.default_rng(0))
    columns, rows = (feats == 0).all(axis=1).sum(axis=1), (feats == 0).all(axis=2).sum(axis=1)
    assert columns.max() <= 6 and rows.max() <= 20
    assert len(set(columns)) > 1 and len(set(rows)) > 1
    np.testing.assert_array_equal((feats == 0).sum(axis=(1, 2)), rows * 20 + columns * 60 - rows * columns)
