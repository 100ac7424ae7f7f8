"""RIRS_NOISES (OpenSLR 28, Apache-2.0): the responses of simulated and real rooms, 16 kHz.

    <corpus>/simulated_rirs/{smallroom,mediumroom,largeroom}/Roomnnn/Roomnnn-nnnnn.wav
    <corpus>/real_rirs_isotropic_noises/{rir_list,*.wav}        --rir-id … --room-id … RIRS_NOISES/<path>

Source: Ko et al. (2017), "A Study on Data Augmentation of Reverberant Speech for Robust Speech Recognition". Of the
real rooms only responses of one channel are taken; the noises are left to MUSAN.
"""

from __future__ import annotations

from pathlib import Path

import soundfile

from timbre.corpora.rows import Row
from timbre.errors import TimbreError
from timbre.kaldi.text import read_lines

_SIZES = ("smallroom", "mediumroom", "largeroom")


def prepare(corpus: Path) -> dict[str, list[Row]]:
    """The rows of the part ``rirs``, the kind of room standing for the speaker.

    Raises:
        TimbreError: where the folder is another one, and for listed real responses that are not there.
    """
    rows = [
        Row(f"{size}-{wav.stem}", size, wav)
        for size in _SIZES
        for wav in sorted((corpus / "simulated_rirs" / size).glob("Room*/[!.]*.wav"))
    ]
    if not rows:
        raise TimbreError(f"{corpus}: no simulated_rirs/*room/Room*/*.wav there; give the folder 'RIRS_NOISES'")
    rows += [Row(f"real-{wav.stem}", "real", wav) for wav in _real(corpus) if _channels(wav) == 1]
    return {"rirs": rows}


def _real(corpus: Path) -> list[Path]:
    """The files of the list; their paths begin with the corpus's folder."""
    path = corpus / "real_rirs_isotropic_noises" / "rir_list"
    if not path.exists():
        return []
    return [corpus / line.split()[-1].partition("/")[2] for _, line in read_lines(path) if line.strip()]


def _channels(wav: Path) -> int:
    try:
        return soundfile.info(wav).channels
    except soundfile.LibsndfileError as error:
        raise TimbreError(
            f"{wav}: rir_list names it, but it cannot be read: {error}; unpack the archive again"
        ) from None
