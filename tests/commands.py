"""Runs the commands that the project's pages show, as they stand there, in a fresh clone: see commands.sh.

commands.yaml says of each what it takes, or why it is not run. Placeholders (``/path/to/…``, ``a.wav``) stand for
stand-ins, made when a command first needs them. A page is one session: ``cd`` and ``. ./path.sh`` hold for what
follows on it.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from pages import ROOT, Command, pages, read_page

TABLE = Path(__file__).with_name("commands.yaml")
PLACEHOLDER = re.compile(r"/path/to/[\w.-]+|(?<![\w/.*-])[ab]\.wav\b")
_OTHER_PLACEHOLDER = re.compile(r"\b(?:DIR|DATA|OUT|FILE|NAME|VALUE|EXP)\b|<\w+>|…")


@dataclass(frozen=True)
class Plan:
    """What becomes of a command: it is run, which takes ``minutes``, or not, for a ``reason``.

    ``after`` is the command of the same page that makes what this one needs; with ``fresh`` the folder's data and
    experiments are removed before, as those of another corpus are refused.
    """

    command: Command
    minutes: float = 0.0
    reason: str = ""
    after: str = ""
    fresh: bool = False

    @property
    def stand_ins(self) -> list[str]:
        """The placeholders in it."""
        return sorted(set(PLACEHOLDER.findall(self.command.text)))


def plan(page: str) -> list[Plan]:
    """What becomes of each command of a page.

    Raises:
        ValueError: for commands without an entry, entries without a command, placeholders without a stand-in.
    """
    table = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    entries, plans, faults = table["pages"].get(page, {}), [], []
    for command in read_page(page):
        where = f"{page}:{command.line}: {command.name}"
        entry = 0 if command.changes_shell else entries.get(command.name)
        if entry is None:
            faults.append(f"{where}: {TABLE.name} does not say what it takes, or why it is not run")
        elif isinstance(entry, str):
            plans.append(Plan(command, reason=entry))
        else:
            plans.append(Plan(command, **(entry if isinstance(entry, dict) else {"minutes": entry})))
            unknown = [] if command.kind != "shell" else _OTHER_PLACEHOLDER.findall(command.text)
            unknown += [name for name in plans[-1].stand_ins if name not in table["stand_ins"]]
            faults += [f"{where}: {TABLE.name} has no stand-in for {name}" for name in unknown]
    shown = {command.name for command in read_page(page)}
    named = {*entries, *(one.after for one in plans if one.after)}
    faults += [f"{TABLE.name}: {page} does not show {name}" for name in sorted(named - shown)]
    if faults:
        raise ValueError("\n".join(faults))
    return plans


def choose(plans: Iterable[Plan], minutes: float) -> Iterator[tuple[Plan, str]]:
    """Each with the reason why it is not run; none for what takes ``minutes`` at most, as what it needs does."""
    reasons: dict[str, str] = {}
    for one in plans:
        reason = f"not run: {one.reason}" if one.reason else ""
        if one.minutes > minutes:
            reason = f"left out: takes {one.minutes:g} minutes"
        elif reasons.get(one.after):
            reason = f"left out: needs {one.after}"
        reasons[one.command.name] = reason
        yield one, reason


class Runner:
    """Runs commands in ``folder/timbre``, a clone of what is committed, each with a log of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clone = folder, folder / "timbre"
        (folder / "logs").mkdir(parents=True)
        (folder / "path/to").mkdir(parents=True)
        subprocess.run(["git", "clone", "-q", ROOT, self.clone], check=True)
        ours = {str(ROOT / "utils"), str(Path(sys.executable).parent)}  # what path.sh has put there
        path = [part for part in os.environ["PATH"].split(os.pathsep) if part not in ours]
        set_by_path_sh = ("TIMBRE", "PYTHON", "MALLOC")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(set_by_path_sh)}
        self.variables = kept | {"PATH": os.pathsep.join(path), "TIMBRE_PYTHON": sys.executable}
        self.recipes = yaml.safe_load(TABLE.read_text(encoding="utf-8"))["stand_ins"]
        self.page, self.session = "", []

    def run(self, one: Plan) -> tuple[str, str]:
        """``(minutes and those of processors, ok or what went wrong)``."""
        command = one.command
        if command.page != self.page:
            self.page, self.session = command.page, []
        folder = self.clone / command.folder
        if command.kind == "file":
            (self.clone / command.path).write_text(command.text, encoding="utf-8")
            return "0.0", "ok"
        for name in one.stand_ins:
            if fault := self._make(name):
                return "", fault
        for name in ("data", "exp") if one.fresh else ():
            shutil.rmtree(folder / name, ignore_errors=True)
        text = self._filled(command.text)
        if command.kind == "python":
            text = f"python3 - <<'END'\n{text}END"
        script = "\n".join([*self.session, text])
        if command.changes_shell:
            self.session.append(text)
        log = f"{command.page.replace('/', '_')}.{command.line}.log"
        return self._call(
            script, folder, log, minutes=60 + 10 * one.minutes
        )  # against what hangs, not what is slow

    def _filled(self, text: str) -> str:
        """With the stand-ins' paths in the place of placeholders."""
        return PLACEHOLDER.sub(lambda found: str(self._path(found[0])), text)

    def _path(self, placeholder: str) -> Path:
        return self.folder / "path/to" / Path(placeholder).name

    def _make(self, name: str) -> str:
        """Makes a stand-in that is not there yet, and those that it is made of; what went wrong, or nothing."""
        recipe, path = self.recipes[name], self._path(name)
        if path.exists():
            return ""
        for other in PLACEHOLDER.findall(recipe):
            if fault := self._make(other):
                return fault
        script = f". ./path.sh\nto={path}\n{self._filled(recipe)}"
        result = self._call(script, self.clone, f"stand_in.{path.name}.log", minutes=60)[1]
        return "" if result == "ok" else f"failed: no stand-in for {name}: {result}"

    def _call(self, script: str, folder: Path, log_name: str, minutes: float) -> tuple[str, str]:
        log, started, processors = self.folder / "logs" / log_name, time.monotonic(), _processor_seconds()
        with open(log, "w", encoding="utf-8") as file:
            print(script, "\n----", file=file, flush=True)
            job = subprocess.Popen(
                ["bash", "-eo", "pipefail", "-c", script],
                cwd=folder,
                env=self.variables,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,  # so that all of its processes can be ended
            )
            try:
                code = job.wait(60 * minutes)
            except subprocess.TimeoutExpired:
                code = 124
            finally:
                if job.poll() is None:
                    os.killpg(job.pid, signal.SIGTERM)
        took = f"{(time.monotonic() - started) / 60:.1f} ({(_processor_seconds() - processors) / 60:.1f})"
        last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1]
        return took, "ok" if code == 0 else f"failed with code {code}: {last[:200]} ({log})"


def _processor_seconds() -> float:
    """Those of all processes that were started here and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Table:
    """A Markdown table, printed and written row by row."""

    def __init__(self, out: Path | None) -> None:
        self.out = out
        if out:
            out.write_text("")
        self._say("| page | command | minutes (of processors) | result |\n| --- | --- | --- | --- |")

    def add(self, one: Plan, minutes: str, result: str) -> None:
        name = one.command.name.replace("|", "\\|")
        if not one.command.changes_shell or result.startswith("failed"):
            self._say(f"| {one.command.page}:{one.command.line} | `{name}` | {minutes} | {result} |")

    def _say(self, text: str) -> None:
        print(text, flush=True)
        if self.out:
            with open(self.out, "a", encoding="utf-8") as file:
                print(text, file=file)


def main() -> None:
    about = (__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser(prog="commands.sh", description=about)
    parser.add_argument("--page", action="append", help="a page, from the root (repeatable; default: all)")
    parser.add_argument("--minutes", type=float, default=2.0, help="leave out what takes longer (default: 2)")
    parser.add_argument("--list", action="store_true", help="say what becomes of each command, and run nothing")
    parser.add_argument("--out", type=Path, help="a file for the table, written row by row")
    parser.add_argument(
        "--folder", type=Path, help="a new folder for the clone, stand-ins and logs (default: a temporary one)"
    )
    args = parser.parse_args()
    try:
        todo = [one for page in args.page or pages() for one in choose(plan(page), args.minutes)]
    except (ValueError, OSError) as error:
        sys.exit(f"commands.sh: error: {error}")
    table = Table(args.out)
    if args.list:
        for one, reason in todo:
            table.add(one, f"{one.minutes:g}", reason or ("on a stand-in" if one.stand_ins else "as it stands"))
        return
    runner = Runner((args.folder or Path(tempfile.mkdtemp(prefix="timbre_commands."))).resolve())
    failed = 0
    for one, reason in todo:
        minutes, result = ("", reason) if reason else runner.run(one)
        failed += result.startswith("failed")
        table.add(one, minutes, result)
    print(f"{failed} failed; the clone and the logs are in {runner.folder}")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
