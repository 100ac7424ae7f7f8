"""IEMOCAP: labels, speakers and texts of its tree, and what lies in it beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from messages import names, refused

from timbre.__main__ import main
from timbre.corpora.iemocap import EXPECTED, Options, prepare
from timbre.corpora.rows import Row
from timbre.corpora.synthetic import lay_out, plan, stand_in_conf
from timbre.kaldi.text import read_table
from timbre.kaldi.validate import validate

TURNS = {  # as labelled; a woman and a man both speak in a dialogue, whatever the letter of its name
    "Ses01F_impro01_F000": "neu",
    "Ses01F_impro01_M000": "exc",
    "Ses01F_impro01_M001": "fru",
    "Ses01M_script01_1b_F000": "hap",
    "Ses01M_script01_1b_M003": "xxx",
    "Ses05M_impro05a_F010": "sad",
    "Ses05M_impro05a_M011": "ang",
    "Ses05M_impro05a_M012": "xxx",
}
HEADER = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
ANNOTATORS = "C-E1:\tSadness;\t()\nC-F1:\tOther;\t([pensive])\nA-M1:\tval 3; act 2; dom  2;\t()\n\n"


def wav_of(root: Path, turn: str) -> Path:
    return root / f"Session{turn[4]}/sentences/wav/{turn.rpartition('_')[0]}/{turn}.wav"


def beside(root: Path, turn: str, folder: str = "EmoEvaluation") -> Path:
    return root / f"Session{turn[4]}/dialog/{folder}/{turn.rpartition('_')[0]}.txt"


def append(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text((path.read_text() if path.exists() else "") + text)


def speak(path: Path, shape: object = 160, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.random.default_rng(seed).standard_normal(shape), 16000)


@pytest.fixture
def corpus(tmp_path) -> Path:
    """As it is unpacked on a Mac: with single annotators' labels, and recordings of whole dialogues."""
    root = tmp_path / "iemocap/IEMOCAP_full_release"
    for number, (turn, label) in enumerate(TURNS.items()):
        speak(wav_of(root, turn), 160 + number, number)
        times = f"[{6.2901 * 10**number:.4f} - {9.2357 * 10**number:.4f}]"  # as wide as they happen to be
        append(beside(root, turn), f"{HEADER}{times}\t{turn}\t{label}\t[2.5000, 2.5000, 2.5000]\n{ANNOTATORS}")
        said = f"{turn} [006.2901-008.2357]: Turn: number {number} [LAUGHTER]\nM: [BREATHING]\n"
        append(beside(root, turn, "transcriptions"), said)
    first = beside(root, "Ses01F_impro01_F000")
    first.with_name(f"._{first.name}").write_bytes(b"\0\5\26\7\xff[")
    append(first.parent / "Categorical/Ses01F_impro01_e1_cat.txt", "[Ses01F_impro01_F000] :Anger; ()\n")
    speak(root / "Session1/dialog/wav/Ses01F_impro01.wav", (160, 2))
    wav = wav_of(root, "Ses01F_impro01_F000")
    wav.with_name(f"._{wav.name}").write_bytes(b"Mac OS X")
    return root


def read(corpus: Path, **options: object) -> tuple[dict[str, Row], list[str]]:
    """The rows by utterance, and what was said."""
    said: list[str] = []
    rows = prepare(corpus, Options.model_validate(options), said.append)["all"]
    return {row.utterance: row for row in rows}, said


def test_data_directory(corpus, tmp_path, capsys):
    out = tmp_path / "data"
    main(["prepare", "--corpus-kind=iemocap", f"--corpus={corpus.parent}", f"--out={out}"])
    assert read_table(out / "all/utt2emotion") == {
        "Ses01F-Ses01F_impro01_F000": "neutral",
        "Ses01F-Ses01M_script01_1b_F000": "happiness",
        "Ses01M-Ses01F_impro01_M000": "happiness",
        "Ses05F-Ses05M_impro05a_F010": "sadness",
        "Ses05M-Ses05M_impro05a_M011": "anger",
    }
    assert read_table(out / "all/spk2gender") == {"Ses01F": "f", "Ses01M": "m", "Ses05F": "f", "Ses05M": "m"}
    assert list(read_table(out / "all/utt2session").values()) == ["Session1"] * 3 + ["Session5"] * 2
    assert set(read_table(out / "all/utt2lang").values()) == {"en"}
    assert read_table(out / "all/text")["Ses01M-Ses01F_impro01_M000"] == "Turn: number 1 [LAUGHTER]"
    wav = wav_of(corpus, "Ses01M_script01_1b_F000")
    assert read_table(out / "all/wav.scp")["Ses01F-Ses01M_script01_1b_F000"] == str(wav)
    assert not validate(out / "all", feats=False, text=True)
    left_out, happiness, whole, *_ = capsys.readouterr().out.splitlines()
    assert names(left_out, "3 of 8", "xxx 2", "fru 1")
    assert names(happiness, "happiness", "1 labelled hap", "1 labelled exc")
    assert names(whole, "all: 5 utterances", "4 speakers", "2 female", "2 male", "5531", "10 speakers")
    assert EXPECTED == {"all": (5531, 10)}


def test_the_folder_of_the_sessions_or_the_one_above(corpus, tmp_path):
    assert read(corpus.parent) == read(corpus)
    with refused("Session1", "Session5", "--corpus", "IEMOCAP_full_release"):
        read(corpus / "Session1")
    (corpus.parent / "copy/Session2").mkdir(parents=True)
    with refused("/IEMOCAP_full_release,", "/copy", "--corpus"):
        read(corpus.parent)


def test_the_kind_of_dialogue(corpus):
    everything, _ = read(corpus)
    parts = [read(corpus, utterances=kind) for kind in ("impro", "script")]
    assert list(parts[1][0]) == ["Ses01F-Ses01M_script01_1b_F000"]
    assert parts[0][0] | parts[1][0] == everything and len(parts[0][0]) == 4
    chosen, happiness = parts[0][1][1:]
    assert names(chosen, "utterances=impro", "4 of 5") and names(happiness, "0 labelled hap", "1 labelled exc")


def test_lines_that_end_otherwise(corpus):
    before = read(corpus)
    for path in corpus.glob("Session1/dialog/*/Ses*.txt"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n").removesuffix(b"\r\n"))
    assert read(corpus) == before


@pytest.mark.parametrize(
    ("turn", "wanted"),
    [
        ("Ses01F_impro01_F009", ("impro01.txt:1", "[start - end]", "[6.29 - 8.23]\tSes01F_impro01_F009")),
        ("Ses01F_impro01_X009\tneu", ("impro01.txt:1", "Ses01F_impro01_X009")),
        ("Ses06F_impro01_F009\tneu", ("impro01.txt:1", "Ses06F_impro01_F009")),
        ("Ses01F_impro01_F000\tneu", ("impro01.txt:4", "'Ses01F_impro01_F000'")),
        ("Ses01F_impro01_F009\tneu", ("all", "1 of 6", "Ses01F-Ses01F_impro01_F009", "unpack", "bad_audio=skip")),
        ("Ses01F_impro01_F009\t\xe9", ("impro01.txt", "UTF-8", "0xe9", "unpack")),
    ],
)
def test_a_bad_line_is_refused(corpus, turn, wanted):
    path = beside(corpus, "Ses01F_impro01_F000")
    path.write_bytes(f"[6.29 - 8.23]\t{turn}\t[2.5, 2.5, 2.5]\n".encode("latin-1") + path.read_bytes())
    with refused(*wanted):
        read(corpus)


def test_a_file_without_label_is_refused_or_left_out(corpus):
    before, plain = read(corpus)
    speak(wav_of(corpus, "Ses02F_impro01_F000"))
    fault = ("1 of 9", "dialog/EmoEvaluation", "Session2/sentences/wav/Ses02F_impro01/Ses02F_impro01_F000.wav")
    with refused(*fault, "unpack", "bad_audio=skip"):
        read(corpus)
    with refused(*fault, "max_skipped=0.1)"):
        read(corpus, bad_audio="skip", max_skipped=0.1)
    rows, (left_out, *said) = read(corpus, bad_audio="skip", max_skipped=0.12)
    assert (rows, said) == (before, plain) and names(left_out, *fault)


def test_a_label_without_file_and_bad_audio(corpus):
    missing, stereo, empty = (
        wav_of(corpus, turn) for turn in ("Ses01F_impro01_F000", "Ses05M_impro05a_F010", "Ses05M_impro05a_M011")
    )
    wav_of(corpus, "Ses01F_impro01_M001").unlink()  # of none of the classes: nobody needs it
    assert len(read(corpus)[0]) == 5
    speak(stereo, (160, 2))
    with refused("F010.wav", "2 channels", "bad_audio=skip"):
        read(corpus)
    missing.unlink()
    empty.write_bytes(b"")
    with refused("all", "2 of 5", "Ses01F-Ses01F_impro01_F000 ", "Ses05M-Ses05M_impro05a_M011 "):
        read(corpus)
    with refused("3 of 5", "--option max_skipped=0.5", missing, stereo):
        read(corpus, bad_audio="skip", max_skipped=0.5)
    kept, said = read(corpus, bad_audio="skip", max_skipped=0.6)
    assert list(kept) == ["Ses01M-Ses01F_impro01_M000", "Ses01F-Ses01M_script01_1b_F000"]
    assert names(said[-1], "3 of 5", missing, stereo, "2 channels", empty)


def test_texts_are_known_of_all_or_of_none(corpus):
    for turn in ("Ses01F_impro01_F000", "Ses05M_impro05a_F010"):
        beside(corpus, turn, "transcriptions").unlink()
    rows, said = read(corpus)
    assert not any("text" in row.tables for row in rows.values())
    assert names(said[-1], "4 of 5", "dialog/transcriptions", "Ses01F_impro01_F000, Ses01F_impro01_M000, ")


def test_stand_in(tmp_path, capsys):
    planned = {one.utterance.utterance: one.utterance for one in plan(stand_in_conf("iemocap"))}
    assert len(planned) == 540 and len({one.wav for one in planned.values()}) == 540
    scripted = {one.text for name, one in planned.items() if "script" in name}
    improvised = [one.text for name, one in planned.items() if "impro" in name]
    assert len(scripted) == 10 and len(set(improvised)) == len(improvised) == 270
    lay_out(tmp_path / "corpus", stand_in_conf("iemocap", settings=["utterances=9"]))
    main(["prepare", "--corpus-kind=iemocap", f"--corpus={tmp_path / 'corpus'}", f"--out={tmp_path / 'data'}"])
    out = capsys.readouterr().out
    assert names(out, "10 of 90", "fru 10", "10 labelled hap", "10 labelled exc", "5 female", "5 male")
    data = tmp_path / "data/all"
    labels, texts, speakers = (read_table(data / name) for name in ("utt2emotion", "text", "utt2spk"))
    assert len(labels) == 80
    for utterance, label in labels.items():
        said = planned[utterance.partition("-")[2]]
        assert {"excitement": "happiness"}.get(said.emotion, said.emotion) == label
        assert (said.text, said.speaker) == (texts[utterance], speakers[utterance])
    main(["make-folds", "--unit=session", "--labels=utt2emotion", str(data), str(tmp_path / "data/folds")])
    assert set(read_table(tmp_path / "data/folds/5/test/utt2spk").values()) == {"Ses05F", "Ses05M"}
    assert len(read_table(tmp_path / "data/folds/5/train/utt2spk")) == 64
