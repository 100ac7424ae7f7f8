"""WeSpeaker's checkpoints: ``avg_model.pt`` or ``model_<n>.pt``, with ``config.yaml`` or ``train.yaml`` beside it.

The file is a state dict. ``projection.*`` is the classifier's, and left out. The front-end is not in it: Kaldi's 80
log mel energies of samples in 16-bit range, Hamming window, no dither, the utterance's mean subtracted. Of the
configuration are read: ``model`` (the class), ``dataset_args`` (``fbank_args``, ``resample_rate``, ``frontend``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from timbre.errors import TimbreError
from timbre.features import campplus_weights, ecapa_weights, redimnet2_weights, resnet_weights, xvector_weights
from timbre.features.foreign_yaml import ForeignYaml
from timbre.features.speaker_checkpoint import (
    first_file,
    frame_bins,
    nearest,
    require_class,
    speaker_state,
    weights_of,
)

LICENCE = "that of its publisher; WeSpeaker's own models: CC BY 4.0 of the VoxCeleb data"
SOURCE = "https://github.com/wenet-e2e/wespeaker/blob/master/docs/pretrained.md"
CONFIGS = ("config.yaml", "train.yaml")

FAMILIES = [
    ecapa_weights.WESPEAKER,
    xvector_weights.WESPEAKER,
    resnet_weights.WESPEAKER_BOTTLENECK,
    resnet_weights.WESPEAKER,
    campplus_weights.WESPEAKER,
    redimnet2_weights.WESPEAKER,
]
_OF_TRAINING = ("projection.",)


def likeness(checkpoint: object, file: Path) -> float:
    """How much of an encoder's weights there is, 0 to 1, more with what tells them from 3D-Speaker's."""
    weights = weights_of(checkpoint)
    own = any(name.startswith(_OF_TRAINING) for name in weights) or first_file(file.parent, CONFIGS) is not None
    return nearest(FAMILIES, weights)[1] + (0.01 if own else -0.01)


def convert(checkpoint: Any, file: Path) -> dict[str, Any]:
    """The state of an encoder behind ``fbank`` frames.

    Raises:
        TimbreError: naming weights that are missing, unknown or of another shape, and what does not fit them.
    """
    weights = weights_of(checkpoint, _OF_TRAINING)
    family, _ = nearest(FAMILIES, weights)
    encoder, converted, sizes = family.encoder(weights)
    notes, args, rate, where, config = [], {}, 16000, "", first_file(file.parent, CONFIGS)
    if config is None:
        notes.append(
            f"no {' or '.join(CONFIGS)} beside it: the front-end is assumed to be WeSpeaker's own, fbank of "
            "16 kHz with a Hamming window"
        )
    else:
        values, where = ForeignYaml(config), config.name
        require_class(family, values.get("model"), f"{where}: model")
        keys = ("frontend", "fbank_args", "feature_args", "resample_rate")
        data = {key: values.get(key) for key in keys if key in values} | values.section("dataset_args")
        if (front := data.get("frontend", "fbank")) != "fbank":
            raise TimbreError(f"{where}: frontend {front} is not known here, only fbank")
        args = data.get("fbank_args") or data.get("feature_args") or {}
        if not isinstance(args, dict):
            raise TimbreError(f"{where}: fbank_args: expected keys and values")
        rate = data.get("resample_rate", rate)
    features = {
        "kind": "fbank",
        "sample_rate": rate,
        "resample": True,
        "num_mel_bins": frame_bins(encoder, sizes["bins"], args.get("num_mel_bins"), f"{where}: num_mel_bins"),
        "frame_length": args.get("frame_length", 25.0),
        "frame_shift": args.get("frame_shift", 10.0),
        "window_type": "hamming",
    }
    return speaker_state(family, encoder, converted, features, {"cmvn": "utterance"}, notes)
