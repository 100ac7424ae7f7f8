import os
import signal

import pytest
from messages import names

RECIPE = """\
# A recipe under test.
#   ./run.sh [options]
set -euo pipefail

stage=0          # first stage
stop_stage=2     # last stage
exp=exp/x        # experiment directory
cmd=run.pl       # job runner
gpu=true         # use a GPU
rate=0.1         # learning rate
set=()           # conf keys
title=a\\ title   # of the report
name=kept        # a name that Kaldi's own parser overwrites
argpos=kept
. "{root}/utils/parse_options.sh"
. "{root}/utils/recipe.sh"
below=1          # not an option: it stands below the line that reads them
printf '%s|' "$stage" "$exp" "$gpu" "$rate" "$title" "$name$argpos" "${{#set[@]}}" "${{set[@]}}" "$#" "$@"
echo
declare -p | grep -c __po_ || true
declare -F | grep -c __po_ || true
if stage 0 "prepare the data"; then
  echo prepared
fi
if stage 1 "train (long)"; then
  {train}
fi
"""


@pytest.fixture
def recipe(script, root, run):
    def recipe(*arguments, train="true", **options):
        return run(script("run.sh", RECIPE.format(root=root, train=train)), *arguments, **options)

    return recipe


def values(done):
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[0].split("|")[:-1]


def test_defaults_and_nothing_left_behind(recipe):
    done = recipe()
    assert values(done) == ["0", "exp/x", "true", "0.1", "a title", "keptkept", "0", "0"]
    assert done.stdout.splitlines()[1:3] == ["0", "0"], "no variable and no function of the parser stays"


def test_options_arrays_and_positionals(recipe):
    done = recipe("one", "--set", "a=1", "--gpu", "false", "two three", "--set", "b=x y", "--", "--four", "")
    expected = ["0", "exp/x", "false", "0.1", "a title", "keptkept", "2", "a=1", "b=x y", "4", "one", "two three"]
    assert values(done) == [*expected, "--four", ""]


@pytest.mark.parametrize(
    "value", ["a $(touch x)", "`touch x`", "$HOME", '"; touch x; "', "a[$(touch x)]", "-5", "--x"]
)
def test_a_value_is_never_executed(recipe, tmp_path, value):
    assert values(recipe("--exp", value))[1] == value
    assert recipe("--stage", value).returncode == (0 if value == "-5" else 1)
    (tmp_path / "conf").write_text(f"exp='{value}'\n")
    assert values(recipe("--config", "conf"))[1] == value
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["--stag", "3"], ["--stag ", "--stage"]),
        (["-stage", "3"], [" -stage ", "--stage"]),
        (["--quux", "3"], ["--quux ", "--help"]),
        (["--below", "3"], ["--below ", "--help"]),
        (["--argpos", "3"], ["--argpos ", "--help"]),
        (["--@", "3"], ["--@ ", "--help"]),
        (["--a]$(touch x)", "3"], ["--a]$(touch x) ", "--help"]),
        (["", "--stag", "3"], ["--stag ", "--stage"]),
        (["--stage=3"], ["--name value", "'--stage=3'"]),
        (["--stage"], ["missing", "--stage"]),
        (["--stage", "--gpu", "true"], ["missing", "--stage", "--gpu"]),
        (["--gpu", "yes"], ['"true" or "false"', "--gpu yes"]),
        (["--stage", "abc"], ["integer", "--stage abc"]),
        (["--stop-stage", "08"], ["integer", "--stop-stage 08"]),
        (["--cmd", ""], ["empty", "--cmd"]),
        (["--config", "nowhere"], ["--config nowhere"]),
    ],
)
def test_refusals(recipe, tmp_path, arguments, wanted):
    done = recipe(*arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert names(done.stderr, "run.sh: ", *wanted)
    assert not (tmp_path / "x").exists()


def test_config_is_read_and_the_command_line_wins(recipe, tmp_path):
    (tmp_path / "conf").write_text('# mine\n\nexp="my exp"  # with a space\nrate=1\r\nset=a=1\ngpu=false')
    done = recipe("--exp", "yours", "--config", "conf", "--set", "b=2")
    assert values(done) == ["0", "yours", "false", "1", "a title", "keptkept", "2", "a=1", "b=2", "0"]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("stag=1", ["'stag'", "--stage"]),
        ("stage=x", ["integer", "stage=x"]),
        ("exp=$(touch x) y", ["name=value", "quotes", "'exp=$(touch x) y'"]),
        ("touch x", ["name=value", "'touch x'"]),
    ],
)
def test_config_refusals(recipe, tmp_path, line, wanted):
    (tmp_path / "conf").write_text(line + "\n")
    done = recipe("--config", "conf")
    assert done.returncode == 1
    assert names(done.stderr, "conf:1", *wanted)
    assert not (tmp_path / "x").exists()


def test_help_names_purpose_stages_options_and_defaults(recipe, script):
    script("steps/more.sh", 'if stage 2 "score"; then\n  true\nfi\n')
    done = recipe("--help", train="fi\n. steps/more.sh  # further stages\nif true; then")
    assert done.returncode == 0
    assert done.stdout.startswith("A recipe under test.\n  ./run.sh [options]\n")
    assert "Stages:\n  0  prepare the data\n  1  train (long)\n  2  score\n" in done.stdout
    for line in (
        "  --stop-stage         last stage (default: 2)",
        "  --set                conf keys",
        "  --title              of the report (default: a title)",
    ):
        assert line in done.stdout.splitlines()
    assert "prepared" not in done.stdout


def test_stages_say_what_they_do_and_how_long_it_took(recipe):
    done = recipe("--stage", "0", "--stop-stage", "1")
    lines = done.stdout.splitlines()[3:]
    assert names(lines[0], "stage 0: prepare the data") and lines[1] == "prepared"
    assert names(lines[2], "stage 0 took 0:00:")
    assert names(lines[3], "stage 1: train (long)") and names(lines[4], "stage 1 took 0:00:")
    assert "prepared" not in recipe("--stage", "1").stdout
    assert "train (long)" not in recipe("--stop-stage", "0").stdout


def test_a_failing_stage_is_named_and_ends_the_recipe(recipe):
    done = recipe(train="false")
    assert done.returncode == 1
    assert names(done.stderr, "run.sh: ", "stage 1 (train (long))", "code 1", "--stage 1")


def test_nothing_to_do_is_no_success(recipe):
    done = recipe("--stage", "7")
    assert done.returncode == 1
    assert names(done.stderr, "run.sh: ", "--stage 7", "--stop-stage 2", "stages 0 1")


def test_locks(script, root, run, tmp_path):
    script("inner.sh", f'set -euo pipefail\n. "{root}/utils/common.sh"\nlock_dir exp/x\necho "inner has it"\n')
    outer = script("outer.sh", f"set -euo pipefail\n. '{root}/utils/common.sh'\nlock_dir exp/x\n$1\n")
    assert run(outer, "./inner.sh").stdout == "inner has it\n", "a step of the run that holds the lock may work"
    taken = run(outer, "env -u TIMBRE_LOCKS ./inner.sh")
    assert taken.returncode == 1
    pid = (tmp_path / "exp/x/.lock").read_text().strip()
    assert names(taken.stderr, "inner.sh: ", "exp/x", f"process {pid}", "--exp") and taken.stderr.count("\n") == 1
    assert run("./inner.sh").returncode == 0, "free again"


def test_a_child_that_outlives_its_run_keeps_the_lock(script, root, run):
    outer = script(
        "outer.sh", f". '{root}/utils/common.sh'\nlock_dir exp/x\nsleep 3600 >/dev/null 2>&1 &\necho $!\n"
    )
    first = run(outer)
    assert first.returncode == 0
    try:
        assert names(run(outer).stderr, "outer.sh: ", "exp/x", "--exp")
    finally:
        os.kill(int(first.stdout), signal.SIGTERM)


def test_require_file(script, root, run, tmp_path):
    step = script(
        "step.sh", f'. "{root}/utils/common.sh"\nrequire_file feats.scp "stage 1 (steps/make_feats.sh) makes it"\n'
    )
    missing = run(step).stderr
    assert names(missing, "step.sh: ", "feats.scp: ", "stage 1 (steps/make_feats.sh)") and missing.count("\n") == 1
    (tmp_path / "feats.scp").touch()
    assert names(run(step).stderr, "feats.scp: ", "empty", "stage 1")
    (tmp_path / "feats.scp").write_text("x\n")
    assert run(step).returncode == 0
