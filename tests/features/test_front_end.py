"""What an encoder sees: ranges normalised as in the whole utterance, ark and waveform alike."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch
from messages import names, refused

from timbre.conf import build
from timbre.features import fbank, logmel, mfcc
from timbre.features.extract import extract_features
from timbre.features.front_end import FrameReader, FrontEnd, InputConf, is_uniform
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.fix import fix
from timbre.kaldi.jobs import collect_jobs
from timbre.kaldi.layout import NOTES
from timbre.kaldi.text import read_table, write_table
from timbre.kaldi.validate import validate

RATE = 16000


@pytest.fixture
def spoken(tmp_path):
    """A data directory of two noisy tones with pauses, and its features and voice activity."""
    rng = np.random.default_rng(0)
    waves = {}
    for number, seconds in enumerate((2.0, 1.3)):
        time = np.arange(int(seconds * RATE)) / RATE
        voice = np.sin(2 * np.pi * 200 * time) * (np.sin(2 * np.pi * 1.5 * time) > 0)
        waves[f"s-{number}"] = (0.3 * voice + 1e-3 * rng.normal(size=len(time))).astype(np.float32)
        soundfile.write(tmp_path / f"s-{number}.wav", waves[f"s-{number}"], RATE, subtype="FLOAT")
    write_table(tmp_path / "wav.scp", {utt: tmp_path / f"{utt}.wav" for utt in waves})
    data, conf = DataDir(tmp_path), mfcc.Conf(snip_edges=False)
    extract_features(data, conf, tmp_path / "arks", "1", vad=InputConf().vad)
    collect_jobs(data, tmp_path / "arks", "feats", ["utt2num_frames", "utt2dur"], 1, 0.0, ["vad"])
    return data, conf, waves


READS = [
    {"cmvn": "none"},
    {"cmvn": "utterance", "norm_vars": True},
    {"cmvn": "sliding", "window": 30},
    {"cmvn": "sliding", "window": 30, "norm_vars": True, "voiced_only": True},
    {"cmvn": "utterance", "voiced_only": True},
    {"cmvn": "global", "norm_vars": True},
    {"cmvn": "global", "voiced_only": True},
]
STATISTICS = np.stack([np.linspace(-9, 9, 13), np.linspace(0.1, 2, 13)]).astype(np.float32)


@pytest.mark.parametrize("options", READS, ids=str)
def test_a_range_equals_its_place_in_the_whole_and_ark_equals_waveform(spoken, options):
    data, conf, waves = spoken
    read = build(InputConf, options)
    reader, front_end = FrameReader(data, read, STATISTICS), FrontEnd(conf, read, STATISTICS)
    for utt, samples in waves.items():
        whole = reader.read(utt)
        assert len(whole) == reader.num_frames(utt)
        np.testing.assert_allclose(front_end(samples), whole, atol=1e-4)
        for start, length in [(0, 20), (17, 25), (len(whole) - 10, 10)]:
            np.testing.assert_allclose(reader.read(utt, start, length), whole[start : start + length], atol=1e-4)


def test_voiced_frames_are_selected_after_normalisation(spoken):
    data, _, _ = spoken
    everything = FrameReader(data, InputConf()).read("s-0")
    voiced = FrameReader(data, InputConf(voiced_only=True)).read("s-0")
    assert 0.3 * len(everything) < len(voiced) < 0.8 * len(everything)
    assert {row.tobytes() for row in voiced} < {row.tobytes() for row in everything}


def test_a_missing_job_is_missed(spoken):
    data, conf, _ = spoken
    write_table(data.path / "wav.scp", {"s-0": data.path / "s-0.wav"})
    out = data.path / "arks"
    extract_features(DataDir(data.path), conf, out, "1")
    write_table(data.path / "wav.scp", {utt: data.path / f"{utt}.wav" for utt in ("s-0", "s-1")})
    with refused("2 utterances", "feats.scp", "wrote 1", "missing s-1"):
        collect_jobs(DataDir(data.path), out, "feats", [], 1, 0.0)


def test_bad_audio_fails_or_is_skipped_with_its_reason(spoken):
    data, conf, _ = spoken
    soundfile.write(data.path / "s-1.wav", np.ones(399) * 0.1, RATE)
    with refused("s-1: ", "399 samples", "400", "--bad-audio skip"):
        extract_features(data, conf, data.path / "arks", "1")
    extract_features(data, conf, data.path / "arks", "1", bad_audio="skip")
    with refused("1 of 2", "--max-skipped 0.05", "s-1 (", "feats.skipped"):
        collect_jobs(data, data.path / "arks", "feats", [], 1, 0.05)
    said = collect_jobs(data, data.path / "arks", "feats", ["utt2num_frames"], 1, 0.5)
    assert names(said, "1 utterances", "1 skipped")
    assert (data.path / "feats.skipped").read_text().startswith("s-1 399 samples")


def test_what_is_skipped_stands_in_no_table_and_the_rest_can_be_trained_on(spoken):
    """An utterance without a voiced frame, and one that is no audio."""
    data, conf, _ = spoken
    soundfile.write(data.path / "s-2.wav", 2e-5 * np.random.default_rng(1).normal(size=RATE), RATE, subtype="FLOAT")
    write_table(data.path / "wav.scp", {f"s-{number}": data.path / f"s-{number}.wav" for number in range(3)})
    (data.path / "s-1.wav").write_text("none")
    write_table(data.path / "utt2spk", {f"s-{number}": f"s-{number}" for number in range(3)})
    write_table(data.path / "spk2utt", {f"s-{number}": f"s-{number}" for number in range(3)})
    data, out = DataDir(data.path), data.path / "again"
    with refused("s-1: ", "s-1.wav", "--bad-audio skip"):
        extract_features(data, conf, out, "1", vad=InputConf().vad)
    extract_features(data, conf, out, "1", "skip", vad=InputConf().vad)
    said = collect_jobs(data, out, "feats", [*NOTES], 1, 0.7, ["vad"])
    assert names(said, "1 utterances", "2 skipped")
    skipped = read_table(data.path / "feats.skipped")
    assert list(skipped) == ["s-1", "s-2"] and names(skipped["s-2"], "voiced", "input.vad.energy_threshold")
    (data.path / "vad.skipped").unlink(missing_ok=True)
    for name in ("feats.scp", "vad.scp", *NOTES):
        assert list(read_table(data.path / name)) == ["s-0"], name
    fix(data.path, report=lambda line: None)
    assert all("one speaker" in warning for warning in validate(data.path, text=False))
    reader = FrameReader(DataDir(data.path), InputConf(voiced_only=True))
    assert [len(reader.read(utterance)) > 0 for utterance in reader.utterances] == [True]


def test_log_mel_frames():
    samples = torch.sin(2 * torch.pi * 1000 * torch.arange(RATE) / RATE)
    frames = logmel.Extractor(logmel.Conf())(samples)
    assert frames.shape == (101, 40) and frames.isfinite().all()
    assert (frames[10:-10].argmax(dim=1) == frames[50].argmax()).all()


def test_log_mel_filters_end_where_the_conf_says():
    time = torch.arange(RATE) / RATE
    extract = logmel.Extractor(logmel.Conf(frame_length=64.0, num_mel_bins=20, low_freq=500, high_freq=-4000))
    low, inside, high = (
        extract(torch.sin(2 * torch.pi * hertz * time))[10:-10].max() for hertz in (300, 2000, 4200)
    )
    assert low < inside - 10 and high < inside - 10
    with refused("low_freq 0 ", "9000 Hz", "0 and 8000"):
        build(logmel.Conf, {"high_freq": 9000})


def test_log_mel_bins_are_of_one_kind_where_the_conf_says():
    assert [is_uniform(logmel.Conf(uniform=each)) for each in (False, True)] == [False, True]


def test_waveform_scale_is_kaldis():
    """Features of [-1, 1) samples are those of the 16-bit range: log energies lie 2 ln 32768 higher."""
    samples = 0.1 * torch.randn(RATE, generator=torch.manual_seed(0))
    assert fbank.Extractor(fbank.Conf())(samples).mean() > 10
