"""Folds of several corpora joined: everybody tested once and never by who knows them; ids and tables."""

from __future__ import annotations

from pathlib import Path

from messages import names, refused

from timbre.__main__ import main
from timbre.corpora.folds import join_folds, make_folds
from timbre.corpora.rows import Row, prefixed
from timbre.corpora.splits import split_utterances, units
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.folds import read_folds
from timbre.kaldi.text import write_table
from timbre.kaldi.validate import validate


def corpus(root: Path, lang: str, speakers: int, **tables: str) -> Path:
    """``root/<lang>/all`` of so many speakers, each in two emotions twice, with a fold for each of them."""
    said = {
        f"{lang}-s{spk}-{emotion}{n}": (f"{lang}-s{spk}", emotion)
        for spk in range(speakers)
        for emotion in ("anger", "joy")
        for n in (1, 2)
    }
    data = root / lang / "all"
    write_table(data / "utt2spk", {name: spk for name, (spk, _) in said.items()})
    write_table(data / "spk2utt", {spk: " ".join(utts) for spk, utts in DataDir(data).spk2utt.items()})
    write_table(data / "utt2emotion", {name: emotion for name, (_, emotion) in said.items()})
    write_table(data / "utt2lang", dict.fromkeys(said, lang))
    write_table(data / "wav.scp", {name: f"/corpus/{name}.wav" for name in said})
    for name, value in tables.items():
        write_table(data / name, dict.fromkeys(said, value))
    list(make_folds(DataDir(data), root / lang / "folds", "speaker"))
    return root / lang


def test_everybody_is_tested_once_by_a_model_that_does_not_know_them(tmp_path, capsys):
    sources = [corpus(tmp_path, "de", 3, utt2session="x"), corpus(tmp_path, "en", 2), corpus(tmp_path, "fr", 5)]
    main(["join-folds", *map(str, sources), str(tmp_path)])
    said = capsys.readouterr().out
    assert names(said, "utt2session", "5 folds", f"3 of {sources[0]}")
    whole, tested = DataDir(tmp_path / "all"), []
    assert len(whole.utt2spk) == 4 * (3 + 2 + 5) and not whole.has("utt2session")
    for number, (train, test) in enumerate(read_folds(tmp_path / "folds"), start=1):
        tested += test.utt2spk
        assert not set(train.utt2spk.values()) & set(test.utt2spk.values())
        assert {name[:2] for name in test.utt2spk} == {
            lang for lang, count in (("de", 3), ("en", 2), ("fr", 5)) if number <= count
        }
        for source, count in zip(sources, (3, 2, 5), strict=True):  # each language trains a fold of its own
            own = read_folds(source / "folds")[(number - 1) % count][0].utt2spk
            assert {name for name in train.utt2spk if name[:2] == source.name} == own.keys()
        assert train.table("utt2lang").keys() == train.utt2spk.keys()
    assert sorted(tested) == sorted(whole.utt2spk)
    assert not validate(tmp_path / "folds/4/train", feats=False, text=False)


def test_one_corpus_alone_keeps_its_folds_and_tables(tmp_path):
    source = corpus(tmp_path, "de", 3, utt2session="x")
    list(join_folds([source], tmp_path))
    for ours, theirs in zip(read_folds(tmp_path / "folds"), read_folds(source / "folds"), strict=True):
        assert [part.utt2spk for part in ours] == [part.utt2spk for part in theirs]
    assert DataDir(tmp_path / "all").has("utt2session")


def test_two_people_of_one_name_are_refused(tmp_path):
    """The trap: without prefixes a German and a Persian speaker '03' would become one."""
    sources = [corpus(tmp_path / "a", "de", 3), corpus(tmp_path / "b", "de", 2)]
    with refused("de-s0-anger1", tmp_path / "a/de/all", tmp_path / "b/de/all", "--prefix"):
        list(join_folds(sources, tmp_path / "out"))
    other = tmp_path / "b/de"
    for table in ("utt2spk", "utt2emotion", "utt2lang", "wav.scp"):
        for path in [*other.glob(f"folds/*/*/{table}"), other / "all" / table]:
            path.write_text(path.read_text().replace("anger", "rage").replace("joy", "glee"))
    with refused("de-s0, de-s1", tmp_path / "a/de/all", tmp_path / "b/de/all", "--prefix"):
        list(join_folds(sources, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_units_of_a_group_are_left_out_together(tmp_path, capsys):
    source, pairs = corpus(tmp_path, "fr", 4), tmp_path / "pairs"
    pairs.write_text("".join(f"fr-s{spk} pair{spk // 2}\n" for spk in range(4)))
    main(["make-folds", "--together", str(pairs), str(source / "all"), str(tmp_path / "folds")])
    tested = [set(test.utt2spk.values()) for _, test in read_folds(tmp_path / "folds")]
    assert tested == [{"fr-s0", "fr-s1"}, {"fr-s2", "fr-s3"}]
    assert names(capsys.readouterr().out, "8 of speaker 'pair0'")
    pairs.write_text("fr-s0 a\nfr-s1 b\n")
    with refused(pairs, "fr-s2, fr-s3"):
        list(make_folds(DataDir(source / "all"), tmp_path / "x", "speaker", together=pairs))


def test_utterances_are_split_by_themselves_where_that_is_asked_for(tmp_path):
    """A random split must not become one by session because the corpus knows sessions."""
    data = DataDir(corpus(tmp_path, "en", 3, utt2session="one") / "all")
    assert set(units(data, "session").values()) == {"one"}
    assert units(data, "utterance") == {name: name for name in data.utt2spk}
    list(split_utterances(data, tmp_path / "a", tmp_path / "b", "utt2emotion", 0.5, unit="utterance"))
    assert len(DataDir(tmp_path / "b").utt2spk) == 6


def test_a_prefix_is_of_utterances_and_speakers():
    parts = {"all": [Row("03-a01", "03", "x.wav"), Row("lone", "lone", "y.wav")]}
    rows = prefixed(parts, "de")["all"]
    assert [(row.utterance, row.speaker) for row in rows] == [("de-03-a01", "de-03"), ("de-lone", "de-lone")]
    assert parts["all"][0].utterance == "03-a01"
