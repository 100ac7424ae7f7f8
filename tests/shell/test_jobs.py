import os
import re
import shutil
import signal
import subprocess

import pytest
from messages import names
from waiting import LIMIT, wait_for

JOB = """\
echo "job $1 of $2"
if [[ $1 == 2 || $1 == 3 ]]; then echo "utt$1: a$1.wav: too short"; exit 4; fi
"""


@pytest.fixture
def local(run, root, script):
    script("job.sh", JOB)
    return lambda *arguments, **options: run(root / "utils/run_local.sh", *arguments, **options)


def test_jobs_and_their_logs(local, tmp_path):
    done = local(
        "--mem",
        "4G",
        "PART=4:6",
        "--num-threads",
        "2",
        "--gpu",
        "1",
        "log/a.PART.log",
        "./job.sh",
        "PART",
        "xPARTy",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    lines = (tmp_path / "log/a.5.log").read_text().splitlines()
    assert lines[0] == "# ./job.sh 5 x5y"
    assert lines[1].startswith("# Started at ")
    assert lines[2:4] == ["#", "job 5 of x5y"]
    assert re.fullmatch(r"# Accounting: time=\d+ threads=2", lines[4])
    assert re.fullmatch(r"# Ended \(code 0\) at .*, elapsed time \d+ seconds", lines[5])
    assert sorted(os.listdir(tmp_path / "log")) == ["a.4.log", "a.5.log", "a.6.log"]


def test_failures_are_counted_and_the_first_one_shown(local):
    done = local("JOB=1:4", "log/a.JOB.log", "./job.sh", "JOB", "4")
    assert done.returncode == 1
    counted, shown, *last = done.stderr.splitlines()
    assert names(counted, "run_local.sh: ", "2 / 4", "log/a.*.log") and names(shown, "log/a.2.log")
    assert last[:2] == ["  job 2 of 4", "  utt2: a2.wav: too short"]
    single = local("log/a.log", "./job.sh", "2", "4").stderr.splitlines()[0]
    assert names(single, "run_local.sh: ", "log/a.log")


def test_a_killed_job_has_failed(local):
    done = local("log/a.log", "bash", "-c", "echo begun; kill -9 $PPID")
    assert done.returncode == 1
    begun, killed = done.stderr.splitlines()[-2:]
    assert begun == "  begun" and names(killed, "killed")


def test_words_are_handed_on_as_they_are(local, tmp_path):
    words = ["a $(touch x)", "*", "", "b'c\"d", "; touch x", "`touch x`"]
    assert local("log/a.log", "printf", "<%s>", *words).returncode == 0
    assert "".join(f"<{word}>" for word in words) in (tmp_path / "log/a.log").read_text()
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["JOB=0:2", "a.JOB.log", "true"], ["JOB=0:2", "positive"]),
        (["JOB=3:2", "a.JOB.log", "true"], ["JOB=3:2", "end"]),
        (["JOB=1:2", "a.log", "true"], ["one log file", "a.log"]),
        (["--max-jobs-run", "two", "a.log", "true"], ["whole number", "--max-jobs-run two"]),
        (["--max-jobs-run"], ["missing", "--max-jobs-run"]),
        (["--queue", "x", "a.log", "true"], ["--queue"]),
        (["a.log"], ["usage: run_local.sh"]),
        (["a.log", "cat", "|", "wc"], ["'|'", "script"]),
    ],
)
def test_refusals(local, arguments, wanted):
    done = local(*arguments)
    assert done.returncode == 1
    assert names(done.stderr, "run_local.sh", *wanted)


@pytest.mark.parametrize("limit", [["--max-jobs-run", "2"], []])
def test_at_most_so_many_at_once(local, script, tmp_path, limit):
    """As many as --max-jobs-run says, or as there are processors, however many threads each job may have."""
    script("bin/nproc", "echo ${OMP_NUM_THREADS:-2}\n")
    environment = {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "OMP_NUM_THREADS": "9" if limit else "1"}
    script(
        "count.sh",
        "touch begun.$1 on.$1\n"
        "if [[ $1 == 1 ]]; then until [[ -e begun.2 ]]; do sleep 0.02; done; fi  # two work at once\n"
        "sleep 0.3; ls | grep -c '^on'; rm on.$1\n",
    )
    assert local(*limit, "JOB=1:5", "log/a.JOB.log", "./count.sh", "JOB", **environment).returncode == 0
    counts = [int((tmp_path / f"log/a.{n}.log").read_text().splitlines()[3]) for n in range(1, 6)]
    assert max(counts) <= 2


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_run_takes_its_jobs_along(root, script, tmp_path, how):
    script("long.sh", "sleep 3600 & echo $! >> pids; wait\n")
    command = [root / "utils/run_local.sh", "--max-jobs-run", "2", "JOB=1:2", "log/a.JOB.log", "./long.sh"]
    # Whoever runs the tests in the background ignores SIGINT, and a shell cannot trap what it inherits ignored.
    heard = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)}
    with subprocess.Popen(command, cwd=tmp_path, **heard) as process:
        wait_for(lambda: (tmp_path / "pids").exists() and len((tmp_path / "pids").read_text().split()) == 2)
        process.send_signal(how)
        assert process.wait(timeout=LIMIT) == 128 + how
    for pid in (tmp_path / "pids").read_text().split():
        wait_for(lambda pid=pid: not alive(pid))


def alive(pid: str) -> bool:
    """Whether the process still works (one that waits to be reaped does not)."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


SBATCH = """\
printf '%s\\n' "$@" > sbatch.args
script=${!#}
echo "77;cluster"
code=0
for n in $FAKE_TASKS; do SLURM_ARRAY_TASK_ID=$n bash "$script" >/dev/null 2>&1 || code=1; done
exit $code
"""


def test_slurm(run, root, script, tmp_path):
    script("bin/sbatch", SBATCH)
    script("job.sh", JOB)
    path = f"{tmp_path}/bin:{os.environ['PATH']}"
    command = ["JOB=1:4", "log/a.JOB.log", "./job.sh", "JOB", "a b $(touch x)"]
    options = ["--mem", "4G", "--num-threads", "3", "--gpu", "2", "--max-jobs-run", "7"]
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
