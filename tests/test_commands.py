"""The commands that the pages show: each has an entry, parses, and has known options."""

from __future__ import annotations

import argparse
import importlib
import re
import shlex
import subprocess
import tempfile
from pathlib import Path

import pytest
from commands import ROOT, Plan, Runner, choose, plan
from forking import Forks
from pages import Command, pages, read_page

PAGES = {page: plan(page) for page in pages()}
NOT_OURS = {"steps/make_mfcc.sh", "src/timbre/corpora/mycorpus.py"}  # Kaldi's; the reader's


def options_of(script: Path) -> set[str]:
    """The long options of a script of bash or Python, or of the command of timbre that it stands for."""
    text = script.read_text(encoding="utf-8")
    if wrapped := re.search(r'^exec timbre (\S+) "\$@"', text, re.M):
        return options_of_timbre(wrapped[1])
    if script.suffix == ".py":
        return set(re.findall(r'"(--[a-z0-9-]+)"', text))
    if not re.search(r"(parse_options|utils/step|utils/recipe)\.sh", text):
        comments = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
        return set(re.findall(r"--[a-z-]+", comments))
    shown = subprocess.run([script, "--help"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^ +(--[a-z0-9-]+)", shown, re.M))


def options_of_timbre(command: str) -> set[str]:
    parser = argparse.ArgumentParser()
    importlib.import_module(f"timbre.stages.{command.replace('-', '_')}").add_arguments(parser)
    return {option for action in parser._actions for option in action.option_strings}


def options_of_program(words: list[str], folder: Path) -> set[str] | None:
    """Those of the program that is called, and of the run.sh that it passes some on to; ``None``: not ours."""
    if words[0] == "timbre":
        return options_of_timbre(words[1])
    program = folder / (words[1] if words[0].startswith("python") else words[0])
    if ROOT not in program.resolve().parents or "mycorpus" in program.parts:
        return None
    return options_of(program) | (options_of(folder / "run.sh") if "--" in words else set())


@pytest.mark.parametrize("page", PAGES)
def test_every_command_parses_and_its_options_are_known(page):
    folder = ROOT / Command(page, 1, "").folder
    for command in (one.command for one in PAGES[page] if one.command.kind == "shell"):
        done = subprocess.run(["bash", "-n"], input=command.text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{page}:{command.line}: {done.stderr}"
        words = [word for word in shlex.split(command.text) if not re.match(r"[A-Z_]+=", word)]
        if words[0] == "cd":
            folder /= words[1]
        elif words[0] == "timbre" or "/" in words[0] or words[0].startswith("python"):
            used = {word for word in words if re.match(r"--[a-z]", word)}
            known = options_of_program(words, folder)
            assert known is None or used <= known, f"{page}:{command.line}: {used - known}"
            here = (folder / words[0]).parent if words[0].endswith("/run.sh") else folder  # whose confs are meant
            confs = {word for word in words if re.match(r"conf/[^{]+$", word)}
            missing = [conf for conf in confs if not (here / conf).exists()]
            assert not missing or "mycorpus" in here.parts, f"{page}:{command.line}: {missing}"


@pytest.mark.parametrize("page", PAGES)
def test_every_script_and_module_that_a_page_names_is_there(page):
    text, folder = (ROOT / page).read_text(encoding="utf-8"), ROOT / Command(page, 1, "").folder
    named = set(re.findall(r"`((?:steps|utils|local|src/timbre(?:/\w+)?)/\w+\.(?:sh|py))`", text))
    missing = {name for name in named - NOT_OURS if not ((folder / name).exists() or (ROOT / name).exists())}
    assert not missing, f"{page}: {missing}"


def test_a_page_is_read_as_its_reader_reads_it(tmp_path):
    (tmp_path / "p.md").write_text(
        "Text, `timbre embed a.wav\n--model exp/x`, `utils/x.sh`.\n\n"
        "    ./run.sh  # all\n    ./run.sh --a \\\n      b  # after . ./path.sh\n\n"
        "Text.\n\n    key: value\n\n```text\nstage 2  stale\n```\n\n"
        "**1. `src/x.py`**\n\n```python\nx = 1\n```\n\n```python\nprint()\n```\n"
    )
    assert [(one.line, one.name) for one in read_page("p.md", tmp_path)] == [
        (1, "timbre embed a.wav --model exp/x"),
        (4, "./run.sh"),
        (5, ". ./path.sh"),
        (5, "./run.sh --a b"),
        (19, "the file src/x.py"),
        (23, "the block of Python"),
    ]


def test_what_needs_something_that_is_left_out_is_left_out():
    def one(text, *arguments):
        return Plan(Command("p.md", 1, text), *arguments)

    plans = [one("a", 1), one("b", 9), one("c", 1, "", "b"), one("d", 1, "", "c"), one("e", 0, "a GPU")]
    assert [not why for _, why in choose(plans, 2)] == [True, False, False, False, False]
    assert [not why for _, why in choose(plans, 9)] == [True, True, True, True, False]


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    """Runs the commands in a clone, whose ``timbre …`` is forked."""
    runner = Runner(tmp_path_factory.mktemp("commands"))
    with tempfile.TemporaryDirectory() as folder:
        forks = Forks(Path(folder), runner.clone / "src")
        runner.variables["TIMBRE_PYTHON"] = str(forks.python)
        yield runner
        forks.stop()


@pytest.mark.all
@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_that_take_under_two_minutes_end_well(page, runner):
    results = [(one.command, runner.run(one)[1]) for one, reason in choose(PAGES[page], 2) if not reason]
    assert [f"{page}:{command.line}: {result}" for command, result in results if result != "ok"] == []
