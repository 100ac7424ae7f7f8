"""ShEMO: what its file names and shemo.json say, and which of its editions it is."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from messages import names, refused

from timbre.__main__ import main
from timbre.corpora.shemo import EDITIONS, EXPECTED, Options, prepare
from timbre.corpora.synthetic import plan, stand_in_conf
from timbre.kaldi.text import read_table
from timbre.kaldi.validate import validate

EMOTIONS = {
    "female/F21N37": "neutral",
    "female/F03F02": "fear",
    "female/F03S01": "sadness",
    "male/M02F01": "fear",
    "male/M27A01": "anger",
    "male/M27H11": "happiness",
    "male/M46W09": "surprise",
}
TEXTS = {name.split("/")[1]: f"جمله {number}" for number, name in enumerate(EMOTIONS)}


def speak(path: Path, rate: int = 44100, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.1 * np.random.default_rng(seed).standard_normal(300), rate)


@pytest.fixture
def corpus(tmp_path) -> Path:
    """As its two archives hold it, without shemo.json; one file has the other rate."""
    for number, name in enumerate(EMOTIONS):
        speak(tmp_path / f"shemo/{name}.wav", 22050 if "M46" in name else 44100, number)
    return tmp_path / "shemo"


def write_json(corpus: Path, content: object) -> None:
    (corpus / "shemo.json").write_text(json.dumps(content))  # no line end: as it is downloaded


def read(corpus: Path, **options: bool) -> tuple[dict[str, str | None], list[str]]:
    """``{utterance: text}`` and what was said but for its last line."""
    said: list[str] = []
    rows = prepare(corpus, Options(**options), said.append)["all"]
    return {row.utterance: row.tables.get("text") for row in rows}, said[1:-1]


def test_data_directory(corpus, tmp_path, capsys):
    write_json(corpus, {name: {"speaker_id": name[:3], "transcript": text} for name, text in TEXTS.items()})
    main(["prepare", "--corpus-kind=shemo", f"--corpus={corpus}", f"--out={tmp_path / 'data'}"])
    data = tmp_path / "data/all"
    assert read_table(data / "utt2emotion") == {  # F at the beginning is a woman, in the middle fear
        "F03-F02": "fear",
        "F03-S01": "sadness",
        "F21-N37": "neutral",
        "M02-F01": "fear",
        "M27-A01": "anger",
        "M27-H11": "happiness",
        "M46-W09": "surprise",
    }
    assert read_table(data / "text")["F21-N37"] == TEXTS["F21N37"]
    assert set(read_table(data / "utt2lang").values()) == {"fa"}
    assert read_table(data / "spk2gender") == {"F03": "f", "F21": "f", "M02": "m", "M27": "m", "M46": "m"}
    assert read_table(data / "utt2spk")["M27-H11"] == "M27"
    assert not validate(data, feats=False, text=True)
    assert EXPECTED == {"all": (3000, 87)}
    rates, edition, whole, *_ = capsys.readouterr().out.splitlines()
    assert names(rates, "1 of 7", "44,100 Hz", "M46-W09", "22,050", "features.resample")
    assert names(edition, "surprise 1, happiness 1, fear 2", "3,000", "2,838")
    assert names(whole, "all: 7 utterances", "5 speakers", "2 female", "3 male", "3000", "87 speakers")


def test_transcripts_in_each_form(corpus):
    expected = {f"{name[:3]}-{name[3:]}": text for name, text in TEXTS.items()}
    for content in (
        {name: {"transcript": text} for name, text in TEXTS.items()},
        {name: {"orthography": f"\ufeff{text} "} for name, text in TEXTS.items()},  # a byte order mark is no word
        [{"id": name, "transcript": text} for name, text in TEXTS.items()],
    ):
        write_json(corpus, content)
        assert read(corpus) == (expected, [])


def test_transcripts_of_some(corpus):
    """All utterances and no text, or those with one: said each time."""
    path = corpus / "shemo.json"
    kept, said = read(corpus)
    assert kept == dict.fromkeys(kept) and len(kept) == 7
    assert len(said) == 1 and names(said[0], "7 of 7", path, "F03-F02, ") and "transcribed" not in said[0]
    some = {name: {"transcript": text} for name, text in TEXTS.items() if name[0] == "F"}
    write_json(corpus, some | {"M27A01": {"transcript": " "}, "M99A01": {"transcript": "no such file"}})
    kept, said = read(corpus)
    assert kept == dict.fromkeys(kept) and len(kept) == 7
    untold = "M02-F01, M27-A01, M27-H11, M46-W09"
    assert len(said) == 1 and names(said[0], "4 of 7", path, untold, "--option transcribed=true")
    kept, said = read(corpus, transcribed=True)
    assert sorted(kept) == ["F03-F02", "F03-S01", "F21-N37"] and kept["F21-N37"] == TEXTS["F21N37"]
    assert len(said) == 1 and names(said[0], "3 of 7", path)
    write_json(corpus, {f"{name}.wav": one for name, one in some.items()})
    with refused("shemo.json", "7 utterances", "--option transcribed=true"):
        read(corpus, transcribed=True)


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (b"version https://git-lfs.github.com/spec/v1", ("JSON", "line 1 column 1")),
        (b'{"F21N37": {"transcript": "\xff"}}', ("utf-8", "0xff")),
        (b'{"F21N37": {"ipa": "mege"}}', ("{name: {'transcript': text}}", "'orthography'")),
        (b'{"F21N37": "mege"}', ("{name: {'transcript': text}}", "'str'")),
        (b'[{"transcript": "mege"}]', ("[{'id': name, 'transcript': text}]", "KeyError('id')")),
        (b"3", ("{name: {'transcript': text}}", "'int'")),
    ],
)
def test_another_shemo_json_is_refused(corpus, content, wanted):
    (corpus / "shemo.json").write_bytes(content)
    with refused("shemo.json", "download it again", *wanted):
        read(corpus)


def test_the_edition_is_named():
    for (name, edition), count in zip(EDITIONS.items(), (3000, 2838), strict=True):
        assert names(name, f"{count:,}") and sum(edition.values()) == count


def test_the_edition_is_known_by_its_counts(corpus, monkeypatch):
    monkeypatch.setitem(EDITIONS, "a third", {"A": 1, "N": 1, "S": 1, "W": 1, "H": 1, "F": 2})
    said: list[str] = []
    prepare(corpus, Options(), said.append)
    assert names(said[-1], "happiness 1, fear 2", "a third")


@pytest.mark.parametrize("stem", ["X21N37", "F21F", "F1N37", "FF21N37", "F21E37", "F21N3", "f21n37", "F21N37.ort"])
def test_other_names_are_refused(corpus, stem):
    speak(corpus / f"female/{stem}.wav")
    with refused(corpus, "1 of 8", " F21N37.wav", f" {stem}.wav"):
        read(corpus)


def test_bad_audio_is_refused_or_left_out(corpus):
    (corpus / "male/M02F01.wav").write_bytes(b"")
    with refused("M02F01.wav", "bad_audio=skip"):
        read(corpus)
    said: list[str] = []
    rows = prepare(corpus, Options(bad_audio="skip", max_skipped=0.2), said.append)["all"]
    assert len(rows) == 6 and names(said[0], "1 of 7", corpus / "male/M02F01.wav")


def test_stand_in(tmp_path, capsys):
    """Women and men, six emotions, rare ones rarer; no two utterances say the same."""
    planned = list(plan(stand_in_conf("shemo")))
    assert len({one.utterance.wav for one in planned}) == len({one.utterance.text for one in planned}) == 12 * 36
    assert len({one.speaker.variant for one in planned}) == 12
    counts = Counter(one.utterance.emotion for one in planned)
    assert list(counts.values()) == sorted(counts.values(), reverse=True) and counts["anger"] == 4 * counts["fear"]
    assert len(list(plan(stand_in_conf("shemo", settings=["train_speakers=24", "utterances=288"])))) == 24 * 288
    corpus = tmp_path / "stand-in"
    few = ["--set=train_speakers=2", "--set=utterances=7"]
    main(["make-synthetic-corpus", f"--dir={corpus}", "--layout=shemo", *few])
    main(["prepare", "--corpus-kind=shemo", f"--corpus={corpus}", f"--out={tmp_path / 'data'}"])
    assert soundfile.info(corpus / "male/M01F01.wav").samplerate == 44100
    data = tmp_path / "data/all"
    emotions, texts = read_table(data / "utt2emotion"), read_table(data / "text")
    said = {one.utterance.utterance: (one.utterance.emotion, one.utterance.text) for one in planned}
    assert {utt.replace("-", ""): (emotions[utt], texts[utt]) for utt in emotions}.items() <= said.items()
    assert sorted(emotions)[:2] == ["F01-A01", "F01-A02"] and len(emotions) == 14
    assert read_table(data / "spk2gender") == {"F01": "f", "M01": "m"}
    assert {one.speaker.name: one.speaker.gender for one in planned}.items() >= {("F01", "f"), ("M01", "m")}
    assert not validate(data, feats=False, text=True)
    assert "transcript" not in capsys.readouterr().out
