"""Runs every command that a page shows, as it stands there, in a fresh clone; see commands.sh.

commands.yaml says of each what it takes, or why it is not run. Placeholders (``/path/to/…``, ``a.wav``) are replaced by
stand-ins, which are made when a command first needs them. A page is one session: ``cd`` and ``. ./path.sh`` hold for what
follows.
"""

from __future__ import annotations

import argparse
import os
import re
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
from pages import ROOT, SOURCE, Command, pages, read_page

PLACEHOLDER = re.compile(r"/path/to/[\w.-]+|(?<![\w/.*-])[ab]\.wav\b")
_LEFT_OVER = re.compile(r"\b(DIR|DATA|OUT|FILE|NAME|VALUE|EXP)\b|<\w+>|…")
_TABLE = Path(__file__).with_name("commands.yaml")


@dataclass(frozen=True)
class Plan:
    """What is to be done with a command: it is run, which takes ``minutes``, or not, for a ``reason``.

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
        return sorted(set(PLACEHOLDER.findall(self.command.text)))


def read_stand_ins() -> dict[str, str]:
    """``{placeholder: the shell commands that make it, as $to}``."""
    return yaml.safe_load(_TABLE.read_text(encoding="utf-8"))["stand_ins"]


def plan(page: str) -> list[Plan]:
    """What is to be done with the commands of a page.

    Raises:
        ValueError: for commands without an entry, entries without a command, placeholders without a stand-in.
    """
    table = yaml.safe_load(_TABLE.read_text(encoding="utf-8"))
    entries, commands = dict(table["pages"].get(page) or {}), read_page(page)
    plans, faults = [], []
    for command in commands:
        entry = 0 if command.changes_shell else entries.get(command.name)
        if entry is None:
            faults.append(
                f"{page}:{command.line}: {command.name}: say in {_TABLE.name} what it takes, or why it is not run"
            )
            continue
        options = (
            {"reason": entry}
            if isinstance(entry, str)
            else entry
            if isinstance(entry, dict)
            else {"minutes": entry}
        )
        plans.append(one := Plan(command, **options))
        unknown = _LEFT_OVER.findall(command.text) + [
            name for name in one.stand_ins if name not in table["stand_ins"]
        ]
        if command.kind == "shell" and unknown and not one.reason:
            faults.append(f"{page}:{command.line}: {command.name}: no stand-in for {unknown}")
    names = {command.name for command in commands}
    known = names | {one.after for one in plans if one.after in names}
    faults += [
        f"{_TABLE.name}: {page} does not show '{name}'"
        for name in {*entries, *(one.after for one in plans if one.after)} - known
    ]
    if faults:
        raise ValueError("\n".join(faults))
    return plans


def choose(plans: Iterable[Plan], minutes: float) -> Iterator[tuple[Plan, str]]:
    """Each with the reason why it is left out, or none: what takes at most ``minutes``, and needs nothing that takes more."""
    out: dict[str, str] = {}
    for one in plans:
        why = one.reason and f"not run: {one.reason}"
        if not why and one.minutes > minutes:
            why = f"left out: takes {one.minutes:g} minutes"
        if not why and out.get(one.after):
            why = f"left out: needs {one.after}"
        out[one.command.name] = why
        yield one, why


class Runner:
    """Runs commands in a clone of the project below ``folder``, each with a log of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clone = folder, folder / "timbre"
        (folder / "logs").mkdir(parents=True)
        (folder / "path/to").mkdir(parents=True)
        subprocess.run(["git", "clone", "-q", ROOT, self.clone], check=True)
        ours = {str(ROOT / "utils"), str(Path(sys.executable).parent)}
        path = os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if part not in ours)
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("TIMBRE", "PYTHON", "MALLOC"))
        }
        self.variables = kept | {"PATH": path, "TIMBRE_PYTHON": sys.executable}
        self.recipes = read_stand_ins()
        self.session: list[str] = []
        self.page = ""

    def run(self, one: Plan) -> tuple[float, str]:
        """``(minutes, ok or what went wrong)``."""
        command = one.command
        if command.page != self.page:
            self.page, self.session = command.page, []
        where = self.clone / command.folder
        if command.kind == "file":
            (self.clone / command.path).write_text(command.text, encoding="utf-8")
            return 0.0, "ok"
        for name in one.stand_ins:
            if missing := self._make(name):
                return 0.0, missing
        if one.fresh:
            for name in ("data", "exp"):
                shutil.rmtree(where / name, ignore_errors=True)
        text = PLACEHOLDER.sub(lambda found: str(self._stand_in(found[0])), command.text)
        if command.kind == "python":
            text = f"python3 - <<'END'\n{text}END"
        script = "\n".join([*self.session, text])
        if command.changes_shell:
            self.session.append(text)
        log = self.folder / "logs" / f"{command.page.replace('/', '_')}.{command.line}.log"
        return self._call(script, where, log, limit=60 * max(10, 4 * one.minutes))

    def _stand_in(self, name: str) -> Path:
        return self.folder / "path/to" / Path(name).name

    def _make(self, name: str) -> str:
        """Makes a stand-in that is not there yet; what went wrong, or nothing."""
        recipe, to = self.recipes[name], self._stand_in(name)
        if to.exists():
            return ""
        for other in PLACEHOLDER.findall(recipe):
            if missing := self._make(other):
                return missing
        text = PLACEHOLDER.sub(lambda found: str(self._stand_in(found[0])), recipe)
        log = self.folder / "logs" / f"stand_in.{to.name}.log"
        _, result = self._call(f". ./path.sh\nset -euo pipefail\nto={to}\n{text}", self.clone, log, limit=1800)
        return "" if result == "ok" else f"failed: its stand-in {name}: {result}"

    def _call(self, script: str, where: Path, log: Path, limit: float) -> tuple[float, str]:
        started = time.monotonic()
        with open(log, "w", encoding="utf-8") as file:
            file.write(f"# {script}\n")
            file.flush()
            job = subprocess.Popen(
                ["bash", "-eo", "pipefail", "-c", script],
                cwd=where, env=self.variables, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True,
            )  # fmt: skip
            try:
                code = job.wait(limit)
            except BaseException as stopped:
                os.killpg(job.pid, signal.SIGTERM)
                job.wait()
                if not isinstance(stopped, subprocess.TimeoutExpired):
                    raise
                code = 124
        minutes = (time.monotonic() - started) / 60
        if code == 0:
            return minutes, "ok"
        last = (log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or [""])[-1]
        return minutes, f"failed with code {code}: {last[:160]} ({log})"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="commands.sh", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--page", action="append", help="a page, from the root (repeatable; default: all)")
    parser.add_argument("--minutes", type=float, default=2.0, help="leave out what takes longer (default: 2)")
    parser.add_argument("--list", action="store_true", help="say what is to be done with each, and run nothing")
    parser.add_argument("--out", type=Path, help="a file for the table, written line by line")
    parser.add_argument(
        "--folder", type=Path, help="a new folder for the clone, stand-ins and logs (default: a temporary one)"
    )
    args = parser.parse_args()
    try:
        todo = [one for page in args.page or pages() for one in choose(plan(page), args.minutes)]
    except ValueError as error:
        sys.exit(f"commands.sh: error: {error}")
    rows = _Table(args.out)
    if args.list:
        for one, why in todo:
            rows.add(one, f"{one.minutes:g}", why or ("on its stand-in" if one.stand_ins else "as it stands"))
        return
    runner = Runner((args.folder or Path(tempfile.mkdtemp(prefix="timbre_commands."))).resolve())
    failed = 0
    for one, why in todo:
        minutes, result = (0.0, why) if why else runner.run(one)
        failed += result.startswith("failed")
        rows.add(one, "" if why else f"{minutes:.1f}", result)
    print(f"{failed} failed; logs: {runner.folder}/logs")
    sys.exit(failed > 0)


class _Table:
    """A Markdown table, printed and written row by row."""

    def __init__(self, out: Path | None) -> None:
        self.file = open(out, "w", encoding="utf-8") if out else None  # noqa: SIM115
        self._say("| page | command | minutes | result |\n| --- | --- | --- | --- |")

    def add(self, one: Plan, minutes: str, result: str) -> None:
        if not one.command.changes_shell or result.startswith("failed"):
            name = one.command.name.replace("|", "\\|")
            self._say(f"| {one.command.page}:{one.command.line} | `{name}` | {minutes} | {result} |")

    def _say(self, text: str) -> None:
        for file in filter(None, (sys.stdout, self.file)):
            print(text, file=file, flush=True)


if __name__ == "__main__":
    main()
