"""What containers of audio promise: where the samples lie, and how many bytes of them there are.

libsndfile reads as many samples as it finds and says nothing of those that are missing. So the header is read here
first, for files and for the bytes of a pipe alike. Sources: Microsoft's RIFF (1991), EBU Tech 3306 (RF64), Sony's
Wave64, Apple's AIFF-C and Core Audio Format, Sun's audio(5), RFC 9639 (FLAC), RFC 3533 (Ogg), NIST SPHERE, and
LAME's Xing/Info tag.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from timbre.errors import AudioError
from timbre.kaldi.foreign import unknown

_MOST_CHUNKS = 10_000  # before the samples; hostile headers have chunks without end
_LARGEST = 0xFFFFFFFF - 256  # bytes whose number a 32-bit field can say
# What writers into a pipe put where they do not know the size (sox, ffmpeg, gstreamer, arecord), less a header.
_UNKNOWN = (0x7F000000, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
_PAGE = 65_307  # bytes of the largest Ogg page


class Source(NamedTuple):
    """The bytes of a file or pipe.

    Attributes:
        size: how many there are.
        head: the first of them.
        read: ``(place, count)`` → those from a place on, fewer at the end.
    """

    size: int
    head: bytes
    read: Callable[[int, int], bytes]

    def at(self, place: int, count: int) -> bytes:
        if place + count <= len(self.head):
            return self.head[place : place + count]
        return self.read(place, count) if place < self.size else b""


class Promise(NamedTuple):
    """What a header says of the samples.

    Attributes:
        container: its name.
        size: bytes of samples, all of them there; ``None`` where the header does not count bytes.
        counted: whether the number of samples that libsndfile finds in the header is to be relied upon.
        mend: ``(place, bytes)`` that make the header of a stream, which says no size, say the true one.
        samples: of a codec of blocks, how many are meant, the padding of the last block excepted; 0 if not said.
    """

    container: str
    size: int | None = None
    counted: bool = True
    mend: tuple[int, bytes] | None = None
    samples: int = 0


def promised(source: Source) -> Promise:
    """Reads the header.

    Raises:
        AudioError: samples are missing, the header leads nowhere, or the container is none of those known here.
    """
    head = source.head
    read = _CONTAINERS.get(head[:4])
    if read is not None:
        return read(source)
    if head[:3] == b"ID3":
        start = 10 + sum((byte & 127) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=False))
        beyond = source.at(start, 4)
        return _flac(source, start) if beyond == b"fLaC" else _mp3(source, start)
    if head[:1] == b"\xff" and _is_mp3(head):
        return _mp3(source, 0)
    raise unknown(head)


class _Form(NamedTuple):
    """How chunks are written: name and size, then contents up to a multiple of ``align`` bytes.

    Attributes:
        counted: bytes of the header that the size counts too.
    """

    header: struct.Struct
    align: int = 2
    counted: int = 0


_LITTLE, _BIG = _Form(struct.Struct("<4sI")), _Form(struct.Struct(">4sI"))
_WAVE64, _CORE = _Form(struct.Struct("<16sQ"), 8, 24), _Form(struct.Struct(">4sq"), 1)


def _chunks(source: Source, place: int, form: _Form) -> Iterator[tuple[bytes, int, int]]:
    """``(name, where its contents begin, their size)`` of each chunk."""
    for _ in range(_MOST_CHUNKS):
        found = source.at(place, form.header.size)
        if len(found) < form.header.size:
            raise AudioError("truncated: it ends before its samples")
        name, size = form.header.unpack(found)
        start, size = place + form.header.size, size - form.counted
        yield name, start, size
        if size < 0:
            raise AudioError(f"its header is damaged: the chunk at byte {place} has the size {size}")
        place = start + size + -size % form.align
    raise AudioError(f"its header is damaged: no samples among the first {_MOST_CHUNKS:,} chunks")


def _stated(
    source: Source, name: str, start: int, size: int, field: tuple[int, str, int], form: _Form | None = None
) -> Promise:
    """The promise of ``size`` bytes of samples from ``start`` on.

    Args:
        field: where the size stands in the header, the form in which it does, and what it counts beside samples.
        form: of the chunks that may follow.
    """
    there = max(source.size - start, 0)
    if size == there:
        return Promise(name, size)
    unknown = any(abs(size - value) <= 256 for value in _UNKNOWN)
    if (size <= 0 or unknown) and not _ends_at(source, start + max(size, 0), form):
        place, written, beside = field
        if there + beside > _LARGEST and written[-1] == "I":
            raise AudioError(f"{name} of a stream, larger than 4 GB: its header cannot say so; convert it to flac")
        return Promise(name, there, mend=(place, struct.pack(written, there + beside)))
    if there < size:
        raise AudioError(f"truncated: {there} of {size} bytes of samples are there")
    return Promise(name, size)


def _ends_at(source: Source, place: int, form: _Form | None) -> bool:
    """Whether samples may end at ``place``: it is the file's end, or chunks follow that lead there."""
    if form is None or place >= source.size - 1:
        return source.size - 1 <= place <= source.size
    try:
        for name, start, size in _chunks(source, place + -place % form.align, form):
            if not name[:4].decode("ascii").isprintable() or start + size > source.size:
                return False
            if start + size + form.align > source.size:
                return True
    except (AudioError, UnicodeDecodeError):
        pass
    return False


def _riff(source: Source) -> Promise:
    _require(source, 8, (b"WAVE",))
    order, form = ("<I", _LITTLE) if source.head[3:4] == b"F" else (">I", _BIG)
    samples = 0
    for name, start, size in _chunks(source, 12, form):
        if name == b"fact":
            samples = struct.unpack(order, source.at(start, 4).ljust(4, b"\0"))[0]
        if name == b"data":
            said = _stated(source, source.head[:4].decode(), start, size, (start - 4, order, 0), form)
            return said._replace(samples=samples)
    raise AssertionError


def _rf64(source: Source) -> Promise:
    _require(source, 8, (b"WAVE",))
    large: int | None = None
    for name, start, size in _chunks(source, 12, _LITTLE):
        if name == b"ds64":
            place = start + 8
            large = int.from_bytes(source.at(place, 8), "little")
        elif name == b"data":
            if size != 0xFFFFFFFF:
                return _stated(source, "RF64", start, size, (start - 4, "<I", 0), _LITTLE)
            if large is None:
                raise AudioError("its header is damaged: no 'ds64' chunk before the samples")
            return _stated(source, "RF64", start, large, (place, "<Q", 0), _LITTLE)
    raise AssertionError


def _w64(source: Source) -> Promise:
    for name, start, size in _chunks(source, 40, _WAVE64):
        if name[:4] == b"data":
            return _stated(source, "W64", start, size, (start - 8, "<Q", 24), _WAVE64)
    raise AssertionError


def _aiff(source: Source) -> Promise:
    _require(source, 8, (b"AIFF", b"AIFC"))
    for name, start, size in _chunks(source, 12, _BIG):
        if name == b"SSND":
            skipped = 8 + int.from_bytes(source.at(start, 4), "big")
            if skipped > max(source.size - start, 8):
                raise AudioError(f"its header is damaged: samples begin at byte {start + skipped}")
            return _stated(source, "AIFF", start + skipped, size - skipped, (start - 4, ">I", skipped), _BIG)
    raise AssertionError


def _au(source: Source) -> Promise:
    order = ">" if source.head[:1] == b"." else "<"
    if len(source.head) < 24:
        raise AudioError("truncated: it ends before its samples")
    start, size = struct.unpack(f"{order}II", source.head[4:12])
    if start < 24:
        raise AudioError(f"its header is damaged: samples begin at byte {start}")
    return _stated(source, "AU", start, size, (8, f"{order}I", 0))


def _caf(source: Source) -> Promise:
    for name, start, size in _chunks(source, 8, _CORE):
        if name == b"data":  # the first four bytes of which count edits
            if size < -1:
                raise AudioError(f"its header is damaged: {size} bytes of samples")
            size = 0x7FFFFFFFFFFFFFFF if size == -1 else size - 4
            return _stated(source, "CAF", start + 4, size, (start - 8, ">q", 4), _CORE)
    raise AssertionError


def _flac(source: Source, start: int = 0) -> Promise:
    """The 36 bits that count samples are 0 in a stream."""
    count = int.from_bytes(source.at(start + 21, 5), "big") & 0xFFFFFFFFF
    return Promise("FLAC", counted=count > 0)


def _ogg(source: Source) -> Promise:
    """The last page is marked, and whole."""
    tail = source.at(max(source.size - _PAGE, 0), _PAGE)
    place = tail.rfind(b"OggS\0")
    if place < 0 or len(tail) < place + 27:
        raise AudioError("truncated: it does not end with a whole Ogg page")
    segments = tail[place + 27 : place + 27 + tail[place + 26]]
    if not tail[place + 5] & 4 or len(tail) < place + 27 + tail[place + 26] + sum(segments):
        raise AudioError("truncated: the last page, which ends the stream, is missing or not whole")
    return Promise("Ogg")


def _is_mp3(head: bytes) -> bool:
    """A frame's header: 11 bits set, and no reserved version, layer, bit rate or sampling rate."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    return bool(head[1] & 0x18 != 0x08 and head[1] & 0x06 and head[2] & 0xF0 != 0xF0 and head[2] & 0x0C != 0x0C)


def _mp3(source: Source, start: int) -> Promise:
    """The first frame may hold a tag Xing, Info or VBRI, which counts frames; otherwise nothing is promised."""
    frame = source.at(start, 200)
    if not _is_mp3(frame):
        raise unknown(frame)
    alone, first = frame[3] >> 6 == 3, frame[1] & 0x08
    tag = 4 + ((17 if alone else 32) if first else (9 if alone else 17))  # side information lies between
    found = frame[tag : tag + 8]
    counted = found[:4] in (b"Xing", b"Info") and len(found) == 8 and bool(found[7] & 1)
    return Promise("mp3", counted=counted)


def _nist(source: Source) -> Promise:
    try:
        start = int(source.head[8:16])
        lines = [line.split(None, 2) for line in source.at(0, min(start, 65_536)).decode("latin-1").splitlines()]
        values = {fields[0]: fields[2] for fields in lines if len(fields) == 3}
        numbers = [int(values.get(name, 1)) for name in ("sample_count", "channel_count", "sample_n_bytes")]
    except ValueError:
        raise AudioError("its NIST header is damaged: a size that is no number") from None
    if "sample_count" not in values or min(numbers) < 1 or start < 16:
        raise AudioError("its NIST header is damaged: sample_count, channel_count or sample_n_bytes")
    coding = values.get("sample_coding", "pcm")
    if "embedded" in coding:
        raise AudioError(f"NIST audio compressed as {coding}; convert it with sph2pipe")
    size, there = numbers[0] * numbers[1] * numbers[2], max(source.size - start, 0)
    if there < size:
        raise AudioError(f"truncated: {there} of {size} bytes of samples are there")
    return Promise("NIST", size)


def _require(source: Source, place: int, names: tuple[bytes, ...]) -> None:
    if source.head[place : place + 4] not in names:
        raise unknown(source.head)


_CONTAINERS: dict[bytes, Callable[[Source], Promise]] = {
    b"RIFF": _riff,
    b"RIFX": _riff,
    b"RF64": _rf64,
    b"riff": _w64,
    b"FORM": _aiff,
    b".snd": _au,
    b"dns.": _au,
    b"caff": _caf,
    b"fLaC": _flac,
    b"OggS": _ogg,
    b"NIST": _nist,
}
