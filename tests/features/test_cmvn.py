"""Statistics of a training part: those of all its frames together, per dimension or over all."""

from __future__ import annotations

import numpy as np
from messages import refused

from timbre.features import raw
from timbre.features.cmvn import global_statistics
from timbre.features.front_end import FrameReader, FrontEnd, InputConf

RNG = np.random.default_rng(0)
SPEECH = [(RNG.normal([5, -3, 900], [1, 2, 0.5], (count, 3))).astype(np.float32) for count in (3, 40, 7)]


def test_every_frame_counts_alike():
    frames = np.concatenate(SPEECH).astype(np.float64)
    mean, scale = global_statistics(iter(SPEECH), norm_vars=True, uniform=False)
    np.testing.assert_allclose(mean, frames.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(scale, 1 / frames.std(axis=0), rtol=1e-5)  # of values at 900 too: sums of 64 bits
    normal = InputConf(cmvn="global").normalise(np.concatenate(SPEECH), np.stack([mean, scale]))
    assert normal.dtype == np.float32
    np.testing.assert_allclose(normal.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(normal.std(axis=0), 1, rtol=1e-4)


def test_of_one_kind_all_values_are_one_population():
    frames = np.concatenate(SPEECH).astype(np.float64)
    mean, scale = global_statistics(SPEECH, norm_vars=True, uniform=True)
    np.testing.assert_allclose(mean, [frames.mean()] * 3, rtol=1e-6)
    np.testing.assert_allclose(scale, [1 / frames.std()] * 3, rtol=1e-6)


def test_without_norm_vars_the_mean_alone_is_taken():
    mean, scale = global_statistics(SPEECH, norm_vars=False, uniform=False)
    np.testing.assert_array_equal(scale, 1)
    np.testing.assert_allclose(mean, np.concatenate(SPEECH).mean(axis=0), rtol=1e-5)


def test_a_constant_does_not_divide_by_zero():
    frames = np.stack([np.ones(4), np.arange(4)], axis=1).astype(np.float32)
    statistics = global_statistics([frames], norm_vars=True, uniform=False)
    normal = InputConf(cmvn="global", norm_vars=True).normalise(np.array([[1.02, 1.5]], np.float32), statistics)
    np.testing.assert_allclose(normal, [[0, 0]])  # what never varied says nothing where it does, rather than 2000


def test_nothing_is_normalised_by_statistics_that_are_not_known(toy_data):
    conf = InputConf(cmvn="global")
    for build in (lambda: FrameReader(toy_data(), conf), lambda: FrontEnd(raw.Conf(), conf)):
        with refused("input.cmvn global", "steps/train_encoder.sh"):
            build()
