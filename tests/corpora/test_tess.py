"""TESS: what its file names say, and what the copies that circulate do to them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from timbre.__main__ import main
from timbre.corpora.tess import EXPECTED, Options, prepare
from timbre.corpora.voices import EMOTIONS
from timbre.errors import TimbreError
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
    assert capsys.readouterr().out.splitlines() == [
        "corpus: 1 of 8 files at another rate than 24,414 Hz: OAF-food-fear (96,000); features.resample takes care "
        "of them",
        "corpus: 1 of 8 files are OAF's without the F: OA_bite_neutral.wav",
        "all: 8 utterances, 2 speakers, 2 female and 0 male, not the whole corpus's 2800 of 2 speakers",
    ]


def test_a_doubled_tree_is_read_once_and_folders_say_nothing(corpus):
    expected, plain = read(corpus)
    shutil.copytree(corpus, corpus / "TESS data")
    assert read(corpus) == (
        expected,
        ["corpus: 8 of 16 wav files are copies of others, byte for byte; each utterance is taken once", *plain],
    )
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
    with pytest.raises(
        TimbreError,
        match=r"OAF-bite-neutral: .*OAF_neutral/OA_bite_neutral.wav and .*again/OAF_bite_neutral.wav differ",
    ):
        read(corpus)


def test_bad_audio_is_refused_or_left_out_with_its_reason(corpus, tmp_path, capsys):
    (corpus / "YAF_happy/YAF_bite_happy.wav").write_bytes(b"")
    broken = corpus / "YAF_disgust/YAF_germ_disgust.wav"
    broken.write_bytes(b"RIFF????WAVEfmt " + bytes(20))
    cut = corpus / "YAF_sad/YAF_bite_sad.wav"
    cut.write_bytes(cut.read_bytes()[:-100])
    with pytest.raises(
        TimbreError, match=r"germ_disgust.wav: not readable .*, or --option bad_audio=skip, would leave it out\)"
    ):
        read(corpus)
    kept, said = read(corpus, "skip")
    assert len(kept) == 5 and "YAF-bite-ps" in kept
    assert said[0].startswith("corpus: 3 of 8 files left out: ")
    assert f"{broken}: not readable as audio" in said[0]
    assert "YAF_bite_happy.wav: the file is empty" in said[0] and f"{cut}: truncated: 300 of 400 bytes" in said[0]
    options = [f"--corpus={corpus}", "--option=bad_audio=ski", f"--out={tmp_path / 'data'}"]
    with pytest.raises(SystemExit):
        main(["prepare", "--corpus-kind=tess", *options])
    assert "--option bad_audio: input should be 'fail' or 'skip', found 'ski'" in capsys.readouterr().err


def test_what_is_no_recording_of_tess(corpus):
    expected, plain = read(corpus)
    (corpus / "OAF_angry/._OAF_bite_angry.wav").write_bytes(b"Mac OS X")  # resource forks
    (corpus / ".DS_Store").write_bytes(b"")
    assert read(corpus) == (expected, plain)
    (corpus / "readme.txt").write_text("TESS")
    assert read(corpus) == (expected, plain)
    speak(corpus / "OAF_bite_bored.wav")
    speak(corpus / "OAF_angry/03-01-05-01.wav")
    with pytest.raises(
        TimbreError,
        match=r"2 of 10 wav files are not named like OAF_bite_angry.wav: OAF_bite_bored.wav, 03-01-05-01.wav; ren",
    ):
        read(corpus)


def test_a_folder_without_it(tmp_path):
    with pytest.raises(
        TimbreError, match="nowhere: no wav files there; --corpus is the folder that holds files like"
    ):
        read(tmp_path / "nowhere")
