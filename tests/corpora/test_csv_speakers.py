"""A table of speakers: its columns, and what is refused beside the mistakes of any table (test_csv_table.py)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from messages import refused

from timbre.corpora.csv_speakers import Options, prepare


@pytest.fixture
def table(tmp_path):
    """``table(lines)``: the file, beside two wavs."""
    for seed, name in enumerate(("a.wav", "b.wav")):
        soundfile.write(tmp_path / name, 0.1 * np.random.default_rng(seed).standard_normal(1600), 16000)

    def write(*lines: str) -> Path:
        (tmp_path / "my.csv").write_text("\n".join(lines) + "\n")
        return tmp_path / "my.csv"

    return write


def read(path: Path):
    said: list[str] = []
    return prepare(path, Options(), said.append)["all"], " ".join(said)


def test_path_and_speaker_are_enough(table) -> None:
    rows, said = read(table("path,speaker,label", "a.wav,Anna,joy", "b.wav,ben-2,anger"))
    assert [(row.utterance, row.speaker) for row in rows] == [("Anna-a", "Anna"), ("ben_2-b", "ben_2")]
    assert "label" in said and not rows[0].tables and not rows[0].speaker_tables


def test_further_columns_become_tables(table) -> None:
    rows, _ = read(table("path,speaker,Gender,session,split", "a.wav,anna,Female,k,train", "b.wav,ben,m,h,test"))
    assert [row.speaker_tables for row in rows] == [{"spk2gender": "f"}, {"spk2gender": "m"}]
    assert rows[1].tables == {"utt2session": "h", "utt2split": "test"}


def test_mistakes_are_named_with_their_line(table) -> None:
    with refused("my.csv:1", "'speaker'"):
        read(table("path,label", "a.wav,x"))
    with refused("my.csv:3", "'x'", "f, m"):
        read(table("path,speaker,gender", "a.wav,anna,f", "b.wav,ben,x"))
    with refused("my.csv:3", "anna", "two genders"):
        read(table("path,speaker,gender", "a.wav,anna,f", "b.wav,anna,m"))
