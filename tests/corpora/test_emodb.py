"""EMO-DB: what its file names say."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from messages import names, refused

from timbre.__main__ import main
from timbre.corpora.emodb import EXPECTED, Options, prepare
from timbre.kaldi.text import read_table
from timbre.kaldi.validate import validate

STEMS = (
    "03a01Fa",
    "03a02Nc",
    "08b01Wa",
    "09b10Ed",
    "10a07Aa",
    "11b02Tc",
    "12a05Lb",
    "13b09Na",
    "14a04Wf",
    "15b03Ta",
)


@pytest.fixture
def corpus(tmp_path) -> Path:
    (tmp_path / "emodb/wav").mkdir(parents=True)
    for number, stem in enumerate(STEMS):
        samples = 0.1 * np.random.default_rng(number).standard_normal(160)
        soundfile.write(tmp_path / f"emodb/wav/{stem}.wav", samples, 16000)
    return tmp_path / "emodb"


def test_data_directory(corpus, tmp_path, capsys):
    (corpus / "lablaut").mkdir()
    (corpus / "lablaut/03a01Fa.lablaut").write_text("phones, which stand beside wav")
    main(["prepare", "--corpus-kind=emodb", f"--corpus={corpus}", f"--out={tmp_path / 'data'}"])
    data = tmp_path / "data/all"
    assert read_table(data / "utt2emotion") == {
        "03-a01Fa": "happiness",
        "03-a02Nc": "neutral",
        "08-b01Wa": "anger",
        "09-b10Ed": "disgust",
        "10-a07Aa": "fear",
        "11-b02Tc": "sadness",
        "12-a05Lb": "boredom",
        "13-b09Na": "neutral",
        "14-a04Wf": "anger",
        "15-b03Ta": "sadness",
    }
    assert read_table(data / "text")["08-b01Wa"] == "Was sind denn das für Tüten, die da unter dem Tisch stehen?"
    genders = read_table(data / "spk2gender")
    assert [spk for spk in genders if genders[spk] == "m"] == ["03", "10", "11", "12", "15"]
    assert read_table(data / "spk2age")["09"] == "21"
    assert not validate(data, feats=False, text=True)
    said = capsys.readouterr().out
    assert names(said, "all: 10 utterances", "9 speakers", "4 female", "5 male", "535", "10 speakers")
    assert set(read_table(data / "utt2lang").values()) == {"de"}
    assert EXPECTED == {"all": (535, 10)}


def test_the_folder_of_the_files_may_be_given_itself(corpus):
    said: list[str] = []
    rows = prepare(corpus / "wav", Options(), said.append)
    assert rows == prepare(corpus, Options(), said.append) and not said
    assert Counter(row.speaker for row in rows["all"])["03"] == 2


@pytest.mark.parametrize("stem", ["03a01Xa", "04a01Fa", "03a03Fa", "03a01F", "03a01Fg", "03a01fa"])
def test_other_names_are_refused(corpus, stem):
    (corpus / "wav/03a01Fa.wav").rename(corpus / f"wav/{stem}.wav")
    with refused(corpus, "1 of 10", " 03a01Fa.wav", f" {stem}.wav"):
        prepare(corpus, Options(), print)


def test_bad_audio_and_another_rate(corpus):
    (corpus / "wav/03a01Fa.wav").write_bytes(b"")
    soundfile.write(corpus / "wav/03a02Nc.wav", np.full(100, 0.1), 22050)
    with refused("03a01Fa.wav", "--bad-audio skip", "--option bad_audio=skip"):
        prepare(corpus, Options(), print)
    said: list[str] = []
    assert len(prepare(corpus, Options(bad_audio="skip", max_skipped=0.1), said.append)["all"]) == 9
    left_out, rates = said
    assert names(left_out, "1 of 10", corpus / "wav/03a01Fa.wav")
    assert names(rates, "1 of 9", "16,000 Hz", "03-a02Nc", "22,050", "features.resample")
