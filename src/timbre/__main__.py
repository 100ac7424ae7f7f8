"""``timbre <command> --options``: every module of ``timbre.stages`` is a command.

A stage module holds ``add_arguments(parser)`` and ``main(args)``; its docstring is the command's help.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import os
import pkgutil
import sys
import traceback
from pathlib import Path
from typing import NoReturn

from timbre import stages
from timbre.errors import TimbreError, did_you_mean


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
    """Runs one command; a :class:`TimbreError` is one line on stderr and exit code 1."""
    argv = sys.argv[1:] if argv is None else argv
    known = commands()
    if not argv or argv[0] in ("-h", "--help"):
        width = max(map(len, known))
        lines = (f"  {name:{width}}  {help_line(name)}" for name in known)
        print("usage: timbre <command> [options]\n\n" + "\n".join(lines))
        sys.exit(0 if argv else 1)
    if argv[0] not in known:
        print(f"timbre: error: no command '{argv[0]}'{did_you_mean(argv[0], known)}", file=sys.stderr)
        sys.exit(1)
    module = importlib.import_module(f"timbre.stages.{argv[0].replace('-', '_')}")
    parser = Parser(prog=f"timbre {argv[0]}", description=module.__doc__)
    module.add_arguments(parser)
    args = parser.parse_args(argv[1:])
    try:
        module.main(args)
        sys.stdout.flush()
    except TimbreError as error:
        print(f"timbre {argv[0]}: error: {error}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:  # `timbre … | head`: the reader has gone, which is no failure of ours
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        print(f"timbre {argv[0]}: interrupted", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        traceback.print_exc()
        print(
            f"timbre {argv[0]}: error: {type(error).__name__}: {error} (a defect of timbre: please report it with "
            "the lines above)",
            file=sys.stderr,
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
