"""Kaldi's text tables (``utt2spk``, ``wav.scp``, ``plan/names`` …): one line a key, strictly read.

    <key> <value, the rest of the line>

A file that programs would misread is refused by name and line: CRLF, a byte order mark, bytes that are not UTF-8,
NUL, a last line without its end, a key twice, and what :mod:`timbre.kaldi.table_forms` does not allow in a table of
this name. What is written here is read back as it was.
"""

from __future__ import annotations

import codecs
import shlex
from collections.abc import Iterable, Iterator, Mapping
from operator import itemgetter
from pathlib import Path

from timbre.errors import TimbreError
from timbre.kaldi.atomic import atomic_write
from timbre.kaldi.layout import fixing, keyed_by, made_by
from timbre.kaldi.table_forms import Form, form_of, problem, shown

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_text(path: str | Path) -> str:
    """A whole text file; refuses CRLF, a byte order mark, non-UTF-8, NUL, a missing last line end."""
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise TimbreError(f"{path}: no such file") from None
    except OSError as error:
        raise TimbreError(f"{path}: cannot be read: {error.strerror}") from error
    name = shlex.quote(str(path))
    if data.startswith(codecs.BOM_UTF8):
        mark = r"1s/^\xEF\xBB\xBF//"
        raise TimbreError(f"{path}:1: a byte order mark before the first line; run: sed -i '{mark}' {name}")
    if data.startswith(_UTF_16):
        raise TimbreError(f"{path}:1: UTF-16, not UTF-8; run: iconv -f UTF-16 -t UTF-8 -o {name} {name}")
    if b"\r" in data:
        line = data[: data.index(b"\r")].count(b"\n") + 1
        if data.count(b"\r") == data.count(b"\r\n"):
            raise TimbreError(f"{path}:{line}: carriage return (CRLF line ends?); run: sed -i 's/\\r$//' {name}")
        raise TimbreError(f"{path}:{line}: carriage return inside the line; run: sed -i 's/\\r/\\n/g' {name}")
    if b"\0" in data:
        line = data[: data.index(b"\0")].count(b"\n") + 1
        raise TimbreError(f"{path}:{line}: a byte of value 0: the file is damaged or no text; make it again")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise TimbreError(f"{path}:{line}: not UTF-8; convert it with iconv -t UTF-8") from None
    if text and not text.endswith("\n"):
        raise TimbreError(
            f"{path}: the last line has no line end; is the file cut short? if it is whole, run: echo >> {name}"
        )
    return text


def read_lines(path: str | Path) -> Iterator[tuple[int, str]]:
    """Yields ``(line number from 1, line without its end)`` of :func:`read_text`."""
    yield from enumerate(read_text(path).split("\n")[:-1], start=1)


def read_table(path: str | Path, fields: int | None = None) -> dict[str, str]:
    """A table as ``{key: value}`` in the file's order.

    Args:
        path: the table; its name decides what it may hold (:func:`timbre.kaldi.table_forms.form_of`).
        fields: how many fields each line has, the key included, where the name does not say; ``None`` for any
            number from 2 on, 0 where a key may stand alone.
    Raises:
        TimbreError: naming file and line, for what :func:`read_text` refuses, a line of another form, a value out
            of its range, a key twice.
    """
    rows = read_rows(path, fields)
    table = dict(rows)
    if len(table) < len(rows):
        _refuse_repeat(path, rows)
    check_values(path, table, fields)
    return table


def read_rows(path: str | Path, fields: int | None = None) -> list[tuple[str, str]]:
    """``(key, value)`` of each line of a table, repeated keys and numbers out of their range included."""
    text, form = read_text(path), form_of(Path(path).name, fields)
    rows = form.line.findall(text)
    if len(rows) < text.count("\n"):
        _refuse_line(path, text.split("\n")[:-1], form)
    return rows


def check_values(path: str | Path, table: Mapping[str, str], fields: int | None = None) -> None:
    """Refuses values out of the range that the table's name gives."""
    form = form_of(Path(path).name, fields)
    values = list(table.values()) if form.ranged else []
    if bad := form.outside(values):
        raise TimbreError(
            f"{path}: '{shown(list(table)[bad[0]])}': expected {form.wanted}, found '{values[bad[0]]}' "
            f"({len(bad)} such lines); {_mend(path)}"
        )


def read_optional(path: str | Path, fields: int | None = None) -> dict[str, str] | None:
    """:func:`read_table`, or ``None`` where there is no such file."""
    return read_table(path, fields) if Path(path).exists() else None


def write_table(
    path: str | Path, table: Mapping[str, object] | Iterable[tuple[str, object]], fields: int | None = None
) -> None:
    """Writes ``key value`` lines sorted by key in byte order (``LC_ALL=C sort``), whole or not at all.

    Raises:
        TimbreError: for what :func:`read_table` would refuse or read as something else.
    """
    rows = [(key, str(value)) for key, value in (table.items() if isinstance(table, Mapping) else table)]
    rows.sort(key=itemgetter(0))  # by code point, which is the order of UTF-8 bytes
    text, form = "".join([f"{key} {value}\n" for key, value in rows]), form_of(Path(path).name, fields)
    if form.line.findall(text) != rows or not _is_plain(text):
        _refuse_rows(path, rows, form)
    if len(written := dict(rows)) < len(rows):
        _refuse_repeat(path, rows)
    check_values(path, written)
    with atomic_write(path) as file:
        file.write(text)


def _mend(path: str | Path) -> str:
    maker = made_by(Path(Path(path).name))
    return "correct it, or make the table again" + (f": {maker}" if maker else "")


def _refuse_line(path: str | Path, lines: list[str], form: Form) -> None:
    for number, line in enumerate(lines, start=1):
        if not form.line.fullmatch(line):
            raise TimbreError(f"{path}:{number}: {problem(line, form)}; {_mend(path)}")


def _refuse_rows(path: str | Path, rows: list[tuple[str, str]], form: Form) -> None:
    for row in rows:
        line = " ".join(row)
        if "\n" not in line and not form.line.fullmatch(line):
            raise TimbreError(f"cannot write {path}: {problem(line, form)}")
        if form.line.findall(line) != [row] or not _is_plain(line):
            raise TimbreError(
                f"cannot write {path}: the key '{shown(row[0])}' with the value '{shown(row[1])}' cannot be read "
                "back; keys hold no blanks, values no line ends, no blanks at their ends and nothing but Unicode"
            )


def _is_plain(text: str) -> bool:
    """Whether :func:`read_text` would take the text; names of files may hold what is no Unicode."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\r" not in text and "\0" not in text


def _refuse_repeat(path: str | Path, rows: list[tuple[str, str]]) -> None:
    table: dict[str, str] = {}
    for number, (key, value) in enumerate(rows, start=1):
        if key in table:
            mend = "remove the wrong line, or give the two different ids"
            if table[key] == value:
                mend = f"run: {fixing(Path(path).parent)}" if keyed_by(Path(path).name) else "remove one"
            both = f"'{shown(table[key])}' and '{shown(value)}'"
            raise TimbreError(f"{path}:{number}: '{shown(key)}' stands there twice, with {both}; {mend}")
        table[key] = value
