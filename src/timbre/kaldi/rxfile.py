"""Kaldi's rxfiles, the values of an scp: a file, with an offset in an ark, and a range of rows and columns."""

from __future__ import annotations

import re

from timbre.errors import TimbreError

_RXFILE = re.compile(r"^(?P<path>.+?)(?::(?P<offset>\d+))?(?:\[(?P<range>[\d:,]+)\])?$")


def is_command(rxfile: str) -> bool:
    """Whether it is a command whose output is read, ``sph2pipe … |``."""
    return rxfile.rstrip().endswith("|")


def parse_rxfile(rxfile: str) -> re.Match:
    """The parts ``path``, ``offset`` and ``range`` (``None`` where there is none) of ``a.ark:123[0:4]``.

    Raises:
        TimbreError: for a command.
    """
    match = _RXFILE.match(rxfile)
    if is_command(rxfile) or not match:
        raise TimbreError(f"{rxfile}: not an ark file and offset (commands are not run here)")
    return match
