"""Frames computed when they are needed are those that would be read from ark."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch
from messages import refused

from timbre.conf import build
from timbre.features import fbank
from timbre.features.extract import extract_features
from timbre.features.front_end import FrameReader, InputConf
from timbre.features.online import OnlineFrames
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.fix import fix
from timbre.kaldi.tables import read_matrix, read_vector
from timbre.kaldi.text import read_table, write_table
from timbre.kaldi.wave_reader import WaveReader


@pytest.fixture
def speech(tmp_path):
    """A data directory of three noises with pauses, 0.5 to 2 s, and its features in ark."""
    rng = np.random.default_rng(0)
    wavs = {}
    for number, seconds in enumerate((0.5, 1.2, 2.0)):
        samples = 0.1 * rng.normal(size=int(16000 * seconds))
        samples[3000:6000] *= 1e-3
        wavs[f"a-{number}"] = str(tmp_path / f"{number}.wav")
        soundfile.write(wavs[f"a-{number}"], samples, 16000)
    write_table(tmp_path / "data/wav.scp", wavs)
    write_table(tmp_path / "data/utt2spk", dict.fromkeys(wavs, "a"))
    return extracted(DataDir(tmp_path / "data"), fbank.Conf(num_mel_bins=24, snip_edges=False))


def extracted(data, conf):
    extract_features(data, conf, data.path, "1", vad=InputConf().vad)
    for name in ("feats.1.scp", "vad.1.scp", "utt2num_frames.1"):
        (data.path / name).rename(data.path / name.replace(".1", ""))
    return data, conf


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"cmvn": "none"},
        {"cmvn": "sliding", "window": 40},
        {"norm_vars": True, "voiced_only": True},
        {"cmvn": "global", "norm_vars": True},
    ],
)
def test_the_same_crops_as_from_ark(speech, values):
    data, features = speech
    conf = build(InputConf, values)
    statistics = np.stack([np.linspace(-9, 9, 24), np.linspace(0.1, 2, 24)]).astype(np.float32)
    ark = FrameReader(data, conf, statistics)
    online = OnlineFrames(WaveReader(data, 16000), features, conf, statistics)
    assert online.utterances == ark.utterances
    for utterance in ark.utterances:
        assert online.num_frames(utterance) == ark.num_frames(utterance)
        np.testing.assert_allclose(online.read(utterance, 3, 20), ark.read(utterance, 3, 20), atol=2e-4)
        for length in (30, 150):  # shorter and longer than the shortest of them
            one, other = (reader.crop(utterance, length, np.random.default_rng(5)) for reader in (ark, online))
            np.testing.assert_allclose(one, other, atol=2e-4)


def test_augmentation_changes_the_waveform_and_not_the_place(speech):
    data, features = speech

    def louder(utterance, samples, rng):
        return samples * rng.uniform(2, 3)

    plain, loud = (
        OnlineFrames(WaveReader(data, 16000), features, InputConf(cmvn="none"), augment=augment)
        for augment in (None, louder)
    )
    crops = [reader.crop("a-2", 50, np.random.default_rng(1)) for reader in (plain, loud)]
    difference = crops[1] - crops[0]  # of log energies: one number
    assert 2 * np.log(2) < difference.mean() < 2 * np.log(3) and difference.std() < 1e-3
    np.testing.assert_array_equal(plain.read("a-2"), loud.read("a-2"))  # whole utterances never are augmented


def test_a_file_that_cannot_be_read_is_named(speech):
    data, features = speech
    (data.path.parent / "1.wav").unlink()
    reader = OnlineFrames(WaveReader(data, 16000), features, InputConf())
    with refused("a-1: ", "/1.wav: ", f"{data.path}/wav.scp", f"utils/fix_data_dir.sh {data.path}"):
        reader.crop("a-1", 10, np.random.default_rng(0))
    write_table(data.path / "wav.scp", {utt: path for utt, path in data.table("wav.scp").items() if utt != "a-1"})
    fix(data.path, report=lambda line: None)  # as the message says
    assert OnlineFrames(WaveReader(DataDir(data.path), 16000), features, InputConf()).utterances == ["a-0", "a-2"]
    assert list(read_table(data.path / "utt2spk")) == ["a-0", "a-2"]


def test_dither_is_a_function_of_the_utterance_in_any_division_into_jobs(speech, tmp_path):
    data, conf = speech[0], speech[1].model_copy(update={"dither": 1.0})
    waves = data.table("wav.scp")
    for job, utterances in {"all": list(waves), "1": ["a-2"], "2": ["a-0", "a-1"]}.items():
        write_table(tmp_path / job / "wav.scp", {utterance: waves[utterance] for utterance in utterances})
        torch.rand(3)  # whatever the process has drawn before
        extract_features(DataDir(tmp_path / job), conf, tmp_path / "jobs", job, vad=InputConf().vad)
    for kind, read in (("feats", read_matrix), ("vad", read_vector)):
        whole, *parts = (read_table(tmp_path / f"jobs/{kind}.{job}.scp") for job in ("all", "1", "2"))
        for utterance, rxfile in (parts[0] | parts[1]).items():
            np.testing.assert_array_equal(read(rxfile), read(whole[utterance]))
    plain = FrameReader(data, InputConf(cmvn="none"))
    dithered = read_matrix(read_table(tmp_path / "jobs/feats.all.scp")["a-0"])
    assert np.abs(dithered - plain.read("a-0")).max() > 0.1


@pytest.mark.parametrize("values", [{}, {"voiced_only": True}])
def test_dither_of_crops_is_drawn_for_the_crop_and_disturbs_nothing(speech, values):
    data, conf = speech[0], speech[1].model_copy(update={"dither": 1.0})
    read = build(InputConf, {"cmvn": "none", **values})
    extracted(data, conf)
    ark, online = FrameReader(DataDir(data.path), read), OnlineFrames(WaveReader(data, 16000), conf, read)
    crops = []
    for seed, rng in ((1, 5), (2, 5), (1, 6)):
        torch.manual_seed(seed)
        crops.append(online.crop("a-2", 190, np.random.default_rng(rng)))
        np.testing.assert_array_equal(online.read("a-2"), ark.read("a-2"))
        drawn = torch.rand(2)
        torch.manual_seed(seed)
        assert torch.equal(drawn, torch.rand(2)), "torch's generator is as it was"
    np.testing.assert_array_equal(crops[0], crops[1])
    assert len({crop.tobytes() for crop in crops}) == 2
    every = online.crop("a-2", online.num_frames("a-2"), np.random.default_rng(5))
    assert not np.array_equal(every, online.read("a-2")), "the dither of a crop is not its utterance's"
