"""MUSAN (OpenSLR 17, CC BY 4.0): music, noise and speech to add to training speech, 109 h, 16 kHz.

    <corpus>/{music,noise,speech}/<source>/<part>-<source>-nnnn.wav

Source: Snyder, Chen & Povey (2015), "MUSAN: A Music, Speech, and Noise Corpus", arXiv 1510.08484.
"""

from __future__ import annotations

from pathlib import Path

from timbre.corpora.rows import Row
from timbre.errors import TimbreError

EXPECTED = {"music": (660, 1), "noise": (930, 1), "speech": (426, 1)}  # files; the kind stands for the speaker


def prepare(corpus: Path) -> dict[str, list[Row]]:
    """The rows of the three parts.

    Raises:
        TimbreError: where the folder is another one, and for a file named otherwise.
    """
    parts = {}
    for part in EXPECTED:
        wavs = sorted((corpus / part).glob("*/[!.]*.wav"))
        if not wavs:
            raise TimbreError(f"{corpus}: no {part}/*/*.wav there; give the folder 'musan' of MUSAN")
        parts[part] = [Row(wav.stem, part, wav) for wav in wavs]
    return parts
