import os
import pty
import re
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

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


def hear_interrupts():
    """Whoever runs the tests in the background ignores SIGINT, and a shell cannot trap what it inherits ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_run_takes_its_jobs_along(root, script, tmp_path, how):
    script("long.sh", "sleep 3600 & echo $! >> pids; wait\n")
    command = [root / "utils/run_local.sh", "--max-jobs-run", "2", "JOB=1:2", "log/a.JOB.log", "./long.sh"]
    with subprocess.Popen(command, cwd=tmp_path, preexec_fn=hear_interrupts) as process:
        wait_for(lambda: len(pids(tmp_path)) == 2)
        process.send_signal(how)
        assert process.wait(timeout=LIMIT) == 128 + how
    for pid in pids(tmp_path):
        wait_for(lambda pid=pid: not alive(pid))
    assert "# Ended (code 143)" in (tmp_path / "log/a.1.log").read_text()


def test_progress_at_a_terminal_and_ctrl_c_there(root, script, tmp_path):
    """A second Ctrl-C ends what does not heed the first one."""
    script("long.sh", "trap '' TERM\necho 'epoch 1'\nsleep 3600 & echo $! $$ >> pids; wait\n")
    pid, terminal = pty.fork()
    if pid == 0:
        hear_interrupts()
        os.chdir(tmp_path)
        os.execv(root / "utils/run_local.sh", ["run_local.sh", "log/a.log", "./long.sh"])
    shown = b""
    while b"epoch 1" not in shown:
        shown += os.read(terminal, 1000)
    os.write(terminal, b"\x03")
    time.sleep(1)
    os.write(terminal, b"\x03")
    with suppress(OSError):  # the terminal ends with those who have it
        while os.read(terminal, 1000):
            pass
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    os.close(terminal)
    for each in pids(tmp_path):
        wait_for(lambda each=each: not alive(each))


def pids(folder: Path) -> list[str]:
    """The processes that long.sh has noted."""
    return (folder / "pids").read_text().split() if (folder / "pids").exists() else []


def alive(pid: str) -> bool:
    """Whether the process still works (one that waits to be reaped does not)."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
