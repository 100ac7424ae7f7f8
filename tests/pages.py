"""The commands that the project's pages show: every line of shell, every block of Python, every file to write."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("docs", "benchmarks", "tests")  # their pages speak of the root folder; a recipe's speaks of its own

_BLOCK = re.compile(
    r"^```(?P<language>\w*)\n(?P<fenced>.*?)^```$|(?:(?<=\n\n)|\A)(?P<indented>(?: {4}[^\n]*\n|\n(?= {4}))+)",
    re.M | re.S,
)
_NO_SHELL = re.compile(r"\S+:( |\n)|.*──")  # YAML, a log, a picture
_COMMAND = re.compile(r"([A-Z_]+=\S+ )*(((\./|utils/|steps/|local/|egs/\S+/)\S+|pip|rm|timbre \S+) .|python3? \S)")
_FILE = re.compile(r"\*\*[^*\n]*`([^`]*[^`/])`\*\*.*\n\n\Z")  # the block that follows is this file
_JOIN = "\v"  # in the place of a backslash and a line's end
SOURCE = ". ./path.sh"


@dataclass(frozen=True)
class Command:
    """What a page shows at a line. ``kind`` is shell, python, or file (a text for ``path``)."""

    page: str
    line: int
    text: str
    kind: str = "shell"
    path: str = ""

    @property
    def name(self) -> str:
        """How tables call it."""
        return {"shell": self.text, "file": f"the file {self.path}", "python": "the block of Python"}[self.kind]

    @property
    def changes_shell(self) -> bool:
        """Whether it holds for the commands that follow."""
        return self.text == SOURCE or self.text.startswith("cd ")

    @property
    def folder(self) -> str:
        """Where it is given."""
        folder = Path(self.page).parent
        return "." if folder.name in ROOMS else str(folder)


def pages(root: Path = ROOT) -> list[str]:
    """The pages, the README first."""
    found = [root / "README.md", root / "RESULTS.md", *root.glob("docs/*.md"), root / "benchmarks/README.md"]
    found += sorted(root.glob("egs/*/*/*.md"))
    return [str(path.relative_to(root)) for path in found]


def read_page(page: str, root: Path = ROOT) -> list[Command]:
    """The commands of a page in their order, ``. ./path.sh`` before those that it is said to come before."""
    text = (root / page).read_text(encoding="utf-8")
    found: list[Command] = []
    for block in _BLOCK.finditer(text):
        kind = "indented" if block["indented"] else "fenced"
        line = _line(text, block.start(kind))
        file = _FILE.search(text[: block.start()])
        if file and block["language"] in ("python", "bash"):
            found.append(Command(page, line, block[kind], "file", file[1]))
        elif block["language"] == "python":
            found.append(Command(page, line, block[kind], "python"))
        elif block["language"] != "text" and not _NO_SHELL.match(block[kind].strip()):
            found += _read_shell(page, line, block[kind])
    prose = _BLOCK.sub(lambda block: re.sub(r"[^\n]", " ", block[0]), text)
    for span in re.finditer(r"`([^`]+)`", prose):
        words = " ".join(span[1].split())
        if words == SOURCE or _COMMAND.match(words):
            found.append(Command(page, _line(text, span.start()), words))
    return sorted(found, key=lambda command: command.line)


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def _read_shell(page: str, line: int, block: str) -> Iterator[Command]:
    for row in block.replace("\\\n", _JOIN).split("\n"):
        code, _, comment = re.sub(r"(^|\s)#\s", "\0", row, count=1).partition("\0")
        if SOURCE in comment:
            yield Command(page, line, SOURCE)
        if code.strip():
            yield Command(page, line, " ".join(code.replace(_JOIN, " ").split()))
        line += 1 + row.count(_JOIN)
