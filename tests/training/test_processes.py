"""Training in two processes: the losses of one, no deadlock, resumed to the same weights."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from messages import names
from torch.distributed.launcher import api
from waiting import LIMIT, wait_for

from timbre.features.published import read_model
from timbre.training import processes
from timbre.training.train import train_experiment

ALL = pytest.mark.all
SETTINGS = {
    "aam": ["loss.kind=aam_softmax", "encoder.pooling.kind=attentive_statistics"],
    "ge2e": ["loss.kind=ge2e", "train.sampler=p_by_k", "train.utterances_per_speaker=2", "train.batch_size=8"],
    "classifier": ["task=classification", "train.heldout_utterances=0.2", "train.heldout_speakers=6"],
}


def in_two(conf, settings, data, directory, wait=True):
    """``torchrun`` with two processes on the CPU; its temporary folders lie in ``tmp`` beside ``directory``."""
    command = [sys.executable, "-m", "timbre", "train-encoder", "--ngpu=2", "--conf", str(conf), "--device", "cpu"]
    command += ["--train", str(data.path)]
    command += [f"--set={setting}" for setting in settings] + [str(directory)]
    (directory.parent / "tmp").mkdir(exist_ok=True)
    variables = os.environ | {"OMP_NUM_THREADS": "1", "TMPDIR": str(directory.parent / "tmp")}
    process = subprocess.Popen(
        command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    if wait:
        out, err = process.communicate(timeout=LIMIT)
        assert process.returncode == 0, out + err
    return process


def history(directory):
    return [json.loads(line) for line in (directory / "history.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("name", ["aam", pytest.param("ge2e", marks=ALL), pytest.param("classifier", marks=ALL)])
def test_two_processes_give_the_losses_of_one(name, toy_data, toy_conf, tmp_path):
    data = toy_data(utterances=5)  # 30 utterances of 6 speakers: the last batch is filled up
    # Plain SGD: Adam and clipping would hide gradients that are off by a factor. Weights move by 0.05
    # and more; rates at which training is chaotic would blow rounding up to as much.
    plain = ["train.optimizer=sgd", "train.clip_norm=0", "train.learning_rate=0.003", "train.warmup_epochs=0"]
    settings = [*SETTINGS[name], *plain, "train.epochs=2"]
    conf = toy_conf(*settings)
    train_experiment(conf, data, tmp_path / "one", "cpu")
    in_two(tmp_path / "toy.yaml", settings, data, tmp_path / "two")
    assert not list(tmp_path.glob("two_*")), "torch's folders beside the experiment"
    assert not list((tmp_path / "tmp").glob("*torch*")) + list((tmp_path / "tmp").glob("timbre-*"))
    one, two = history(tmp_path / "one"), history(tmp_path / "two")
    assert len(one) == len(two) == 2
    for epoch in range(2):
        assert two[epoch]["loss"] == pytest.approx(one[epoch]["loss"], rel=1e-4)
        assert two[epoch]["accuracy"] == pytest.approx(one[epoch]["accuracy"], abs=1e-6)
    ours, theirs = read_model(tmp_path / "one"), read_model(tmp_path / "two")
    for part in ("encoder", "loss"):
        for key, value in ours[part].items():
            torch.testing.assert_close(theirs[part][key], value, rtol=0, atol=1e-3)


def kill(process):
    """Kills ``torchrun`` and what it has started, which torch puts into sessions of their own."""
    started = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for number in (process.pid, *map(int, started)):
        os.kill(number, signal.SIGKILL)
    process.communicate()


@ALL
@pytest.mark.parametrize("damaged", [False, True])
def test_two_processes_killed_and_started_again(damaged, toy_data, toy_conf, tmp_path):
    data, settings = toy_data(), ["train.epochs=12", "train.checkpoint_steps=1"]
    toy_conf()
    conf, exp = tmp_path / "toy.yaml", tmp_path / "killed"
    in_two(conf, settings, data, tmp_path / "whole")
    process = in_two(conf, settings, data, exp, wait=False)
    wait_for(lambda: process.poll() is not None or (exp / "checkpoint_before.pt").exists())
    kill(process)
    assert not (exp / "final.pt").exists()
    if damaged:  # the first process says so, and both go on from the one before
        (exp / "checkpoint.pt").write_bytes((exp / "checkpoint.pt").read_bytes()[:-100])
    process = in_two(conf, settings, data, exp, wait=False)
    _, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 0, err
    assert not damaged or names(err, exp / "checkpoint.pt", "damaged")
    assert "resumed" in (exp / "train.log").read_text()
    whole, killed = read_model(tmp_path / "whole"), read_model(exp)
    for key, value in whole["encoder"].items():
        assert torch.equal(killed["encoder"][key], value), key


def test_processes_share_the_processors_that_this_one_may_use(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(6))
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(api, "elastic_launch", lambda *_: lambda *_: None)
    processes.launch(2, 1, "localhost:0", "exp", [])
    assert os.environ.pop("OMP_NUM_THREADS") == "3"


def test_a_failure_is_one_line_of_each_process_and_ends_them(toy_data, toy_conf, tmp_path):
    process = in_two(tmp_path / "toy.yaml", ["train.batch_size=7"], toy_data(), tmp_path / "exp", wait=False)
    _, err = process.communicate(timeout=LIMIT)
    assert not list(tmp_path.glob("exp_*")) and not list((tmp_path / "tmp").glob("*"))
    assert process.returncode == 1 and names(err, "train.batch_size=7", "2 processes", " of 2 failed")
