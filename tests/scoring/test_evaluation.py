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

from timbre.__main__ import main
from timbre.errors import TimbreError
from timbre.kaldi.text import write_table
from timbre.kaldi.trials import Trials, write_scores, write_trials
from timbre.scoring.evaluation import evaluate, percent


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


def test_fewer_scores_than_trials_are_refused_and_nothing_is_written(corpus, tmp_path):
    lines = corpus.scores["good"].read_text().splitlines(keepends=True)
    corpus.scores["good"].write_text("".join(lines[:-1]))
    with pytest.raises(TimbreError, match="good: 779 scores for 780 trials"):
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
    assert "at threshold" in printed.stderr


def test_compute_eer_refuses_bad_lines(tmp_path, capsys):
    Path(tmp_path / "f").write_text("0.5 target\n0.4 other\n")
    with pytest.raises(SystemExit):
        main(["compute-eer", str(tmp_path / "f")])
    assert "f:2: expected target or nontarget at the end, found 'other'" in capsys.readouterr().err
