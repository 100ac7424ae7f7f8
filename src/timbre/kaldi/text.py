"""Kaldi's text tables (``utt2spk``, ``wav.scp``, ``trials`` …): one line a key, strictly read.

    <key> <value, the rest of the line>

A file that Kaldi's tools would misread is refused by name and line: CRLF, bytes that are not UTF-8,
a key without a value, a key twice, a last line without its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from timbre.errors import TimbreError
from timbre.kaldi.atomic import atomic_write


def read_text(path: str | Path) -> str:
    """A whole text file; refuses CRLF, non-UTF-8, a missing last line end."""
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise TimbreError(f"{path}: no such file") from None
    except OSError as error:
        raise TimbreError(f"{path}: cannot be read: {error.strerror}") from error
    if b"\r" in data:
        line = data[: data.index(b"\r")].count(b"\n") + 1
        raise TimbreError(f"{path}:{line}: carriage return (CRLF line ends?); run: sed -i 's/\\r$//' {path}")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise TimbreError(f"{path}:{line}: not UTF-8; convert it with iconv -t UTF-8") from None
    if text and not text.endswith("\n"):
        raise TimbreError(f"{path}: the last line has no line end; is the file cut short?")
    return text


def read_lines(path: str | Path) -> Iterator[tuple[int, str]]:
    """Yields ``(line number from 1, line without its end)`` of :func:`read_text`."""
    yield from enumerate(read_text(path).split("\n")[:-1], start=1)


def read_table(path: str | Path, fields: int | None = None) -> dict[str, str]:
    """A table as ``{key: value}`` in the file's order.

    Args:
        path: the table.
        fields: how many fields each line has, the key included; ``None`` for any number from 2 on.
    Raises:
        TimbreError: naming file and line, for what :func:`read_lines` refuses, a wrong number of fields,
            a key twice.
    """
    table: dict[str, str] = {}
    for number, line in read_lines(path):
        key, _, value = line.strip().partition(" ") if "\t" not in line else line.strip().partition("\t")
        value = value.strip()
        found = 1 + len(value.split())
        if not key or not value or (fields is not None and found != fields):
            wanted = f"{fields} fields" if fields else "a key and a value"
            hint = "; ids cannot hold spaces" if fields and found > fields else ""
            raise TimbreError(f"{path}:{number}: expected {wanted}, found '{line}'{hint}")
        if key in table:
            raise TimbreError(f"{path}:{number}: '{key}' stands there twice")
        table[key] = value
    return table


def read_optional(path: str | Path, fields: int | None = None) -> dict[str, str] | None:
    """:func:`read_table`, or ``None`` where there is no such file."""
    return read_table(path, fields) if Path(path).exists() else None


def write_table(path: str | Path, table: Mapping[str, object] | Iterable[tuple[str, object]]) -> None:
    """Writes ``key value`` lines sorted by key in byte order (``LC_ALL=C sort``), whole or not at all."""
    rows = table.items() if isinstance(table, Mapping) else table
    with atomic_write(path) as file:
        file.writelines(f"{key} {value}\n" for key, value in sorted(rows, key=lambda row: row[0].encode()))
