"""What training knew of what is tested: speakers, texts, identical audio, found in any fold and said in words."""

from __future__ import annotations

import hashlib

import pytest
from messages import names, refused

from timbre.kaldi.datadir import DataDir
from timbre.kaldi.text import write_table
from timbre.scoring.overlap import overlap
from timbre.scoring.verdict import of_speech, stamp, verdict, warnings

LABELS = "utt2emotion"


@pytest.fixture
def part(tmp_path):
    """Makes a data directory: ``part(name, {utterance: speaker}, table={…}, …)``."""

    def make(name: str, utt2spk: dict[str, str], **tables: dict[str, str]) -> DataDir:
        for table, rows in {"utt2spk": utt2spk, **tables}.items():
            write_table(tmp_path / name / table, rows)
        return DataDir(tmp_path / name)

    return make


def found(train: DataDir, test: DataDir) -> list[str]:
    return verdict(overlap([(train, test)], train.path), LABELS)


def test_texts_and_speakers_in_both_parts(part):
    texts = {"a-1": "the dog", "a-2": "the cat"}
    train = part("train", {"a-1": "a", "a-2": "a"}, text=texts)
    other = part("other", {"b-1": "b", "b-2": "b"}, text={"b-1": "the bird", "b-2": "the fish"})
    said = part("said", {"b-3": "b", "b-4": "b"}, text={"b-3": "the bird", "b-4": "the cat"})
    heard = part("heard", {"a-5": "a", "b-6": "b"}, text={"a-5": "the bird", "b-6": "the fish"})
    assert found(train, other) == ["speaker-independent", "text-independent"]
    assert found(train, said) == ["speaker-independent", "text-dependent"]
    assert found(train, heard) == ["speaker-dependent", "text-independent"]
    assert verdict(overlap([(train, heard)], "x"), "utt2spk") == ["text-independent"]  # speakers are the classes
    both = overlap([(train, other), (train, said), (other, train)], "folds")  # of the folds one is enough
    assert (both["folds"], both["utterances"], both["texts"], both["shared_speakers"]) == (3, 4, 1, 0)


def test_what_is_not_known_of_all_utterances_is_not_called_independent(part):
    train = part("train", {"a-1": "a", "a-2": "a"}, text={"a-1": "the dog", "a-2": "the cat"})
    half = part("half", {"b-1": "b", "b-2": "b"}, text={"b-1": "the bird"})
    (half.path / "text").write_text("b-1 the bird\nb-2 \n")  # an empty transcript
    assert found(train, half) == ["speaker-independent"]
    common = part("common", {"b-1": "b", "b-2": "b"}, text={"b-1": "the dog"})
    assert found(train, common) == ["speaker-independent", "text-dependent"]  # one is enough
    unknown = part("unknown", {"b-1": "b-1", "b-2": "b-2"})  # whose they are nobody knows
    assert overlap([(train, unknown)], "train")["shared_speakers"] is None
    assert found(train, unknown) == []


def test_identical_audio_is_counted_and_said(part):
    train = part("train", {"a-1": "a", "a-2": "a"}, utt2audio={"a-1": "00ff", "a-2": "01ff"})
    test = part("test", {"b-1": "b", "b-2": "b"}, utt2audio={"b-1": "01ff", "b-2": "02ff"})
    train_of = overlap([(train, test)], train.path)
    assert train_of["audio"] == 1
    assert verdict(train_of, LABELS) == ["speaker-independent", "identical audio in both parts"]
    (said,) = warnings(metrics(train=train_of))
    assert names(said, "1 recordings", "both parts")
    apart = part("apart", {"b-1": "b"}, utt2audio={"b-1": "02ff"})
    assert overlap([(train, apart)], "train")["audio"] == 0
    with refused(test.path, train.path, "'b-1'", "'a-2'"):
        overlap([(with_audio(train, "a-2"), with_audio(test, "b-1"))], "train")


def with_audio(data: DataDir, utterance: str) -> DataDir:
    write_table(data.path / "wav.scp", {utterance: "/corpus/x.wav"})
    return DataDir(data.path)


def test_the_split_is_named_by_its_hash(part):
    train, test = part("train", {"b-1": "b", "a-1": "a"}), part("test", {"c-1": "c"})
    by_hand = hashlib.sha256(b"1 test c-1\n1 train a-1\n1 train b-1\n").hexdigest()
    assert overlap([(train, test)], "train")["sha256"] == by_hand


def metrics(**changes):
    rate = {"value": 0.8, "low": 0.7, "high": 0.9}
    return {
        "systems": {"net": {"accuracy": rate}, "duration": {"accuracy": rate}},
        "differences": {"duration": {"accuracy": {"value": 0.1, "low": 0.05, "high": 0.2, "p": 0.001}}},
        "chance": 0.5,
        "train": None,
        "verdict": None,
        "utterances": {"speakers": 10},
        "bootstrap": {"resampled": "speakers"},
    } | changes


def test_warnings_name_what_is_not_beaten_and_few_speakers():
    assert warnings(metrics()) == []
    worse = {"duration": {"accuracy": {"value": -0.02, "low": -0.04, "high": -0.01, "p": 0.01}}}
    (said,) = warnings(metrics(differences=worse))
    assert names(said, "net", "below duration", "-2.00", "p 0.010")
    for value in (-0.02, 0.02):  # neither is told from none
        level = {"duration": {"accuracy": {"value": value, "low": -0.1, "high": 0.1, "p": 0.5}}}
        (said,) = warnings(metrics(differences=level))
        assert names(said, "net", "not above duration", f"{100 * value:+.2f}", "p 0.500")
    assert names(warnings(metrics(chance=0.7))[0], "net", "not above chance", "70.00 %")
    few = metrics(utterances={"speakers": 1}, bootstrap={"resampled": "utterances"})
    (said,) = warnings(few)
    assert names(said, "one speaker", "resample utterances")


def test_the_stamp_is_one_line():
    assert stamp({"verdict": ["speaker-dependent", "text-dependent"]}) == "speaker-dependent, text-dependent"
    assert stamp({"verdict": None}) == stamp({"verdict": []}) == ""


def test_features_by_speaker_are_transductive(part):
    test = part("by", {"b-1": "b", "b-2": "b"})
    assert of_speech(test.path) == []
    (test.path / "front_end.yaml").write_text("by_speaker: {uniform: false}\n")
    assert of_speech(test.path) == ["transductive"] and stamp({"verdict": of_speech(test.path)}) == "transductive"
