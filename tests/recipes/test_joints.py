"""Between the stages: two runs at once, features of another front-end, inputs that go while a stage works."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
import tiny
from messages import names

SMALL = tiny.options(".", "xvector_am")


@pytest.fixture
def empty(clone, tmp_path):
    """A copy of the copy, without data and experiments."""
    folder = tmp_path / "timbre"
    folder.mkdir()
    for name in ("src", "steps", "utils", "conf", "local"):
        shutil.copytree(clone / name, folder / name, symlinks=True)
    for name in ("run.sh", "path.sh", "cmd.sh"):
        shutil.copy(clone / name, folder / name)
    return folder


def test_two_first_runs_at_once_wait_for_each_other(empty, call):
    command = ["./run.sh", *SMALL, "--stop-stage", 1]
    with ThreadPoolExecutor() as pool:
        runs = [pool.submit(call, empty, *command, "--exp", f"exp/{name}") for name in ("one", "two")]
        results = [each.result() for each in runs]
    said = [out + err for _, out, err in results]
    assert [code for code, _, _ in results] == [0, 0], said
    assert names("".join(said), "waiting for process", "stage 0 of ./run.sh")
    once = [line for text in said for line in text.splitlines() if "feats.scp: " in line]
    assert len(once) == len(set(once)) == 3  # of both together
    assert not list(empty.rglob(".*.making.json"))


@pytest.fixture(scope="module")
def trained(run):
    """The recipe, run to the end of its training."""
    code, out, err = run("run.sh", *SMALL, "--exp", "exp/joints", "--stop-stage", 2)
    assert code == 0, out + err


def test_an_input_that_changes_in_the_middle_of_a_stage_fails_it(trained, run, clone):
    shutil.copytree(clone / "data/test", clone / "data/middle")
    edit = clone / "edit.sh"
    edit.write_text('#!/bin/sh\nsed -i "s/ .*/ changed/" data/middle/text\nexec utils/run_local.sh "$@"\n')
    edit.chmod(0o755)
    words = ["--conf", "conf/mfcc.yaml", "data/middle", "data/middle_feats"]
    code, out, err = run("steps/make_feats.sh", "--cmd", "./edit.sh", *words)
    assert code == 1 and names(err, "data/middle/text has changed", "while it was made"), out
    assert not (clone / "data/middle_feats").exists()
    code, out, err = run("steps/make_feats.sh", *words)
    assert code == 0 and " changed\n" in (clone / "data/middle_feats/text").read_text(), out + err
    assert len([path for path in clone.glob("data/.middle_feats.*") if path.is_dir()]) == 1


def test_features_of_another_front_end_are_refused(trained, run, clone):
    (clone / "elsewhere.yaml").write_text("{kind: mfcc, num_mel_bins: 30, num_ceps: 24, low_freq: 100}\n")
    code, out, err = run("steps/make_feats.sh", "--conf", "elsewhere.yaml", "data/test", "data/elsewhere")
    assert code == 0, out + err
    words = ["exp/joints", "data/elsewhere", "exp/joints/elsewhere"]
    training = ["--conf", "exp/joints/plan/conf.yaml", "data/elsewhere", "exp/elsewhere"]
    for script, each in (("extract_embeddings", words), ("train_encoder", training)):
        code, _, err = run(f"steps/{script}.sh", *each)
        assert code == 1 and names(err, "features.low_freq 100", "features.num_mel_bins 30, not 40")
    (clone / "data/elsewhere/front_end.yaml").unlink()
    code, _, err = run("steps/extract_embeddings.sh", *words)
    assert code == 1 and names(err, "front_end.yaml", "--trust-features true")
    code, out, err = run("steps/extract_embeddings.sh", "--trust-features", *words)
    assert code == 0, out + err
