"""utils/ablation.sh: the runs it makes of confs and seeds, with a stand-in for run.sh; what it refuses."""

import pytest
from messages import names


@pytest.fixture
def recipe(script, tmp_path):
    """A recipe's folder: confs, and a run.sh that notes its arguments and fails where it is told to."""
    script("run.sh", 'echo "$*" >>calls\n[[ "$*" != *"${FAIL:-nothing}"* ]]\n')
    for name in ("a", "b"):
        (tmp_path / "conf").mkdir(exist_ok=True)
        (tmp_path / f"conf/{name}.yaml").write_text("task: classification\n")
    return tmp_path


@pytest.fixture
def ablation(run, root):
    return lambda *arguments, **options: run(root / "utils/ablation.sh", *arguments, **options)


def test_every_conf_with_every_seed_and_the_data_once(ablation, recipe):
    done = ablation(
        "--seeds", "1 7", "conf/a.yaml", "conf/b.yaml", "--", "--corpus", "c d", "--set", "train.epochs=2"
    )
    calls = (recipe / "calls").read_text().splitlines()
    assert calls == [
        f"--conf conf/{conf}.yaml --set train.seed={seed} --stage {stage} --stop-stage 4 "
        "--corpus c d --set train.epochs=2"
        for seed, conf, stage in ((1, "a", 0), (1, "b", 1), (7, "a", 1), (7, "b", 1))
    ]
    assert done.returncode == 1  # the stand-in trains nothing
    missing = [f"exp/{conf},train.epochs=2,train.seed={seed}" for conf, seed in (("a", 1), ("a", 7), ("b", 1))]
    assert names(done.stderr, "4 experiments", "metrics.json", *missing)


def test_of_a_recipe_with_protocols_the_experiments_of_the_protocol_are_compared(ablation, recipe):
    body = (recipe / "run.sh").read_text()
    (recipe / "run.sh").write_text(body + "protocol=exercise        # exercise or cross_speaker\n")
    done = ablation("--seeds", "1", "conf/a.yaml", "conf/b.yaml")
    assert names(done.stderr, "2 experiments", "exp/exercise/a,train.seed=1", "exp/exercise/b,train.seed=1")
    done = ablation("--seeds", "1", "conf/a.yaml", "conf/b.yaml", "--", "--protocol", "cross_speaker", "--nj", "1")
    assert names(done.stderr, "exp/cross_speaker/a,train.seed=1", "exp/cross_speaker/b,train.seed=1")
    assert (recipe / "calls").read_text().count("--protocol cross_speaker --nj 1") == 2


def test_experiments_on_features_by_speaker_have_it_in_their_names(ablation, recipe):
    for value, name in (("speaker", "exp/a,normalise=speaker,train.seed=1"), ("none", "exp/a,train.seed=1")):
        done = ablation("--seeds", "1", "conf/a.yaml", "conf/b.yaml", "--", "--normalise", value)
        assert names(done.stderr, "2 experiments", name)
    assert (recipe / "calls").read_text().count("--normalise speaker") == 2


def test_without_a_corpus_the_data_is_there(ablation, recipe):
    ablation("conf/a.yaml", "conf/b.yaml")
    calls = (recipe / "calls").read_text().splitlines()
    assert len(calls) == 6 and all(" --stage 1 " in call for call in calls)


def test_a_run_that_fails_ends_it(ablation, recipe):
    done = ablation("conf/a.yaml", "conf/b.yaml", FAIL="conf/b.yaml")
    assert done.returncode == 1 and len((recipe / "calls").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["conf/a.yaml"], ["two confs", "found 1"]),
        (["conf/a.yaml", "conf/c.yaml"], ["conf/c.yaml"]),
        (["--out", "conf/a.yaml", "conf/a.yaml", "conf/b.yaml"], ["conf/a.yaml", "<!-- ablation: begin -->"]),
        (["conf/a.yaml", "conf/b.yaml", "--", "--exp", "x"], ["--exp"]),
        (["conf/a.yaml", "conf/b.yaml", "--", "--exp=x"], ["--exp"]),
    ],
)
def test_what_would_fail_late_is_refused_at_once(ablation, recipe, arguments, wanted):
    done = ablation(*arguments)
    assert done.returncode == 1 and names(done.stderr, *wanted) and not (recipe / "calls").exists()
