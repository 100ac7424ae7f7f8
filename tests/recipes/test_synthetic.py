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


CONFS = {
    "xvector_gap_softmax": [],
    "xvector_stats_softmax": [],
    "xvector_am": [],
    "ecapa_aam": [],
    "ecapa_aam_online": ["--set", "augment.babble_speakers=[2, 3]"],
    "resnet34_aam": [],
    "ge2e": [],
}


@pytest.mark.parametrize("conf", CONFS)
def test_every_conf_trains_beside_the_others(finished, run, corpus, clone, eer_of, conf):
    before = (clone / "exp/first/final.pt").read_bytes()
    options = ["--conf", f"conf/{conf}.yaml", "--exp", f"exp/{conf}", "--stage", 1, *CONFS[conf]]
    code, out, err = run("run.sh", *corpus, *SMALL, *options)
    assert code == 0, out + err
    assert 0 <= eer_of(out) <= 100
    assert (clone / f"exp/{conf}/final.pt").exists() and (clone / f"exp/{conf}/model_card.md").exists()
    assert (clone / "exp/first/final.pt").read_bytes() == before


def test_fine_tuning_starts_from_the_model_that_is_named(finished, run, corpus, clone, eer_of):
    base, tuned = (
        ["--conf", "conf/ecapa_aam.yaml", "--exp", "exp/base"],
        ["--conf", "conf/ecapa_aam_large_margin.yaml"],
    )
    small = [*corpus, *SMALL, "--set", "encoder.channels=16", "--stage", 1]
    assert run("run.sh", *small, *base, "--stop-stage", 2)[0] == 0
    code, out, err = run("run.sh", *small, *tuned, "--init", "exp/base", "--exp", "exp/tuned")
    assert code == 0, out + err
    assert 0 <= eer_of(out) <= 100
    assert "weights of 4 of 4 classes are its" in (clone / "exp/tuned/train.log").read_text()


def test_augmented_copies_are_trained_on_from_ark(finished, run, corpus, clone):
    options = ["--set", "augment.kinds=[reverberation, noise]", "--set", "speeds=[0.9]", "--exp", "exp/augmented"]
    code, out, err = run("run.sh", *corpus, *SMALL, *options, "--stage", 1, "--stop-stage", 2)
    assert code == 0, out + err
    assert "24 utterances and 48 copies (reverberation, noise)" in out and "feats.scp: 144 utterances" in out
    assert (
        "8 classes, 96 utterances to train on; held out: 2 speakers, 8 utter"
        in (clone / "exp/augmented/train.log").read_text()
    )


def test_back_ends_and_processes_side_by_side(finished, run, corpus, clone):
    names = ["cosine", "lda_plda+asnorm", "plda+quality"]
    options = ["--set", "encoder.embedding_dim=8", "--exp", "exp/scored", "--ngpu", 2, "--device", "cpu"]
    options += [word for name in names for word in ("--backend", name)]
    code, out, err = run("run.sh", *corpus, *SMALL, *options, "--stage", 2)
    assert code == 0, out + err
    systems = json.loads((clone / "exp/scored/metrics.json").read_text())["systems"]
    assert list(systems) == ["scored", "scored, lda_plda+asnorm", "scored, plda+quality", "untrained baseline"]
    assert "cllr" in systems["scored, plda+quality"] and "cllr" not in systems["scored"]
    code, _, err = run("run.sh", "--backend", "cosin+asnorm")
    assert code == 1 and "no back-end 'cosin+asnorm' (did you mean 'cosine+asnorm'?)" in err


def test_two_experiments_compared_and_put_in_a_table(finished, run, corpus, clone):
    options = ["--set", "train.seed=2", "--exp", "exp/second", "--stage", 2]
    assert run("run.sh", *corpus, *SMALL, *options)[0] == 0
    code, out, err = run("utils/compare.sh", "exp/first", "exp/second")
    assert code == 0 and "EER" in out and "p" in out, out + err
    code, out, err = run("utils/make_results.sh", "exp/first", "exp/second")
    assert code == 0 and out.count("| `first`") == out.count("| `second`") == 1, out + err


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
        (["--init", "exp/none"], "exp/none/final.pt: no such file; training starts from it: train that one first"),
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
