"""Text tables: what is read, and each kind of malformed file with its line."""

from __future__ import annotations

import os
import subprocess

import pytest
from messages import refused
from waiting import LIMIT

from timbre.kaldi.datadir import DataDir
from timbre.kaldi.text import read_table, write_table


@pytest.mark.parametrize(
    "content,wanted",
    [
        (b"a x\r\nb y\r\n", ("/t:1: ", "CRLF", "sed")),
        (b"a x\nb \xff\n", ("/t:2: ", "UTF-8", "iconv")),
        (b"a x\nb y", ("/t: ", "line end")),
        (b"a x\nb y\na z\n", ("/t:3: ", "'a'")),
        (b"a x\nb\n", ("/t:2: ", "2 fields", "'b'")),
        (b"a x y\n", ("/t:1: ", "2 fields", "'a x y'", "spaces")),
        (b"a x\n\nb y\n", ("/t:2: ", "2 fields", "''")),
    ],
)
def test_malformed_tables_are_refused_by_line(tmp_path, content, wanted):
    (tmp_path / "t").write_bytes(content)
    with refused(*wanted):
        read_table(tmp_path / "t", fields=2)


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        ("\ufeffä x\nb y\n".encode(), {"ä": "x", "b": "y"}),
        (b"a x\r\nb y\r\n", {"a": "x", "b": "y"}),
        (b"a x\rb y\n", {"a": "x", "b": "y"}),
        (b"a x\nb y", {"a": "x", "b": "y"}),
        ("ä x\n".encode("utf-16"), {"ä": "x"}),
    ],
)
def test_the_advice_on_a_file_mends_it_without_loss(tmp_path, data, wanted, locale):
    path = tmp_path / "it's a $x *"
    path.write_bytes(data)
    with refused(": ", "run: ") as caught:
        read_table(path)
    command = str(caught.value).rpartition("run: ")[2]
    subprocess.run(["bash", "-c", command], check=True, env={**os.environ, "LC_ALL": locale}, timeout=LIMIT)
    assert read_table(path) == wanted


def test_an_empty_or_damaged_line_is_no_table(tmp_path):
    (tmp_path / "t").write_bytes(b"a x\nb \0\n")
    with refused("/t:2: ", "value 0"):
        read_table(tmp_path / "t")


@pytest.mark.parametrize(
    ("name", "table", "wanted"),
    [
        ("t", {"a b": "c"}, ("'a b'", "blanks")),
        ("t", {"a": ""}, ("'a '",)),
        ("text", {"a": "x\ny z"}, ("line ends",)),
        ("t", {"a": "\udc80"}, ("Unicode",)),
        ("t", [("a", 1), ("a", 2)], ("'a'", "'1' and '2'")),
        ("utt2dur", {"a": 0.0}, ("'a'", "above 0", "'0.0'")),
        ("utt2spk", {"a/b": "s"}, ("'a/b'", "path")),
    ],
)
def test_what_could_not_be_read_back_is_not_written(tmp_path, name, table, wanted):
    with refused(tmp_path / name, *wanted):
        write_table(tmp_path / name, table)
    assert not (tmp_path / name).exists()


def test_numbers_come_with_their_type(tmp_path):
    write_table(tmp_path / "utt2num_frames", {"a": "007"})
    write_table(tmp_path / "utt2level", {"a": "-2e1"})
    data = DataDir(tmp_path)
    assert data.numbers("utt2num_frames") == {"a": 7} and isinstance(data.numbers("utt2num_frames")["a"], int)
    assert data.numbers("utt2level") == {"a": -20.0}


def test_tables_round_trip_in_byte_order(tmp_path):
    table = {"b": "2 3", "a": "ü", "B": "1", "a-1": "4"}
    write_table(tmp_path / "t", table)
    assert (tmp_path / "t").read_text(encoding="utf-8") == "B 1\na ü\na-1 4\nb 2 3\n"
    assert read_table(tmp_path / "t") == table


def test_a_missing_table_names_the_stage_that_makes_it(tmp_path):
    with refused("/feats.scp: ", "steps/make_feats.sh", "stage 1"):
        DataDir(tmp_path).table("feats.scp")
    with refused("/none: ", "stage 0"):
        DataDir(tmp_path / "none")
