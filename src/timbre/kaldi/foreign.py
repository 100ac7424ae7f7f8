"""Containers of audio that are not read here, known by their first bytes, so that they can be named."""

from __future__ import annotations

from timbre.errors import AudioError

# Where the bytes stand, the bytes, the container's name.
_MAGIC = (
    (4, b"ftyp", "MPEG-4 (m4a, mp4, mov)"),
    (0, b"\x1a\x45\xdf\xa3", "Matroska (mkv, webm)"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media (wma, asf)"),
    (0, b"#!AMR", "AMR"),
    (0, b"\xff\xf0", "AAC"),
    (0, b"\xff\xf1", "AAC"),
    (0, b"\xff\xf8", "AAC"),
    (0, b"\xff\xf9", "AAC"),
    (8, b"AVI ", "AVI"),
    (0, b"FLV", "Flash video"),
    (0, b"Creative Voice File", "VOC"),
    (0, b"wvpk", "WavPack"),
    (0, b"MAC ", "Monkey's Audio"),
    (0, b"MATLAB", "MAT"),
    (0, b"ajkg", "shorten"),
    (8, b"8SVX", "IFF 8SVX"),
)
DEMUXERS = {
    "MPEG-4 (m4a, mp4, mov)": "mov",
    "Matroska (mkv, webm)": "matroska",
    "Windows Media (wma, asf)": "asf",
    "AMR": "amr",
    "AAC": "aac",
    "AVI": "avi",
    "Flash video": "flv",
    "VOC": "voc",
    "WavPack": "wv",
    "Monkey's Audio": "ape",
    "IFF 8SVX": "iff",
}
"""Those that the program ffmpeg reads, with its names for them."""


class ForeignError(AudioError):
    """Audio in a container that is not read here, and by ffmpeg is.

    Attributes:
        container: its name, a key of :data:`DEMUXERS`.
    """

    def __init__(self, container: str) -> None:
        super().__init__(f"{container} is not read")
        self.container = container


def unknown(head: bytes) -> AudioError:
    """The error for a file with these first bytes."""
    for place, magic, container in _MAGIC:
        if head[place : place + len(magic)] == magic:
            if container in DEMUXERS:
                return ForeignError(container)
            return AudioError(f"not readable as audio: {container}; convert it to wav or flac")
    return AudioError("not readable as audio: its first bytes are those of no known container")
