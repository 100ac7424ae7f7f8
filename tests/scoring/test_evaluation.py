"""From trials and scores to metrics.json, and the commands around it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from messages import names, refused

from timbre.__main__ import main
from timbre.kaldi.text import write_table
from timbre.kaldi.trials import Trials, write_scores, write_trials
from timbre.scoring.evaluation import bounded, evaluate, percent


@pytest.fixture
def corpus(tmp_path) -> SimpleNamespace:
    """Eight speakers with five utterances, all pairs as trials, and the scores of a good and a bad system."""
    generator = np.random.default_rng(0)
    data = tmp_path / "data"
    data.mkdir()
    utterances = [f"s{s}-u{u}" for s in range(8) for u in range(5)]
    write_table(data / "utt2spk", {name: name[:2] for name in utterances})
    first, second = np.triu_indices(40, 1)
    target = first // 5 == second // 5
    names = np.array(utterances)
    write_trials(tmp_path / "trials", Trials(names[first], names[second], target))
    scores = {"good": generator.normal(size=780) + 3 * target, "bad": generator.normal(size=780) + target}
    for name, values in scores.items():
        write_scores(tmp_path / name, names[first], names[second], values)
    paths = {name: tmp_path / name for name in scores}
    return SimpleNamespace(
        data=data, trials=tmp_path / "trials", scores=paths, target=target, first=first, second=second
    )


def test_metrics_of_a_system_and_its_baseline(corpus, tmp_path, capsys):
    argv = ["evaluate", "--name", "good", "--baseline", str(corpus.scores["bad"]), "--baseline-name", "bad"]
    argv += ["--replicates", "100", str(corpus.data), str(corpus.trials), str(corpus.scores["good"])]
    main([*argv, str(tmp_path / "out")])
    printed = capsys.readouterr().out.splitlines()
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    good, bad = metrics["systems"]["good"], metrics["systems"]["bad"]
    for rate in (good["eer"], good["min_dcf_0.01"], bad["eer"]):
        assert 0 < rate["low"] < rate["value"] < rate["high"] <= 1
    difference = metrics["differences"]["bad"]["eer"]
    assert difference["value"] == good["eer"]["value"] - bad["eer"]["value"]
    assert difference["high"] < 0
    assert metrics["trials"]["sha256"] == hashlib.sha256(corpus.trials.read_bytes()).hexdigest()
    assert (metrics["trials"]["targets"], metrics["trials"]["nontargets"]) == (80, 700)
    assert printed[0].split("  ")[0] == "system"
    assert percent(good["eer"]) in printed[1]
    assert "80/700" in printed[1]
    assert [line.split("  ")[0] for line in printed[1:]] == ["good", "bad", "good − bad"]
    before = (tmp_path / "out" / "metrics.json").read_bytes()
    main([*argv, str(tmp_path / "out")])
    assert (tmp_path / "out" / "metrics.json").read_bytes() == before


def test_conditions_split_the_trials_by_what_the_data_directory_knows(corpus, tmp_path):
    assert evaluate(corpus.data, corpus.trials, {"good": corpus.scores["good"]}, tmp_path, 50)["conditions"] == {}
    write_table(corpus.data / "spk2gender", {f"s{s}": "f" if s < 3 else "m" for s in range(8)})
    seconds = np.arange(1, 41)
    write_table(corpus.data / "utt2dur", {f"s{i // 5}-u{i % 5}": seconds[i] for i in range(40)})
    metrics = evaluate(corpus.data, corpus.trials, {"good": corpus.scores["good"]}, tmp_path, 50)
    found = metrics["conditions"]
    female = (corpus.first < 15) & (corpus.second < 15)
    cross = (corpus.first < 15) & (corpus.second >= 15)
    for name, mask in {"female": female, "cross-gender": cross}.items():
        assert found[name]["targets"] == (mask & corpus.target).sum()
        assert found[name]["nontargets"] == (mask & ~corpus.target).sum()
    assert found["cross-gender"]["eer"] is None
    assert found["female"]["eer"]["low"] <= found["female"]["eer"]["value"] <= found["female"]["eer"]["high"]
    durations = [values for name, values in found.items() if name.endswith((" s", "longer"))]
    assert len(durations) == 3
    for parts in (durations, [found[name] for name in ("female", "male", "cross-gender")]):
        for key, whole in (("targets", 80), ("nontargets", 700)):
            assert sum(part[key] for part in parts) == whole
        for key in ("misses", "false_alarms"):
            assert sum(part[key] for part in parts) == metrics["systems"]["good"][key]


def test_enrolled_speakers_are_known_without_a_duration(corpus, tmp_path):
    names = np.array([f"s{s}" for s in range(8)] * 2)
    test = np.array([f"s{s}-u0" for s in range(8)] + [f"s{(s + 1) % 8}-u0" for s in range(8)])
    write_trials(tmp_path / "models", Trials(names, test, np.arange(16) < 8))
    write_scores(tmp_path / "model-scores", names, test, np.linspace(1, 0, 16))
    write_table(corpus.data / "utt2dur", {f"s{s}-u0": s + 1 for s in range(8)})
    metrics = evaluate(corpus.data, tmp_path / "models", {"x": tmp_path / "model-scores"}, tmp_path / "out", 50)
    assert metrics["systems"]["x"]["eer"]["value"] == 0
    assert len(metrics["conditions"]) == 3


def test_further_systems_stand_beside_the_first_and_llrs_are_measured_as_such(corpus, tmp_path, capsys):
    names = [corpus.scores["good"], corpus.scores["bad"]]
    again = tmp_path / "x,epochs=3"  # as experiments with overrides are called
    again.write_bytes(names[0].read_bytes())
    argv = ["evaluate", "--name", "good", "--llr", "bad+calibration", "--replicates", "50"]
    argv += ["--system", f"bad+calibration={names[1]}", "--system", f"x,epochs=3={again}"]
    argv += [str(corpus.data), str(corpus.trials), str(names[0])]
    main([*argv, str(tmp_path / "out")])
    printed = capsys.readouterr().out.splitlines()
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert list(metrics["systems"]) == ["good", "bad+calibration", "x,epochs=3"]
    assert list(metrics["differences"]) == ["bad+calibration", "x,epochs=3"]
    assert metrics["differences"]["x,epochs=3"]["eer"] == {"value": 0, "low": None, "high": None}
    found = metrics["systems"]["bad+calibration"]
    assert found["cllr"] > found["min_cllr"] > 0
    assert found["act_dcf_0.01"] >= found["min_dcf_0.01"]["value"]
    assert "cllr" not in metrics["systems"]["good"]
    assert "actDCF(0.01)" in printed[0]
    assert f"{found['cllr']:.3f} ({found['min_cllr']:.3f})" in printed[2]
    assert printed[1].split("  ")[-1] == "80/700"


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (["--system", "x"], ["--system x:", "NAME=SCORES"]),
        (["--system", "x=none"], ["--system x=none:", "NAME=SCORES", "steps/score_trials.sh"]),
        (["--system", f"good={__file__}"], ["'good'"]),
        (["--baseline", "x", "--baseline-name", "good"], ["'good'"]),
        (["--llr", "god"], ["--llr god:", "'good'"]),
    ],
)
def test_systems_that_cannot_be_told_apart_are_refused(corpus, tmp_path, capsys, options, wanted):
    files = [corpus.data, corpus.trials, corpus.scores["good"], tmp_path / "out"]
    with pytest.raises(SystemExit):
        main(["evaluate", "--name", "good", *options, *map(str, files)])
    assert names(capsys.readouterr().err, *wanted)


def test_models_of_the_table_enrol_have_the_speaker_of_their_utterances(corpus, tmp_path):
    write_table(corpus.data / "enrol", {f"m{s}": f"s{s}-u1 s{s}-u2" for s in range(8)})
    names = np.array([f"m{s}" for s in range(8)] * 2)
    test = np.array([f"s{s}-u0" for s in range(8)] + [f"s{(s + 1) % 8}-u0" for s in range(8)])
    write_trials(tmp_path / "models", Trials(names, test, np.arange(16) < 8))
    write_scores(tmp_path / "model-scores", names, test, np.linspace(1, 0, 16))
    metrics = evaluate(corpus.data, tmp_path / "models", {"x": tmp_path / "model-scores"}, tmp_path / "out", 50)
    assert metrics["trials"]["speakers"] == 8
    write_table(corpus.data / "enrol", {"m0": "s0-u1 s1-u2"})
    with refused(corpus.data / "enrol", "'m0'", "s0, s1"):
        evaluate(corpus.data, tmp_path / "models", {"x": tmp_path / "model-scores"}, tmp_path / "out", 50)


def test_fewer_scores_than_trials_are_refused_and_nothing_is_written(corpus, tmp_path):
    lines = corpus.scores["good"].read_text().splitlines(keepends=True)
    corpus.scores["good"].write_text("".join(lines[:-1]))
    with refused(corpus.scores["good"], "779 scores", "780 trials", "steps/score_trials.sh"):
        evaluate(corpus.data, corpus.trials, {"good": corpus.scores["good"]}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("mode", "wanted"), [("kaldi", "12.5"), ("interpolated", "10.56")])
def test_compute_eer_prints_what_kaldi_prints(kaldi, mode, wanted):
    pairs = zip(
        (kaldi / "plda_scores_norm_true.txt").read_text().splitlines(),
        (kaldi / "plda_trials").read_text().splitlines(),
        strict=True,
    )
    lines = "".join(f"{score.split()[2]} {trial.split()[2]}\n" for score, trial in pairs)
    command = [sys.executable, "-m", "timbre", "compute-eer", "--mode", mode, "-"]
    printed = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
    assert printed.stdout == f"{wanted}\n"
    assert names(printed.stderr, "threshold")


def test_compute_eer_refuses_bad_lines(tmp_path, capsys):
    Path(tmp_path / "f").write_text("0.5 target\n0.4 other\n")
    with pytest.raises(SystemExit):
        main(["compute-eer", str(tmp_path / "f")])
    assert names(capsys.readouterr().err, tmp_path / "f:2", "target", "nontarget", "'other'")


def test_a_difference_that_rounds_to_zero_has_no_sign():
    assert bounded({"value": -0.0001, "low": -0.0012, "high": 0.0}, digits=2) == "0.00 [0.00, 0.00]"
    assert bounded({"value": -0.016, "low": None, "high": None}, digits=2) == "-0.02"
