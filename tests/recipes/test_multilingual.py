"""Emotions of four languages: data directories of stand-ins by both protocols, and what users do wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch
from messages import names

from timbre.features import published_resemblyzer
from timbre.kaldi.folds import read_folds
from timbre.kaldi.tables import read_vectors
from timbre.kaldi.text import read_table

HERE = "egs/multilingual/ser"
LAYOUTS = {"en": "iemocap", "de": "emodb", "fa": "shemo", "fr": "cafe"}
REGRESSIONS = [f"regression of {what}" for what in ("statistics", "functionals", "both", "streams")]
FOLDS = {"en": 2, "de": 3, "fa": 5, "fr": 2}
CLASSES = {"en": 4, "de": 7, "fa": 6, "fr": 7}


def settings(keys):
    return [word for key in keys for word in ("--set", key)]


@pytest.fixture(scope="module")
def corpora(run, tmp_path_factory):
    """``<lang>=<folder>`` of each language's stand-in, of a size for tests."""
    root = tmp_path_factory.mktemp("corpora")
    found = []
    for lang, layout in LAYOUTS.items():
        words = ["--nj", 1, "--layout", layout, "--conf", f"conf/corpus_{layout}.yaml", root / layout]
        code, out, err = run("utils/make_corpus.sh", *words, folder=HERE)
        assert code == 0, out + err
        found.append(f"{lang}={root / layout}")
    return found


@pytest.fixture(scope="module")
def prepared(corpora, run, tmp_path_factory):
    """``prepare(protocol)`` → the folder of its data."""

    def prepare(protocol):
        data = tmp_path_factory.mktemp(protocol)
        code, out, err = run("local/prepare_data.sh", "--protocol", protocol, *corpora, data, folder=HERE)
        assert code == 0, out + err
        return data

    return prepare


def test_nobody_is_trained_on_who_is_tested(prepared):
    data = prepared("speaker_independent")
    whole = read_table(data / "all/utt2spk")
    assert all(name[:3] == speaker[:3] == f"{lang}-" for name, speaker in whole.items() for lang in [name[:2]])
    assert read_table(data / "all/utt2lang") == {name: name[:2] for name in whole}
    assert not list(data.glob("**/utt2uniq"))  # a name with its language before it is no copy
    emotions = read_table(data / "all/utt2emotion")
    for lang, count in FOLDS.items():
        assert len({emotion for name, emotion in emotions.items() if name[:2] == lang}) == CLASSES[lang]
        assert len(read_folds(data / lang / "folds")) == count
    joint = read_folds(data / "folds")
    assert len(joint) == 5 and sum(len(test.utt2spk) for _, test in joint) == len(whole)
    for train, test in joint:
        assert not set(train.utt2spk.values()) & set(test.utt2spk.values())
        assert {name[:2] for name in train.utt2spk} == set(FOLDS)
    pairs = [sorted(set(test.utt2spk.values())) for _, test in read_folds(data / "fr/folds")]
    assert pairs == [["fr-01", "fr-02"], ["fr-03", "fr-04"]]  # a man and a woman
    sessions = [set(test.table("utt2session").values()) for _, test in read_folds(data / "en/folds")]
    assert sessions == [{"Session1"}, {"Session2"}]
    assert (data / "about").read_text().startswith("Synthetic speech") and (data / "de/about").exists()


def test_the_sources_protocol_tests_a_fifth_of_the_utterances_whoever_speaks(prepared):
    data = prepared("source")
    ((train, test),) = read_folds(data / "folds")
    assert 0.15 < len(test.utt2spk) / (len(train.utt2spk) + len(test.utt2spk)) < 0.35  # of few of each class
    assert set(test.utt2spk.values()) & set(train.utt2spk.values())
    ((train, test),) = read_folds(data / "en/folds")
    assert set(test.table("utt2session").values()) == set(train.table("utt2session").values())


def test_mistakes_are_one_line(corpora, prepared, run):
    data = prepared("source")
    for script, words, named in (
        ("local/prepare_data.sh", ["it=/nowhere", data], ["it=/nowhere", "en de fa fr"]),
        ("local/prepare_data.sh", [corpora[0], data], [data, "de en fa fr", "remove"]),
        ("local/prepare_data.sh", [], ["<lang>=<corpus>", "<out>"]),
        ("local/prepare_data.sh", [data / "none"], ["--corpus-en", "--corpus synthetic"]),
        ("run.sh", ["--protocol", "random"], ["random", "speaker_independent", "source"]),
        ("run.sh", ["--corpus", "/emodb"], ["/emodb", "synthetic", "--corpus-de"]),
    ):
        code, _, err = run(script, *words, folder=HERE)
        assert code == 1 and names(err, *named)


@pytest.fixture(scope="module")
def fused(corpora, front_ends, run, clone):
    """German and French by folds of speakers."""
    folders = dict(pair.split("=") for pair in corpora)
    words = ["--corpus-de", folders["de"], "--corpus-fr", folders["fr"]]
    words += ["--nj", 1, "--exp", "exp/speaker_independent/x", *settings([*tiny.FUSION, "fusion.gate=true"])]
    code, out, err = run("run.sh", *words, folder=HERE)
    assert code == 0, out + err
    return words


def test_a_second_run_has_nothing_to_do(fused, again):
    again(*fused, folder=HERE)


def test_from_corpora_to_a_report_by_language(fused, clone):
    exp = clone / HERE / "exp/speaker_independent/x"
    for lang, count in (("de", 21), ("fr", 28)):
        metrics = json.loads((exp / lang / "metrics.json").read_text())
        assert metrics["utterances"]["count"] == count and metrics["train"]["folds"] == FOLDS[lang]
        assert "speaker-independent" in metrics["verdict"] and metrics["train"]["shared_speakers"] == 0
        systems = ["x", "majority", "speaker alone", "duration", "energy", "SVM of statistics", *REGRESSIONS]
        assert list(metrics["systems"]) == systems
    gates = json.loads((exp / "gates.json").read_text())
    assert gates["streams"] == ["mfcc", "functionals", "allosaurus", "wav2vec", "ge2e", "byol"]
    means = gates["languages"]["fr"]["classes"]["all"]["weights"]
    assert np.isclose(sum(means[name]["value"] for name in gates["streams"]), 1, atol=1e-5)
    report = (exp / "report.html").read_text()
    assert "Synthetic speech" in report and "allosaurus" in report and report.count("speaker-independent") >= 4


@pytest.mark.all
def test_an_ensemble_averages_posteriors_and_gates_by_language(fused, run, clone):
    code, out, err = run("run.sh", *fused, "--seeds", "3 4", "--exp", "exp/speaker_independent/y", folder=HERE)
    assert code == 0, out + err
    exp = clone / HERE / "exp/speaker_independent/y"
    for lang in ("de", "fr"):
        metrics = json.loads((exp / lang / "metrics.json").read_text())
        assert list(metrics["members"]) == ["3", "4"] and next(iter(metrics["systems"])) == "y"
    for kind in ("posteriors", "gates"):
        (names_of, mean), *members = (
            read_vectors(folder / f"test/{kind}.scp") for folder in (exp, exp / "seeds/3", exp / "seeds/4")
        )
        assert all(one[0] == names_of for one in members)
        np.testing.assert_allclose(mean, (members[0][1] + members[1][1]) / 2, atol=1e-6)
    assert out.count("ensemble − mean") == 2 and (exp / "gates.json").exists()


@pytest.mark.all
def test_streams_by_speaker_are_transductive(fused, run, timbre, clone):
    words = [*fused, "--normalise", "speaker", "--exp", "exp/speaker_independent/z"]
    code, out, err = run("run.sh", *words, folder=HERE)
    assert code == 0, out + err
    exp = clone / HERE / "exp/speaker_independent/z"
    for lang in ("de", "fr"):
        assert "transductive" in json.loads((exp / lang / "metrics.json").read_text())["verdict"]
    assert (exp / "report.html").read_text().count("transductive") >= 4
    feats = clone / HERE / read_table(exp / "plan/names")["feats"] / "all"
    speakers = read_table(feats / "utt2spk")
    utterances, vectors = read_vectors(feats / "vectors_byol.scp")
    one = np.array([speakers[name] == speakers[utterances[0]] for name in utterances])
    assert np.allclose(vectors[one].mean(axis=0), 0, atol=1e-3)
    wav = sorted(Path(fused[1]).glob("**/*.wav"))[0]
    code, _, err = timbre("classify", wav, "--model", exp, "--lang", "de", folder=HERE)
    assert code == 1 and names(err, "steps/predict.sh", "by speaker")


def test_streams_are_made_once_for_all_confs(fused, run, clone):
    words = ["--conf", "conf/only_mfcc.yaml", "--stage", 1, "--stop-stage", 1, *settings(tiny.FUSION)]
    code, out, err = run("run.sh", *words, folder=HERE)
    assert code == 0, out + err
    assert err.count("/all: up to date") >= 8, err  # six streams, two of them by models


@pytest.mark.all
def test_copies_at_other_speeds_are_trained_on_and_not_tested(fused, run, clone):
    words = ["--conf", "conf/copies.yaml", "--stage", 1, "--stop-stage", 2, "--nj", 1, *settings(tiny.FUSION)]
    code, out, err = run("run.sh", *words, folder=HERE)
    assert code == 0, out + err
    (feats,) = (clone / HERE / "data/speaker_independent").glob("streams6-*_speeds_0.9_1.1")
    for train, test in read_folds(feats / "folds"):
        copies = [name for name in train.utt2spk if name.startswith("sp")]
        assert len(copies) == 2 * len(train.utt2spk) / 3
        assert not [name for name in test.utt2spk if name.startswith("sp")]


@pytest.mark.all
def test_the_published_ge2e_is_a_stream_once_it_is_fetched(fused, run, clone, monkeypatch):
    others = [setting for setting in tiny.FUSION if not setting.startswith("streams.ge2e")]
    words = [
        "--conf",
        "conf/fusion_published_ge2e.yaml",
        *settings(others),
        "--exp",
        "exp/published",
        "--stop-stage",
        1,
    ]
    file = clone / HERE / "models/resemblyzer.pt"
    code, _, err = run("run.sh", *words, folder=HERE)
    assert code == 1 and names(err, "models/resemblyzer.pt", f"utils/fetch_model.sh resemblyzer {file.parent}")
    generator = torch.Generator().manual_seed(0)
    shapes = published_resemblyzer.SHAPES | published_resemblyzer.SIMILARITY
    weights = {name: 0.1 * torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    file.parent.mkdir()
    torch.save({"model_state": weights}, file)
    code, out, err = run("run.sh", *words, folder=HERE)
    assert code == 0, out + err
    feats = read_table(clone / HERE / "exp/published/plan/names")["feats"]
    monkeypatch.chdir(clone / HERE)
    found, vectors = read_vectors(f"{feats}/all/vectors_ge2e.scp")
    assert len(found) == 49 and vectors.shape[1] == 256


def test_a_file_is_classified_in_its_language(fused, timbre, clone):
    table = read_table(clone / HERE / "data/speaker_independent/all/wav.scp")
    wav = next(path for name, path in table.items() if name.startswith("fr"))
    model = ["--model", "exp/speaker_independent/x"]
    code, out, err = timbre("classify", wav, *model, "--lang", "fr", "--resample", folder=HERE)
    assert code == 0 and len(out.splitlines()) == 7, out + err
    assert np.isclose(sum(float(line.split()[1]) for line in out.splitlines()), 1, atol=1e-3)
    code, _, err = timbre("classify", wav, *model, "--resample", folder=HERE)
    assert code == 1 and names(err, "--lang", "de, fr")


@pytest.mark.all
def test_each_language_is_tried_on_the_other(fused, run, clone):
    code, out, err = run("local/cross_lingual.sh", *settings(tiny.FUSION), folder=HERE)
    assert code == 0, out + err
    (table,) = (clone / HERE / "exp/cross_lingual").glob("*/cross_lingual.json")
    cells = json.loads(table.read_text())["cells"]
    assert cells["de"]["fr"]["utterances"] == 24 and cells["fr"]["de"]["utterances"] == 18  # of shared emotions
    shared = ["anger", "disgust", "fear", "happiness", "neutral", "sadness"]
    assert cells["de"]["fr"]["classes"] == cells["fr"]["de"]["classes"] == shared


def test_a_model_that_nothing_makes_is_named(run, timbre, front_ends):
    words = settings([*tiny.FUSION_MODELS, "streams.byol.model=nowhere/x"])
    asked = ["make-plan", "--task", "fusion", "--conf", "conf/fusion.yaml", "--exp", "exp/nowhere", *words]
    code, plan, err = timbre(*asked, folder=HERE)
    assert code == 0, err
    code, _, err = run("steps/train_front_ends.sh", plan.strip(), folder=HERE)
    assert code == 1 and names(err, "nowhere/x", "streams")
