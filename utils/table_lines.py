"""Lines of a table for the scripts here, which run on any Python: split as timbre.kaldi.text splits them."""

from __future__ import annotations

import os
import re
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

_BLANKS = re.compile(rb"[ \t]+")


def fail(what: str) -> None:
    """Ends the script with a line of the form ``<script>: error: …``."""
    sys.exit(f"{Path(sys.argv[0]).name}: error: {what}")


def run(main: Callable[[], None]) -> None:
    """Runs a script; a reader that has enough ends it in silence, a full disk with a line."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        main()
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python would try once more
        fail(f"{error.filename or 'the output'}: {error.strerror}")


def read_lines(name: str) -> Iterator[tuple[int, bytes, list[bytes]]]:
    """Yields line number, line and its fields of a file, or of the standard input (``-``).

    A byte order mark, a carriage return, a byte of value 0 and a last line without its end are refused.
    """
    file_name = "FILE" if name == "-" else shlex.quote(name)
    try:
        with sys.stdin.buffer if name == "-" else open(name, "rb") as file:
            for number, line in enumerate(file, start=1):
                if number == 1 and line.startswith(b"\xef\xbb\xbf"):
                    mend = rf"run: sed -i '1s/^\xEF\xBB\xBF//' {file_name}"
                    fail(f"{name}:1: a byte order mark before the first line; {mend}")
                if b"\r" in line:
                    fail(f"{name}:{number}: carriage return; run: sed -i 's/\\r$//' {file_name}")
                if b"\0" in line:
                    fail(f"{name}:{number}: a byte of value 0: the file is damaged or no text; make it again")
                if not line.endswith(b"\n"):
                    fail(f"{name}: the last line has no line end; is the file cut short?")
                yield number, line, [field for field in _BLANKS.split(line[:-1]) if field]
    except OSError as error:
        fail(f"{name}: {error.strerror}")


def shown(line: bytes) -> str:
    """A line for a message."""
    return line.decode(errors="replace").strip()
