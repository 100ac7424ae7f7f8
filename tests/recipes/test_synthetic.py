"""The root recipe end to end on a very small corpus: every conf, every stage, and what users do wrong."""

from __future__ import annotations

import fcntl
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import tiny
from messages import names
from waiting import LIMIT

SMALL = tiny.options(".", "xvector_am")


@pytest.fixture(scope="module")
def finished(run):
    """The recipe, run once from nothing."""
    code, out, err = run("run.sh", *SMALL, "--exp", "exp/first")
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


def test_a_second_run_has_nothing_to_do(finished, again):
    again(*SMALL, "--exp", "exp/first")


@pytest.mark.all
@pytest.mark.parametrize("conf", [name for name in tiny.confs(".") if not name.endswith("_large_margin")])
def test_every_conf_trains_beside_the_others(finished, run, clone, eer_of, conf):
    before = (clone / "exp/first/final.pt").read_bytes()
    code, out, err = run("run.sh", *tiny.options(".", conf), "--exp", f"exp/{conf}", "--stage", 1)
    assert code == 0, out + err
    assert 0 <= eer_of(out) <= 100
    assert (clone / f"exp/{conf}/final.pt").exists() and (clone / f"exp/{conf}/model_card.md").exists()
    assert (clone / "exp/first/final.pt").read_bytes() == before


def test_fine_tuning_starts_from_the_model_that_is_named(finished, run, clone, eer_of):
    online = [*tiny.options(".", "ecapa_aam_online"), "--stage", 1, "--exp", "exp/base"]
    code, out, err = run("run.sh", *online, "--stop-stage", 2)
    assert code == 0, out + err
    tuned = [*tiny.options(".", "ecapa_aam_large_margin"), "--stage", 1, "--exp", "exp/tuned", "--nj", 1]
    code, out, err = run("run.sh", *tuned, "--init", "exp/base")
    assert code == 0, out + err
    assert 0 <= eer_of(out) <= 100
    assert "weights of 4 of 4 classes are its" in (clone / "exp/tuned/train.log").read_text()


def test_augmented_copies_are_trained_on_from_ark(finished, run, clone):
    options = ["--set", "augment.kinds=[reverberation, noise]", "--set", "speeds=[0.9]", "--exp", "exp/augmented"]
    code, out, err = run("run.sh", *SMALL, *options, "--stage", 1, "--stop-stage", 2)
    assert code == 0, out + err
    assert "24 utterances and 48 copies (reverberation, noise)" in out and "feats.scp: 144 utterances" in out
    assert (
        "8 classes, 96 utterances to train on; held out: 2 speakers, 8 utter"
        in (clone / "exp/augmented/train.log").read_text()
    )


def test_back_ends_side_by_side(finished, run, clone):
    systems = ["cosine", "lda_plda+asnorm", "plda+quality"]
    options = ["--set", "encoder.embedding_dim=8", "--exp", "exp/scored"]
    options += [word for system in systems for word in ("--backend", system)]
    code, out, err = run("run.sh", *SMALL, *options, "--stage", 2)
    assert code == 0, out + err
    systems = json.loads((clone / "exp/scored/metrics.json").read_text())["systems"]
    assert list(systems) == ["scored", "scored, lda_plda+asnorm", "scored, plda+quality", "untrained baseline"]
    assert "cllr" in systems["scored, plda+quality"] and "cllr" not in systems["scored"]


def test_two_experiments_compared_and_put_in_a_table(finished, run, clone):
    options = ["--set", "train.seed=2", "--exp", "exp/second", "--stage", 2]
    assert run("run.sh", *SMALL, *options)[0] == 0
    code, out, err = run("utils/compare.sh", "exp/first", "exp/second")
    assert code == 0 and "EER" in out and "p" in out, out + err
    code, out, err = run("utils/make_results.sh", "exp/first", "exp/second")
    assert code == 0 and out.count("| `first`") == out.count("| `second`") == 1, out + err


def test_one_stage_alone_repeats_its_part(finished, run, clone):
    scores, embeddings = clone / "exp/first/scores", clone / "exp/first/test/xvector.ark"
    before = scores.read_bytes(), embeddings.read_bytes()
    scores.unlink()
    for stage in (3, 4):
        code, out, err = run("run.sh", *SMALL, "--exp", "exp/first", "--stage", stage, "--stop-stage", stage)
        assert code == 0, out + err
    assert (scores.read_bytes(), embeddings.read_bytes()) == before


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--stag", 1], ["--stag", "--stage"]),
        (["--stage"], ["--stage"]),
        (["--stage", "two"], ["--stage", "two", "integer"]),
        (["--conf", "conf/none.yaml"], ["conf/none.yaml"]),
        (["--set", "train.epoch=3"], ["train.epoch", "'epochs'"]),
        (["--exp", "exp/new", "--stage", 3], ["exp/new/final.pt", "steps/train_encoder.sh", "stage 2"]),
        (
            ["--exp", "exp/new", "--stage", 4],
            ["exp/new/test/xvector.scp", "steps/extract_embeddings.sh", "stage 3"],
        ),
        (["--stage", 7], ["--stage 7", "0 1 2 3 4 5"]),
        (["--init", "exp/none"], ["exp/none/final.pt", "--init"]),
        (["--backend", "cosin+asnorm"], ["cosin+asnorm", "'cosine+asnorm'"]),
    ],
)
def test_mistakes_are_one_line_and_touch_nothing(finished, run, clone, options, named):
    code, _, err = run("run.sh", *options)
    assert code == 1 and names(err, *named)
    assert len([line for line in err.splitlines() if "error" in line]) <= 1
    assert not (clone / "exp/new/scores").exists() and not (clone / "exp/conf").exists()


def test_help_lists_stages_and_options(run):
    code, out, _ = run("run.sh", "--help")
    assert code == 0
    for said in ("0  data", "2  train", "5  report", "--conf", "(default: conf/xvector_am.yaml)", "--bad-audio"):
        assert said in out


def test_a_second_run_waits_for_the_first_and_takes_what_it_made(finished, run, clone):
    """The lock of the training is held while its model is away, as that of a run that writes it is."""
    model, away = clone / "exp/first/final.pt", clone / "exp/first/away.pt"
    with open(clone / "exp/first/.train_encoder.lock", "a") as lock, ThreadPoolExecutor() as pool:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate(0)
        lock.write("the run of this test")
        lock.flush()
        model.rename(away)
        second = pool.submit(run, "run.sh", *SMALL, "--exp", "exp/first", "--stage", 1)
        with pytest.raises(TimeoutError):
            second.result(timeout=5)
        away.rename(model)
        fcntl.flock(lock, fcntl.LOCK_UN)
        code, out, err = second.result(timeout=LIMIT)
    assert code == 0 and names(err, "waiting for the run of this test", "exp/first/final.pt: up to date"), out + err
