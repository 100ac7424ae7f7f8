"""An ark that is not the one its scp was written for is refused; utterances that were renamed are not."""

from __future__ import annotations

import shutil
import time

import kaldiio
import numpy as np
import pytest
from messages import refused

from timbre.features.front_end import FrameReader, InputConf
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.tables import STORAGE, ArkWriter
from timbre.kaldi.text import write_table
from timbre.kaldi.transform import copy
from timbre.scoring.statistics import read_statistics

LENGTHS = {"s1-a": 40, "s1-b": 40, "s2-a": 30}
RNG = np.random.default_rng(0)


def write(path, lengths=LENGTHS, storage="float32"):
    """An ark of frames, its scp, and ``utt2num_frames``."""
    with ArkWriter(path / "feats.ark", path / "feats.scp", storage) as writer:
        for utterance, length in lengths.items():
            writer.write(utterance, RNG.normal(size=(length, 5)))
    write_table(path / "utt2num_frames", lengths)
    write_table(path / "utt2spk", {utterance: utterance[:2] for utterance in lengths})
    return DataDir(path)


def read(path):
    """All frames that a data directory's ``feats.scp`` leads to."""
    reader = FrameReader(DataDir(path), InputConf(cmvn="none"))
    return {utterance: reader.read(utterance) for utterance in reader.utterances}


def replace_ark(path, lengths, storage="float32"):
    """Another ark in the place of the one that ``feats.scp`` was written for."""
    write(path / "other", lengths, storage)
    shutil.copyfile(path / "other" / "feats.ark", path / "feats.ark")


@pytest.mark.parametrize("storage", STORAGE)
def test_another_utterance_in_the_place_is_refused(tmp_path, storage):
    write(tmp_path, storage=storage)
    replace_ark(tmp_path, {"s1-b": 40, "s1-a": 40, "s2-a": 30}, storage)
    with refused("s1-a: ", tmp_path / "feats.ark", "'s1-b'", "feat", "stage 1"):
        read(tmp_path)
    replace_ark(tmp_path, {"s1-a": 40, "s9-b": 40, "s2-a": 30}, storage)  # one that the scp does not know
    with refused("s1-b: ", "'s9-b'", "stage 1", "utt2uniq"):
        read(tmp_path)


@pytest.mark.parametrize("storage", STORAGE)
def test_other_lengths_are_refused(tmp_path, storage):
    write(tmp_path, storage=storage)
    replace_ark(tmp_path, LENGTHS | {"s2-a": 31}, storage)
    with refused("s2-a: ", "31", "30", "utt2num_frames", "stage 1"):
        read(tmp_path)
    replace_ark(tmp_path, LENGTHS | {"s1-a": 41}, storage)
    with refused("s1-a: ", "41", "40", "stage 1"):
        read(tmp_path)
    reader = FrameReader(DataDir(tmp_path), InputConf(cmvn="none"))
    with refused("s1-b: ", "begins", "stage 1"):
        reader.read("s1-b", 3, 5)


def test_voice_activity_and_statistics_of_another_utterance_are_refused(tmp_path):
    data = write(tmp_path)
    with ArkWriter(tmp_path / "vad.ark", tmp_path / "vad.scp") as writer:
        for utterance, length in LENGTHS.items():
            writer.write(utterance, np.ones(length))
    rxfiles = data.table("vad.scp")
    write_table(tmp_path / "vad.scp", rxfiles | {"s1-a": rxfiles["s1-b"]})
    with refused("s1-a: ", tmp_path / "vad.ark", "'s1-b'", "stage 1"):
        FrameReader(DataDir(tmp_path), InputConf(voiced_only=True)).read("s1-a")
    replace_ark(tmp_path, {"s1-b": 40, "s1-a": 40, "s2-a": 30})
    with refused("s1-a: ", tmp_path / "feats.ark", "'s1-b'", "stage 1"):
        read_statistics(tmp_path)


def test_utterances_that_were_renamed_are_read(tmp_path):
    data = write(tmp_path / "data")
    whole = read(data.path)
    for name, source, prefix, suffix in (("once", "data", "x-", ""), ("twice", "once", "y-", "-noise")):
        copy(
            DataDir(tmp_path / source),
            tmp_path / name,
            lambda utterance, prefix=prefix, suffix=suffix: f"{prefix}{utterance}{suffix}",
            str,
        )
        (tmp_path / name / "feats.ark").write_bytes((data.path / "feats.ark").read_bytes())
        for found, wanted in zip(read(tmp_path / name).values(), whole.values(), strict=True):
            np.testing.assert_array_equal(found, wanted)
    scp = {f"q{number}": rxfile for number, rxfile in enumerate(data.table("feats.scp").values())}
    write_table(tmp_path / "own/feats.scp", scp)
    write_table(tmp_path / "own/utt2num_frames", dict(zip(scp, LENGTHS.values(), strict=True)))
    with refused("q0: ", "'s1-a'", "utt2uniq", "q0 s1-a"):
        read(tmp_path / "own")
    write_table(tmp_path / "own/utt2uniq", dict(zip(scp, LENGTHS, strict=True)))
    assert list(read(tmp_path / "own")) == list(scp)


def test_what_has_no_key_is_read(tmp_path):
    matrix = RNG.normal(size=(40, 5)).astype(np.float32)
    kaldiio.save_mat(str(tmp_path / "alone.mat"), matrix)
    kaldiio.save_ark(str(tmp_path / "text.ark"), {"k": matrix}, scp=str(tmp_path / "text.scp"), text=True)
    data = write(tmp_path)
    rxfile = data.table("feats.scp")["s2-a"]
    text = (tmp_path / "text.scp").read_text().split()[1]
    write_table(tmp_path / "feats.scp", {"a": tmp_path / "alone.mat", "b": f"{rxfile}[10:19]", "c": text})
    write_table(tmp_path / "utt2num_frames", {"a": 40, "b": 10, "c": 40})
    found = read(tmp_path)
    np.testing.assert_array_equal(found["a"], matrix)
    assert found["b"].shape == (10, 5) and np.allclose(found["c"], matrix, atol=1e-4)


def test_an_ark_of_many_renamed_utterances_is_walked_once(tmp_path):
    lengths = {f"s1-{number:05d}": 2 for number in range(3000)}
    data = write(tmp_path, lengths)
    write_table(tmp_path / "feats.scp", {f"x{key}y": rxfile for key, rxfile in data.table("feats.scp").items()})
    write_table(tmp_path / "utt2num_frames", {f"x{key}y": 2 for key in lengths})
    begun = time.process_time()
    assert len(read(tmp_path)) == 3000
    assert time.process_time() - begun < 3, "a walk for each utterance would take a minute"
