"""Audio inside a page: small players of utterances, as data of the page itself.

Opus in Ogg is written, 2 to 5 kB a second of speech; browsers play it (Safari from 18.4 on). It knows a few
rates, and other audio is resampled to the next lower one.
"""

from __future__ import annotations

import base64
import io

import numpy as np
import soundfile
from markupsafe import Markup

from timbre.errors import TimbreError
from timbre.kaldi.audio import resample
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.excerpts import load_part
from timbre.kaldi.rxfile import is_command

LIMIT = 5_000_000
"""Characters of all the audio of a page."""
LONGEST = 10.0
"""In s: so much of an utterance is played, its beginning."""
_RATES = (8_000, 12_000, 16_000, 24_000)


class Players:
    """Players of one page; what does not fit into ``limit`` has none, and is counted in ``left_out``."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit, self.used, self.left_out = limit, 0, 0
        self._data: dict[str, DataDir] = {}

    def player(self, data: str, name: str, enrol: bool = False) -> Markup:
        """The ``<audio>`` of an utterance, or of a model's first one (``enrol``); empty where it is left out.

        Raises:
            TimbreError: for audio that cannot be read, and commands of a ``wav.scp``, which are not run.
        """
        directory = self._data.setdefault(data, DataDir(data))
        utterance = _first_utterance(directory, name, enrol)
        source = f"data:audio/ogg;base64,{base64.b64encode(_clip(directory, utterance)).decode()}"
        if self.used + len(source) > self.limit:
            self.left_out += 1
            return Markup("")
        self.used += len(source)
        return Markup('<audio controls preload="none" aria-label="{}" src="{}"></audio>').format(utterance, source)


def _first_utterance(data: DataDir, name: str, enrol: bool) -> str:
    """What a trial's name is heard by; models come first on the side of the enrolment, as in scoring."""
    if enrol and data.has("enrol") and name in data.models:
        return data.models[name][0]
    return name if name in data.utt2spk else data.models[name][0]


def _clip(data: DataDir, utterance: str) -> bytes:
    """The beginning of an utterance as Ogg Opus."""
    recording, start, end = utterance, 0.0, LONGEST
    if data.has("segments"):
        recording, start, end = data.segment(utterance)
        end = min(end, start + LONGEST)
    scp = data.path / "wav.scp"
    path = data.table("wav.scp").get(recording)
    if path is None:
        raise TimbreError(f"{scp}: lacks '{recording}'; a report with --audio true needs the audio")
    if is_command(path):
        raise TimbreError(
            f"{scp}: '{path}' is a command, which a report does not run; write it to a file, or leave --audio away"
        )
    return encode(*load_part(path, start, end))


def encode(samples: np.ndarray, rate: int) -> bytes:
    """Samples (N,) in [-1, 1) as Ogg Opus, at most at 24 kHz."""
    wanted = max((known for known in _RATES if known <= rate), default=_RATES[0])
    made = io.BytesIO()
    soundfile.write(made, resample(samples, rate, wanted), wanted, format="OGG", subtype="OPUS")
    return made.getvalue()
