"""Emotion recognition on stand-ins: TESS's protocols, EMO-DB's and RAVDESS's folds, each conf, a file, mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import tiny
from messages import names

from timbre.kaldi.tables import read_matrix
from timbre.kaldi.text import read_table
from timbre.training.experiment import load_experiment

ROOT, TESS, EMODB = Path(__file__).parents[2], "egs/tess/ser", "egs/emodb/ser"
REGRESSIONS = [f"regression of {what}" for what in ("statistics", "functionals", "both")]
RAVDESS, CSV = "egs/ravdess/ser", "egs/csv/ser"
CONFS = [(recipe, conf) for recipe in (TESS, EMODB, RAVDESS, CSV) for conf in tiny.confs(recipe)]
SMALL = [
    "--corpus",
    "synthetic",
    *tiny.options(EMODB, "ecapa_fbank", "train.heldout_utterances=0.3"),
    "--exp",
    "exp/x",
]


def utterances(path):
    return {line.split()[0] for line in path.open()}


def read_frames(plan, folder):
    """The utterances of the features that a plan names, and their frames."""
    table = read_table(folder / read_table(plan / "names")["feats"] / "all/feats.scp")
    return list(table), [read_matrix(str(folder / place)) for place in table.values()]


@pytest.fixture(scope="module")
def tess(run):
    """The exercise, with the conf's own training."""
    code, out, err = run("run.sh", "--corpus", "synthetic", folder=TESS)
    assert code == 0, out + err
    return out


@pytest.fixture(scope="module")
def emodb(run):
    code, out, err = run("run.sh", *SMALL, folder=EMODB)
    assert code == 0, out + err
    return out


def test_the_exercise_is_stamped_and_stands_beside_what_needs_no_network(tess, clone):
    exp = clone / TESS / "exp/exercise/audionet"
    metrics = json.loads((exp / "metrics.json").read_text())
    assert metrics["verdict"] == ["synthetic speech", "speaker-dependent", "text-dependent"]
    assert list(metrics["systems"]) == [
        "audionet",
        "majority",
        "duration",
        "energy",
        "SVM of statistics",
        *REGRESSIONS,
    ]
    assert metrics["utterances"]["count"] == 8 and metrics["bootstrap"]["resampled"] == "utterances"
    assert metrics["systems"]["duration"]["accuracy"]["value"] > 0.6  # sad words are spoken more slowly
    assert "speaker-dependent, text-dependent" in tess
    report = (exp / "report.html").read_text()
    assert "Synthetic speech" in report and report.count("speaker-dependent, text-dependent") >= 4
    assert (exp / "model_card.md").exists() and (exp / "fold_1/history.jsonl").read_text().count("\n") == 20


def test_a_second_run_has_nothing_to_do(tess, emodb, again):
    again("--corpus", "synthetic", folder=TESS)
    again(*SMALL, folder=EMODB)


@pytest.mark.parametrize(("protocol", "tested"), [("word_disjoint", 56), ("seven_class", 49)])
def test_protocols_of_one_split(tess, run, clone, protocol, tested):
    what = ["--protocol", protocol, "--corpus", "synthetic", "--stop-stage", 0]
    code, out, err = run("run.sh", *what, folder=TESS)
    assert code == 0, out + err
    folds = clone / TESS / f"data/{protocol}/folds"
    train, test = (utterances(folds / f"1/{part}/utt2spk") for part in ("train", "test"))
    assert len(train | test) == len(train) + len(test) == 168 and len(test) == tested
    words = [{utterance.split("-")[1] for utterance in part} for part in (train, test)]
    assert bool(words[0] & words[1]) == (protocol == "seven_class") and not (folds / "2").exists()


@pytest.mark.all
def test_each_actress_is_tested_by_the_model_of_the_other(tess, run, clone):
    what = [
        "--protocol",
        "cross_speaker",
        "--corpus",
        "synthetic",
        "--stop-stage",
        4,
        *tiny.options(TESS, "audionet"),
    ]
    code, out, err = run("run.sh", *what, "--exp", "exp/cross_speaker/x", folder=TESS)
    assert code == 0, out + err
    metrics = json.loads((clone / TESS / "exp/cross_speaker/x/metrics.json").read_text())
    assert metrics["verdict"][1:] == ["speaker-independent", "text-dependent"] and metrics["train"]["folds"] == 2
    assert metrics["utterances"]["count"] == 168 and "speaker-independent, text-dependent" in out


@pytest.mark.all
@pytest.mark.parametrize(("recipe", "conf"), [one for one in CONFS if one[0] == TESS])
def test_every_conf_trains(tess, run, clone, recipe, conf):
    where = ["--stage", 1, "--stop-stage", 2, "--exp", f"exp/exercise/small_{conf}"]
    code, out, err = run("run.sh", *where, *tiny.options(recipe, conf), folder=recipe)
    assert code == 0, out + err
    assert (clone / recipe / f"exp/exercise/small_{conf}/fold_1/final.pt").exists()


@pytest.mark.parametrize(("recipe", "conf"), CONFS)
def test_every_conf_is_of_emotions(recipe, conf):
    experiment = load_experiment(ROOT / recipe / f"conf/{conf}.yaml")
    assert experiment.labels == "utt2emotion"
    if experiment.task != "fusion":
        rate = 24414 if recipe == TESS else 16000
        assert experiment.task == "classification"
        assert experiment.features.resample and experiment.features.sample_rate == rate


def test_actors_are_tested_by_models_that_do_not_know_them(emodb, clone):
    here = clone / EMODB
    everybody = utterances(here / "data/all/utt2spk")
    tested = [utterances(here / f"data/folds/{fold}/test/utt2spk") for fold in range(1, 5)]
    assert set().union(*tested) == everybody and sum(map(len, tested)) == len(everybody) == 84
    for fold, apart in enumerate(tested, start=1):
        train = utterances(here / f"data/folds/{fold}/train/utt2spk")
        assert train == everybody - apart and not {u[:2] for u in train} & {u[:2] for u in apart}
        log = (here / f"exp/x/fold_{fold}/train.log").read_text()
        assert "42 utterances to train on; held out: 0 speakers, 21 utterances" in log  # an actor whole
    metrics = json.loads((here / "exp/x/metrics.json").read_text())
    assert metrics["verdict"] == ["synthetic speech", "speaker-independent", "text-dependent"]
    assert metrics["bootstrap"]["resampled"] == "speakers" and len(metrics["speakers"]) == 4
    assert (here / "exp/x/report.html").exists()


@pytest.fixture(scope="module")
def ravdess(run, timbre, clone):
    """Four voices in two folds, prepared; one file made stereo, as five of the original are."""
    made = ["--layout", "ravdess", "--conf", "conf/corpus.yaml", "--dir", "data/corpus"]
    code, _, err = timbre("make-synthetic-corpus", *made, folder=RAVDESS)
    assert code == 0, err
    path = clone / RAVDESS / "data/corpus/Actor_03/03-01-05-01-01-01-03.wav"
    samples, rate = soundfile.read(path)
    soundfile.write(path, np.stack([samples, samples / 2], axis=1), rate)
    code, out, err = run("run.sh", "--corpus", "synthetic", "--folds", 2, "--stop-stage", 0, folder=RAVDESS)
    assert code == 0, out + err
    return out


def test_each_fold_of_ravdess_tests_both_sexes_and_channels_are_mixed(ravdess, clone):
    data = clone / RAVDESS / "data"
    assert (data / "mixed/03-05-01-01-01.wav").is_file() and names(ravdess, "1 of 32", "03-05-01-01-01")
    for fold in (1, 2):
        assert set(read_table(data / f"folds/{fold}/test/spk2gender").values()) == {"f", "m"}
        assert set(read_table(data / f"folds/{fold}/train/utt2fold").values()) == {str(3 - fold)}


@pytest.mark.all
def test_ravdess_is_measured_by_its_folds(ravdess, run, clone):
    what = ["--stage", 1, "--exp", "exp/x", *tiny.options(RAVDESS, "xvector_mfcc", "train.heldout_utterances=0.5")]
    code, out, err = run("run.sh", *what, folder=RAVDESS)
    assert code == 0, out + err
    metrics = json.loads((clone / RAVDESS / "exp/x/metrics.json").read_text())
    assert metrics["verdict"] == ["synthetic speech", "speaker-independent", "text-dependent"]
    assert len(metrics["speakers"]) == 4 and metrics["utterances"]["count"] == 32


@pytest.mark.all
@pytest.mark.parametrize(("recipe", "folds"), [(EMODB, 4), (RAVDESS, 2)], ids=["emodb", "ravdess"])
def test_a_fusion_stands_beside_a_regression_of_its_streams(
    recipe, folds, emodb, ravdess, front_ends, run, again, timbre, clone
):
    settings = ["train.heldout_utterances=0.5", "fusion.gate=true"]
    fusion = ["--exp", "exp/fused", *tiny.options(recipe, "fusion", *settings)]
    code, out, err = run("run.sh", "--stage", 1, *fusion, folder=recipe)
    assert code == 0, out + err
    exp = clone / recipe / "exp/fused"
    metrics = json.loads((exp / "metrics.json").read_text())
    assert list(metrics["systems"])[-4:] == [*REGRESSIONS, "regression of streams"]
    assert metrics["train"]["folds"] == folds and "speaker-independent" in metrics["verdict"]
    gates = json.loads((exp / "gates.json").read_text())
    (gate,) = gates["languages"].values()
    means = gate["classes"]["all"]["weights"]
    assert list(means) == gates["streams"] and np.isclose(sum(one["value"] for one in means.values()), 1, atol=1e-5)
    assert "allosaurus" in (exp / "report.html").read_text()
    wav = sorted((clone / recipe / "data/corpus").glob("**/*.wav"))[0]
    code, out, err = timbre("classify", wav, "--model", "exp/fused", "--resample", folder=recipe)
    assert code == 0 and len(out.splitlines()) == len(metrics["classes"]), err
    again("--stage", 1, *fusion, folder=recipe)


def test_a_file_is_classified_by_the_models_of_all_folds(emodb, timbre, clone):
    wav = sorted((clone / EMODB / "data/corpus").glob("**/*.wav"))[0]
    code, out, err = timbre("classify", wav, "--model", "exp/x", folder=EMODB)
    assert code == 0, err
    classes, shares = zip(*(line.split() for line in out.splitlines()), strict=True)
    shares = [float(share) for share in shares]
    assert len(set(classes)) == 7 and shares == sorted(shares, reverse=True) and abs(sum(shares) - 1) < 1e-3


@pytest.fixture(scope="module")
def ensemble(tess, run):
    """Of the exercise, one of whose members is there."""
    here = ["--corpus", "synthetic", *tiny.options(TESS, "audionet"), "--exp"]
    member = "exp/exercise/x,train.seed=7"
    code, out, err = run(
        "run.sh", *here, member, "--set", "train.seed=7", "--stage", 1, "--stop-stage", 2, folder=TESS
    )
    assert code == 0, out + err
    words = [*here, "exp/exercise/x", "--seeds", "7 8"]
    code, out, err = run("run.sh", *words, folder=TESS)
    assert code == 0, out + err
    assert f"{member}/fold_1/final.pt: up to date" in err and "mean ± deviation" in out
    return words


def test_an_ensemble_trains_what_is_not_there_and_averages(ensemble, again, timbre, clone):
    exp = clone / TESS / "exp/exercise/x"
    metrics = json.loads((exp / "metrics.json").read_text())
    assert list(metrics["members"]) == ["7", "8"] and "ensemble − mean" in (exp / "report.html").read_text()
    wav = sorted((clone / TESS / "data/corpus").glob("**/*.wav"))[0]
    said = []
    for model in (exp, exp / "seeds/7", exp / "seeds/8"):
        code, out, err = timbre("classify", wav, "--model", model, folder=TESS)
        assert code == 0, err
        said.append({name: float(share) for name, share in map(str.split, out.splitlines())})
    assert all(abs(said[0][name] - (said[1][name] + said[2][name]) / 2) < 2e-4 for name in said[0])
    again(*ensemble, folder=TESS)


def test_features_by_speaker_are_transductive_and_no_recording_is_classified(emodb, run, again, timbre, clone):
    words = [*SMALL[:-1], "exp/y", "--normalise", "speaker"]
    code, out, err = run("run.sh", *words, folder=EMODB)
    assert code == 0, out + err
    exp, verdict = (
        clone / EMODB / "exp/y",
        ["synthetic speech", "transductive", "speaker-independent", "text-dependent"],
    )
    metrics = json.loads((exp / "metrics.json").read_text())
    assert metrics["verdict"] == verdict and "transductive" in out
    for page in ("report.html", "model_card.md"):
        assert "transductive" in (exp / page).read_text()
    assert "transductive" not in json.loads((clone / EMODB / "exp/x/metrics.json").read_text())["verdict"]
    frames = dict(zip(*read_frames(exp / "plan", clone / EMODB), strict=True))
    for speaker in {name[:2] for name in frames}:
        every = np.concatenate([rows for name, rows in frames.items() if name[:2] == speaker])
        assert np.allclose(every.mean(axis=0), 0, atol=1e-4) and np.allclose(every.std(axis=0), 1, atol=1e-3)
    wav = sorted((clone / EMODB / "data/corpus").glob("**/*.wav"))[0]
    code, _, err = timbre("classify", wav, "--model", "exp/y", folder=EMODB)
    assert code == 1 and names(err, "steps/predict.sh", "by speaker")
    again(*words, folder=EMODB)


@pytest.mark.all
@pytest.mark.parametrize(("recipe", "conf"), [(TESS, "audionet"), (RAVDESS, "xvector_mfcc")])
def test_ensembles_and_features_by_speaker_go_together(tess, ravdess, run, clone, recipe, conf):
    held = ["train.heldout_utterances=0.5"] if recipe == RAVDESS else []
    words = ["--normalise", "speaker", "--seeds", "1 2", "--stage", 1, *tiny.options(recipe, conf, *held)]
    folder = "exp/exercise/y" if recipe == TESS else "exp/y"
    code, out, err = run("run.sh", *words, "--exp", folder, folder=recipe)
    assert code == 0, out + err
    metrics = json.loads((clone / recipe / folder / "metrics.json").read_text())
    assert "transductive" in metrics["verdict"] and list(metrics["members"]) == ["1", "2"]


def test_mistakes_are_named(tess, run):
    for words, named in (
        (["--protocol", "exercises"], ["exercise", "word_disjoint", "cross_speaker", "seven_class"]),
        (["cross_speaker"], ["cross_speaker", "--help"]),
        (["--stage", 3, "--protocol", "seven_class", "--conf", "conf/ecapa_fbank.yaml"], ["stage 1"]),
        (["--set", "augment.kinds=[noise]", "--stage", 1], ["train.features", "online"]),
        (["--init", "exp/exercise/audionet/fold_1", "--stage", 1], ["exp/exercise/audionet/fold_1"]),
        (["--seeds", "1,2"], ["1,2", '"1 2 3"']),
        (["--seeds", "1 2", "--set", "train.seed=3"], ["--seeds", "train.seed"]),
    ):
        code, _, err = run("run.sh", *words, folder=TESS)
        assert code == 1 and names(err, *named)
