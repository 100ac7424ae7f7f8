"""CaFE: what its file names say, in the copies that circulate."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from messages import names, refused

from timbre.__main__ import main
from timbre.corpora.cafe import EXPECTED, Options, prepare
from timbre.corpora.synthetic import plan, stand_in_conf
from timbre.kaldi.text import read_table
from timbre.kaldi.validate import validate

FILES = (
    "Colère/Faible/01-C-1-1",
    "Colère/Fort/01-C-2-1",
    "Dégoût/Fort/02-D-2-2",
    "Joie/Faible/03-J-1-3",
    "Neutre/07-N-1",
    "Neutre/12-N-6",
    "Peur/Fort/04-P-2-4",
    "Surprise/Faible/11-S-1-5",
    "Tristesse/Fort/12-T-2-6",
)


def speak(path: Path, seed: int = 0, channels: int = 1, rate: int = 48000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.random.default_rng(seed).standard_normal((300, channels)), rate)


@pytest.fixture
def corpus(tmp_path) -> Path:
    for number, name in enumerate(FILES):
        speak(tmp_path / f"cafe/CaFE_48k/{name}.wav", number)
    return tmp_path / "cafe"


def read(corpus: Path) -> dict[str, str]:
    """``{utterance: emotion}``."""
    rows = prepare(corpus, Options(), lambda line: None)["all"]
    return {row.utterance: row.tables["utt2emotion"] for row in rows}


def test_data_directory(corpus, tmp_path, capsys):
    speak(corpus / "CaFE_192k_1/Colère/Faible/01-C-1-1.aiff", rate=192000)  # the same at 192 kHz
    (corpus / "CaFE_48k/Readme.txt").write_text("CaFE")
    main(["prepare", "--corpus-kind=cafe", f"--corpus={corpus}", f"--out={tmp_path / 'data'}"])
    data = tmp_path / "data/all"
    assert read_table(data / "utt2emotion") == {
        "01-C-1-1": "anger",
        "01-C-2-1": "anger",
        "02-D-2-2": "disgust",
        "03-J-1-3": "happiness",
        "04-P-2-4": "fear",
        "07-N-1": "neutral",
        "11-S-1-5": "surprise",
        "12-N-6": "neutral",
        "12-T-2-6": "sadness",
    }
    texts = read_table(data / "text")
    assert texts["01-C-1-1"] == texts["01-C-2-1"] == texts["07-N-1"] == "Un cheval fou dans mon jardin"
    assert texts["12-N-6"] == texts["12-T-2-6"] == "Six ours aimants domestiqués"
    assert set(read_table(data / "utt2lang").values()) == {"fr"}
    genders = read_table(data / "spk2gender")
    assert genders == {spk: "m" if int(spk) % 2 else "f" for spk in ("01", "02", "03", "04", "07", "11", "12")}
    assert read_table(data / "spk2age")["02"] == "64"
    assert "CaFE_48k/Colère/Faible/01-C-1-1.wav" in read_table(data / "wav.scp")["01-C-1-1"]
    assert not validate(data, feats=False, text=True)
    assert EXPECTED == {"all": (936, 12)}
    out = capsys.readouterr().out
    assert names(out, "all: 9 utterances", "7 speakers", "3 female", "4 male", "936", "12 speakers")


def test_folders_say_nothing(corpus):
    expected = read(corpus)
    (corpus / "CaFE_48k/Colère").rename(corpus / "CaFE_48k/ColŠre")
    (corpus / "CaFE_48k/Dégoût").rename(corpus / "CaFE_48k/D‚go–t")
    (corpus / "CaFE_48k/Joie/Faible/03-J-1-3.wav").rename(corpus / "03-J-1-3.wav")
    assert read(corpus) == expected


def test_a_folder_whose_name_is_no_text_is_refused(corpus):
    """As unzip writes it where it does not know the archive's code page."""
    try:
        os.rename(corpus / "CaFE_48k/Colère", os.fsencode(corpus) + b"/CaFE_48k/Col\x8are")
    except OSError:
        pytest.skip("file names must be text here")
    with refused(r"CaFE_48k/Col\x8are/", ".wav", "UTF-8", "convmv"):
        read(corpus)


def test_neutral_names_of_three_and_four_fields_are_one_utterance(corpus):
    expected = read(corpus)
    neutral = corpus / "CaFE_48k/Neutre"
    (neutral / "07-N-1.wav").rename(neutral / "07-N-1-1.wav")
    assert read(corpus) == expected
    shutil.copy(neutral / "07-N-1-1.wav", neutral / "07-N-1.wav")
    assert read(corpus) == expected
    speak(neutral / "07-N-1.wav", seed=99)
    with refused("07-N-1: ", "/07-N-1-1.wav", "/07-N-1.wav"):
        read(corpus)


@pytest.mark.parametrize(
    "stem",
    ["00-C-1-1", "13-C-1-1", "1-C-1-1", "01-C-1", "01-C-3-1", "01-C-1-7", "01-N-2-1", "01-E-1-1", "01-c-1-1"],
)
def test_other_names_are_refused(corpus, stem):
    speak(corpus / f"{stem}.wav")
    with refused(corpus, "1 of 10", " 01-C-1-1.wav", f" {stem}.wav"):
        read(corpus)


def test_two_channels_are_refused_or_left_out(corpus):
    speak(corpus / "CaFE_48k/Neutre/07-N-1.wav", channels=2)
    with refused("07-N-1.wav", "2 channels", "bad_audio=skip"):
        prepare(corpus, Options(), print)
    said: list[str] = []
    rows = prepare(corpus, Options(bad_audio="skip", max_skipped=0.2), said.append)["all"]
    assert len(rows) == 8 and names(said[0], "1 of 9", "07-N-1.wav", "2 channels")


def test_stand_in(tmp_path, capsys):
    """Each actor as often as in CaFE: six sentences, weakly and strongly in each emotion, once neutrally."""
    planned = list(plan(stand_in_conf("cafe")))
    assert len({one.utterance.wav for one in planned}) == len(planned) == 936
    said = Counter((one.utterance.speaker, one.utterance.emotion, one.utterance.text) for one in planned)
    assert Counter(said.values()) == {1: 72, 2: 432}
    assert {one.utterance.emotion for one in planned[:7]} == {one.utterance.emotion for one in planned}
    corpus = tmp_path / "stand-in"
    few = ["--set=train_speakers=2", "--set=utterances=7"]
    main(["make-synthetic-corpus", f"--dir={corpus}", "--layout=cafe", *few])
    main(["prepare", "--corpus-kind=cafe", f"--corpus={corpus}", f"--out={tmp_path / 'data'}"])
    assert soundfile.info(corpus / "CaFE_48k/Colère/Faible/02-C-1-1.wav").samplerate == 48000
    data = tmp_path / "data/all"
    emotions, texts, speakers = (read_table(data / name) for name in ("utt2emotion", "text", "utt2spk"))
    assert {(speakers[utt], emotions[utt], texts[utt]) for utt in emotions} <= set(said) and len(emotions) == 14
    assert read_table(data / "spk2gender") == {one.speaker.name: one.speaker.gender for one in planned[:156:78]}
    assert not validate(data, feats=False, text=True)
    assert "rate" not in capsys.readouterr().out
