"""utils/parse_options.sh, what utils/recipe.sh makes of it, and the locks of utils/common.sh."""

import os
import signal
import subprocess

import pytest
from messages import names
from waiting import LIMIT, wait_for

OPTIONS = """\
# A script under test.
#   ./run.sh [options]
set -euo pipefail

stage=0          # first stage
stop_stage=2     # last stage
exp=exp/x        # experiment directory
cmd=run.pl       # job runner
gpu=true         # use a GPU
rate=0.1
set=()           # conf keys
title=a\\ title   # of the report
name=kept        # a name that Kaldi's own parser overwrites
here=kept        # of the script: no option
. "{root}/utils/parse_options.sh"
below=1          # not an option: it stands below the line that reads them
printf '%s|' "$stage" "$exp" "$gpu" "$rate" "$title" "$name$here" "${{#set[@]}}" "${{set[@]}}" "$#" "$@"
echo
declare -p | grep -c __po_ || true
declare -F | grep -c __po_ || true
"""
RECIPE = """\
# A recipe under test.
set -euo pipefail

exp=exp/x        # experiment directory
. "{root}/utils/recipe.sh"
if stage 0 "prepare the data"; then
  echo "prepared in $PWD"
fi
if stage 1 "train (long)"; then
  {train}
fi
"""


@pytest.fixture
def options(script, root, run):
    return lambda *arguments: run(script("run.sh", OPTIONS.format(root=root)), *arguments)


@pytest.fixture
def recipe(script, root, run, tmp_path):
    """A recipe in a folder of its own, called from without."""
    body = RECIPE.replace("{root}", str(root))
    (tmp_path / "recipe").mkdir()
    (tmp_path / "recipe/path.sh").symlink_to(root / "path.sh")
    return lambda *arguments, train="true": run(script("recipe/run.sh", body.format(train=train)), *arguments)


def values(done):
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[0].split("|")[:-1]


def test_defaults_and_nothing_left_behind(options):
    done = options()
    assert values(done) == ["0", "exp/x", "true", "0.1", "a title", "keptkept", "0", "0"]
    assert done.stdout.splitlines()[1:3] == ["0", "0"], "no variable and no function of the parser stays"


def test_options_arrays_and_positionals(options):
    done = options("one", "--set", "a=1", "--gpu", "false", "two three", "--set", "b=x y", "--", "--four", "")
    expected = ["0", "exp/x", "false", "0.1", "a title", "keptkept", "2", "a=1", "b=x y", "4", "one", "two three"]
    assert values(done) == [*expected, "--four", ""]


@pytest.mark.parametrize("words", [["--gpu"], ["--gpu", "--rate", "1"], ["--gpu", "true"], ["--gpu=true"]])
def test_a_boolean_alone_is_true(options, words):
    assert values(options("--gpu=false", *words))[2] == "true"


def test_the_value_of_an_option_may_follow_an_equals_sign(options):
    done = options("--stage=3", "--exp=", "--set=a=1", "--set", "b=2", "--rate=$(touch x)")
    assert values(done)[:5] == ["3", "", "true", "$(touch x)", "a title"] and values(done)[6:9] == [
        "2",
        "a=1",
        "b=2",
    ]


@pytest.mark.parametrize(
    "value", ["a $(touch x)", "`touch x`", "$HOME", '"; touch x; "', "a[$(touch x)]", "-5", "--x"]
)
def test_a_value_is_never_executed(options, tmp_path, value):
    assert values(options("--exp", value))[1] == value
    assert options("--stage", value).returncode == (0 if value == "-5" else 1)
    (tmp_path / "conf").write_text(f"exp='{value}'\n")
    assert values(options("--config", "conf"))[1] == value
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["--stag", "3"], ["--stag ", "--stage"]),
        (["-stage", "3"], [" -stage ", "--stage"]),
        (["--quux", "3"], ["--quux ", "--help"]),
        (["--below", "3"], ["--below ", "--help"]),
        (["--here", "3"], ["--here ", "--help"]),
        (["--@", "3"], ["--@ ", "--help"]),
        (["--a]$(touch x)", "3"], ["--a]$(touch x) ", "--help"]),
        (["", "--stag", "3"], ["--stag ", "--stage"]),
        (["--stag=3"], ["--stag ", "--stage"]),
        (["--gpu="], ['"true" or "false"']),
        (["--=3"], ["invalid", "--help"]),
        (["--stage"], ["missing", "--stage"]),
        (["--stage", "--gpu", "true"], ["missing", "--stage", "--gpu"]),
        (["--stage", "abc"], ["integer", "--stage abc"]),
        (["--stop-stage", "08"], ["integer", "--stop-stage 08"]),
        (["--cmd", ""], ["empty", "--cmd"]),
        (["--config", "nowhere"], ["--config nowhere"]),
    ],
)
def test_refusals(options, tmp_path, arguments, wanted):
    done = options(*arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert names(done.stderr, "run.sh: ", *wanted)
    assert not (tmp_path / "x").exists()


def test_config_is_read_and_the_command_line_wins(options, tmp_path):
    (tmp_path / "conf").write_text('# mine\n\nexp="my exp"  # with a space\nrate=1\r\nset=a=1\ngpu=false')
    done = options("--exp", "yours", "--config", "conf", "--set", "b=2")
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
def test_config_refusals(options, tmp_path, line, wanted):
    (tmp_path / "conf").write_text(line + "\n")
    done = options("--config", "conf")
    assert done.returncode == 1
    assert names(done.stderr, "conf:1", *wanted)
    assert not (tmp_path / "x").exists()


def test_help_names_purpose_stages_options_and_defaults(recipe, options):
    said = options("--help").stdout
    assert said.startswith("A script under test.\n  ./run.sh [options]\n") and "Stages" not in said
    for line in (
        "  --stop-stage         last stage (default: 2)",
        "  --set                conf keys",
        "  --title              of the report (default: a title)",
    ):
        assert line in said.splitlines()
    done = recipe("--help")
    assert done.returncode == 0 and "prepared" not in done.stdout
    assert "Stages:\n  0  prepare the data\n  1  train (long)\n" in done.stdout
    assert names(done.stdout, "--exp ", "--stage ", "--stop-stage ", "--status ", "--dry-run ", "--force ")
    assert "recipe-words" not in done.stdout  # names that begin with _ are the script's own


def test_stages_say_what_they_do_and_how_long_it_took(recipe, tmp_path):
    done = recipe("--stage", "0", "--stop-stage", "1")
    lines = done.stdout.splitlines()
    assert names(lines[0], "stage 0: prepare the data") and lines[1] == f"prepared in {tmp_path}/recipe"
    assert names(lines[2], "stage 0 took 0:00:")
    assert names(lines[3], "stage 1: train (long)") and names(lines[4], "stage 1 took 0:00:")
    assert "prepared" not in recipe("--stage", "1").stdout
    assert "train (long)" not in recipe("--stop-stage", "0").stdout


def test_a_failing_stage_is_named_and_ends_the_recipe(recipe):
    done = recipe(train="false")
    assert done.returncode == 1
    assert names(done.stderr, "run.sh: ", "stage 1 (train (long))", "code 1", "--stage 1")


def test_nothing_to_do_is_no_success(recipe):
    done = recipe("--stage", "7", "--stop-stage", "8")
    assert done.returncode == 1
    assert names(done.stderr, "run.sh: ", "--stage 7", "--stop-stage 8", "stages 0 1")
    done = recipe("train")
    assert done.returncode == 1 and names(done.stderr, "run.sh: ", "'train'", "--help")


def test_a_second_run_waits_for_the_first_and_says_for_whom(script, root, tmp_path):
    body = f"set -euo pipefail\n. '{root}/utils/common.sh'\nlock_file exp/.lock\ntouch $1.works\n"
    step = script("step.sh", f"{body}until [[ -e $1.ends ]]; do sleep 0.02; done\n")

    def start(name):
        return subprocess.Popen([step, name], cwd=tmp_path, stderr=subprocess.PIPE, text=True)

    first = start("first")
    wait_for((tmp_path / "first.works").exists)
    second = start("second")
    said = second.stderr.readline()
    assert names(said, "step.sh: ", f"process {first.pid} on {os.uname().nodename}", step)
    assert not (tmp_path / "second.works").exists()
    (tmp_path / "first.ends").touch()
    wait_for((tmp_path / "second.works").exists)
    (tmp_path / "second.ends").touch()
    assert [process.wait(timeout=LIMIT) for process in (first, second)] == [0, 0]
    assert first.stderr.read() == second.stderr.read() == ""


def test_a_child_that_outlives_its_run_keeps_the_lock(script, root, run):
    body = f". '{root}/utils/common.sh'\nlock_file exp/.lock\nsleep 3600 >/dev/null 2>&1 &\necho $!\n"
    first = run(script("outer.sh", body))
    assert first.returncode == 0
    free = ["flock", "--nonblock", "exp/.lock", "true"]
    try:
        assert run(*free).returncode == 1
    finally:
        os.kill(int(first.stdout), signal.SIGTERM)
    wait_for(lambda: run(*free).returncode == 0)


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


def test_a_file_is_written_whole_or_the_reason_is_said(run, script, root, tmp_path):
    step = script("step.sh", f'set -euo pipefail\n. "{root}/utils/common.sh"\nwrite_file "$1" one "two  words"\n')
    assert run(step, "out").returncode == 0 and (tmp_path / "out").read_text() == "one\ntwo  words\n"
    (tmp_path / "file").write_text("")
    failed = run(step, "file/out")
    assert failed.returncode == 1 and names(failed.stderr, "step.sh: ", "file/out", "Not a directory")
    assert failed.stderr.count("\n") == 1 and sorted(path.name for path in tmp_path.iterdir()) == [
        "file",
        "out",
        "step.sh",
    ]


def test_a_lock_that_cannot_be_made_is_named(run, script, root, tmp_path):
    step = script("step.sh", f'set -euo pipefail\n. "{root}/utils/common.sh"\nlock_file file/.lock\n')
    (tmp_path / "file").write_text("")
    failed = run(step)
    assert failed.returncode == 1 and names(failed.stderr, "step.sh: ", "file/.lock", "run the same command again")
    assert failed.stderr.count("\n") == 1


def test_no_room_for_temporary_files_is_said(run, script, root, tmp_path):
    recipe = script("run.sh", f'set -euo pipefail\n. "{root}/utils/recipe.sh"\nstage 1 "x" && true\n')
    (tmp_path / "path.sh").write_text(f'. "{root}/path.sh"\n')
    failed = run(recipe, "--status", "true", TMPDIR=str(tmp_path / "none"))
    assert failed.returncode == 1 and names(failed.stderr, str(tmp_path / "none"), "TMPDIR=DIR")
