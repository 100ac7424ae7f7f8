"""A trained fusion as its users have it: audio or streams in, probabilities of a language's emotions out."""

from __future__ import annotations

import numpy as np
import pytest
from messages import refused

import timbre
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.tables import read_vectors
from timbre.scoring.posteriors import collect_posteriors
from timbre.training.classifier import classify, extract_posteriors, load_classifier
from timbre.training.train import train_experiment


@pytest.fixture
def conf(fusion_conf):
    return fusion_conf


def test_from_streams_to_probabilities_that_audio_gives_too(tmp_path, conf, streams):
    train_experiment(conf("train.epochs=3"), streams, tmp_path / "exp", "cpu")
    model = load_classifier(tmp_path / "exp")
    assert model.languages == {"de": ["anger", "boredom", "joy"], "fr": ["anger", "joy"]}
    extract_posteriors(model, streams, tmp_path / "parts", "1", "fail")
    collect_posteriors(streams, tmp_path / "parts", tmp_path / "test", 1, 0.0)
    utterances, posteriors = read_vectors(tmp_path / "test" / "posteriors.scp")
    gates = read_vectors(tmp_path / "test" / "gates.scp")[1]
    np.testing.assert_allclose(posteriors.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(gates.sum(axis=1), 1, atol=1e-5)
    french = [row for row, name in enumerate(utterances) if name.startswith("fr")]
    assert (posteriors[french, 1] == 0).all() and (posteriors[french][:, [0, 2]] > 0).all()
    for row in (0, french[0]):  # audio alone, no labels, nothing but final.pt
        wave = streams.table("wav.scp")[utterances[row]]
        said = timbre.load(tmp_path / "exp").classify(wave, language=utterances[row][:2])
        columns = [["anger", "boredom", "joy"].index(name) for name in said]
        np.testing.assert_allclose(list(said.values()), posteriors[row, columns], atol=1e-5)
    other = conf("train.epochs=1", "train.seed=5")
    train_experiment(other, streams, tmp_path / "other", "cpu")
    pair = [model, load_classifier(tmp_path / "other")]
    each = [one.classify(wave, language="fr") for one in pair]
    together = classify(pair, wave, language="fr")  # as of folds: each by its own statistics
    assert together["joy"] == pytest.approx((each[0]["joy"] + each[1]["joy"]) / 2) and each[0] != each[1]


def test_audio_at_another_rate_is_refused_or_resampled_by_every_stream(tmp_path, conf, streams):
    resampling = ("train.epochs=1", "streams.mfcc.features.resample=true", "streams.ge2e.resample=true")
    train_experiment(conf("train.epochs=1"), streams, tmp_path / "strict", "cpu")
    train_experiment(conf(*resampling), streams, tmp_path / "lenient", "cpu")
    wave = np.sin(2 * np.pi * 300 * np.arange(2 * 8000) / (2 * 8000)).astype(np.float32)
    with refused("samples", "16000 Hz", "8000 Hz"):
        timbre.load(tmp_path / "strict").classify(wave, 2 * 8000, "de")
    lenient = timbre.load(tmp_path / "lenient")
    found = lenient.extract(wave, 2 * 8000)
    direct = lenient.extract(wave[::2], 8000)
    assert {name: values.shape for name, values in found.items()} == {n: v.shape for n, v in direct.items()}
    assert sum(lenient.classify(wave, 2 * 8000, "de").values()) == pytest.approx(1, abs=1e-5)


def test_the_language_must_be_told_and_known(tmp_path, conf, streams):
    train_experiment(conf("train.epochs=1"), streams, tmp_path / "exp", "cpu")
    wave = next(iter(streams.table("wav.scp").values()))
    with refused("--lang", "de, fr"):
        load_classifier(tmp_path / "exp").classify(wave)
    with refused("'fa'", "de, fr"):
        load_classifier(tmp_path / "exp").classify(wave, language="fa")


def test_neither_labels_nor_a_table_of_languages_are_needed_to_predict(tmp_path, conf, streams, speaker_model):
    train_experiment(conf("train.epochs=1", "streams.ge2e.fine_tuning=0.01"), streams, tmp_path / "exp", "cpu")
    (streams.path / "utt2emotion").unlink()
    extract_posteriors(load_classifier(tmp_path / "exp"), DataDir(streams.path), tmp_path / "own", "1", "fail")
    own = read_vectors(tmp_path / "own" / "posteriors.1.scp")[1]
    (streams.path / "utt2lang").unlink()
    (speaker_model / "final.pt").unlink()  # final.pt of the fusion has all that it needs
    model = load_classifier(tmp_path / "exp")
    extract_posteriors(model, DataDir(streams.path), tmp_path / "de", "1", "fail", language="de")
    german = read_vectors(tmp_path / "de" / "posteriors.1.scp")[1]
    np.testing.assert_allclose(german[:18], own[:18], atol=1e-6)
    assert (german[18:, 1] > 0).all()  # boredom, which French does not have
    with refused("--lang", "de, fr"):
        extract_posteriors(model, DataDir(streams.path), tmp_path / "none", "1", "fail")


def test_speech_of_one_language_needs_no_table_of_it(tmp_path, conf, streams):
    (streams.path / "utt2lang").rename(tmp_path / "utt2lang")
    train_experiment(conf("train.epochs=1"), DataDir(streams.path), tmp_path / "exp", "cpu")
    model = load_classifier(tmp_path / "exp")
    extract_posteriors(model, DataDir(streams.path), tmp_path / "own", "1", "fail")
    (tmp_path / "utt2lang").rename(streams.path / "utt2lang")  # languages of which the model knows nothing
    extract_posteriors(model, DataDir(streams.path), tmp_path / "named", "1", "fail")
    utterances, posteriors = read_vectors(tmp_path / "own" / "posteriors.1.scp")
    np.testing.assert_array_equal(read_vectors(tmp_path / "named" / "posteriors.1.scp")[1], posteriors)
    assert posteriors.shape == (36, 3) and (posteriors > 0).all()
    said = model.classify(streams.table("wav.scp")[utterances[0]])
    np.testing.assert_allclose([said[name] for name in model.classes], posteriors[0], atol=1e-5)
    with refused("'de'"):
        model.classify(streams.table("wav.scp")[utterances[0]], language="de")
