"""WeSpeaker's checkpoints: ``avg_model.pt`` or ``model_<n>.pt``, with ``config.yaml`` or ``train.yaml`` beside it.

The file is a state dict. ``projection.*`` is the classifier's, and left out. The front-end is not in it: Kaldi's 80
log mel energies of samples in 16-bit range, Hamming window, no dither, the utterance's mean subtracted; that of
ReDimNet2 is its authors' (``frontend: tfmel``). Of the configuration are read: ``model`` (the class),
``dataset_args`` (``frontend``, ``fbank_args``, ``tfmel_args``, ``resample_rate``).
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
_OF_TRAINING, _FRONT_END = ("projection.",), "frontend."
_ASSUMED = {
    "fbank": "the front-end is assumed to be WeSpeaker's own, fbank of 16 kHz with a Hamming window",
    "tfmel": "the front-end is assumed to be tfmel of 16 kHz, as WeSpeaker's recipe of ReDimNet2 has it",
}
_TFMEL = {"hop_length": 160, "win_length": 400, "n_fft": 512, "eps": 1e-8}
"""Beside whose values no other is known here."""


def likeness(checkpoint: object, file: Path) -> float:
    """How much of an encoder's weights there is, 0 to 1, more with what tells them from 3D-Speaker's."""
    weights = weights_of(checkpoint)
    own = any(name.startswith(_OF_TRAINING) for name in weights) or first_file(file.parent, CONFIGS) is not None
    return nearest(FAMILIES, weights)[1] + (0.01 if own else -0.01)


def convert(checkpoint: Any, file: Path) -> dict[str, Any]:
    """The state of an encoder behind ``fbank`` frames, of ReDimNet2 behind ``emphasised_mel``.

    Raises:
        TimbreError: naming weights that are missing, unknown or of another shape, and what does not fit them.
    """
    weights = weights_of(checkpoint, _OF_TRAINING)
    family, _ = nearest(FAMILIES, weights)
    wanted = "tfmel" if family is redimnet2_weights.WESPEAKER else "fbank"
    notes, data, where = [], {}, ""
    if config := first_file(file.parent, CONFIGS):
        values, where = ForeignYaml(config), config.name
        require_class(family, values.get("model"), f"{where}: model")
        keys = ("frontend", "fbank_args", "feature_args", "tfmel_args", "resample_rate")
        data = {key: values.get(key) for key in keys if key in values} | values.section("dataset_args")
        if (front := data.get("frontend", "fbank")) != wanted:
            raise TimbreError(f"{where}: frontend {front} is not known here before {family.name}, only {wanted}")
    else:
        notes.append(f"no {' or '.join(CONFIGS)} beside it: {_ASSUMED[wanted]}")
    if wanted == "tfmel":
        weights = {name: value for name, value in weights.items() if not name.startswith(_FRONT_END)}
    encoder, converted, sizes = family.encoder(weights)
    if wanted == "tfmel":
        features = _tfmel(data.get("tfmel_args") or {}, sizes["bins"], where)
    else:
        args = data.get("fbank_args") or data.get("feature_args") or {}
        features = _fbank(_mapping(args, f"{where}: fbank_args"), encoder, sizes["bins"], where)
    features |= {"sample_rate": data.get("resample_rate", 16000), "resample": True}
    return speaker_state(family, encoder, converted, features, {"cmvn": "utterance"}, notes)


def _fbank(args: dict[str, Any], encoder: dict[str, Any], seen: int, where: str) -> dict[str, Any]:
    return {
        "kind": "fbank",
        "num_mel_bins": frame_bins(encoder, seen, args.get("num_mel_bins"), f"{where}: num_mel_bins"),
        "frame_length": args.get("frame_length", 25.0),
        "frame_shift": args.get("frame_shift", 10.0),
        "window_type": "hamming",
    }


def _tfmel(args: Any, bins: int, where: str) -> dict[str, Any]:
    args = _mapping(args, f"{where}: tfmel_args")
    for name, only in _TFMEL.items():
        if name in args and args[name] != only:
            raise TimbreError(f"{where}: tfmel_args.{name} {args[name]} is not known here, only {only}")
    if args and (args.get("n_mels", 80) != bins or not args.get("norm_signal", False)):
        raise TimbreError(
            f"{where}: tfmel_args: expected n_mels {bins}, as the weights have it, and norm_signal true"
        )
    return {
        "kind": "emphasised_mel",
        "num_mel_bins": bins,
        "low_freq": args.get("f_min", 20.0),
        "high_freq": args.get("f_max", 7600.0),
        "emphasise": args.get("do_preemph", True),
    }


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TimbreError(f"{where}: expected keys and values")
    return value
