"""What a table may hold: ids, numbers with their ranges, how many fields. Every reader and writer asks here.

    <key> <value, the rest of the line>

ASCII blanks (space, tab) separate the fields. A value keeps the blanks inside it; those at the ends of the line do
not count. Ids of data directories become names of files and words of commands: they hold no path part and begin
with no hyphen.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import re
import unicodedata
from collections.abc import Callable, Sequence

from timbre.kaldi.layout import keyed_by

SPEEDS = (0.1, 10.0)
"""The least and the largest factor at which speech is played (``utt2speed``)."""

# No program shows these, or programs differ on whether they separate: control characters, the blanks that are not
# ASCII, the byte order mark.
_HIDDEN = r"\0-\x08\x0b-\x1f\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ud800-\udfff\ufeff"
_SIGNS = r"!-*,/:-@\[-^`{-~"  # ASCII's but for + - . and _
_KEY = rf"[^ \t\n{_HIDDEN}]+"
_ID = rf"(?!\.\.?(?:[ \t\n]|\Z))[^ \t\n{_HIDDEN}/-][^ \t\n{_HIDDEN}/]*"
_WORD = r"[^ \t\n]+"
_REST = r"[^ \t\n](?:[^\n]*[^ \t\n])?"
_BLANKS = r"[ \t]+"
_SIZE = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_NUMBER = rf"[+-]?{_SIZE}"
_SEGMENT = rf"{_ID}{_BLANKS}{_SIZE}{_BLANKS}(?:-1(?:\.0*)?|{_SIZE})"


@dataclasses.dataclass(frozen=True)
class Form:
    """The form of a table's lines.

    Attributes:
        key, value: regular expressions of the two parts of a line.
        wanted: the value in words.
        fields: how many a line has, the key included; ``None`` for any number from 2 on, 0 from 1 on.
        number: the type of the value, if it is a number.
        inside: whether such a number is in its range.
    """

    key: str = _KEY
    value: str = _REST
    wanted: str = ""
    fields: int | None = None
    number: type[int] | type[float] | None = None
    inside: Callable[[float], bool] = math.isfinite

    @functools.cached_property
    def line(self) -> re.Pattern[str]:
        """A line as it is read; its groups are key and value."""
        if not self.may_be_empty:
            return re.compile(rf"^[ \t]*({self.key}){_BLANKS}({self.value})[ \t]*$", re.MULTILINE)
        return re.compile(rf"^[ \t]*({self.key})(?:{_BLANKS}({self.value}))?[ \t]*$", re.MULTILINE)

    @property
    def may_be_empty(self) -> bool:
        """Whether a key may stand alone."""
        return self.fields == 0

    @property
    def ranged(self) -> bool:
        """Whether values have a range."""
        return self.number is not None or self.value == _SEGMENT

    def outside(self, values: Sequence[str]) -> list[int]:
        """The indices of the values that are out of their range."""
        if self.value == _SEGMENT:
            return _bad_segments(values)
        if self.number is None or not values:
            return []
        numbers = list(map(float, values))
        if self.inside(min(numbers)) and self.inside(max(numbers)):  # ranges are intervals
            return []
        return [i for i, value in enumerate(values) if not self.inside(float(value))]


def _above_zero(number: float) -> bool:
    return 0 < number < math.inf


def _warps(number: float) -> bool:
    return 0.5 < number < 1.5


def _plays(number: float) -> bool:
    return SPEEDS[0] <= number <= SPEEDS[1]


_DURATION = Form(_ID, _NUMBER, "a number above 0", 2, float, _above_zero)
_COUNT = Form(_ID, "[0-9]+", "a whole number above 0", 2, int, _above_zero)
_WARP = Form(_ID, _NUMBER, "a number between 0.5 and 1.5", 2, float, _warps)
_NAME = Form(_ID, _ID, "an id", 2)
_NAMES = Form(_ID, rf"{_ID}(?:{_BLANKS}{_ID})*", "ids")
_FORMS = {
    "utt2spk": _NAME,
    "utt2lang": _NAME,
    "utt2uniq": _NAME,
    "spk2utt": _NAMES,
    "enrol": _NAMES,
    "spk2gender": Form(_ID, "[fm]", "m or f", 2),
    "utt2dur": _DURATION,
    "reco2dur": _DURATION,
    "utt2num_frames": _COUNT,
    "utt2mel_len": _COUNT,
    "num_utts.ark": dataclasses.replace(_COUNT, key=_KEY),
    "utt2level": Form(_ID, _NUMBER, "a number", 2, float),
    "utt2speed": Form(_ID, _NUMBER, f"a number between {SPEEDS[0]:g} and {SPEEDS[1]:g}", 2, float, _plays),
    "utt2warp": _WARP,
    "spk2warp": _WARP,
    "utt2audio": Form(_ID, _WORD, "a hash", 2),
    "segments": Form(_ID, _SEGMENT, "<recording> <start> <end>, 0 <= start < end in seconds (or end -1)", 4),
    "reco2file_and_channel": Form(_ID, rf"{_WORD}{_BLANKS}{_WORD}", "<file> <channel>", 3),
    "text": Form(_ID, fields=0),
}
_ANY, _KEYED = Form(), Form(_ID)


@functools.lru_cache(maxsize=256)
def form_of(name: str, fields: int | None = None) -> Form:
    """The form of the lines of a table by its file's name; ``fields`` of a table that has no form of its own."""
    form = _FORMS.get("utt2num_frames" if name.startswith("utt2num_frames_") else name)
    if form is None:
        form = _KEYED if keyed_by(name) else _ANY
        if fields is not None:
            value = _BLANKS.join([_WORD] * (fields - 1)) or _REST
            form = dataclasses.replace(form, value=value, fields=fields)
    return form


def words(value: str) -> list[str]:
    """The fields of a value."""
    return list(filter(None, value.replace("\t", " ").split(" ")))


def is_key(name: str) -> bool:
    """Whether a name could be a key of any table: no blanks and no control characters."""
    return re.fullmatch(_KEY, name) is not None


def as_key(text: str) -> str:
    """A text of people's as a key: blanks, signs that shells know and what no program shows become ``_``.

    So do dots alone, which name folders.
    """
    return re.sub(rf"^\.+\Z|[ \t\n{_HIDDEN}{_SIGNS}]+", "_", unicodedata.normalize("NFC", text))


def segment_of(value: str) -> tuple[str, float, float]:
    """Recording, start and end in seconds of a line of ``segments``; the end -1 is infinite."""
    recording, start, end = words(value)
    return recording, float(start), math.inf if float(end) == -1 else float(end)


def problem(line: str, form: Form) -> str:
    """Why a line is not of the form, and what to do."""
    fields = words(line)
    fewest, most = form.fields or 2 - form.may_be_empty, form.fields or math.inf
    if not fewest <= len(fields) <= most:
        wanted = f"{form.fields} fields" if form.fields else "a key" if form.may_be_empty else "a key and a value"
        hint = "; ids cannot hold spaces" if len(fields) > most else ""
        return f"expected {wanted}, found '{shown(line)}'{hint}"
    ids = [(fields[0], form.key)]
    if form.value.startswith(_ID):
        ids += [(name, _ID) for name in (fields[1:] if form is _NAMES else fields[1:2])]
    for name, pattern in ids:
        if not re.fullmatch(pattern, name):
            return f"the id '{shown(name)}' {_bad_id(name)}"
    return f"'{shown(fields[0])}': expected {form.wanted}, found '{shown(' '.join(fields[1:]))}'"


def shown(text: str) -> str:
    """Text for a message: no control characters, and not too much of it."""
    text = text if len(text) <= 200 else f"{text[:200]}…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _bad_id(name: str) -> str:
    if hidden := re.search(f"[{_HIDDEN}]", name):
        kind = "blank" if hidden[0].isspace() and ord(hidden[0]) > 0x7F else "control character"
        return f"holds the {kind} U+{ord(hidden[0]):04X}; remove it in all tables"
    if name.startswith("-"):
        return "begins with a hyphen, as options do; give it another beginning in all tables"
    return "is a path, and ids become names of files; write - for / in all tables"


def _bad_segments(values: Sequence[str]) -> list[int]:
    """The indices of the segments whose end does not lie after their start."""
    fields = " ".join(values).split()
    times = enumerate(zip(map(float, fields[1::3]), map(float, fields[2::3]), strict=True))
    return [i for i, (start, end) in times if not (start < end < math.inf or (end == -1 and start < math.inf))]
