"""``timbre <command> --options``: every module of ``timbre.stages`` is a command.

A stage module holds ``add_arguments(parser)`` and ``main(args)``; its docstring is the command's help.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import importlib
import os
import pkgutil
import select
import sys
import threading
import traceback
from pathlib import Path
from typing import NoReturn

from timbre import stages
from timbre.errors import TimbreError, did_you_mean, machine_fault


class Parser(argparse.ArgumentParser):
    """argparse with one clear line and exit 1, and with the nearest option for a typo."""

    def __init__(self, **kwargs) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.ArgumentDefaultsHelpFormatter, **kwargs)

    def parse_known_args(self, args=None, namespace=None):
        known = self._option_string_actions
        joined: list[str] = []
        for arg in args or []:
            option = known.get(joined[-1]) if joined else None
            name = arg.split("=")[0]
            if option and option.nargs is None and arg.startswith("-") and arg not in known:
                joined[-1] += f"={arg}"  # a value may begin with a hyphen: --utt-suffix -noise
            elif name.startswith("--") and name != "--" and name not in known:
                self.error(f"unknown option {name}{did_you_mean(name, known)}")
            else:
                joined.append(arg)
        return super().parse_known_args(joined, namespace)

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: error: {message}", file=sys.stderr)
        sys.exit(1)


def commands() -> list[str]:
    """The names of all commands."""
    return [module.name.replace("_", "-") for module in pkgutil.iter_modules(stages.__path__)]


def help_line(command: str) -> str:
    """The first line of a command's docstring; the module is read, not imported."""
    file = Path(stages.__path__[0], f"{command.replace('-', '_')}.py")
    return (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").split("\n")[0]


def main(argv: list[str] | None = None) -> None:
    """Runs one command; what it or the machine refuses is one line on stderr and exit code 1."""
    argv = sys.argv[1:] if argv is None else argv
    known = commands()
    name = " ".join(["timbre", *(word for word in argv[:1] if word in known)])
    threading.excepthook = _thread_failed
    try:
        try:
            if name == "timbre":
                _without_command(argv, known)
            module = importlib.import_module(f"timbre.stages.{argv[0].replace('-', '_')}")
            parser = Parser(prog=name, description=module.__doc__)
            module.add_arguments(parser)
            args = parser.parse_args(argv[1:])
            module.main(args)
            sys.stdout.flush()
        except SystemExit:  # of --help
            sys.stdout.flush()
            raise
    except TimbreError as error:
        _fail(name, f"error: {error}")
    except KeyboardInterrupt:
        _fail(name, "interrupted", 130)
    except Exception as error:
        if isinstance(error, BrokenPipeError) and _reader_has_gone():  # `timbre … | head`: no failure of ours
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return
        said = machine_fault(error)
        if said is None:
            traceback.print_exc()
            said = f"{type(error).__name__}: {error} (a defect of timbre: please report it with the lines above)"
        _fail(name, f"error: {said}")


def _without_command(argv: list[str], known: list[str]) -> NoReturn:
    """Shows what there is, or refuses a command that there is not."""
    if not argv or argv[0] in ("-h", "--help"):
        width = max(map(len, known))
        lines = (f"  {name:{width}}  {help_line(name)}" for name in known)
        print("usage: timbre <command> [options]\n\n" + "\n".join(lines))
        sys.exit(0 if argv else 1)
    raise TimbreError(f"no command '{argv[0]}'{did_you_mean(argv[0], known)}")


def _reader_has_gone() -> bool:
    """Whether stdout is a pipe that nobody reads any more; a command of wav.scp has a pipe of its own."""
    with contextlib.suppress(OSError, ValueError):
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        return any(event & select.POLLERR for _, event in poll.poll(0))
    return False


def _thread_failed(failed: threading.ExceptHookArgs) -> None:
    """Python's hook, but for a failure of the machine: tensorboard's thread hands it to the one that trains."""
    if failed.exc_value is None or machine_fault(failed.exc_value) is None:
        threading.__excepthook__(failed)


def _fail(name: str, message: str, code: int = 1) -> NoReturn:
    """One line on stderr, and the end; the code says it where the disk of a log is full.

    What stdout still holds is dropped where it cannot be written: Python would fail by it once more.
    """
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    with contextlib.suppress(OSError):
        print(f"{name}: {message}", file=sys.stderr, flush=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
