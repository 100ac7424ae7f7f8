"""Batches of crops: what they hold, and that they follow from seed, epoch and place alone."""

from __future__ import annotations

import numpy as np
import pytest
from messages import refused

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


def test_whole_utterances_come_with_their_own_lengths_and_shuffled_classes(batches):
    """The length of a row is that of its utterance, and no batch is of one class."""
    crops, labels = batches(crop_frames=0)
    for batch in (crops[place] for place in range(len(crops))):
        assert batch.feats.shape[1] == batch.lengths.max() > batch.lengths.min()
        for row, length, utterance in zip(batch.feats.numpy(), batch.lengths, batch.utterances, strict=True):
            np.testing.assert_array_equal(row[:length], crops._reader.read(utterance))
            assert not row[length:].any()
        assert batch.labels.tolist() == [labels[utt] for utt in batch.utterances]
        assert len(set(batch.labels.tolist())) > 1


def test_masks_lie_in_what_each_row_has_and_follow_from_the_whole_batch(batches):
    """Of padded rows too: as many masks as the row's own length asks for, whoever else is padded beside it."""
    frames = np.array([[10], [40], [100]])
    conf = SpecAugmentConf(time_masks_share=0.05, time_width_share=0.1)
    speech = np.random.default_rng(0).normal(size=(3, 100, 4)).astype(np.float32)
    whole = speech.copy()
    spec_augment(whole, conf, np.random.default_rng(3), frames=frames)
    masked = (whole != speech).all(axis=2)
    assert not masked[0].any() and not masked[1, 40:].any()  # a tenth of 10 frames, 0.05 times: no mask
    assert 0 < masked[1].sum() <= 2 * 4 and 8 < masked[2].sum() <= 5 * 10
    crops, alike = speech.copy(), speech.copy()
    spec_augment(crops, conf, np.random.default_rng(3))
    spec_augment(alike, conf, np.random.default_rng(3), frames=np.full((3, 1), 100))
    np.testing.assert_array_equal(crops, alike)
    apart = speech[1:2, :40].copy()
    spec_augment(apart, conf, np.random.default_rng(3), 3, slice(1, 2), frames)
    np.testing.assert_array_equal(apart[0], whole[1, :40])


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


def test_p_by_k_batches_hold_p_speakers_with_k_utterances(toy_data):
    data = toy_data(speakers=7, utterances=5)
    labels = {utt: int(spk[1:]) for utt, spk in data.utt2spk.items() if utt != "s00-4"}  # one speaker has but 4

    def batches(**options):
        conf = build(
            TrainConf, {"sampler": "p_by_k", "crop_frames": 20, "crops_per_utterance": 16, "seed": 2, **options}
        )
        return CropBatches(FrameReader(data, InputConf()), labels, conf)

    crops = batches(batch_size=15, utterances_per_speaker=5)
    epoch = [crops[place] for place in range(len(crops))]
    seen = np.concatenate([batch.labels for batch in epoch])
    for batch in epoch:
        speakers, counts = np.unique(batch.labels, return_counts=True)
        assert len(speakers) == 3 and set(counts) == {5}
        of_speaker = np.array(batch.utterances).reshape(3, 5)
        assert all(len(set(row)) == (4 if row[0].startswith("s00") else 5) for row in of_speaker)
    assert np.ptp(np.bincount(seen)) <= 0.5 * np.bincount(seen).max()  # no speaker is left out for long
    with refused("train.batch_size=16", "train.utterances_per_speaker=2", "8 speakers", "7", "train.batch_size=14"):
        batches(batch_size=16, utterances_per_speaker=2)
    with refused("batch_size of 15", "4 utterances_per_speaker"):
        batches(batch_size=15, utterances_per_speaker=4)


def test_processes_share_a_batch_row_by_row(toy_data):
    data = toy_data()
    labels = {utt: int(spk[1:]) for utt, spk in data.utt2spk.items()}
    spec_augment = {"time_masks": 1, "frequency_masks": 2}
    conf = build(TrainConf, {"batch_size": 6, "crop_frames": 40, "spec_augment": spec_augment})
    whole, *parts = (
        CropBatches(FrameReader(data, InputConf()), labels, conf, share) for share in ((0, 1), (0, 2), (1, 2))
    )
    for place in (0, 5):
        together = np.concatenate([part[place].feats for part in parts])
        np.testing.assert_array_equal(whole[place].feats, together)
        assert whole[place].utterances == parts[0][place].utterances + parts[1][place].utterances
    with refused("train.batch_size=6", "4 processes", "--ngpu 3"):
        CropBatches(FrameReader(data, InputConf()), labels, conf, (0, 4))


def test_spec_augment_masks_each_row_by_itself():
    speech = np.random.default_rng(1).normal(size=(8, 60, 20)).astype(np.float32)
    feats = speech.copy()
    conf = SpecAugmentConf(time_masks=1, time_width=20, frequency_masks=1, frequency_width=6)
    spec_augment(feats, conf, np.random.default_rng(0))
    masked = feats != speech
    columns, rows = masked.all(axis=1).sum(axis=1), masked.all(axis=2).sum(axis=1)
    assert columns.max() <= 6 and rows.max() <= 20
    assert len(set(columns)) > 1 and len(set(rows)) > 1
    np.testing.assert_array_equal(masked.sum(axis=(1, 2)), rows * 20 + columns * 60 - rows * columns)


def test_masks_are_the_mean_of_the_rows_own_frames():
    """Of a padded row too, whose padding stays zero; of frames less their mean it is 0."""
    speech = np.arange(1, 13, dtype=np.float32).reshape(2, 3, 2) ** 2
    speech[1, 2] = 0  # a row of two frames
    feats = speech.copy()
    everything = SpecAugmentConf(frequency_masks=60, frequency_width=2)
    spec_augment(feats, everything, np.random.default_rng(0), frames=np.array([[3], [2]]))
    first, second = [(1 + 9 + 25) / 3, (4 + 16 + 36) / 3], [(49 + 81) / 2, (64 + 100) / 2]
    np.testing.assert_allclose(feats, [[first] * 3, [second, second, [0, 0]]], rtol=1e-6)
    less = speech[:1] - speech[:1].mean(axis=1, keepdims=True)
    spec_augment(less, everything, np.random.default_rng(0))
    np.testing.assert_allclose(less, 0, atol=1e-5)


def test_masks_of_frames_with_their_mean_are_no_outliers(batches):
    """Frames that are not normalised: what is masked lies among what is not, whether cut or padded."""
    for crop_frames in (40, 0):
        plain, masked = (
            batches(crop_frames=crop_frames, spec_augment={"time_masks": masks, "time_width": 20})[0]
            for masks in (0, 2)
        )
        for crops in (plain, masked):
            crops._reader._conf = InputConf(cmvn="none")
            crops._reader._rows = lambda *where, read=crops._reader._rows: read(*where) + 1000
        before, after = plain[0].feats.numpy(), masked[0].feats.numpy()
        changed = (before != after).all(axis=2)
        assert changed.any() and (after[changed] > 900).all() and (after[~changed] == before[~changed]).all()


def test_adaptive_masks_follow_the_length():
    conf = SpecAugmentConf(time_masks_share=0.05, time_width_share=0.1)
    rng = np.random.default_rng(0)
    for frames, most in ((19, 0), (40, 2 * 4), (200, 10 * 20)):  # masks × their width
        speech = rng.normal(size=(500, frames, 3)).astype(np.float32)
        feats = speech.copy()
        spec_augment(feats, conf, rng)
        changed = feats != speech
        assert (changed.min(axis=2) == changed.max(axis=2)).all()  # whole frames
        masked = changed[:, :, 0].sum(axis=1)
        assert masked.max() <= most and (masked.max() > most / 2 if most else True)
