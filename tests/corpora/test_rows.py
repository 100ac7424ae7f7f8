"""Data directories from rows: checked before anything is written, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from messages import names, refused

from timbre.corpora import rows
from timbre.corpora.rows import Row, corpus_module, summary, write_data_dirs
from timbre.errors import TimbreError
from timbre.kaldi.text import read_table

GOOD = [
    Row("a-1", "a", "wav/a 1.wav", {"text": "one  two", "utt2emotion": "anger"}, {"spk2gender": "f"}),
    Row("a-2", "a", "wav/a2.wav", {"text": "three", "utt2emotion": "fear"}, {"spk2gender": "f"}),
    Row("b-1", "b", "wav/b1.wav", {"text": "four", "utt2emotion": "fear"}),
]


def left(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_tables(tmp_path):
    write_data_dirs(tmp_path, {"test": GOOD[::-1]})
    assert left(tmp_path / "test") == ["spk2gender", "spk2utt", "text", "utt2emotion", "utt2spk", "wav.scp"]
    assert (tmp_path / "test" / "wav.scp").read_text() == "a-1 wav/a 1.wav\na-2 wav/a2.wav\nb-1 wav/b1.wav\n"
    assert (tmp_path / "test" / "spk2utt").read_text() == "a a-1 a-2\nb b-1\n"
    assert read_table(tmp_path / "test" / "spk2gender") == {"a": "f"}
    assert read_table(tmp_path / "test" / "text")["a-1"] == "one two"


@pytest.mark.parametrize(
    ("bad", "wanted"),
    [
        ([*GOOD, GOOD[0]], ("'a-1'", "wav/a 1.wav")),
        ([Row("a1", "a", "x.wav")], ("'a1'", "x.wav", "<speaker>-<rest>")),
        ([Row("a b-1", "a b", "x.wav")], ("'a b-1'", "x.wav", "spaces")),
        ([*GOOD, Row("c-1", "c", "x.wav", {"text": "five"})], ("utt2emotion", "c-1")),
        ([*GOOD, Row("c-1", "c", "x.wav", {"text": " ", "utt2emotion": "fear"})], ("text", "c-1")),
        (
            [*GOOD, Row("a-3", "a", "x.wav", GOOD[0].tables, {"spk2gender": "m"})],
            ("spk2gender", "'a'", "'f'", "'m'", "a-3"),
        ),
        ([], ("utterances", "--corpus")),
    ],
)
def test_bad_rows_leave_nothing_not_even_the_good_part(tmp_path, bad, wanted):
    with refused("test: ", *wanted):
        write_data_dirs(tmp_path / "data", {"train": GOOD, "test": bad})
    assert left(tmp_path) == []


def test_a_failed_write_leaves_no_directory(tmp_path, monkeypatch):
    def fail(path, table):
        if path.name == "utt2spk":
            raise TimbreError("disk full")
        path.parent.mkdir(exist_ok=True)
        path.write_text("")

    monkeypatch.setattr(rows, "write_table", fail)
    with refused("disk full"):
        write_data_dirs(tmp_path, {"test": GOOD})
    assert left(tmp_path) == []


def test_again_keeps_what_later_stages_made_and_mends_what_was_dropped(tmp_path):
    write_data_dirs(tmp_path, {"test": GOOD})
    (tmp_path / "test" / "feats.scp").write_text("a-1 x.ark:5\n")
    (tmp_path / "test" / "utt2spk").write_text("a-1 a\n")
    write_data_dirs(tmp_path, {"test": GOOD})
    assert (tmp_path / "test" / "feats.scp").exists()
    assert len(read_table(tmp_path / "test" / "utt2spk")) == 3


def test_features_of_other_audio_are_not_taken_over(tmp_path):
    write_data_dirs(tmp_path, {"test": GOOD})
    moved = [Row(row.utterance, row.speaker, f"else/{row.wav}", row.tables) for row in GOOD]
    with refused("test/wav.scp", "3 of 3", "a-1", f"remove {tmp_path / 'test'}", "--out"):
        write_data_dirs(tmp_path, {"train": GOOD, "test": moved})
    assert left(tmp_path)[0] == "test"


def test_speakers_of_one_utterance_are_named():
    lines = list(summary({"test": GOOD}, {}))
    assert names(lines[0], "test: 3 utterances", "2 speakers", "1 female", "0 male")
    assert names(lines[1], "warning", "target", "of b")


def test_unknown_corpora_are_refused_with_the_nearest():
    with refused("'syntetic'", "'synthetic'"):
        corpus_module("syntetic")
    with refused("'synthetic'", "download", "aishell, speechocean762"):
        corpus_module("synthetic", "ARCHIVES")
