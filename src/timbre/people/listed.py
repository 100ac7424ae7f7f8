"""Tables of recordings: a line '<name> <path>' each, and if you like a third column, '<session>'.

Columns are separated by tabs; a line without a tab by its first blank, and has two. Paths are absolute, or from the
table's folder. Lines that are empty or begin with # are passed over.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from timbre.errors import TimbreError
from timbre.kaldi.text import read_text
from timbre.people.store import require_name


@dataclass(frozen=True)
class Listed:
    """A recording of a table: whose it is, where, of which session (``""``: not said), and the line's number."""

    name: str
    path: str
    session: str
    line: int


def read_listed(table: str | Path) -> list[Listed]:
    """The lines of a table.

    Raises:
        TimbreError: for a line without both columns, a file that is not there, and a table without any line.
    """
    table, found = Path(table), []
    for number, line in enumerate(read_text(table).splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        columns = [column.strip() for column in (line.split("\t") if "\t" in line else line.split(maxsplit=1))]
        if len(columns) not in (2, 3) or not columns[1]:
            raise TimbreError(f"{table}:{number}: expected '<name> <path>', or with tabs '<name> <path> <session>'")
        name, path, *session = columns
        file = table.parent / path
        if not file.is_file():
            raise TimbreError(f"{table}:{number}: there is no file {file}; paths are from the table's folder")
        try:
            found.append(Listed(require_name(name), str(file), "".join(session), number))
        except TimbreError as error:
            raise TimbreError(f"{table}:{number}: {error}") from None
    if not found:
        raise TimbreError(f"{table}: no line '<name> <path>'")
    return found
