"""AISHELL-1: its tree read as it is unpacked, its protocols, and what goes wrong with copies."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from messages import names, refused

from timbre.__main__ import main
from timbre.corpora import aishell
from timbre.corpora.aishell import Options, prepare
from timbre.kaldi.text import read_table
from timbre.kaldi.trials import read_trials
from timbre.kaldi.validate import validate

PARTS = {"train": ("S0002", "S0003", "S0006"), "dev": ("S0724",), "test": ("S0764", "S0765", "S0766")}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Twelve utterances a speaker, 1 to 4 s; one recording without a transcript."""
    root = tmp_path_factory.mktemp("aishell")
    texts, genders = [], []
    for part, speakers in PARTS.items():
        for i, spk in enumerate(speakers):
            genders.append(f"{spk[1:]} {'FMF'[i]}")
            for number in range(12):
                wav = root / f"data_aishell/wav/{part}/{spk}/BAC009{spk}W{121 + number:04d}.wav"
                wav.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(wav, np.ones(8000 + 4000 * number) / 8, 16000)
                texts.append(f"{wav.stem} 而 对 楼市")
    transcript = root / "data_aishell/transcript/aishell_transcript_v0.8.txt"
    transcript.parent.mkdir()
    transcript.write_text("\n".join(texts[1:]) + "\n", encoding="utf-8")
    (root / "resource_aishell").mkdir()
    (root / "resource_aishell/speaker.info").write_text("\n".join(genders) + "\n")
    return root


@pytest.fixture
def corpus(made, tmp_path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "aishell"))


def run(corpus, out, protocol) -> None:
    main(
        ["prepare", "--corpus-kind=aishell", f"--corpus={corpus}", f"--option=protocol={protocol}", f"--out={out}"]
    )


def read(corpus: Path, protocol: str = "lab") -> tuple[dict, str]:
    said: list[str] = []
    return prepare(corpus, Options(protocol=protocol), said.append), "\n".join(said)


def test_lab(corpus, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(aishell, "LAB_SPEAKERS", 2)
    run(corpus, tmp_path / "data", "lab")
    train, test = tmp_path / "data/train", tmp_path / "data/test"
    assert len(read_table(train / "utt2spk")) == 20
    assert len(set(read_table(train / "utt2spk").values())) == 2
    assert len(read_table(test / "utt2spk")) == 30
    assert len(read_trials(test / "trials")) == 30 * 29 // 2
    balanced = read_trials(test / "trials_balanced")
    assert len(balanced) == 2 * balanced.target.sum() == 2 * 3 * 45
    assert read_table(test / "spk2gender") == {"S0764": "f", "S0765": "m", "S0766": "f"}
    assert not validate(test, feats=False)
    said = capsys.readouterr().out
    assert said.count("SHA-256") == 2 and "Mandarin" in (tmp_path / "data/about").read_text()
    whole = next(line for line in said.splitlines() if line.startswith("corpus: train:"))
    assert names(whole, "35 utterances", "3 speakers", "2 female", "1 male", "120098")
    assert names(said, "1 recordings without a transcript")


def test_the_choice_does_not_change_with_what_else_is_there(corpus):
    before = {row.utterance for row in read(corpus)[0]["test"]}
    shutil.rmtree(corpus / "data_aishell/wav/train/S0006")
    shutil.rmtree(corpus / "data_aishell/wav/test/S0766")
    assert {row.utterance for row in read(corpus)[0]["test"]} == {
        utt for utt in before if not utt.startswith("S0766")
    }


def test_full(corpus, tmp_path):
    run(corpus, tmp_path / "data", "full")
    test = tmp_path / "data/test"
    enrol = {model: utts.split() for model, utts in read_table(test / "enrol").items()}
    assert {model: len(utts) for model, utts in enrol.items()} == dict.fromkeys(PARTS["test"], 3)
    trials = read_trials(test / "trials")
    assert len(trials) == 3 * 27
    assert trials.target.sum() == 27
    assert not set(trials.test) & {utt for utts in enrol.values() for utt in utts}
    assert len(read_table(tmp_path / "data/train/utt2spk")) == 35


def test_hard(corpus, tmp_path):
    run(corpus, tmp_path / "data", "hard")
    test = tmp_path / "data/test"
    enrol = read_table(test / "enrol", fields=2)
    assert len(enrol) == 9
    assert all(model == utt for model, utt in enrol.items())
    trials = read_trials(test / "trials")
    genders = read_table(test / "spk2gender")
    assert all(genders[a[:5]] == genders[b[:5]] for a, b in zip(trials.enrol, trials.test, strict=True))
    assert trials.target.sum() == 9 * 9
    assert len(trials) == 9 * 9 + 2 * 3 * 9
    lengths = {}
    for utt, segment in read_table(test / "segments").items():
        recording, start, end = segment.split()
        lengths[utt] = float(end) - float(start)
        whole = soundfile.info(corpus / f"data_aishell/wav/test/{utt[:5]}/{utt[6:]}.wav").duration
        assert recording == utt and 0 <= float(start) < float(end) <= whole + 1e-3
    cut = {utt for utt in lengths if utt not in enrol}
    assert max(lengths[utt] for utt in cut) == pytest.approx(2)
    assert max(lengths[utt] for utt in enrol) > 2
    assert not validate(test, feats=False, text=False)


def test_a_smaller_corpus_is_taken_and_said_to_be_smaller(corpus):
    shutil.rmtree(corpus / "data_aishell/wav/dev")
    (corpus / "data_aishell/wav/test/S0764/BAC009S0764W0125.wav").unlink()
    _, said = read(corpus)
    assert names(said, "lab: 3 training speakers", "300", "speaker.info: S0724", "BAC009S0764W0125", "dev: 0")


def test_data_aishell_itself_and_a_corpus_without_resources_will_do(corpus):
    assert read(corpus / "data_aishell") == read(corpus)
    shutil.rmtree(corpus / "resource_aishell")
    shutil.rmtree(corpus / "data_aishell/transcript")
    parts, _ = read(corpus, "full")
    assert len(parts["train"]) == 36
    assert not parts["train"][0].tables and not parts["train"][0].speaker_tables
    with refused("protocol hard", "S0764, S0765, S0766", "speaker.info", "timbre download"):
        read(corpus, "hard")


def damage_packed(root: Path) -> None:
    for spk in ("S0002", "S0003"):  # one is packed; of the other the archive was kept beside its folder
        (root / f"data_aishell/wav/{spk}.tar.gz").write_bytes(b"x")
    shutil.rmtree(root / "data_aishell/wav/train/S0002")


def damage_moved(root: Path) -> None:
    wavs = root / "data_aishell/wav/train"
    shutil.copy(wavs / "S0002/BAC009S0002W0122.wav", wavs / "S0003")


def damage_copied(root: Path) -> None:
    shutil.copytree(root / "data_aishell/wav/train/S0002", root / "data_aishell/wav/test/S0002")


def damage_empty(root: Path) -> None:
    for wav in (root / "data_aishell/wav/train/S0006").iterdir():
        wav.write_bytes(b"")


def damage_info(root: Path) -> None:
    (root / "resource_aishell/speaker.info").write_text("0002 X\n")


def damage_part(root: Path) -> None:
    shutil.rmtree(root / "data_aishell/wav/test")


def damage_root(root: Path) -> None:
    (root / "data_aishell").rename(root / "aishell")


@pytest.mark.parametrize(
    ("damage", "wanted"),
    [
        (damage_packed, ("data_aishell/wav", "S0002.tar.gz", "timbre download", "--dir")),
        (damage_moved, ("S0003/BAC009S0002W0122.wav", "BAC009S0003Wnnnn.wav")),
        (damage_copied, ("'train'", "'test'", "S0002")),
        (damage_empty, ("train", "10 of", "S0006-BAC009S0006W0121")),
        (damage_info, ("speaker.info:1", "'0002 X'", "F or M")),
        (damage_part, ("data_aishell/wav/test", "S*/BAC*.wav")),
        (damage_root, ("data_aishell/wav", "AISHELL-1")),
    ],
)
def test_defects_are_named(corpus, damage, wanted):
    damage(corpus)
    with refused(*wanted):
        read(corpus)


def test_a_broken_header_is_named_when_it_is_to_be_cut(corpus):
    (corpus / "data_aishell/wav/test/S0764/BAC009S0764W0122.wav").write_bytes(b"no audio")
    with refused("S0764-BAC009S0764W0122", "wav/test/S0764/BAC009S0764W0122.wav"):
        read(corpus, "hard")


def test_unknown_protocols_and_options_are_refused(corpus, tmp_path, capsys):
    for option, wanted in (("protocol=lap", ("lap", "lab")), ("protocl=lab", ("protocl", "'protocol'"))):
        with pytest.raises(SystemExit):
            main(["prepare", "--corpus-kind=aishell", f"--corpus={corpus}", f"--option={option}"])
        assert names(capsys.readouterr().err, *wanted)


def test_the_stand_in_reads_as_the_corpus_and_says_what_it_is(tmp_path):
    small = ["--set=train_speakers=2", "--set=test_speakers=2", "--set=utterances=4", "--set=words=[2, 3]"]
    main(["make-synthetic-corpus", "--layout=aishell", f"--dir={tmp_path / 'made'}", *small])
    assert (tmp_path / "made/data_aishell/wav/train/S0002/BAC009S0002W0121.wav").exists()
    run(tmp_path / "made/data_aishell", tmp_path / "data", "full")
    assert names((tmp_path / "data/about").read_text(), "Synthetic speech", "espeak-ng")
    assert sorted(read_table(tmp_path / "data/test/spk2gender").values()) == ["f", "m"]
    assert read_table(tmp_path / "data/train/text")["S0002-BAC009S0002W0121"] > "一"
