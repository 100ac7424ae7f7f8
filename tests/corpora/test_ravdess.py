"""RAVDESS: what its file names say, and what the copies that circulate do to them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from messages import names, refused

from timbre.__main__ import main
from timbre.corpora.ravdess import EXPECTED, Options, prepare
from timbre.corpora.ravdess_names import ACTORS
from timbre.corpora.voices import EMOTIONS
from timbre.kaldi.text import read_table
from timbre.kaldi.validate import validate

STEMS = (
    "03-01-01-01-01-01-01",
    "03-01-02-02-02-01-01",
    "03-01-03-01-01-02-02",
    "03-01-04-01-02-02-02",
    "03-01-05-02-01-01-03",
    "03-01-06-01-01-01-10",
    "03-01-07-02-02-02-23",
    "03-01-08-01-01-01-24",
)


def speak(path: Path, seed: int, rate: int = 48000, channels: int = 1, level: float = 0.1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = level * np.random.default_rng(seed).standard_normal((200, channels)).clip(-3, 3)
    soundfile.write(path, samples, rate)


@pytest.fixture
def corpus(tmp_path) -> Path:
    """As it is unpacked: a folder for each actor."""
    for seed, stem in enumerate(STEMS):
        speak(tmp_path / f"RAVDESS/Actor_{stem[-2:]}/{stem}.wav", seed)
    return tmp_path / "RAVDESS"


def read(corpus: Path, **options: object) -> tuple[dict[str, str], list[str]]:
    """``{utterance: its file below the corpus}`` and what was said."""
    said: list[str] = []
    rows = prepare(corpus, Options(max_skipped=0.5, **options), said.append)["all"]
    return {row.utterance: str(Path(row.wav).relative_to(corpus)) for row in rows}, said


def test_data_directory(corpus, tmp_path, capsys):
    main(["prepare", "--corpus-kind=ravdess", f"--corpus={corpus}", f"--out={tmp_path / 'data'}"])
    data = tmp_path / "data/all"
    assert read_table(data / "utt2emotion") == {
        "01-01-01-01-01": "neutral",
        "01-02-02-02-01": "calm",
        "02-03-01-01-02": "happiness",
        "02-04-01-02-02": "sadness",
        "03-05-02-01-01": "anger",
        "10-06-01-01-01": "fear",
        "23-07-02-02-02": "disgust",
        "24-08-01-01-01": "surprise",
    }
    assert set(read_table(data / "utt2emotion").values()) <= set(EMOTIONS)
    assert read_table(data / "text")["23-07-02-02-02"] == "Dogs are sitting by the door."
    assert read_table(data / "text")["03-05-02-01-01"] == "Kids are talking by the door."
    assert set(read_table(data / "utt2lang").values()) == {"en"}
    assert read_table(data / "spk2gender") == {"01": "m", "02": "f", "03": "m", "10": "f", "23": "m", "24": "f"}
    assert not validate(data, feats=False, text=True)
    assert list(ACTORS.values()).count("f") == 12 and EXPECTED == {"all": (1440, 24)}
    assert names(capsys.readouterr().out, "all: 8 utterances", "6 speakers", "3 female", "3 male", "1440")


def test_a_doubled_tree_is_read_once_and_folders_say_nothing(corpus):
    expected, plain = read(corpus)
    shutil.copytree(corpus, corpus / "audio_speech_actors_01-24")
    found, (copies, *said) = read(corpus)
    assert (found, said) == (expected, plain) and names(copies, "8 of 16", "copies")
    shutil.rmtree(corpus / "audio_speech_actors_01-24")
    shutil.copy(corpus / f"Actor_24/{STEMS[-1]}.wav", corpus / "Actor_01")  # a byte copy in another's folder
    found, (copies, strayed) = read(corpus)
    assert found == expected | {"24-08-01-01-01": f"Actor_01/{STEMS[-1]}.wav"}
    assert names(copies, "1 of 9", "copies") and names(strayed, "1 of 8", f"Actor_01/{STEMS[-1]}.wav")
    (corpus / "Actor_01").rename(corpus / "the first")
    assert read(corpus)[0].keys() == expected.keys()


def test_flac_and_its_wav_are_one(corpus):
    samples, rate = soundfile.read(corpus / f"Actor_01/{STEMS[0]}.wav", dtype="int16")
    soundfile.write(corpus / f"{STEMS[0]}.flac", samples, rate)
    found, said = read(corpus)
    assert found["01-01-01-01-01"] == f"{STEMS[0]}.flac" and names(said[0], "1 of 9", "copies")
    soundfile.write(corpus / f"{STEMS[0]}.flac", samples // 2, rate)
    with refused("01-01-01-01-01", f"{STEMS[0]}.flac", f"{STEMS[0]}.wav"):
        read(corpus)


def test_songs_and_films_are_left_out_and_counted(corpus):
    expected, _ = read(corpus)
    for seed, stem in enumerate(("03-02-03-01-01-01-01", "03-02-04-01-01-01-02", "01-01-05-01-01-01-03")):
        speak(corpus / f"Actor_{stem[-2:]}/{stem}.wav", 50 + seed)
    found, said = read(corpus)
    assert found == expected and names(said[0], "3 of 11", "songs 2", "films 1")
    for folder in corpus.iterdir():
        for path in folder.glob("03-01-*"):
            path.unlink()
    with refused(corpus, "songs", "--corpus"):
        read(corpus)


def test_one_recording_under_two_names(corpus):
    first = corpus / f"Actor_01/{STEMS[0]}.wav"
    shutil.copy(first, corpus / "Actor_01/03-01-01-01-01-02-01.wav")  # the other repetition
    found, said = read(corpus)
    assert len(found) == 8 and names(said[0], "1 of 9", "01-01-01-01-02 (as 01-01-01-01-01)")
    other = corpus / "Actor_01/03-01-05-01-01-01-01.wav"  # another emotion
    shutil.copy(first, other)
    with refused(first, other, "--bad-audio skip"):
        read(corpus)
    found, said = read(corpus, bad_audio="skip")
    assert len(found) == 7 and names(said[0], "3 of 10", first, other)


def test_several_channels_are_refused_or_mixed(corpus, tmp_path):
    path = corpus / f"Actor_24/{STEMS[-1]}.wav"
    speak(path, 99, channels=2)
    with refused(path, "2 channels", "--option mix=true"):
        read(corpus)
    arguments = ["--corpus-kind=ravdess", f"--corpus={corpus}", f"--out={tmp_path / 'data'}"]
    main(["prepare", *arguments, "--option=mix=true"])
    mixed = read_table(tmp_path / "data/all/wav.scp")["24-08-01-01-01"]
    assert mixed == str(tmp_path / "data/mixed/24-08-01-01-01.wav")
    stereo, _ = soundfile.read(path)
    mono, rate = soundfile.read(mixed)
    assert rate == 48000 and mono.shape == (200,)
    np.testing.assert_allclose(mono, stereo.mean(axis=1), atol=2**-15)
    assert names(read(corpus, mix=True)[1][0], "1 of 8", "24-08-01-01-01")


def test_other_rates_and_quiet_files_are_taken(corpus):
    speak(corpus / f"Actor_24/{STEMS[-1]}.wav", 1, rate=22050)
    speak(corpus / f"Actor_10/{STEMS[5]}.wav", 2, rate=44100, level=1e-3)  # -60 dB
    found, said = read(corpus)
    assert len(found) == 8 and names(said[0], "2 of 8", "24-08-01-01-01", "22,050", "44,100", "features.resample")


@pytest.mark.parametrize(
    "stem",
    [
        "03-01-09-01-01-01-01",
        "03-01-01-02-01-01-01",  # neutral is never strong
        "03-01-05-01-03-01-01",
        "03-01-05-01-01-01-25",
        "03-01-05-01-01-01-1",
        "03a01Fa",
    ],
)
def test_other_names_are_refused(corpus, stem):
    (corpus / f"Actor_01/{STEMS[0]}.wav").rename(corpus / f"Actor_01/{stem}.wav")
    with refused(corpus, "1 of 8", f" {stem}.wav"):
        read(corpus)
