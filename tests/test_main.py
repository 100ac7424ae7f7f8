"""The command line: every stage answers --help, and mistakes are one line with what would be right."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest
from messages import names

from timbre.__main__ import commands, help_line, main


def run(capsys, *argv):
    with pytest.raises(SystemExit) as ended:
        main([str(part) for part in argv])
    out = capsys.readouterr()
    return ended.value.code, out.out, out.err


@pytest.mark.parametrize("command", commands())
def test_every_command_explains_itself(capsys, command):
    code, out, _ = run(capsys, command, "--help")
    assert code == 0 and help_line(command)[:40] in " ".join(out.split())


@pytest.mark.parametrize(
    "argv,wanted",
    [
        (["mke-feats"], ("timbre: error: ", "'mke-feats'", "'make-feats'")),
        (["make-feats", "--cnof", "x", "a", "b"], ("--cnof", "'--conf'")),
        (["make-feats", "--conf"], ("--conf",)),
        (["copy-data-dir", "--utt-suffix", "-x", "none", "out"], ("none",)),
        (["train-encoder", "--conf", "none.yaml", "--train", "x", "y"], ("none.yaml",)),
        (["verify", "a.wav", "b.wav", "--model", "none"], ("none: ", "steps/train_encoder.sh")),
    ],
)
def test_mistakes_are_one_line_and_exit_1(capsys, argv, wanted):
    code, _, err = run(capsys, *argv)
    assert code == 1 and names(err, *wanted) and err.count("\n") == 1


def test_a_defect_of_ours_says_so_after_its_traceback(capsys, monkeypatch):
    from timbre.stages import show_conf

    monkeypatch.setattr(show_conf, "main", lambda args: 1 / 0)
    code, _, err = run(capsys, "show-conf", "--conf", "x")
    last = err.rstrip().splitlines()[-1]
    assert code == 1 and names(
        last, "timbre show-conf: ", "ZeroDivisionError: division by zero", "defect of timbre"
    )


def test_what_the_machine_refuses_is_one_line(capsys, monkeypatch):
    from timbre.stages import show_conf

    def no_handles(args):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), "data/x")

    monkeypatch.setattr(show_conf, "main", no_handles)
    code, _, err = run(capsys, "show-conf", "--conf", "x")
    assert code == 1 and names(err, "data/x", "Too many open files", "ulimit -n") and err.count("\n") == 1


def test_a_full_disk_of_the_output_is_one_line():
    command = [sys.executable, "-m", "timbre", "--help"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1 and names(done.stderr, "No space left on device") and done.stderr.count("\n") == 1


def test_a_pipe_that_nobody_reads_is_no_failure_when_it_is_the_output(capsys, monkeypatch):
    from timbre.stages import show_conf

    command = f"{sys.executable} -m timbre --help | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["usage: timbre <command> [options]", "0"] and done.stderr == ""

    def broken(args):
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    monkeypatch.setattr(show_conf, "main", broken)
    code, _, err = run(capsys, "show-conf", "--conf", "x")
    assert code == 1 and names(err, "Broken pipe") and err.count("\n") == 1
