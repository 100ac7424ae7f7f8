"""3D-Speaker's checkpoints: a file ``*.ckpt``, ``*.bin`` or ``*.pt`` with the encoder's state dict.

The front-end is not in it. 3D-Speaker's own: Kaldi's 80 log mel energies of samples in [-1, 1), whose softest
sounds lie at the logarithm's floor, Povey window, no dither, the utterance's mean subtracted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from timbre.features import campplus_weights, ecapa_weights, eres2net_v2_weights, resnet_weights, xvector_weights
from timbre.features.speaker_checkpoint import frame_bins, nearest, speaker_state, weights_of

LICENCE = "that of its publisher; 3D-Speaker's own models: Apache-2.0"
SOURCE = "https://github.com/modelscope/3D-Speaker"
FAMILIES = [
    ecapa_weights.THREE_D_SPEAKER,
    campplus_weights.THREE_D_SPEAKER,
    eres2net_v2_weights.THREE_D_SPEAKER,
    resnet_weights.THREE_D_SPEAKER,
    xvector_weights.THREE_D_SPEAKER,
]

_OTHERS = {"ecapa_tdnn": "SpeechBrain has hyperparams.yaml", "campplus": "WeSpeaker has config.yaml"}
_OTHERS["resnet"] = _OTHERS["campplus"]
"""Toolkits that write the same weights, and what tells these."""


def likeness(checkpoint: object, file: Path) -> float:
    """How much of an encoder's weights there is, 0 to 1."""
    return nearest(FAMILIES, weights_of(checkpoint))[1]


def convert(checkpoint: Any, file: Path) -> dict[str, Any]:
    """The state of an encoder behind ``fbank`` frames.

    Raises:
        TimbreError: naming weights that are missing, unknown or of another shape.
    """
    weights = weights_of(checkpoint)
    family, _ = nearest(FAMILIES, weights)
    encoder, converted, sizes = family.encoder(weights)
    features = {"kind": "fbank", "resample": True, "scale": "unit"}
    features["num_mel_bins"] = frame_bins(encoder, sizes["bins"])
    note = "the front-end is assumed to be 3D-Speaker's own, fbank of 16 kHz and samples in [-1, 1)"
    if encoder["kind"] in _OTHERS:
        note += f" (a model of {_OTHERS[encoder['kind']]} beside it)"
    return speaker_state(family, encoder, converted, features, {"cmvn": "utterance"}, [note])
