"""TESS: what its file names say, and what the copies that circulate do to them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from messages import names, refused

from timbre.__main__ import main
from timbre.corpora.tess import EXPECTED, Options, prepare
from timbre.corpora.voices import EMOTIONS
from timbre.kaldi.text import read_table
from timbre.kaldi.validate import validate

FOLDERS = {
    "OAF_angry": "OAF_bite_angry",
    "OAF_Fear": "OAF_food_fear",
    "OAF_Pleasant_surprise": "OAF_bite_ps",
    "OAF_neutral": "OA_bite_neutral",
    "YAF_pleasant_surprised": "YAF_bite_ps",
    "YAF_disgust": "YAF_germ_disgust",
    "YAF_happy": "YAF_bite_happy",
    "YAF_sad": "YAF_bite_sad",
}


def speak(path: Path, rate: int = 24414, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.random.default_rng(seed).standard_normal(200), rate)


@pytest.fixture
def corpus(tmp_path) -> Path:
    """As it is downloaded: a folder for each actress and emotion, in two spellings; one file at 96 kHz."""
    root = tmp_path / "TESS data"
    for number, (folder, stem) in enumerate(FOLDERS.items()):
        speak(root / folder / f"{stem}.wav", 96000 if stem == "OAF_food_fear" else 24414, number)
    return root


def read(corpus: Path, bad_audio: str = "fail") -> tuple[dict[str, str], list[str]]:
    """``{utterance: its file below the corpus}`` and what was said."""
    said: list[str] = []
    rows = prepare(corpus, Options(bad_audio=bad_audio, max_skipped=0.5), said.append)["all"]
    return {row.utterance: str(Path(row.wav).relative_to(corpus)) for row in rows}, said


def test_data_directory(corpus, tmp_path, capsys):
    main(["prepare", "--corpus-kind=tess", f"--corpus={corpus}", f"--out={tmp_path / 'data'}"])
    data = tmp_path / "data/all"
    assert read_table(data / "utt2emotion") == {
        "OAF-bite-angry": "anger",
        "OAF-bite-neutral": "neutral",
        "OAF-bite-ps": "surprise",
        "OAF-food-fear": "fear",
        "YAF-bite-happy": "happiness",
        "YAF-bite-ps": "surprise",
        "YAF-bite-sad": "sadness",
        "YAF-germ-disgust": "disgust",
    }
    assert set(read_table(data / "utt2emotion").values()) <= set(EMOTIONS)
    assert read_table(data / "text")["YAF-germ-disgust"] == "SAY THE WORD GERM"
    assert set(read_table(data / "utt2lang").values()) == {"en"}
    assert read_table(data / "utt2spk")["OAF-bite-neutral"] == "OAF"
    assert read_table(data / "spk2gender") == {"OAF": "f", "YAF": "f"}
    assert read_table(data / "spk2age") == {"OAF": "64", "YAF": "26"}
    assert not validate(data, feats=False, text=True)
    assert EXPECTED == {"all": (2800, 2)}
    rates, misnamed, whole = capsys.readouterr().out.splitlines()
    assert names(rates, "1 of 8", "24,414 Hz", "OAF-food-fear", "96,000", "features.resample")
    assert names(misnamed, "1 of 8", "OAF", "OA_bite_neutral.wav")
    assert names(whole, "all: 8 utterances", "2 speakers", "2 female", "0 male", "2800")


def test_a_doubled_tree_is_read_once_and_folders_say_nothing(corpus):
    expected, plain = read(corpus)
    shutil.copytree(corpus, corpus / "TESS data")
    found, (copies, *said) = read(corpus)
    assert (found, said) == (expected, plain) and names(copies, "8 of 16", "copies")
    shutil.rmtree(corpus / "TESS data")
    (corpus / "OAF_angry").rename(corpus / "YAF_sad_too")
    (corpus / "OAF_Fear/OAF_food_fear.wav").rename(corpus / "oaf_FOOD_Fear.WAV")
    moved, _ = read(corpus)
    assert moved == expected | {
        "OAF-bite-angry": "YAF_sad_too/OAF_bite_angry.wav",
        "OAF-food-fear": "oaf_FOOD_Fear.WAV",
    }


def test_one_utterance_in_files_that_differ_is_refused(corpus):
    speak(corpus / "again/OAF_bite_neutral.wav", seed=3)  # the same seed: as OA_bite_neutral, byte for byte
    assert read(corpus)[0]["OAF-bite-neutral"] == "OAF_neutral/OA_bite_neutral.wav"
    speak(corpus / "again/OAF_bite_neutral.wav", seed=99)
    with refused("OAF-bite-neutral: ", "/OAF_neutral/OA_bite_neutral.wav", "/again/OAF_bite_neutral.wav"):
        read(corpus)


def test_bad_audio_is_refused_or_left_out_with_its_reason(corpus, tmp_path, capsys):
    (corpus / "YAF_happy/YAF_bite_happy.wav").write_bytes(b"")
    broken = corpus / "YAF_disgust/YAF_germ_disgust.wav"
    broken.write_bytes(b"RIFF????WAVEfmt " + bytes(20))
    cut = corpus / "YAF_sad/YAF_bite_sad.wav"
    cut.write_bytes(cut.read_bytes()[:-100])
    with refused(broken, "--option bad_audio=skip"):
        read(corpus)
    kept, said = read(corpus, "skip")
    assert len(kept) == 5 and "YAF-bite-ps" in kept
    assert names(said[0], "3 of 8", broken, "YAF_bite_happy.wav", cut, "300 of 400 bytes")
    options = [f"--corpus={corpus}", "--option=bad_audio=ski", f"--out={tmp_path / 'data'}"]
    with pytest.raises(SystemExit):
        main(["prepare", "--corpus-kind=tess", *options])
    assert names(capsys.readouterr().err, "--option bad_audio", "'fail'", "'skip'", "'ski'")


def test_what_is_no_recording_of_tess(corpus):
    expected, plain = read(corpus)
    (corpus / "OAF_angry/._OAF_bite_angry.wav").write_bytes(b"Mac OS X")  # resource forks
    (corpus / ".DS_Store").write_bytes(b"")
    assert read(corpus) == (expected, plain)
    (corpus / "readme.txt").write_text("TESS")
    assert read(corpus) == (expected, plain)
    speak(corpus / "OAF_bite_bored.wav")
    speak(corpus / "OAF_angry/03-01-05-01.wav")
    with refused(corpus, "2 of 10", "OAF_bite_angry.wav", "OAF_bite_bored.wav, 03-01-05-01.wav"):
        read(corpus)


def test_a_folder_without_it(tmp_path):
    with refused(tmp_path / "nowhere", "--corpus", "OAF_bite_angry.wav"):
        read(tmp_path / "nowhere")
