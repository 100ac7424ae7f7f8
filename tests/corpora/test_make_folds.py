"""Folds of a cross-validation: disjoint by unit, all tested once, copied without what features lack."""

from __future__ import annotations

import hashlib
import itertools
import shutil
from pathlib import Path

import pytest
from messages import names, refused

from timbre.__main__ import main
from timbre.corpora.folds import copy_folds, make_folds, take_split
from timbre.kaldi import folds
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.perturb import add_speed_copies
from timbre.kaldi.text import read_table, write_table
from timbre.kaldi.validate import validate

SPEAKERS, TEXTS, EMOTIONS = ("03", "08", "10"), ("ja", "nein", "doch"), ("anger", "fear")


@pytest.fixture
def source(tmp_path) -> DataDir:
    """Three speakers say three texts in two emotions."""
    data = tmp_path / "all"
    said = {
        f"{spk}-{text}-{emotion}": (spk, text, emotion)
        for spk in SPEAKERS
        for text in TEXTS
        for emotion in EMOTIONS
    }
    for field, name in enumerate(("utt2spk", "text", "utt2emotion")):
        write_table(data / name, {utterance: fields[field] for utterance, fields in said.items()})
    write_table(data / "spk2utt", {spk: " ".join(utts) for spk, utts in DataDir(data).spk2utt.items()})
    write_table(data / "wav.scp", {utterance: f"/corpus/{utterance}.wav" for utterance in said})
    write_table(data / "spk2gender", dict.fromkeys(SPEAKERS, "f"))
    return DataDir(data)


def read(root: Path) -> dict[int, tuple[set[str], set[str]]]:
    """The utterances of the training and the test part of each fold."""
    return {
        number: (set(train.utt2spk), set(test.utt2spk))
        for number, (train, test) in enumerate(folds.read_folds(root), start=1)
    }


def without(source: DataDir, path: Path, *gone: str) -> DataDir:
    """A copy of a directory that lacks these utterances, as after ``--bad-audio skip``."""
    shutil.copytree(source.path, path)
    for name in ("utt2spk", "text", "utt2emotion", "wav.scp"):
        write_table(path / name, {key: value for key, value in source.table(name).items() if key not in gone})
    return DataDir(path)


def test_groups_of_units_share_the_classes(tmp_path):
    """Eight speakers, two of whom alone are afraid: in two folds, as in four, nobody stands in both parts."""
    data = tmp_path / "all"
    said = {f"s{spk}-{n}": "fear" if spk < 2 and n < 3 else "anger" for spk in range(8) for n in range(6)}
    speaker = {utterance: utterance[:2] for utterance in said}
    for name, table in (("utt2spk", speaker), ("utt2emotion", said), ("wav.scp", said)):
        write_table(data / name, table)
    for count in (2, 4):
        if count == 4:
            write_table(data / "utt2emotion", dict.fromkeys(said, "anger"))
        lines = list(make_folds(DataDir(data), tmp_path / str(count), "speaker", count=count))
        found = read(tmp_path / str(count))
        assert len(found) == count and set().union(*(test for _, test in found.values())) == set(said)
        for train, test in found.values():
            people = {utterance[:2] for utterance in test}
            assert len(people) == 8 // count and not people & {utterance[:2] for utterance in train}
            assert count == 4 or sum(said[utterance] == "fear" for utterance in test) == 3
        assert names(lines[count - 1], f"speaker '{sorted(people)[0]}, ")
    with refused("--folds 9", "8 speakers", "2 to 8"):
        list(make_folds(DataDir(data), tmp_path / "x", "speaker", count=9))


def test_groups_share_what_another_table_says(tmp_path, capsys):
    """Without it the first two and the last two of eight could be the men: 24 actors, their sexes in any order."""
    data, sex = tmp_path / "all", {f"s{spk:02d}": "m" if spk < 12 else "f" for spk in range(24)}
    said = {f"{spk}-{n}": ("fear", "anger")[n % 2] for spk in sex for n in range(6)}
    speaker = {utterance: utterance[:3] for utterance in said}
    for name, table in (("utt2spk", speaker), ("utt2emotion", said), ("wav.scp", said), ("spk2gender", sex)):
        write_table(data / name, table)
    out = str(tmp_path / "folds")
    main(["make-folds", "--folds", "6", "--balance", "spk2gender", str(data), out])
    for _, test in read(tmp_path / "folds").values():
        people = {utterance[:3] for utterance in test}
        assert sorted(sex[spk] for spk in people) == ["f", "f", "m", "m"]
    assert names(capsys.readouterr().out.splitlines()[0], "120 utterances", "24 of", "f 12", "m 12")
    with refused("--balance spk2gender", "--folds"):
        list(make_folds(DataDir(data), tmp_path / "x", "speaker", balance="spk2gender"))
    write_table(data / "spk2gender", {spk: name for spk, name in sex.items() if spk != "s07"})
    with refused("all/spk2gender", "s07"):
        list(make_folds(DataDir(data), tmp_path / "x", "speaker", count=6, balance="spk2gender"))
    with refused("all/utt2sex"):
        list(make_folds(DataDir(data), tmp_path / "x", "speaker", count=6, balance="utt2sex"))


@pytest.mark.parametrize(("unit", "field", "units"), [("speaker", 0, SPEAKERS), ("text", 1, sorted(TEXTS))])
def test_each_unit_is_left_out_once(source, tmp_path, unit, field, units, capsys):
    main(["make-folds", "--unit", unit, str(source.path), str(tmp_path / "folds")])
    parts = read(tmp_path / "folds")
    for name, (train, test) in zip(units, parts.values(), strict=True):
        assert {utterance.split("-")[field] for utterance in test} == {name}
        assert train == source.utt2spk.keys() - test
    assert set().union(*(test for _, test in parts.values())) == source.utt2spk.keys()
    for part in ("1/train", "3/train"):
        assert not validate(tmp_path / "folds" / part, feats=False, text=False)
    assert read_table(tmp_path / "folds/1/test/spk2gender").keys() == {
        utterance.split("-")[0] for utterance in parts[1][1]
    }
    lines = "".join(
        f"{line}\n"
        for line in sorted(
            f"{number} {part} {utterance}"
            for number in (1, 2, 3)
            for part in ("train", "test")
            for utterance in read_table(tmp_path / f"folds/{number}/{part}/utt2spk")
        )
    )
    first, _, _, split = capsys.readouterr().out.splitlines()
    assert names(first, tmp_path / "folds/1", "12 utterances", f"6 of {unit} '{units[0]}'")
    assert names(split, tmp_path / "folds", "3 folds", hashlib.sha256(lines.encode()).hexdigest())


def test_copies_are_left_out_with_their_original(source, tmp_path):
    """The trap: a faster copy has a speaker's name of its own, and is the same voice."""
    add_speed_copies(source, [0.9], tmp_path / "fast")
    list(make_folds(DataDir(tmp_path / "fast"), tmp_path / "folds", "speaker"))
    parts = read(tmp_path / "folds")
    assert len(parts) == 3 and len(parts[1][1]) == 12
    assert {name.removeprefix("sp0.9-").split("-")[0] for name in parts[1][1]} == {"03"}


def test_features_are_folded_alike_and_what_they_lack_is_counted(source, tmp_path, capsys):
    main(["make-folds", str(source.path), str(tmp_path / "folds")])
    assert (tmp_path / "folds/3").is_dir()
    feats = without(source, tmp_path / "feats/all", "08-ja-fear", "10-doch-anger")
    feats.write("feats.scp", {utterance: f"x.ark:{utterance}" for utterance in feats.utt2spk})
    feats.write("utt2level", dict.fromkeys(feats.utt2spk, "-30.5"))
    other = without(source, tmp_path / "other", "03-ja-anger")  # what another front-end lacks
    also = ["--also", str(other.path)]
    main(["copy-folds", "--folds", str(tmp_path / "folds"), *also, str(feats.path), str(tmp_path / "feats/folds")])
    lost = {"08-ja-fear", "10-doch-anger", "03-ja-anger"}
    left = {number: (train - lost, test - lost) for number, (train, test) in read(tmp_path / "folds").items()}
    assert read(tmp_path / "feats/folds") == left
    for path in (tmp_path / "feats/folds/test", tmp_path / "feats/folds/2/test"):
        tables = [
            read_table(path / name) for name in ("utt2spk", "feats.scp", "utt2level", "utt2emotion", "wav.scp")
        ]
        assert all(one.keys() == other.keys() for one, other in itertools.pairwise(tables))
    assert read_table(tmp_path / "feats/folds/test/utt2spk").keys() == feats.utt2spk.keys() - lost
    left_out, split = capsys.readouterr().out.splitlines()[-2:]
    gone = "03-ja-anger, 08-ja-fear, 10-doch-anger"
    assert names(left_out, "3 of 18", tmp_path / "folds", feats.path, other.path, gone)
    assert names(split, tmp_path / "feats/folds", "3 folds", "15 utterances", "SHA-256")


def test_copies_follow_their_originals_into_training_and_into_no_test(source, tmp_path):
    list(make_folds(source, tmp_path / "folds", "speaker", labels="utt2emotion"))
    add_speed_copies(source, [0.9], tmp_path / "copies")
    list(copy_folds(tmp_path / "folds", DataDir(tmp_path / "copies"), tmp_path / "feats"))
    for number, (train, test) in read(tmp_path / "folds").items():
        copied = read(tmp_path / "feats")[number]
        assert copied == (train | {f"sp0.9-{name}" for name in train}, test)


def test_one_split_is_one_fold(source, tmp_path):
    parts = [str(tmp_path / "folds/1" / part) for part in ("train", "test")]
    main(["split-utterances", "--labels=utt2emotion", "--unit=text", "--share=0.3", str(source.path), *parts])
    said = list(copy_folds(tmp_path / "folds", source, tmp_path / "feats"))
    assert len(said) == 1 and names(said[0], "1 folds", "6 utterances")
    assert len(read_table(tmp_path / "feats/test/utt2spk")) == 6


def test_a_split_that_a_table_says_is_one_fold(source, tmp_path):
    def split(rows):
        write_table(source.path / "utt2split", rows)
        return list(take_split(DataDir(source.path), tmp_path / "folds", "utt2split"))

    part_of = {utterance: "test" if utterance.startswith("10") else "train" for utterance in source.utt2spk}
    assert names(split(part_of), "12 utterances, tested on 6")
    parts = ({utterance for utterance, part in part_of.items() if part == one} for one in ("train", "test"))
    assert read(tmp_path / "folds") == {1: tuple(parts)}
    for rows, wanted in (
        ({**part_of, "03-ja-fear": "dev"}, ("03-ja-fear", "'dev'")),
        ({name: "test" if name.endswith("fear") else "train" for name in part_of}, ("fear", "train")),
        (dict.fromkeys(part_of, "train"), ("test part",)),
    ):
        with refused(source.path, *wanted):
            split(rows)


def test_what_cannot_be_left_out(source, tmp_path):
    out = tmp_path / "folds"
    with refused("all/utt2session"):
        list(make_folds(source, out, "session"))
    one = without(source, tmp_path / "one", *(name for name in source.utt2spk if name[:2] != "03"))
    with refused("/one", "03", "unit"):
        list(make_folds(one, out, "speaker"))
    with refused("all/utt2mood", "--labels"):
        list(make_folds(source, out, "speaker", "utt2mood"))
    alone = without(
        source, tmp_path / "alone", *(name for name in source.utt2spk if "fear" in name and name[:2] != "08")
    )
    with refused("/alone", "fold 2", "train fear", "utt2emotion"):
        list(make_folds(alone, out, "speaker"))
    assert not out.exists()


def test_folds_that_features_cannot_fill(source, tmp_path):
    list(make_folds(source, tmp_path / "folds", "speaker"))
    everyone = source.utt2spk.keys()
    for gone, wanted in (
        ([name for name in everyone if name.startswith("08")], ("fold 2", "test part")),
        ([name for name in everyone if "anger" in name and name[:2] != "10"], ("fold 3", "train anger")),
    ):
        feats = without(source, tmp_path / "feats", *gone)
        with refused(feats.path, *wanted):
            list(copy_folds(tmp_path / "folds", feats, tmp_path / "out"))
        shutil.rmtree(feats.path)
    assert not (tmp_path / "out").exists()


def test_folds_of_an_earlier_split_are_not_mixed_in(source, tmp_path):
    out = tmp_path / "folds"
    list(make_folds(source, out, "speaker"))
    list(make_folds(source, out, "text"))  # as many
    two = without(source, tmp_path / "two", *(name for name in source.utt2spk if name[:2] == "10"))
    with refused("fold 3", f"remove {out}"):
        list(make_folds(two, out, "speaker"))
