"""A conf against tables alone: what does not fit is named with settings that do, and those are tried."""

from __future__ import annotations

import re

import pytest
from messages import names, refused

from timbre.errors import TimbreError
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.text import write_table
from timbre.scoring.backend import parse
from timbre.training.experiment import load_experiment
from timbre.training.fit import check_fit

P_BY_K = ("train.sampler=p_by_k", "train.utterances_per_speaker=4")
BABBLE = ("augment.kinds=[noise, babble]", "train.features=online")
CLASSES = ("task=classification", "labels=utt2emotion", "train.heldout_utterances=0.2", "train.heldout_speakers=6")


@pytest.fixture
def tables(tmp_path):
    """``tables(speakers, utterances)``: a data directory without features, in three emotions."""

    def write(speakers, utterances):
        utt2spk = {f"s{s:02d}-{u:02d}": f"s{s:02d}" for s in range(speakers) for u in range(utterances)}
        emotion = {name: f"e{number % 3}" for number, name in enumerate(utt2spk)}
        for name, table in {"utt2spk": utt2spk, "utt2emotion": emotion}.items():
            write_table(tmp_path / "data" / name, table)
        return DataDir(tmp_path / "data")

    return write


@pytest.fixture
def conf(tmp_path):
    path = tmp_path / "conf.yaml"
    path.write_text("train: {batch_size: 8, heldout_speakers: 2}\n")
    return lambda *settings: load_experiment(path, settings)


def test_an_encoder_of_frames_takes_no_functionals(tables, conf):
    with refused("features.kind functionals", "encoder xvector", "mfcc", "task fusion"):
        check_fit(conf("features=functionals"), tables(6, 4))
    check_fit(conf("features=mfcc"), tables(6, 4))


def test_what_fits_is_said(tables, conf):
    said = check_fit(conf("speeds=[0.9, 1.1]"), tables(6, 4))
    assert names(said, "12 classes", "48 utterances", "2 speakers, 8 utterances", "batches in an epoch: 6")


@pytest.mark.parametrize(
    ("speakers", "utterances", "settings", "named"),
    [
        (8, 4, ["train.heldout_speakers=7"], ["train.heldout_speakers=7", "8 speakers", "two"]),
        (8, 4, ["train.heldout_speakers=20"], ["train.heldout_speakers=20", "8 speakers"]),
        (8, 4, ["train.heldout_speakers=1"], ["train.heldout_speakers=1", "two utterances"]),
        (8, 1, [], ["train.heldout_speakers=2", "two utterances"]),
        (8, 4, [*P_BY_K, "train.batch_size=28"], ["train.batch_size=28", "train.utterances_per_speaker=4", "7"]),
        (8, 4, [*P_BY_K, "train.batch_size=80"], ["train.batch_size=80", "20", "8 speakers"]),
        (8, 4, [*P_BY_K, "train.batch_size=80", "speeds=[0.9]"], ["train.batch_size=80", "20"]),
        (8, 4, [*P_BY_K, "train.batch_size=80", "train.heldout_speakers=12"], ["train.heldout_speakers=12", "80"]),
        (8, 4, BABBLE, ["augment.babble_speakers=[3, 7]", "8 speakers"]),
        (4, 4, [*BABBLE, *P_BY_K, "train.batch_size=40"], ["augment.babble_speakers", "train.batch_size=40"]),
        (4, 4, ["augment.kinds=[babble]"], ["augment.babble_speakers=[3,7]", "have 4"]),
        (4, 15, [*CLASSES, "train.heldout_unit=speaker", "train.heldout_utterances=0.1"], ["0.1", "heldout_unit"]),
        (1, 15, [*CLASSES, "train.heldout_unit=speaker"], ["train.heldout_utterances=0.2", "1 units"]),
        (8, 6, [*CLASSES, *P_BY_K, "train.batch_size=16"], ["train.batch_size=16", "4 speakers", "3"]),
    ],
)
def test_what_a_refusal_names_fits(tables, conf, speakers, utterances, settings, named):
    """Used as they stand, with everything else as it was."""
    data = tables(speakers, utterances)
    with pytest.raises(TimbreError) as caught:
        check_fit(conf(*settings), data)
    assert names(caught.value, *named)
    fitting = re.findall(r"--set (\S+?),?(?= |$)", str(caught.value))
    assert fitting
    assert "batches in an epoch" in check_fit(conf(*settings, *fitting), data)


def test_of_languages_the_largest_share_that_one_needs_is_named(tables, conf):
    settings = [
        "task=fusion",
        "labels=utt2emotion",
        "train.heldout_speakers=6",
        "streams={mfcc: {features: {kind: mfcc}}}",
    ]
    settings += ["train.heldout_unit=speaker", "train.heldout_utterances=0.05"]
    data = tables(7, 12)
    data.write("utt2lang", {name: "de" if name < "s03" else "fr" for name in data.utt2spk})
    with refused("train.heldout_utterances=0.05", "train.heldout_utterances=0.195") as caught:
        check_fit(conf(*settings), data)
    fitting = re.findall(r"--set ([a-z_.]+=[0-9.]+)", str(caught.value))
    assert names(check_fit(conf(*settings, *fitting), data), "de 3, fr 3", "24 held out")


def test_backends_need_speech_to_be_trained_on(tables, conf):
    small = ["encoder={kind: xvector, channels: 8, pooling_channels: 8, embedding_dim: 9}"]
    data = tables(6, 4)
    assert check_fit(conf(*small), data, [parse("plda+asnorm"), parse("cosine+calibration")])
    with refused("--backend lda_plda", "16", "4 speakers", "13 dimensions", "--backend cosine"):
        check_fit(conf(*small, "encoder.embedding_dim=13"), data, [parse("lda_plda")])
    with refused("--backend cosine+calibration", "train.heldout_speakers=0", "--backend cosine"):
        check_fit(conf(*small, "train.heldout_speakers=0"), data, [parse("cosine+calibration")])


def test_speech_that_was_recorded_to_talk_in_babble_spares_speakers(tables, conf, tmp_path):
    with refused("augment.babble_speakers"):
        check_fit(conf(*BABBLE), tables(4, 4))
    (tmp_path / "augment/speech").mkdir(parents=True)
    assert check_fit(conf(*BABBLE), tables(4, 4), sources=tmp_path / "augment")
