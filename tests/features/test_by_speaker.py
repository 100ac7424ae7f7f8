"""Features by speaker: no scale or offset of a speaker is left, no label is read, one recording is refused."""

from __future__ import annotations

import numpy as np
import pytest
from messages import refused

from timbre.conf import build
from timbre.features.by_speaker import is_by_speaker, normalise_by_speaker, normalise_streams, require_by_speaker
from timbre.features.frames import FrameConf
from timbre.features.front_end import FrameReader, FrontEnd, InputConf
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.tables import ArkWriter, read_vectors
from timbre.kaldi.text import write_table
from timbre.models.trained import ModelConf
from timbre.training.experiment import Experiment, by_speaker

LENGTHS = {"a-1": 4, "a-2": 9, "b-1": 6, "b-2": 3}
SCALE, OFFSET = np.array([2.0, 0.5, 7.0]), np.array([-1.0, 30.0, 0.25])


@pytest.fixture
def spoken(tmp_path):
    """``spoken(name, change)`` → a data directory of two speakers; ``change`` is made to the features of ``b``."""

    def make(name, change=lambda frames: frames):
        rng, path = np.random.default_rng(0), tmp_path / name
        with (
            ArkWriter(path / "made.ark", path / "feats.scp") as feats,
            ArkWriter(path / "vectors.ark", path / "vectors_x.scp") as vectors,
        ):
            for utterance, length in LENGTHS.items():
                frames, vector = rng.normal(size=(length, 3)), rng.normal(size=3)
                if utterance.startswith("b"):
                    frames, vector = change(frames), change(vector)
                feats.write(utterance, frames)
                vectors.write(utterance, vector)
        write_table(path / "utt2spk", {utterance: utterance[0] for utterance in LENGTHS})
        write_table(path / "utt2num_frames", LENGTHS)
        return DataDir(path)

    return make


def frames_of(data):
    reader = FrameReader(DataDir(data.path), InputConf(cmvn="speaker"))
    return {utterance: reader.read(utterance) for utterance in reader.utterances}


def test_what_a_speaker_says_has_mean_0_and_deviation_1_whatever_it_had(spoken):
    plain, changed = spoken("plain"), spoken("changed", lambda frames: frames * SCALE + OFFSET)
    for data in (plain, changed):
        normalise_by_speaker(data, "feats.scp")
        normalise_streams(data, ["vectors_x.scp"])
    one, other = frames_of(plain), frames_of(changed)
    for utterance, frames in one.items():
        assert frames.shape == (LENGTHS[utterance], 3)
        np.testing.assert_allclose(other[utterance], frames, atol=1e-4)
    for speaker in "ab":
        together = np.concatenate([frames for utterance, frames in one.items() if utterance[0] == speaker])
        np.testing.assert_allclose(together.mean(axis=0), 0, atol=1e-5)
        np.testing.assert_allclose(together.std(axis=0), 1, atol=1e-4)
    (names, vectors), (_, same) = (read_vectors(data.path / "vectors_x.scp") for data in (plain, changed))
    assert names == list(LENGTHS)
    np.testing.assert_allclose(vectors, same, atol=1e-3)
    np.testing.assert_allclose(vectors[0::2], -vectors[1::2], atol=1e-4)  # of two utterances either is the other's


def test_no_label_is_read(spoken):
    """The tables of labels are not there, or say anything: nothing changes."""
    bare, labelled = spoken("bare"), spoken("labelled")
    for number, utterance in enumerate(LENGTHS):
        with (labelled.path / "utt2emotion").open("a") as file:
            file.write(f"{utterance} e{number % 3}\n")
    for data in (bare, labelled):
        normalise_by_speaker(data, "feats.scp")
    one, other = frames_of(bare), frames_of(labelled)
    assert all(np.array_equal(one[utterance], other[utterance]) for utterance in LENGTHS)


def test_one_mean_and_one_deviation_where_dimensions_are_of_one_kind(spoken):
    data = spoken("raw")
    before = {utterance: FrameReader(data, InputConf(cmvn="none")).read(utterance) for utterance in LENGTHS}
    every = np.concatenate([before["a-1"], before["a-2"]])
    normalise_by_speaker(data, "feats.scp", uniform=True)
    np.testing.assert_allclose(frames_of(data)["a-1"], (before["a-1"] - every.mean()) / every.std(), atol=1e-4)


def test_a_speaker_of_one_utterance_is_refused(spoken):
    data = spoken("lone")
    write_table(data.path / "utt2spk", {utterance: utterance for utterance in LENGTHS})
    with refused("feats.scp", "'a-1'", "4 such", "--normalise"):
        normalise_by_speaker(DataDir(data.path), "feats.scp")


def test_a_data_directory_says_that_it_is_by_speaker(spoken):
    data = spoken("streams")
    assert not is_by_speaker(data.path)
    normalise_streams(data, [])
    assert not is_by_speaker(data.path)
    require_by_speaker(data, False)
    with refused(data.path, "make_streams.sh"):
        require_by_speaker(data, True)
    normalise_streams(data, ["vectors_x.scp"])
    assert is_by_speaker(data.path)
    require_by_speaker(data, True)


def test_a_recording_of_a_stranger_is_refused():
    conf = build(ModelConf, {"features": {"kind": "mfcc"}, "input": {"cmvn": "speaker"}})
    assert isinstance(conf.features, FrameConf)
    with refused("steps/predict.sh", "by speaker"):
        FrontEnd(conf.features, conf.input)(np.zeros(16000, dtype=np.float32))


def test_who_speaks_is_not_asked_of_features_by_speaker():
    conf = {"encoder": {"kind": "xvector"}, "input": {"cmvn": "speaker"}}
    with refused("who speaks"):
        by_speaker(build(Experiment, conf))
    emotions = {"task": "classification", "labels": "utt2emotion", "loss": {"kind": "softmax"}}
    found = by_speaker(build(Experiment, conf | emotions | {"input": {"norm_vars": True, "voiced_only": True}}))
    assert found.input == InputConf(cmvn="speaker", voiced_only=True)
