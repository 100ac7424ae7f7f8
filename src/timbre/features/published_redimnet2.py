"""ReDimNet2's checkpoints as its authors publish them: ``<size>-<data>-<training>.pt``.

    model_config   what their class is made with: F, C, stages_setup, feat_type, spec_params …
    state_dict     weights by name; what is under ``spec.`` is the front-end's, and made anew here

The front-end is theirs: 72 log mel energies of a levelled and pre-emphasised waveform, the utterance's mean
subtracted.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from timbre.errors import TimbreError
from timbre.features import redimnet2_weights
from timbre.features.speaker_checkpoint import speaker_state, weights_of

LICENCE = "MIT"
SOURCE = "https://github.com/PalabraAI/redimnet2"

_FRONT_END = "spec."
_ONLY = {  # options beside whose value no other is known here
    "causal": ("none", False),
    "spec_in_channels": (1,),
    "block_1d_type": ("conv+att",),
    "block_2d_type": ("basic_resnet",),
    "return_2d_output": (True,),
    "fm_weigthing_type": ("NC",),
    "use_freq_pos_enc": (False,),
    "group_divisor": (1,),
    "dual_agg": (False,),
    "agg_gnorm": (True,),
    "att_dos": (None, {}),
    "pooling_func": ("ASTP",),
    "global_context_att": (True,),
    "emb_bn": (False,),
    "feat_type": ("tf", "tf_mel"),
    "pad_right_samples": (None,),
    "before_pool_offset": (None,),
    "hop_length": (160,),
}
_SPECTRUM = {"sample_rate": 16000, "n_fft": 512, "win_length": 400, "eps": 1e-8}


def likeness(checkpoint: object, file: Path) -> float:
    """How much of the encoder's weights there is, 0 to 1; 0 without ``model_config``."""
    if not isinstance(checkpoint, Mapping) or not isinstance(checkpoint.get("model_config"), Mapping):
        return 0.0
    return 0.02 + redimnet2_weights.AUTHORS.likeness(set(weights_of(checkpoint)))[0]


def convert(checkpoint: Any, file: Path) -> dict[str, Any]:
    """The state of a ``redimnet2`` encoder behind ``emphasised_mel`` frames.

    Raises:
        TimbreError: naming options of another network, and weights that are missing, unknown or of another shape.
    """
    config = checkpoint["model_config"]
    for name, known in _ONLY.items():
        if name in config and config[name] not in known:
            raise TimbreError(f"model_config: {name} {config[name]} is not known here, only {known[0]}")
    spectrum = config.get("spec_params") or {}
    if not isinstance(spectrum, Mapping):
        raise TimbreError("model_config: spec_params: expected keys and values")
    if other := [name for name, only in _SPECTRUM.items() if spectrum.get(name, only) != only]:
        raise TimbreError(f"model_config: spec_params.{other[0]} {spectrum[other[0]]} is not known here")
    family = redimnet2_weights.AUTHORS
    encoder, converted, sizes = family.encoder(weights_of(checkpoint, [_FRONT_END]))
    features = {
        "kind": "emphasised_mel",
        "resample": True,
        "num_mel_bins": sizes["bins"],
        "low_freq": spectrum.get("f_min", 20.0),
        "high_freq": spectrum.get("f_max", 7600.0),
        "level": spectrum.get("norm_signal", False),
        "emphasise": spectrum.get("do_preemph", True),
    }
    return speaker_state(family, encoder, converted, features, {"cmvn": "utterance"}, [])
