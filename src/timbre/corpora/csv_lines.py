"""Tables of separated values (CSV) as people and spreadsheets write them, each line known by its number.

Python's csv reads them. Commas, semicolons or tabs separate, whichever gives the header more of the columns that
are looked for; line ends and a byte order mark are as they come. Lines without any value are passed over.
"""

from __future__ import annotations

import codecs
import csv
import io
import shlex
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from timbre.errors import TimbreError, some
from timbre.kaldi.table_forms import shown

SEPARATORS = ",;\t"


@dataclass(frozen=True, slots=True)
class Line:
    """The values of a line by their columns, without blanks at their ends, and its number in the file, from 1."""

    number: int
    values: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values[column]


@dataclass(frozen=True, slots=True)
class Table:
    """The lines of the file ``path``; ``columns`` are those that are looked for, as far as it has them."""

    path: Path
    columns: tuple[str, ...]
    lines: list[Line]

    def refusal(self, lines: Sequence[Line], problem: str, mend: str) -> TimbreError:
        """The error for lines that have a problem: the first is named, and the numbers of others."""
        also = f" (so also in line {some(str(line.number) for line in lines[1:])})" if lines[1:] else ""
        return TimbreError(f"{self.path}:{lines[0].number}: {problem}{also}; {mend}")


def read_csv(
    path: Path, needed: Mapping[str, str], optional: Collection[str], report: Callable[[str], None]
) -> Table:
    """The lines of a table, with the columns that are looked for; others are reported.

    Args:
        needed: ``{column: what it is for}`` of those that must be there. Case does not matter.
    Raises:
        TimbreError: for what is no UTF-8 text or no CSV, a column that is missing or stands twice, a line with
            other columns than the header, and an empty value.
    """
    text = _text(path)
    (start, header), *records = _best(path, text, {*needed, *optional})
    names = [name.strip().lower() for name in header]
    for name, purpose in needed.items():
        if name not in names:
            found = some((f"'{shown(one)}'" for one in names), 10)
            raise TimbreError(
                f"{path}:{start}: the header has no column '{name}', {purpose}; found {found}; the first line "
                "names the columns, and commas, semicolons or tabs separate them"
            )
    if twice := [name for name in names if name and names.count(name) > 1]:
        raise TimbreError(f"{path}:{start}: the column '{twice[0]}' stands there twice; remove one")
    columns = tuple(name for name in names if name in needed or name in optional)
    if unused := [name for name in names if name and name not in columns]:
        report(f"{path}: columns that are not used: {some(unused, 20)}")
    table = Table(path, columns, [])
    for number, values in records:
        values = [value.strip() for value in values]
        if len(values) < len(names) or any(values[len(names) :]):
            raise TimbreError(
                f"{path}:{number}: {len(values)} values, {len(names)} columns in the header; put a value with the "
                'separator in it into quotes: "Yes, I see."'
            )
        line = Line(number, {name: value for name, value in zip(names, values, strict=False) if name in columns})
        if empty := [name for name in columns if not line[name]]:
            mend = "fill it in, or remove the line" + ("" if empty[0] in needed else ", or the column")
            raise table.refusal([line], f"the value of '{empty[0]}' is empty", mend)
        table.lines.append(line)
    if not table.lines:
        raise TimbreError(f"{path}: there is no line after the header; write one for each audio file")
    return table


def _text(path: Path) -> str:
    """The file's text, without a byte order mark."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TimbreError(f"{path}: cannot be read: {error.strerror}; name the file of the table") from error
    mend = f"save it as 'CSV UTF-8', or run: iconv -f {{}} -t UTF-8 -o new.csv {shlex.quote(str(path))}"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise TimbreError(f"{path}:1: UTF-16, not UTF-8; {mend.format('UTF-16')}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise TimbreError(f"{path}:{line}: not UTF-8; {mend.format('WINDOWS-1252')}") from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise TimbreError(f"{path}:{line}: a byte of value 0: this is no text; save it as 'CSV UTF-8'")
    return text


def _best(path: Path, text: str, wanted: Collection[str]) -> list[tuple[int, list[str]]]:
    """Number and values of each line by the separator that gives the header most of the wanted columns."""

    def fitting(separator: str) -> int:
        header = next(_records(path, text, separator, strict=False), (1, [""]))[1]
        return sum(name.strip().lower() in wanted for name in header)

    records = list(_records(path, text, max(SEPARATORS, key=fitting)))
    if not records:
        raise TimbreError(f"{path}: empty; its first line names the columns")
    return records


def _records(path: Path, text: str, separator: str, strict: bool = True) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=strict)
    number = 1
    try:
        for values in reader:
            if any(value.strip() for value in values):
                yield number, values
            number = reader.line_num + 1
    except csv.Error as error:
        raise TimbreError(
            f"{path}:{number}: not readable as CSV: {error}; a value that begins with a quotation mark ends with "
            'one, and those inside it are doubled: "She said ""no""."'
        ) from None
