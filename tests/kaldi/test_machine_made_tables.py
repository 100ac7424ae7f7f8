"""Tables that a machine makes: read as meant by every reader alike, read back as written, mended; or refused."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timbre.errors import TimbreError
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.fix import fix
from timbre.kaldi.text import read_table, write_table
from timbre.kaldi.validate import validate

ODD = "\udc80\0\x0b\x0c\x1c\x1f\x7f\x85\xa0\u1680\u2028\u2029\u3000\ufeff\u200dé中/.-_\t \r\n"
NAMES = [
    "utt2spk",
    "spk2utt",
    "wav.scp",
    "text",
    "utt2emotion",
    "utt2dur",
    "utt2num_frames",
    "spk2gender",
    "segments",
]
NAMES += ["utt2speed", "utt2lang", "enrol", "feats.scp", "feats_a.scp", "other", "reco2file_and_channel"]

blanks = st.sampled_from([" ", "\t", " \t", "  "])
odd_words = st.text(alphabet=st.sampled_from("ab1" + ODD), min_size=1, max_size=4)
numbers = st.sampled_from(
    ["0", "1", "2.5", "-1", "1e2", "1e999", "nan", "inf", "1_0", "٣", "0x1", "+3", ".5", "1.", "-0", "007"]
)
words = (
    st.sampled_from(["a", "b-1", "m", "f", "sox x.wav |", "a\tb", "r 0 1", "r 0 -1", "r 2 1"]) | numbers | odd_words
)


@st.composite
def contents(draw) -> bytes:
    """The bytes of a table, often right, often not."""
    rows = draw(st.lists(st.tuples(words, blanks, words), max_size=4))
    end = draw(st.sampled_from(["\n"] * 8 + ["\r\n", " \n", "\t\n"]))
    text = "".join(key + blank + value + end for key, blank, value in rows)
    data = draw(st.sampled_from([b""] * 8 + [b"\xef\xbb\xbf", b"\xff\xfe", b" "])) + text.encode(
        "utf-8", "surrogateescape"
    )
    return data[: len(data) - draw(st.sampled_from([0] * 8 + [1]))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("tables")


def outcome(call, *arguments):
    """What it returns, or ``None`` where it refuses in one line; any other exception is a defect."""
    try:
        return call(*arguments)
    except TimbreError as error:
        assert str(error).isprintable(), error
        return None


def meant(data: bytes) -> list[tuple[str, str]]:
    """The lines as awk splits them, the value with its inner blanks."""
    lines = [re.split(rb"[ \t]+", line.strip(b" \t"), maxsplit=1) for line in data.split(b"\n")[:-1]]
    return [(line[0].decode(), b"".join(line[1:]).decode()) for line in lines]


@given(data=contents(), name=st.sampled_from(NAMES))
def test_what_is_read_is_what_was_meant(folder, data, name):
    path = folder / name
    path.write_bytes(data)
    table = outcome(read_table, path)
    assert outcome(DataDir(folder).table, name) == table
    if table is None:
        return
    assert list(table.items()) == meant(data)
    for key, value in table.items():
        assert key.split() == [key] and key.replace("\u200d", "").isprintable()
        assert (value or name == "text") and "/" not in key[: len(key) * (name != "other")]
    write_table(folder / "again" / name, table)
    assert read_table(folder / "again" / name) == table


@given(rows=st.dictionaries(words, words | st.just(""), max_size=3), name=st.sampled_from(NAMES))
def test_what_is_written_is_read(folder, rows, name):
    path, naive = folder / "written" / name, folder / "naive" / name
    shutil.rmtree(folder / "written", ignore_errors=True)
    outcome(write_table, path, rows)
    naive.parent.mkdir(exist_ok=True)
    lines = "".join(f"{key} {value}\n" for key, value in sorted(rows.items()))
    naive.write_bytes(lines.encode("utf-8", "surrogateescape"))
    if path.exists():
        assert path.read_bytes() == naive.read_bytes() and read_table(path) == rows
    else:
        assert outcome(read_table, naive) != rows, "what could be read back is not refused"


UTTERANCES = ("s1-a", "s1-b", "s2-a", "s2-ü")
VALUES = {
    "utt2emotion": ["sad", "very\tsad"],
    "text": ["a word", "", "tab\tinside"],
    "utt2dur": ["1.5", "0", "2e0"],
    "utt2num_frames": ["150", "0"],
    "utt2uniq": ["x"],
    "utt2speed": ["1", "0.9"],
    "feats.scp": ["a.ark:7"],
}
FAULTS = [
    "\xa0s1-a x",
    "s1-a",
    "",
    "s1-a  x y z",
    "s1-a \x85",
    "-s x",
    "s1-a nan",
    "s/1 x",
    "s1-a -1",
    "\ufeffs1-a s1",
]


@st.composite
def directories(draw) -> dict[str, list[str]]:
    """The lines of the tables of a data directory: unsorted, some missing or twice, odd blanks, seldom a fault."""
    values = {"utt2spk": None, "wav.scp": ["x.wav", "cat 'a  b' |"]}
    values |= {name: VALUES[name] for name in draw(st.sets(st.sampled_from(sorted(VALUES))))}
    tables = {}
    for name, choice in values.items():
        keys = draw(st.permutations([utt for utt in UTTERANCES if draw(st.integers(0, 5))]))
        rows = [(key, key[:2] if choice is None else draw(st.sampled_from(choice))) for key in keys]
        rows += rows[: draw(st.sampled_from([0, 0, 0, 1]))]
        tables[name] = [f"{key}{draw(blanks)}{value}" for key, value in rows]
    if draw(st.integers(0, 3)) == 0:
        lines = tables[draw(st.sampled_from(sorted(tables)))]
        lines.insert(draw(st.integers(0, len(lines))), draw(st.sampled_from(FAULTS)))
    return tables


def snapshot(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir() if file.is_file()}


def check(path: Path) -> list[str]:
    return validate(path, feats=False, text=False, wav=False, printable=False, speaker_order=False)


@given(tables=directories())
def test_fix_mends_or_refuses_and_loses_nothing(folder, tables):
    path = folder / "data"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    for name, lines in tables.items():
        (path / name).write_bytes("".join(f"{line}\n" for line in lines).encode())
    before = snapshot(path)
    valid, said = outcome(check, path), []
    fixed = outcome(lambda: fix(path, report=said.append))
    if fixed is None:
        assert snapshot(path) == before and valid is None
        return
    assert outcome(check, path) is not None, "what is mended is valid"
    if valid is not None:
        assert fixed[0] == fixed[1] and not said
    data = DataDir(path)
    whole = [name for name in tables if name not in ("utt2emotion", "utt2speed")]
    rows = {name: dict(reversed(meant(before[name]))) for name in whole}  # of a key that stands twice the first
    absent = {utt for utt in UTTERANCES for name in whole if utt not in rows[name]}
    absent |= {
        utt for name in rows for utt, value in rows[name].items() if name.startswith("utt2") and value == "0"
    }
    assert data.utt2spk.keys() == set(UTTERANCES) - absent, "no utterance of all tables is lost"
    assert bool(said) == (fixed[0] < fixed[1]) or any("twice" in line for line in said)
    for name in rows:
        assert data.table(name) == {utt: rows[name][utt] for utt in sorted(data.utt2spk, key=str.encode)}
    after = snapshot(path)
    assert fix(path, report=said.append) == (fixed[0], fixed[0]) and snapshot(path) == after


@given(
    tables=directories(),
    name=st.sampled_from(["spk2gender", "reco2dur", "utt2lang", "enrol", "utt2warp"]),
    data=st.data(),
)
def test_what_is_valid_can_be_read(folder, tables, name, data):
    path = folder / "valid"
    shutil.rmtree(path, ignore_errors=True)
    for table, lines in tables.items():
        (path / table).parent.mkdir(exist_ok=True)
        (path / table).write_bytes("".join(f"{line}\n" for line in sorted(set(lines))).encode())
    (path / name).write_bytes(data.draw(contents()))
    spoken = outcome(DataDir(path).table, "utt2spk")
    (path / "spk2utt").write_text(
        "".join(f"{s} {' '.join(u)}\n" for s, u in DataDir(path).spk2utt.items()) if spoken else ""
    )
    read = [outcome(DataDir(path).table, table) for table in (*tables, name)]
    if outcome(check, path) is not None:
        assert None not in read
