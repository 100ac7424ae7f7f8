"""Frames that came with their corpus, as tensors in ``.pt`` files; no waveform of them is known.

The data directory has ``given.scp`` (``<utterance> <file>``) in the place of ``wav.scp``, and may have
``utt2mel_len``, the frames that the corpus promises of each utterance.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from pydantic import Field, PositiveFloat

from timbre.errors import TimbreError
from timbre.features.frames import StorageConf, digest, no_waveforms
from timbre.features.tensors import load_tensors
from timbre.kaldi.datadir import DataDir


class Conf(StorageConf):
    """What is known of the frames."""

    kind: Literal["given"] = "given"
    dim: int = Field(40, ge=1, le=100_000, description="values of a frame, the columns of the tensors")
    frame_shift: PositiveFloat = Field(
        10.0, description="ms, an assumption of yours: the tensors do not say it, and only durations depend on it"
    )


class Extractor:
    """Knows the dimension, and refuses waveforms."""

    def __init__(self, conf: Conf) -> None:
        self.conf = conf
        self.dim = conf.dim

    def __call__(self, samples: torch.Tensor) -> torch.Tensor:
        raise no_waveforms(self.conf, "samples cannot be turned into")


class Source:
    """The frames of a data directory's utterances, in the place of those computed from waveforms."""

    def __init__(self, data: DataDir, conf: Conf) -> None:
        """Raises:
        TimbreError: where copies at other speeds are asked for; frames cannot be played faster.
        """
        if data.has("utt2speed"):
            raise no_waveforms(conf, f"{data.path}/utt2speed: no other speeds can be had of")
        self._conf, self._files = conf, data.table("given.scp")
        self._promised = data.numbers("utt2mel_len") if data.has("utt2mel_len") else {}
        self.utterances = list(self._files)

    def read(self, utterance: str) -> tuple[np.ndarray, dict[str, str]]:
        """An utterance's frames ``(T, dim)`` float32, its seconds (``utt2dur``) and a hash of them (``utt2audio``).

        Raises:
            TimbreError: for a file that cannot be read, and a tensor that is not the frames that were promised.
        """
        file = self._files[utterance]
        frames = load_tensors(file)
        problem = self._problem(frames, self._promised.get(utterance))
        if problem:
            raise TimbreError(f"{utterance}: {file}: {problem}")
        array = frames.detach().to(torch.float32).numpy()
        if not np.isfinite(array).all():
            row, column = np.argwhere(~np.isfinite(array))[0]
            raise TimbreError(f"{utterance}: {file}: frame {row}, value {column} is not a finite float32 number")
        return array, {
            "utt2dur": f"{len(array) * self._conf.frame_shift * 1e-3:.4f}",
            "utt2audio": digest(array),
        }

    def _problem(self, found: object, promised: float | None) -> str:
        if not isinstance(found, torch.Tensor):
            return f"holds no tensor but {type(found).__name__}"
        if not found.is_floating_point():
            return f"expected floating-point numbers, found {found.dtype}"
        if found.ndim != 2 or found.shape[1] != self._conf.dim or len(found) == 0:
            return (
                f"expected frames (T, {self._conf.dim}), found a tensor {tuple(found.shape)}; features.dim is the "
                "number of columns"
            )
        if promised is not None and len(found) != promised:
            return f"{len(found)} frames, and utt2mel_len says {promised}; was the file cut short?"
        return ""
