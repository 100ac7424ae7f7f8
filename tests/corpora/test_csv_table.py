"""A table of one's own: how it may be written, what becomes of it, and each mistake by its line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from messages import names, refused

from timbre.__main__ import main
from timbre.corpora.csv_table import Options, prepare
from timbre.kaldi.text import read_table
from timbre.kaldi.validate import validate

HEADER = "path,speaker,label,text,session,language,split,age"
LINES = [
    'wav/a/1.wav,Anna B.,very happy,"Yes, ""now"".",kitchen,de,train,30',
    "wav/a/2.flac,Anna B.,sad,No.,kitchen,de,dev,30",
    "wav/b/1.ogg,ben-2,sad,No.,hall,en-us,train,40",
    "wav/b/2.wav,ben-2,very happy,Now,hall,en-us,test,40",
]
FILES = [line.split(",")[0] for line in LINES]


@pytest.fixture
def folder(tmp_path) -> Path:
    """Files of 0.1 s at another rate each, one of them stereo."""
    for seed, name in enumerate(FILES):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = 0.1 * np.random.default_rng(seed).standard_normal((1600, 1 + (seed == 3))).clip(-3, 3)
        soundfile.write(path, samples, (16000, 44100, 48000, 8000)[seed])
    return tmp_path


def table(folder: Path, *lines: str, end: str = "\n", encoding: str = "utf-8") -> Path:
    path = folder / "my.csv"
    path.write_bytes("".join(f"{line}{end}" for line in lines).encode(encoding))
    return path


def without(*columns: str) -> list[str]:
    """The whole table but for some columns; the text, which has commas, is among them."""
    header = HEADER.split(",")
    gone = {header.index(column) for column in ("text", *columns)}
    rows = [HEADER, *(line.replace('"Yes, ""now"".",', "Yes,") for line in LINES)]
    return [",".join(value for place, value in enumerate(row.split(",")) if place not in gone) for row in rows]


def read(path: Path) -> list[str]:
    return [row.utterance for row in prepare(path, Options(mix=True), lambda line: None)["all"]]


def test_data_directory(folder, capsys):
    path, data = table(folder, HEADER, *LINES), folder / "data/all"
    main(
        ["prepare", "--corpus-kind=csv_table", f"--corpus={path}", "--option=mix=true", f"--out={folder / 'data'}"]
    )
    utterances = ["Anna_B.-1", "Anna_B.-2", "ben_2-1", "ben_2-2"]
    for name, values in {
        "utt2spk": ["Anna_B.", "Anna_B.", "ben_2", "ben_2"],
        "utt2emotion": ["very_happy", "sad", "sad", "very_happy"],
        "text": ['Yes, "now".', "No.", "No.", "Now"],
        "utt2session": ["kitchen", "kitchen", "hall", "hall"],
        "utt2lang": ["de", "de", "en-us", "en-us"],
        "utt2split": ["train", "train", "train", "test"],
        "wav.scp": [*(str(folder / file) for file in FILES[:3]), str(folder / "data/mixed/ben_2-2.wav")],
    }.items():
        assert read_table(data / name) == dict(zip(utterances, values, strict=True)), name
    assert not validate(data, feats=False, text=True)
    said = capsys.readouterr().out
    assert names(said, "not used: age", "dev and val (1 of 4", "1 of 4 files have several channels", "48,000")
    assert names(said, "speaker-dependent", "ben_2")


def test_a_later_version_replaces_an_earlier_one(folder):
    arguments = ["--option=mix=true", f"--out={folder / 'data'}"]
    for lines in ([HEADER, *LINES], without("split", "session")):
        main(["prepare", "--corpus-kind=csv_table", f"--corpus={table(folder, *lines)}", *arguments])
    tables = {path.name for path in (folder / "data/all").iterdir()}
    assert tables == {"wav.scp", "utt2spk", "spk2utt", "utt2emotion", "utt2lang"}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize(("end", "encoding"), [("\n", "utf-8"), ("\r\n", "utf-8-sig"), ("\r", "utf-8")])
def test_every_way_to_write_it(folder, separator, end, encoding):
    lines = [line.replace(",", separator) for line in without()]
    lines[0] = lines[0].replace("path", '"Path"').replace("label", " LABEL ")
    lines[3:3] = ["", separator * 3]
    assert read(table(folder, *lines, end=end, encoding=encoding)) == read(table(folder, *without()))


def test_names_are_as_short_as_tells_files_apart(folder):
    soundfile.write(folder / "wav/3.wav", np.full(9, 0.1), 16000)
    lines = [line.replace("ben-2", "Jürgen") for line in without("split")]
    absolute = f"{folder}/wav/3.wav,Jürgen,sad,hall,en,40"
    assert read(table(folder, *lines, absolute)) == ["Anna_B.-1", "Anna_B.-2", "Jürgen-1", "Jürgen-2", "Jürgen-3"]
    (folder / "wav/3.wav").rename(folder / "wav/2.wav")
    assert read(table(folder, *lines, absolute.replace("3.wav", "2.wav")))[2:] == [
        "Jürgen-b_1",
        "Jürgen-b_2",
        "Jürgen-wav_2",
    ]


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"path,": "file,"}, (":1:", "'path'", "'file'")),
        ({",speaker": ",who"}, (":1:", "'speaker'", "folds", "'who'")),
        ({",label": ",emotion"}, (":1:", "'label'", "'emotion'")),
        ({"age": "label"}, (":1:", "'label'", "twice")),
        ({"wav/b/2.wav": ""}, (":5:", "'path'", "remove the line")),
        ({"sad,kitchen": ",kitchen"}, (":3:", "'label'", "remove the line")),
        ({"hall,en-us,train": "hall,,train"}, (":4:", "'language'", "or the column")),
        ({"wav/b/": "wav\\b\\"}, (":4:", "wav\\b\\1.ogg", "line 5", "write / for \\")),
        ({"wav/b/2.wav": "wav/b/3.wav"}, (":5:", "wav/b/3.wav", "table's folder")),
        ({"wav/b/2.wav": "wav/a/../a/1.wav"}, (":5:", "wav/a/1.wav", "line 2")),
        ({"sad,hall": "Very Happy,hall"}, (":4:", "'Very Happy'", "'very happy'", "line 2")),
        ({"1.ogg,ben-2": "1.ogg,ben 2"}, (":5:", "'ben-2'", "'ben 2'", "line 4")),
        (
            {"happy,hall,en-us": "happy,hall,e n-us", "sad,hall,en-us": "sad,hall,e_n-us"},
            (":5:", "'e n-us'", "line 4"),
        ),
        ({"test,40": "eval,40"}, (":5:", "'eval'", "train, dev, val, test")),
        ({"test,40": "train,40"}, ("no line", "test")),
        ({"very happy,hall": "afraid,hall"}, (":5:", "'afraid'", "no line trains")),
        ({"sad,hall": "sad,hall,more"}, (":4:", "8 values", "7 columns")),
        ({"sad,hall,": "sad,"}, (":4:", "6 values", "7 columns")),
        ({"sad,hall": '"sad,hall'}, (":4:", "quotation mark")),
        ({"sad,hall": "sa\0d,hall"}, (":4:", "value 0")),
    ],
    ids=str,
)
def test_mistakes_are_named_by_line(folder, changes, wanted):
    text = "\n".join(without())
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    path = table(folder, text.replace(",age", ",years") if "age" not in changes else text)
    with refused(path, *wanted):
        read(path)


def test_what_no_fold_can_train_is_named(folder):
    lines = without("split")
    with refused(":3:", "'sad'", "'Anna B.'"):
        read(table(folder, *(line.replace("sad,hall", "very happy,hall") for line in lines)))
    with refused("all", "'sad'"):
        read(table(folder, *(line.replace("very happy", "sad") for line in lines)))
    with refused("'ben-2'", "split"):
        read(table(folder, *(line.replace("Anna B.", "ben-2") for line in lines)))


def test_other_files_than_tables(folder):
    path = table(folder, *(line.replace("ben", "bên") for line in without()), encoding="latin-1")
    with refused(f"{path}:4:", "WINDOWS-1252"):
        read(path)
    with refused(f"{path}:1:", "iconv -f UTF-16"):
        read(table(folder, *without(), encoding="utf-16"))
    for lines, wanted in (([], "empty"), ([HEADER], "header")):
        with refused(path, wanted):
            read(table(folder, *lines))
    with refused(folder, "name the file"):
        read(folder)


def test_audio_for_another_program_is_to_be_converted(folder):
    (folder / "wav/a/1.m4a").write_bytes(b"\0\0\0\x18ftypM4A " + bytes(100))
    with refused("Anna_B.-1", "MPEG-4", f"ffmpeg -i {folder}/wav/a/1.m4a {folder}/wav/a/1.wav"):
        read(table(folder, *(line.replace("a/1.wav", "a/1.m4a") for line in without())))


def test_files_of_the_same_name_before_the_suffix(folder):
    soundfile.write(folder / "wav/b/2.flac", np.full(9, 0.1), 16000)
    path = table(folder, *without("split"), "wav/b/2.flac,ben-2,sad,hall,en,40")
    with refused(f"{path}:6:", "'ben_2-wav_b_2'", "line 5"):
        read(path)
