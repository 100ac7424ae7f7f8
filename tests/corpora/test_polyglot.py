"""Speakers of several languages: what is said in which is known, and what was made before stays as it was."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
import soundfile
from messages import refused

from timbre.corpora.phones import PhoneSpeech
from timbre.corpora.polyglot import prepare
from timbre.corpora.rows import write_data_dirs
from timbre.corpora.synthetic import lay_out, plan, stand_in_conf
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.layout import keyed_by

LANGUAGES = ("en-us", "de", "fa", "fr", "cmn")
CONF = stand_in_conf("polyglot", settings=["train_speakers=2", "test_speakers=1", "utterances=5"])


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("polyglot")
    assert lay_out(folder, CONF) == 15
    return folder


def test_every_speaker_speaks_every_language_and_parts_share_no_voice():
    planned = list(plan(stand_in_conf("polyglot", settings=["utterances=10"])))
    spoken = Counter((one.utterance.speaker, one.speaker.language) for one in planned)
    assert {language for _, language in spoken} == set(LANGUAGES) and set(spoken.values()) == {2}
    assert all(one.utterance.language == one.speaker.language for one in planned)
    voices = {
        part: {one.speaker.variant for one in planned if one.utterance.part == part} for part in ("train", "test")
    }
    assert not voices["train"] & voices["test"]
    assert len({one.utterance.text for one in planned}) == len(planned)


def test_data_directories_know_language_and_phones(corpus, tmp_path):
    write_data_dirs(tmp_path, prepare(corpus))
    data = DataDir(tmp_path / "train")
    assert Counter(data.table("utt2lang").values()) == dict.fromkeys(("en", "de", "fa", "fr", "cmn"), 2)
    speech = PhoneSpeech.of(data)
    assert "ɹ" in speech.phonemes()["en"] and "ʁ" in speech.phonemes()["fr"]
    assert all(8 < len(phones) < 60 for phones in speech.phones.values())
    assert keyed_by("phones") == "utterance"  # so that subsets and splits carry it


def test_phones_have_their_times(corpus):
    for path in sorted(corpus.rglob("*.phn")):
        rows = [line.split() for line in path.read_text().splitlines()]
        times = [(int(begin), int(end)) for begin, end, _ in rows]
        assert all(begin < end for begin, end in times)
        assert all(end <= begin for (_, end), (begin, _) in itertools.pairwise(times))
        samples = soundfile.info(path.with_suffix(".wav")).frames
        assert 0.5 * samples < times[-1][1] <= 1.02 * samples


def test_what_is_missing_is_refused_or_made_again(corpus):
    file = corpus / "train/wav/train001/train001-002.phn"
    text = file.read_text()
    file.write_text("0 100\n")
    with refused("train001-002.phn:1", "<first sample>", "'0 100'"):
        prepare(corpus)
    file.with_suffix(".wav").unlink()
    assert lay_out(corpus, CONF) == 1 and file.read_text() == text
