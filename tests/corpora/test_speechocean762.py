"""speechocean762: its tables read as they ship, and each defect of a copy named."""

from __future__ import annotations

from pathlib import Path

import pytest
from messages import names, refused

from timbre.__main__ import main
from timbre.corpora.rows import summary
from timbre.corpora.speechocean762 import EXPECTED, prepare
from timbre.corpora.synthetic import lay_out, stand_in_conf
from timbre.kaldi.text import read_table


@pytest.fixture
def corpus(tmp_path) -> Path:
    """Two speakers a part, two utterances each; tabs where the corpus has tabs."""
    root = tmp_path / "speechocean762"
    for part, speakers in (("train", ("0001", "0006")), ("test", ("0003", "0009"))):
        utts = {f"0{spk}{number:04d}": spk for spk in speakers for number in (11, 53)}
        (root / part).mkdir(parents=True)
        for utt, spk in utts.items():
            wav = root / "WAVE" / f"SPEAKER{spk}" / f"{utt}.WAV"
            wav.parent.mkdir(parents=True, exist_ok=True)
            wav.write_bytes(b"RIFF")
        tables = {
            "wav.scp": [f"{utt}\tWAVE/SPEAKER{spk}/{utt}.WAV" for utt, spk in utts.items()],
            "utt2spk": [f"{utt} {spk}" for utt, spk in utts.items()],
            "text": [f"{utt}\tWE CALL IT BEAR" for utt in utts],
            "spk2gender": [f"{speakers[0]} m", f"{speakers[1]} f"],
            "spk2age": [f"{speakers[0]} 6"],
        }
        for name, lines in tables.items():
            (root / part / name).write_text("".join(f"{line}\n" for line in lines))
    return root


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new), newline="")


def test_data_directories(corpus, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    main(["prepare", "--corpus-kind", "speechocean762", "--corpus", "speechocean762", "--out", "data"])
    assert read_table("data/train/wav.scp") == {
        "0001-000010011": "speechocean762/WAVE/SPEAKER0001/000010011.WAV",
        "0001-000010053": "speechocean762/WAVE/SPEAKER0001/000010053.WAV",
        "0006-000060011": "speechocean762/WAVE/SPEAKER0006/000060011.WAV",
        "0006-000060053": "speechocean762/WAVE/SPEAKER0006/000060053.WAV",
    }
    assert read_table("data/test/spk2utt") == {
        "0003": "0003-000030011 0003-000030053",
        "0009": "0009-000090011 0009-000090053",
    }
    assert read_table("data/test/text")["0009-000090011"] == "WE CALL IT BEAR"
    assert read_table("data/train/spk2gender") == {"0001": "m", "0006": "f"}
    assert read_table("data/train/spk2age") == {"0001": "6"}
    said = capsys.readouterr().out.splitlines()[0]
    assert names(said, "train: 4 utterances", "2 speakers", "1 female", "1 male", "2500", "125 speakers")


def test_a_whole_part_is_said_to_be_whole(corpus):
    assert EXPECTED == {"train": (2500, 125), "test": (2500, 125)}
    lines = list(summary(prepare(corpus), {"train": (4, 2), "test": (5, 2)}))
    assert names(lines[1], "5 of 2 speakers") and "4 of 2 speakers" not in lines[0]


def damage_missing(root: Path) -> None:
    (root / "WAVE/SPEAKER0006/000060053.WAV").unlink()


def damage_empty(root: Path) -> None:
    (root / "WAVE/SPEAKER0006/000060053.WAV").write_bytes(b"")


def damage_shared(root: Path) -> None:
    for name in ("utt2spk", "spk2gender", "spk2age"):
        edit(
            root / "test" / name,
            " 0003" if name == "utt2spk" else "0003 ",
            " 0001" if name == "utt2spk" else "0001 ",
        )


def damage_crlf(root: Path) -> None:
    edit(root / "train" / "text", "\n", "\r\n")


def damage_text(root: Path) -> None:
    edit(root / "test" / "text", "000030053\tWE CALL IT BEAR\n", "")


def damage_folder(root: Path) -> None:
    inner = root / "copy"
    inner.mkdir()
    for name in ("WAVE", "train", "test"):
        (root / name).rename(inner / name)


@pytest.mark.parametrize(
    ("damage", "wanted"),
    [
        (
            damage_missing,
            ("train", "1 of 4", "0006-000060053", "WAVE/SPEAKER0006/000060053.WAV", "timbre download"),
        ),
        (damage_empty, ("train", "1 of 4", "0006-000060053")),
        (damage_shared, ("'train'", "'test'", "0001")),
        (damage_crlf, ("train/text:1", "CRLF", "sed")),
        (damage_text, ("/test", "wav.scp", "text", "000030053")),
        (damage_folder, ("'train'", "speechocean762/copy")),
    ],
)
def test_defects_are_named_and_nothing_is_left(corpus, tmp_path, damage, wanted, capsys):
    damage(corpus)
    with refused(*wanted):
        prepare(corpus)
    out = tmp_path / "data"
    with pytest.raises(SystemExit) as ended:
        main(["prepare", "--corpus-kind", "speechocean762", "--corpus", str(corpus), "--out", str(out)])
    assert ended.value.code == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not out.exists()


def test_the_stand_in_is_read_as_the_corpus(tmp_path):
    lay_out(tmp_path, stand_in_conf("speechocean762", settings=["train_speakers=2", "utterances=1"]))
    parts = prepare(tmp_path)
    assert {part: len(rows) for part, rows in parts.items()} == {"train": 2, "test": 10}
    assert all(row.speaker_tables["spk2gender"] in "fm" and row.tables["text"].isupper() for row in parts["train"])
