"""The synthetic corpus: laid out as said, resumable, shared by jobs, hard but not hopeless."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from messages import refused

from timbre.conf import load
from timbre.corpora import emodb, tess
from timbre.corpora.acoustics import active_level
from timbre.corpora.layout import is_synthetic
from timbre.corpora.synthetic import Conf, lay_out, plan, prepare, stand_in_conf
from timbre.kaldi.text import read_table

CONF = Conf(train_speakers=4, test_speakers=2, utterances=3)


def files(corpus: Path) -> dict[str, bytes]:
    return {str(path.relative_to(corpus)): path.read_bytes() for path in corpus.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    assert lay_out(folder, CONF) == 18
    return folder


def test_layout_and_counts(corpus):
    wavs = sorted(str(path.relative_to(corpus)) for path in corpus.rglob("*.wav"))
    assert len(wavs) == 18
    assert wavs[0] == "test/wav/test001/test001-001.wav"
    assert len(read_table(corpus / "train" / "text")) == 12
    assert sorted(read_table(corpus / "test" / "spk2gender").values()) == ["f", "m"]
    assert "espeak-ng" in (corpus / "README").read_text()


def test_waveforms_are_speech(corpus):
    levels = []
    for path in corpus.rglob("*.wav"):
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.subtype) == (16000, 1, "PCM_16")
        assert 1.2 < info.duration < 6
        samples, rate = soundfile.read(path)
        assert np.abs(samples).max() < 0.985
        levels.append(active_level(samples, rate))
    assert min(levels) > -45
    assert np.std(levels) > 2


def test_jobs_in_other_processes_make_the_same_files(corpus, tmp_path):
    settings = [f"--set={name}={getattr(CONF, name)}" for name in ("train_speakers", "test_speakers", "utterances")]
    for job in "21":
        command = [sys.executable, "-m", "timbre", "make-synthetic-corpus", "--dir", str(tmp_path), *settings]
        subprocess.run([*command, "--job", job, "--num-jobs", "2"], check=True, capture_output=True)
    assert files(tmp_path) == files(corpus)


def test_only_what_is_missing_is_made_again(corpus):
    before = files(corpus)
    (corpus / "train/wav/train002/train002-003.wav").unlink()
    with refused("train", "1 of 12", "train002-003.wav", "timbre make-synthetic-corpus"):
        prepare(corpus)
    assert lay_out(corpus, CONF) == 1
    assert files(corpus) == before


def test_a_corpus_of_another_conf_is_not_mixed_in(corpus):
    with refused(corpus, corpus / "conf.yaml"):
        lay_out(corpus, CONF.model_copy(update={"seed": 2}))


def test_a_folder_of_something_else_stays_as_it_is(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train/utt2spk").write_text("real speech\n")
    with refused("train", tmp_path, "another folder"):
        lay_out(tmp_path, CONF)
    assert files(tmp_path) == {"train/utt2spk": b"real speech\n"}


def test_a_conf_of_before_a_key_was_added_is_the_same_corpus(corpus):
    text = (corpus / "conf.yaml").read_text()
    (corpus / "conf.yaml").write_text(text.replace("layout: synthetic\n", "").replace("dev_speakers: 0\n", ""))
    assert lay_out(corpus, CONF) == 0
    assert (corpus / "conf.yaml").read_text() == text


def test_a_layout_that_there_is_not_is_refused():
    with refused("'aishel'", "'aishell'"):
        stand_in_conf("aishel")


def test_a_job_that_does_not_exist_is_refused(tmp_path):
    with refused("0 of 2"):
        lay_out(tmp_path, CONF, 0, 2)
    assert not any(tmp_path.iterdir())


def test_prepared_rows(corpus):
    parts = prepare(corpus)
    assert {part: len(rows) for part, rows in parts.items()} == {"train": 12, "test": 6}
    row = parts["train"][0]
    assert (row.utterance, row.speaker, row.speaker_tables) == ("train001-001", "train001", {"spk2gender": "f"})
    assert len(row.tables["text"].split()) >= 7


def test_parts_share_no_voice():
    planned = list(plan(Conf()))
    variants = {
        part: {one.speaker.variant for one in planned if one.utterance.part == part} for part in ("train", "test")
    }
    assert not variants["train"] & variants["test"]
    assert len({one.speaker for one in planned}) == 80
    assert len({one.utterance.text for one in planned}) == 800


@pytest.mark.parametrize(
    ("layout", "speakers", "digest"),
    [
        ("synthetic", 60, "2cba3e77c07b301d"),
        ("aishell", 12, "8cf483528abd059a"),
        ("voxceleb", 10, "482517da12731438"),
    ],
)
def test_corpora_that_were_made_can_be_made_again(layout, speakers, digest):
    """Who says what, in which voice, with which draws: nothing else decides the files."""
    said = [
        (one.utterance.wav, one.utterance.text, one.utterance.emotion, one.speaker, one.rng.bit_generator.state)
        for one in plan(stand_in_conf(layout, settings=["utterances=2", f"train_speakers={speakers}"]))
    ]
    assert hashlib.sha256(repr(said).encode()).hexdigest()[:16] == digest


def test_tess_stand_in(tmp_path):
    """Two actresses act: each emotion in each word, and each is heard."""
    planned = list(plan(stand_in_conf("tess")))
    assert len(planned) == len({one.utterance.wav for one in planned}) == 2800
    said = {(one.speaker.name, one.utterance.text, one.utterance.emotion) for one in planned}
    assert len(said) == 2800 and len({text for _, text, _ in said}) == 200
    older, younger = planned[0].speaker, planned[1400].speaker
    assert older.gender == younger.gender == "f" and older.variant != younger.variant
    lay_out(tmp_path, stand_in_conf("tess", settings=["utterances=7"]))
    lengths = {path.stem: soundfile.info(path).duration for path in tmp_path.rglob("*.wav")}
    assert soundfile.info(tmp_path / "YAF_ps/YAF_back_ps.wav").samplerate == 24414
    assert lengths["YAF_back_fear"] < lengths["YAF_back_neutral"] < lengths["YAF_back_sad"]
    rows = tess.prepare(tmp_path, tess.Options(), lambda line: None)["all"]
    assert {row.tables["utt2emotion"] for row in rows if row.speaker == "OAF"} == set(tess.EMOTIONS.values())
    assert {row.tables["text"] for row in rows} == {"SAY THE WORD BACK"}
    assert is_synthetic(tmp_path / "OAF_angry")


def test_emodb_stand_in(tmp_path):
    planned = list(plan(stand_in_conf("emodb")))
    assert len({one.speaker.variant for one in planned}) == 10 and len(planned) == 540
    for what in ("text", "emotion"):  # about equally often, few as they are
        counts = Counter(getattr(one.utterance, what) for one in planned).values()
        assert max(counts) - min(counts) == 10
    lay_out(tmp_path, stand_in_conf("emodb", settings=["utterances=2"]))
    rows = emodb.prepare(tmp_path, emodb.Options(), lambda line: None)["all"]
    assert {row.speaker: row.speaker_tables["spk2gender"] for row in rows} == {
        one.speaker.name: one.speaker.gender for one in planned
    }
    spoken = {(one.speaker.name, one.utterance.text, one.utterance.emotion) for one in planned}
    assert {(row.speaker, row.tables["text"], row.tables["utt2emotion"]) for row in rows} <= spoken


def test_no_more_than_the_script_has(tmp_path):
    for setting, wanted in (
        ("train_speakers=3", ("train_speakers", "TESS", "2 at most", "found 3")),
        ("utterances=1401", ("utterances", "TESS", "1400", "1401")),
    ):
        with refused(*wanted):
            lay_out(tmp_path / "new", stand_in_conf("tess", settings=[setting]))
    assert not (tmp_path / "new").exists()


def test_the_conf_of_the_root_recipe_is_valid():
    load(Conf, Path(__file__).parents[2] / "conf" / "corpus.yaml")
