"""Text tables: what is read, and each kind of malformed file with its line."""

from __future__ import annotations

import pytest
from messages import refused

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
