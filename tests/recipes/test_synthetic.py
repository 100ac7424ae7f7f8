"""The root recipe end to end on a very small corpus: every conf, every stage, and what users do wrong."""

from __future__ import annotations

import json

import pytest

SMALL = ["--set", "train.epochs=1", "--set", "train.heldout_speakers=2", "--set", "train.batch_size=16"]


@pytest.fixture(scope="module")
def corpus(clone):
    conf = clone / "conf/tiny.yaml"
    conf.write_text("{train_speakers: 6, test_speakers: 4, utterances: 4, words: [3, 4]}\n")
    return ["--corpus", clone / "corpus", "--corpus-conf", "conf/tiny.yaml"]


@pytest.fixture(scope="module")
def finished(run, corpus):
    """The recipe, run once from nothing."""
    code, out, err = run("run.sh", *corpus, *SMALL, "--exp", "exp/first")
    assert code == 0, out + err
    return out


def test_the_recipe_ends_with_a_table_and_a_report(finished, clone, eer_of):
    assert 0 <= eer_of(finished) <= 100
    for said in ("stage 0", "stage 5", "untrained baseline", "exp/first/report.html"):
        assert said in finished
    metrics = json.loads((clone / "exp/first/metrics.json").read_text())
    assert metrics["trials"]["count"] == 16 * 15 // 2
    report = (clone / "exp/first/report.html").read_text()
    assert "spoken by espeak-ng" in report and metrics["trials"]["sha256"] in report


@pytest.mark.parametrize("conf", ["xvector_gap_softmax", "xvector_stats_softmax", "xvector_am", "ecapa_aam"])
def test_every_conf_trains_beside_the_others(finished, run, corpus, clone, eer_of, conf):
    before = (clone / "exp/first/final.pt").read_bytes()
    code, out, err = run("run.sh", *corpus, *SMALL, "--conf", f"conf/{conf}.yaml", "--stage", 1)
    assert code == 0, out + err
    assert 0 <= eer_of(out) <= 100
    assert (clone / f"exp/{conf},train.batch_size=16,train.epochs=1,train.heldout_speakers=2/final.pt").exists()
    assert (clone / "exp/first/final.pt").read_bytes() == before


def test_one_stage_alone_repeats_its_part(finished, run, corpus, clone):
    scores, embeddings = clone / "exp/first/scores", clone / "exp/first/test/xvector.ark"
    before = scores.read_bytes(), embeddings.read_bytes()
    scores.unlink()
    for stage in (3, 4):
        code, out, err = run(
            "run.sh", *corpus, *SMALL, "--exp", "exp/first", "--stage", stage, "--stop-stage", stage
        )
        assert code == 0, out + err
    assert (scores.read_bytes(), embeddings.read_bytes()) == before


@pytest.mark.parametrize(
    "options,message",
    [
        (["--stag", 1], r"run.sh: invalid option --stag (did you mean --stage?)"),
        (["--stage"], "run.sh: missing value for --stage"),
        (["--stage", "two"], "expected an integer"),
        (["--conf", "conf/none.yaml"], "conf/none.yaml: no such file"),
        (["--set", "train.epoch=3"], "unknown key 'train.epoch' (did you mean 'epochs'?)"),
        (
            ["--exp", "exp/new", "--stage", 3],
            "exp/new/final.pt: no such file; steps/train_encoder.sh (stage 2) makes it",
        ),
        (["--exp", "exp/new", "--stage", 4], "exp/new/test/xvector.scp: no such file; steps/extract_embeddings.sh"),
        (["--stage", 7], "nothing to do"),
    ],
)
def test_mistakes_are_one_line_and_touch_nothing(finished, run, clone, options, message):
    code, _, err = run("run.sh", *options)
    assert code == 1 and message in err
    assert "Traceback" not in err and len([line for line in err.splitlines() if "error" in line]) <= 1
    assert not (clone / "exp/new/scores").exists() and not (clone / "exp/conf").exists()


def test_help_lists_stages_and_options(run):
    code, out, _ = run("run.sh", "--help")
    assert code == 0
    for said in ("0  data", "2  train", "5  report", "--conf", "(default: conf/xvector_am.yaml)", "--bad-audio"):
        assert said in out


def test_two_runs_in_one_experiment_are_refused(finished, run, corpus, clone):
    import subprocess

    holder = subprocess.Popen(["flock", str(clone / "exp/first/.lock"), "sleep", "60"])
    try:
        while subprocess.run(["flock", "-n", str(clone / "exp/first/.lock"), "true"], check=False).returncode == 0:
            pass
        code, _, err = run("run.sh", *corpus, *SMALL, "--exp", "exp/first", "--stage", 2)
        assert code == 1 and "exp/first is in use by another run" in err
    finally:
        holder.kill()
