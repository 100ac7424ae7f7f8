"""run_slurm.sh with an ``sbatch`` that does what Slurm's does as far as these tests see it."""

import os
import shutil
import signal
import subprocess

import pytest
from messages import names
from waiting import LIMIT, wait_for

# Runs the tasks FAKE_TASKS one after another, each with its number, its output and what Slurm says in --output.
SBATCH = """\
printf '%s\\n' "$@" > sbatch.args
script=${!#}
for each; do [[ $each != --output=* ]] || output=${each#*=}; done
echo "77;cluster"
code=0
for n in $FAKE_TASKS; do
  SLURM_ARRAY_TASK_ID=$n bash "$script" > "${output//%a/$n}" 2>&1 || code=1
  echo "${FAKE_SAYS:-}" >> "${output//%a/$n}"
done
exit $code
"""


def test_slurm(run, root, script, tmp_path):
    script("bin/sbatch", SBATCH)
    script("job.sh", 'echo "job $1 of $2"; [[ $1 != [23] ]]\n')
    path = f"{tmp_path}/bin:{os.environ['PATH']}"
    command = ["JOB=1:4", "log/a.JOB.log", "./job.sh", "JOB", "a b $(touch x)"]
    site = ["--gpu", "1", "--mem", "4G", "--max-jobs-run", "7"]  # the step's own options follow
    options = [*site, "--max-jobs-run", "9", "--num-threads", "3", "--gpu", "2"]
    slurm = root / "utils/run_slurm.sh"
    done = run(slurm, *options, *command, PATH=path, FAKE_TASKS="1 2 3 4")
    assert done.returncode == 1
    assert names(done.stderr, "run_slurm.sh: ", "2 / 4", "log/a.*.log")
    arguments = (tmp_path / "sbatch.args").read_text().splitlines()
    assert {"--wait", "--array=1-4%7", "--mem=4G", "--cpus-per-task=3", "--gres=gpu:2"} <= set(arguments)
    assert "job 4 of a b $(touch x)" in (tmp_path / "log/a.4.log").read_text()
    assert not (tmp_path / "x").exists()
    assert run(slurm, "JOB=4:5", *command[1:], PATH=path, FAKE_TASKS="4 5").returncode == 0
    assert run(slurm, "log/one.log", "./job.sh", "1", "1", PATH=path, FAKE_TASKS="1").returncode == 0


def test_slurm_failures_of_its_own(run, root, script, tmp_path):
    slurm = [root / "utils/run_slurm.sh", "JOB=1:2", "log/a.JOB.log", "true"]
    bare = script("bin/nothing", "").parent
    (tmp_path / "log").mkdir()
    (tmp_path / "log/a.1.log").write_text("# Ended (code 0) at an earlier run\n")
    for program in ("env", "bash", "dirname", "readlink", "basename", "mkdir"):
        (tmp_path / "without" / program).parent.mkdir(exist_ok=True)
        (tmp_path / "without" / program).symlink_to(shutil.which(program))
    assert names(run(*slurm, PATH=f"{tmp_path}/without").stderr, "run_slurm.sh: ", "no sbatch", "cmd.sh")
    path = f"{bare}:{os.environ['PATH']}"
    script("bin/sbatch", "echo 'sbatch: error: invalid partition' >&2; exit 1\n")
    refused = run(*slurm, PATH=path)
    assert refused.returncode == 1
    assert names(refused.stderr, "invalid partition", "sbatch", "log/q/a.JOB.sh", "code 1")
    script("bin/sbatch", "echo 77; exit 1\n")  # the node died, or scancel
    dead = run(*slurm, PATH=path)
    assert dead.returncode == 1
    assert names(dead.stderr, "2 / 2", "log/a.1.log", "never written")


@pytest.mark.parametrize(
    ("log", "name"),
    [
        ("exp/xvector_am/log/train.log", "xvector_am.train"),
        ("exp/xvector_am/test/log/xvector.JOB.log", "xvector_am.test.xvector"),
        ("data/fbank80-1a2b3c/.train.20260101/log/feats.JOB.log", "fbank80-1a2b3c.feats"),
        ("../../exp/my run/log/feats.JOB.log", "my_run.feats"),
    ],
)
def test_slurm_jobs_have_readable_names(run, root, script, tmp_path, log, name):
    script("bin/sbatch", SBATCH)
    folder = tmp_path / "a clone/egs/x"  # blanks in the paths of the clone and of the experiment
    folder.mkdir(parents=True)
    slurm = ["env", "-C", folder, root / "utils/run_slurm.sh", "JOB=3", log, "printf", "<%s>", "JOB", "a  b"]
    assert run(*slurm, PATH=f"{tmp_path}/bin:{os.environ['PATH']}", FAKE_TASKS="3").returncode == 0
    assert f"--job-name={name}" in (folder / "sbatch.args").read_text().splitlines()
    assert "<3><a  b>" in (folder / log.replace("JOB", "3")).read_text()


LIMITED = "slurmstepd: error: *** JOB 78 ON n1 CANCELLED AT 2026-01-01T00:00:00 DUE TO TIME LIMIT ***"
OOM = (
    "slurmstepd: error: Detected 1 oom_kill event in StepId=78.batch. Some of the step tasks have been OOM Killed."
)


@pytest.mark.parametrize("words", [LIMITED, OOM])
def test_slurms_own_words_are_in_the_message(run, root, script, tmp_path, words):
    script("bin/sbatch", SBATCH)
    script("killed.sh", "echo 'epoch 1'; kill -9 $PPID\n")
    done = run(
        root / "utils/run_slurm.sh",
        "log/train.log",
        "./killed.sh",
        PATH=f"{tmp_path}/bin:{os.environ['PATH']}",
        FAKE_TASKS="1",
        FAKE_SAYS=words,
    )
    assert done.returncode == 1
    assert names(done.stderr, "log/train.log", "epoch 1", words, "log/q/train.sh.1.out")


def test_what_slurm_knows_of_a_job_that_never_began(run, root, script, tmp_path):
    """Its output and log are those of an earlier run, if any, and say nothing."""
    script("bin/sbatch", "echo 78; exit 1\n")
    script("bin/scontrol", "[[ $* == *' 78' ]] || exit 1; echo JobId=78 JobState=CANCELLED Reason=Resources\n")
    (tmp_path / "log/q").mkdir(parents=True)
    (tmp_path / "log/q/a.JOB.sh.1.out").write_text(OOM)
    slurm = [root / "utils/run_slurm.sh", "JOB=1:2", "log/a.JOB.log", "true"]
    done = run(*slurm, PATH=f"{tmp_path}/bin:{os.environ['PATH']}")
    assert names(done.stderr, "2 / 2", "never written", "JobState=CANCELLED") and "oom_kill" not in done.stderr


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("late", [0, 1])
def test_an_interrupted_run_cancels_its_jobs(root, script, tmp_path, how, late):
    """Also while sbatch is about to submit them; what it waits for is waited for."""
    script(
        "bin/sbatch", f"touch begun; sleep {late}; echo '78;there'; until [[ -e cancelled ]]; do sleep 0.1; done\n"
    )
    script("bin/scancel", 'echo "$@" > cancelled\n')
    environment = os.environ | {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    heard = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    command = [root / "utils/run_slurm.sh", "exp/a/log/train.log", "true"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, **heard) as process:
        wait_for((tmp_path / "begun").exists)
        process.send_signal(how)
        assert process.wait(timeout=LIMIT) == 128 + how
    assert (tmp_path / "cancelled").read_text().split() == ["--clusters=there", "78"]
