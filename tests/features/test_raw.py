"""Waveforms in frames: every sample once, in its place, and nothing after the last but zeros."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch
from messages import refused

from timbre.conf import build
from timbre.features import raw
from timbre.features.extract import extract_features
from timbre.features.front_end import FrameReader, FrontEnd, InputConf
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.jobs import collect_jobs
from timbre.kaldi.layout import NOTES
from timbre.kaldi.text import write_table

TESS = {"sample_rate": 24414, "frame_length": 20.48, "frame_shift": 20.48}


def frames_of(samples, **conf):
    return raw.Extractor(raw.Conf(**conf))(torch.as_tensor(samples, dtype=torch.float32)).numpy()


@pytest.mark.parametrize("count", [1, 499, 500, 501, 1000, 1001, 24414])
def test_frames_put_one_after_another_are_the_waveform_and_zeros(count):
    samples = np.random.default_rng(count).normal(size=count).astype(np.float32)
    frames = frames_of(samples, **TESS)
    assert frames.shape == (-(-count // 500), 500) and frames.dtype == np.float32
    np.testing.assert_array_equal(frames.ravel()[:count], samples)
    assert not frames.ravel()[count:].any()


def test_frames_that_overlap_end_with_the_first_that_reaches_the_end():
    conf = {"sample_rate": 1000, "frame_length": 4, "frame_shift": 3}
    assert frames_of([1, 2, 3, 4, 5, 6, 7], **conf).tolist() == [[1, 2, 3, 4], [4, 5, 6, 7]]
    assert frames_of([1, 2, 3, 4, 5, 6, 7, 8], **conf).tolist() == [[1, 2, 3, 4], [4, 5, 6, 7], [7, 8, 0, 0]]


def test_times_are_rounded_to_the_nearest_sample():
    assert raw.Extractor(raw.Conf(**TESS)).dim == 500  # 24,414 Hz · 20.48 ms = 499.999
    assert FrontEnd(raw.Conf(sample_rate=16000), InputConf()).dim == 320


@pytest.mark.parametrize("shift", [0.01, 20.6])
def test_a_shift_of_nothing_or_past_the_frame_is_refused(shift):
    with refused(f"frame_shift {shift} ms", "1 to 500"):
        build(raw.Conf, TESS | {"frame_shift": shift})


@pytest.fixture
def spoken(tmp_path):
    """A directory of three waveforms at 24,414 Hz, two of them alike, and how to extract them."""
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (2, 1234)).astype(np.float32)
    waves = {"a-0": samples[0], "a-1": samples[1], "a-2": samples[0]}
    for utterance, wave in waves.items():
        soundfile.write(tmp_path / f"{utterance}.wav", wave, 24414, subtype="FLOAT")
    write_table(tmp_path / "wav.scp", {utterance: tmp_path / f"{utterance}.wav" for utterance in waves})
    data = DataDir(tmp_path)

    def extract(**options):
        extract_features(data, raw.Conf(**TESS, **options), tmp_path / "arks", "1")
        collect_jobs(data, tmp_path / "arks", "feats", NOTES, 1, 0.0)
        return DataDir(tmp_path)

    return extract, waves


@pytest.mark.parametrize(("storage", "error"), [("float32", 0), ("half", 1e-4)])
def test_from_the_ark_they_are_the_waveform(spoken, storage, error):
    extract, waves = spoken
    reader = FrameReader(extract(storage=storage), InputConf(cmvn="none"))
    for utterance, wave in waves.items():
        np.testing.assert_allclose(reader.read(utterance).ravel()[:1234], wave, atol=error)
    np.testing.assert_allclose(reader.read("a-0", 1, 1), [waves["a-0"][500:1000]], atol=error)


def test_what_is_noted_of_an_utterance(spoken):
    extract, waves = spoken
    data = extract()
    assert data.table("utt2num_frames") == dict.fromkeys(waves, "3")
    assert data.table("utt2dur")["a-0"] == f"{1234 / 24414:.4f}"
    wanted = 10 * np.log10(np.mean(waves["a-1"].astype(np.float64) ** 2))
    assert float(data.table("utt2level")["a-1"]) == pytest.approx(wanted, abs=0.005)
    audio = data.table("utt2audio")
    assert audio["a-0"] == audio["a-2"] != audio["a-1"] and {len(value) for value in audio.values()} == {16}


def test_voiced_frames_of_them_are_chosen_to_the_last():
    """The frames of energies may be one fewer: 2.2 frames of samples are 3, of energies 2."""
    samples = 0.3 * np.sin(np.arange(1100) / 5).astype(np.float32)
    assert FrontEnd(raw.Conf(**TESS), InputConf(cmvn="none", voiced_only=True))(samples).shape == (2, 500)
