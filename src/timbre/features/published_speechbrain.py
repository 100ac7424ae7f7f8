"""SpeechBrain's models: a folder with ``hyperparams.yaml`` and ``embedding_model.ckpt``.

Of ``hyperparams.yaml`` are read, as data: ``compute_features``, ``mean_var_norm``, ``embedding_model``, and what
they refer to. Its tags (``!new:``, ``!apply:``) are never followed. Other files of the folder are not needed:
embeddings are compared as they are, so that the mean of ``mean_var_norm_emb.ckpt`` is not subtracted, and the
classifier is left out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from timbre.errors import TimbreError
from timbre.features import ecapa_weights, resnet_weights, xvector_weights
from timbre.features.foreign_yaml import ForeignYaml
from timbre.features.speaker_checkpoint import frame_bins, nearest, require_class, speaker_state, weights_of

LICENCE = "that of its publisher; SpeechBrain's own models: Apache-2.0"
SOURCE = "https://huggingface.co/speechbrain"
CONFIG = "hyperparams.yaml"

FAMILIES = [ecapa_weights.SPEECHBRAIN, xvector_weights.SPEECHBRAIN, resnet_weights.SPEECHBRAIN]
_FEATURES = {"sample_rate": 16000, "f_min": 0, "f_max": None, "n_fft": 400, "win_length": 25, "hop_length": 10}
_ONLY = {  # the values beside which others are not known here, False for all that are nothing
    "compute_features": {"deltas": False, "context": False, "filter_shape": "triangular", "requires_grad": False},
    "mean_var_norm": {"norm_type": "sentence", "mean_norm": True},
    "embedding_model": {
        "kernel_sizes": [5, 3, 3, 3, 1],
        "dilations": [1, 2, 3, 4, 1],
        "groups": [1, 1, 1, 1, 1],
        "tdnn_blocks": 5,
        "tdnn_kernel_sizes": [5, 3, 3, 1, 1],
        "tdnn_dilations": [1, 2, 3, 1, 1],
        "strides": [1, 2, 2, 2],
    },
}
_NOISE = "SpeechBrain's x-vectors differ by noise each time (1e-5 on the mean of frames); here it is its mean"


def likeness(checkpoint: object, file: Path) -> float:
    """How much of an encoder's weights there is, 0 to 1, and a little more with a configuration beside them."""
    return nearest(FAMILIES, weights_of(checkpoint))[1] + (0.01 if (file.parent / CONFIG).is_file() else -0.01)


def convert(checkpoint: Any, file: Path) -> dict[str, Any]:
    """The state of an encoder behind ``mel_decibels`` frames.

    Raises:
        TimbreError: naming weights that are missing, unknown or of another shape, and keys of the configuration
            with values that are not known here.
    """
    family, _ = nearest(FAMILIES, weights := weights_of(checkpoint))
    encoder, converted, sizes = family.encoder(weights)
    notes, config = [_NOISE] if encoder["kind"] == "xvector" else [], file.parent / CONFIG
    args, normed, bins = dict(_FEATURES), False, None
    if not config.is_file():
        notes.append(f"no {CONFIG} beside it: the front-end is assumed to be SpeechBrain's own, of 16 kHz")
    else:
        values = ForeignYaml(config)
        require_class(family, values.tag("embedding_model"), f"{CONFIG}: embedding_model")
        parts = {name: _part(values, name) for name in _ONLY}
        args |= {name: value for name, value in parts["compute_features"].items() if name in _FEATURES}
        bins = parts["compute_features"].get("n_mels", 40)
        normed = parts["mean_var_norm"].get("std_norm", True) is not False
    if not isinstance(rate := args["sample_rate"], int) or args["n_fft"] != rate * 0.001 * args["win_length"]:
        raise TimbreError(f"{CONFIG}: n_fft {args['n_fft']} is not known here, only the samples of win_length")
    features = {
        "kind": "mel_decibels",
        "sample_rate": rate,
        "resample": True,
        "num_mel_bins": frame_bins(encoder, sizes["bins"], bins, f"{CONFIG}: n_mels"),
        "frame_length": args["win_length"],
        "frame_shift": args["hop_length"],
        "low_freq": args["f_min"],
        "high_freq": args["f_max"] or 0.0,
    }
    return speaker_state(family, encoder, converted, features, {"cmvn": "utterance", "norm_vars": normed}, notes)


def _part(values: ForeignYaml, name: str) -> dict[str, Any]:
    """What is constructed there, as data, if it is known here."""
    part = values.section(name)
    for key, only in _ONLY[name].items():
        if key in part and part[key] != only:
            raise TimbreError(f"{CONFIG}: {name}.{key} {part[key]} is not known here, only {only}")
    return part
