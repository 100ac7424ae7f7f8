"""Who is trained on and who is held out, where copies and augmentation come in."""

from __future__ import annotations

import pytest
from messages import refused

from timbre.kaldi.datadir import DataDir
from timbre.kaldi.text import read_table, write_table
from timbre.training import speech as speech_module
from timbre.training.speech import TrainingSpeech


@pytest.fixture
def copies(toy_data):
    """Utterances with a copy in noise each, and the path of every waveform, which are not there."""
    path = toy_data().path
    utt2spk = read_table(path / "utt2spk")
    doubled = utt2spk | {f"{utt}-noise": spk for utt, spk in utt2spk.items()}
    write_table(path / "utt2spk", doubled)
    write_table(path / "utt2uniq", {utt: utt.removesuffix("-noise") for utt in doubled})
    write_table(path / "wav.scp", {utt: f"{utt}.wav" for utt in doubled})
    for name in ("feats.scp", "utt2num_frames"):
        table = read_table(path / name)
        write_table(path / name, table | {f"{utt}-noise": value for utt, value in table.items()})
    return DataDir(path)


def test_copies_are_trained_on_and_never_held_out(copies, toy_conf):
    speech = TrainingSpeech(toy_conf(), copies)
    assert len(speech.classes) == 6 and len(speech.held_out) == 2
    assert len(speech.labels) == 6 * 4 * 2 and len(speech.held) == 2 * 4
    assert not any(utt.endswith("-noise") for utt in speech.held)
    assert not {copies.utt2spk[utt] for utt in speech.labels} & set(speech.held_out)
    assert speech.crops is speech.whole and speech.statistics is None


def test_nobody_held_out_is_heard_in_augmentation(copies, toy_conf, monkeypatch, tmp_path):
    given = {}

    def augmenter(conf, waves, person, rate, sources):
        given.update(person=person, sources=sources)

    monkeypatch.setattr(speech_module, "Augmenter", augmenter)
    conf = toy_conf("train.features=online", "augment.kinds=[babble]", "augment.babble_speakers=[1, 5]")
    speech = TrainingSpeech(conf, copies, sources=tmp_path)
    assert set(given["person"]) == set(speech.labels) and given["sources"] == tmp_path
    assert not set(given["person"].values()) & set(speech.held_out)
    assert speech.crops is not speech.whole


def test_an_utterance_without_speaker_is_named(copies, toy_conf):
    table = read_table(copies.path / "utt2spk")
    del table["s03-1"]
    write_table(copies.path / "utt2spk", table)
    with refused(copies.path / "utt2spk", "'s03-1'", "utils/fix_data_dir.sh"):
        TrainingSpeech(toy_conf(), DataDir(copies.path))
