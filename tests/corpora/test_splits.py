"""Two parts of one data directory: disjoint, every class in both, sessions and copies whole."""

from __future__ import annotations

import hashlib

from messages import names, refused

from timbre.__main__ import main
from timbre.corpora.splits import choose, split_utterances, units
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.perturb import add_speed_copies
from timbre.kaldi.text import read_table, write_table
from timbre.kaldi.validate import validate


def make(path, sizes: dict[str, int], sessions: int = 0) -> DataDir:
    """Speakers with so many utterances, ``<speaker>-<session>-<number>`` where there are sessions."""
    utt2spk, utt2session = {}, {}
    for speaker, size in sizes.items():
        for number in range(size):
            session = f"{speaker}-v{number % sessions}" if sessions else speaker
            utt2spk[f"{session}-{number:03d}"] = speaker
            utt2session[f"{session}-{number:03d}"] = session
    write_table(path / "utt2spk", utt2spk)
    data = DataDir(path)
    data.write("spk2utt", {speaker: " ".join(utts) for speaker, utts in data.spk2utt.items()})
    data.write("wav.scp", {utt: f"/corpus/{utt}.wav" for utt in utt2spk})
    if sessions:
        data.write("utt2session", utt2session)
    return data


def split(tmp_path, *options: str) -> tuple[dict[str, str], dict[str, str]]:
    """``utt2spk`` of both parts."""
    main(["split-utterances", *options, *(str(tmp_path / name) for name in ("all", "first", "second"))])
    return read_table(tmp_path / "first/utt2spk"), read_table(tmp_path / "second/utt2spk")


SIZES = {"a": 20, "b": 3, "c": 11, "d": 1}


def test_parts_are_disjoint_and_have_every_class(tmp_path, capsys):
    source = make(tmp_path / "all", SIZES)
    first, second = split(tmp_path, "--share", "0.2")
    assert first | second == source.utt2spk and not first.keys() & second.keys()
    counts = {speaker: list(second.values()).count(speaker) for speaker in SIZES}
    assert counts == {"a": 4, "b": 1, "c": 2, "d": 0}, "a fifth, at least one, and d has none to spare"
    for part in ("first", "second"):
        assert not validate(tmp_path / part, feats=False, text=False)
    assert read_table(tmp_path / "second/wav.scp").keys() == second.keys()
    said = capsys.readouterr()
    digest = hashlib.sha256("".join(f"{name}\n" for name in sorted(second)).encode()).hexdigest()
    sizes, unit = said.out.splitlines()
    assert names(sizes, tmp_path / "first", "28 utterances of 4", tmp_path / "second", "7 of 3", "0.200", digest)
    assert names(unit, "by utterance", "session")
    assert names(said.err, "WARNING", tmp_path / "first", ": d") and said.err.count("\n") == 1


def test_no_video_stands_in_both_parts(tmp_path, capsys):
    """Segments of one video in training and validation: the channel gives the speaker away."""
    source = make(tmp_path / "all", {"a": 40, "b": 12, "c": 30}, sessions=5)
    first, second = split(tmp_path, "--share=0.2")
    videos = [{name.rsplit("-", 1)[0] for name in part} for part in (first, second)]
    assert not videos[0] & videos[1]
    assert set(first.values()) == set(second.values()) == {"a", "b", "c"}
    unit = capsys.readouterr().out.splitlines()[-1]
    assert names(unit, "by session", f"12 sessions in {tmp_path}/first", "3 others")
    (source.path / "utt2session").unlink()
    first, second = split(tmp_path, "--share=0.2")
    assert {name.rsplit("-", 1)[0] for name in first} & {name.rsplit("-", 1)[0] for name in second}, "the trap"


def test_units_of_speakers_and_texts(tmp_path, capsys):
    """As two actresses who say each word in each emotion: no word may stand in both parts."""
    utt2emotion = {
        f"{spk}-{word}-{emotion}": emotion for spk in "OY" for word in range(10) for emotion in ("angry", "sad")
    }
    source = make(tmp_path / "all", {})
    for name, field in (("utt2spk", 0), ("text", 1)):
        source.write(name, {utterance: utterance.split("-")[field] for utterance in utt2emotion})
    source.write("utt2emotion", utt2emotion)
    for unit, field, counts in (("text", 1, ("7 texts", "3 others")), ("speaker", 0, ("1 speakers", "1 others"))):
        first, second = split(tmp_path, "--labels=utt2emotion", "--share=0.3", f"--unit={unit}")
        assert first | second == source.utt2spk
        assert not {name.split("-")[field] for name in first} & {name.split("-")[field] for name in second}
        assert names(capsys.readouterr().out.splitlines()[-1], f"by {unit}", *counts)
        for part in (first, second):
            labels = [utt2emotion[name] for name in part]
            assert labels.count("angry") == labels.count("sad") == len(part) / 2
    with refused("/all", "2 classes", "two speakers"):
        list(split_utterances(source, tmp_path / "first", tmp_path / "second", unit="speaker"))
    (source.path / "text").unlink()
    with refused("/all/text"):
        list(split_utterances(DataDir(source.path), tmp_path / "first", tmp_path / "second", unit="text"))


def test_sessions_that_are_larger_than_the_share_and_unlike_each_other(tmp_path):
    labels = {
        f"{session}-{n}": "a" for session, size in (("big", 30), ("small", 6), ("middle", 14)) for n in range(size)
    }
    unit_of = {name: name.split("-")[0] for name in labels}
    for seed in range(6):  # in whatever order they come, 6 of 50 is nearest to 5
        assert {unit_of[name] for name in choose(labels, unit_of, 0.1, seed=seed).second} == {"small"}
        large = {name: label for name, label in labels.items() if unit_of[name] != "small"}
        assert {unit_of[name] for name in choose(large, unit_of, 0.1, seed=seed).second} == {"middle"}


def test_sessions_with_several_classes_leave_every_class_in_both(tmp_path):
    """As recordings of emotions: a session has all of them."""
    labels = {f"s{session}-{label}{n}": label for session in range(10) for label in "xyz" for n in range(4)}
    unit_of = {name: name.split("-")[0] for name in labels}
    found = choose(labels, unit_of, 0.2)
    assert len({unit_of[name] for name in found.second}) == 2
    assert {labels[name] for name in found.first} == {labels[name] for name in found.second} == set("xyz")
    only = labels | {f"s{session}-w": "w" for session in range(2)}  # a class of two sessions keeps one in each part
    unit_of |= {f"s{session}-w": f"s{session}" for session in range(2)}
    found = choose(only, unit_of, 0.2)
    assert sum(only[name] == "w" for name in found.first) == sum(only[name] == "w" for name in found.second) == 1


def test_copies_stand_where_their_original_stands(tmp_path):
    make(tmp_path / "plain", {"a": 12, "b": 8}, sessions=4)
    add_speed_copies(DataDir(tmp_path / "plain"), [0.9, 1.1], tmp_path / "all")
    first, second = split(tmp_path, "--share", "0.25")
    originals = read_table(tmp_path / "all/utt2uniq")
    sessions = read_table(tmp_path / "all/utt2session")  # whoever makes copies may name their sessions anew
    anew = {name: sessions[name] + ("" if originals[name] == name else "-copy") for name in sessions}
    write_table(tmp_path / "all/utt2session", anew)
    assert split(tmp_path, "--share", "0.25") == (first, second)
    assert not {originals[name] for name in first} & {originals[name] for name in second}
    assert set(second.values()) == {f"{prefix}{name}" for prefix in ("", "sp0.9-", "sp1.1-") for name in "ab"}
    (tmp_path / "all/utt2session").unlink()
    assert set(units(DataDir(tmp_path / "all")).values()) == set(read_table(tmp_path / "plain/utt2spk"))


def test_an_added_utterance_moves_at_most_two_others(tmp_path):
    labels = {f"a-{number}": "a" for number in range(200)}
    one = lambda names: {name: name for name in names}  # noqa: E731
    before = choose(labels, one(labels), 0.1)
    moved = []
    for number in range(200, 240):
        more = labels | {f"a-{number}": "a"}
        after = choose(more, one(more), 0.1)
        moved.append(len(set(before.second) ^ set(after.second)))
    assert max(moved) <= 2 and sum(moved) > 0
    other = choose(labels, one(labels), 0.1, seed=2)
    assert len(other.second) == 20 and len(set(other.second) & set(before.second)) < 10


def test_order_of_the_table_does_not_matter_and_least_is_kept():
    labels = {f"a-{number}": "a" for number in range(30)} | {f"b-{number}": "b" for number in range(4)}
    one = {name: name for name in labels}
    backwards = dict(reversed(labels.items()))
    assert choose(labels, one, 0.1) == choose(backwards, one, 0.1)
    found = [labels[name] for name in choose(labels, one, 0.1, least=2).second]
    assert (found.count("a"), found.count("b")) == (3, 2)


def test_what_cannot_be_split_is_refused(tmp_path):
    source = make(tmp_path / "all", {"a": 1, "b": 1})
    first, second = tmp_path / "first", tmp_path / "second"
    for options, wanted in (
        ({"share": 0.0}, ("--share 0 ",)),
        ({"least": 0}, ("--least 0",)),
        ({"labels": "utt2emotion"}, ("all/utt2emotion", "--labels")),
        ({}, ("/all", "2 classes", "two utterances")),
    ):
        with refused(*wanted):
            list(split_utterances(source, first, second, **options))
    with refused("/first", "both"):
        list(split_utterances(source, first, tmp_path / "second/../first"))
    source = make(tmp_path / "more", {"a": 4})
    source.write("utt2session", {"a-000": "x"})
    with refused("more/utt2session", "3 of 4", "a-001, a-002, a-003", "another unit"):
        list(split_utterances(source, first, second))
    assert not first.exists() and not second.exists()
