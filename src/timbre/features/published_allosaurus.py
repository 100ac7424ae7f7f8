"""Published universal phone recognisers (Li et al. 2020): the file ``model.pt`` of their weights.

    blstm_layer.{weight_ih,weight_hh,bias_ih,bias_hh}_l<n>[_reverse]    a bidirectional LSTM of torch
    phone_layer.{weight,bias}                                           to 1 + P logits, the blank first
    allophone_layer_dict.…                                              of training; left out, as by its own loader

each name perhaps with ``module.`` before it. The front-end stands in another file beside it; here it is that of
``uni2005``, the model for all languages:

- the same: 8 kHz, 25/10 ms, Povey window, pre-emphasis 0.97, 40 MFCC of 40 mel filters from 40 to 3800 Hz, lifter
  22, no energy; each coefficient with mean 0 and deviation 1 over the utterance; three frames joined to 120 values,
  every third kept, the first beside the last;
- not the same: the logarithm of a band without energy, whose floor here is float32's epsilon and there float64's,
  so that digital silence lies 20 nats higher; and the filter that brings audio to 8 kHz.

The names of the phones are in a third file, and have to be given (``--inventory``); without it they are numbered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from timbre.features.checkpoint import Shape, checked
from timbre.features.mfcc import Conf

LICENCE = "GPL-3.0"
SOURCE = "https://github.com/xinjli/allosaurus"

STACK = 3
FEATURES = Conf(
    sample_rate=8000, resample=True, num_mel_bins=40, num_ceps=40, low_freq=40.0, high_freq=3800.0, use_energy=False
)
_OF_TRAINING, _WRAPPED = "allophone_layer_dict", "module."


def recognises(checkpoint: object) -> bool:
    """By the first layer and the output."""
    return isinstance(checkpoint, Mapping) and {"blstm_layer.weight_ih_l0", "phone_layer.weight"} <= {
        str(name).removeprefix(_WRAPPED) for name in checkpoint
    }


def convert(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """The state of an ``allosaurus`` encoder behind ``mfcc`` frames.

    Raises:
        TimbreError: naming weights that are missing, unknown or of another shape.
    """
    weights = {name.removeprefix(_WRAPPED): weight for name, weight in checkpoint.items()}
    weights = {name: weight for name, weight in weights.items() if not name.startswith(_OF_TRAINING)}
    layers = sum(name.startswith("blstm_layer.weight_ih_l") for name in weights) // 2
    outputs, hidden = len(weights["phone_layer.weight"]), len(weights["blstm_layer.weight_ih_l0"]) // 4
    layout = _layout(layers, hidden, outputs)
    weights = checked(weights, {name: shape for name, (_, shape) in layout.items()}, "allosaurus")
    return {
        "format": "timbre-1",
        "conf": {
            "task": "phones",
            "features": FEATURES.model_dump(mode="json"),
            "input": {"cmvn": "utterance", "norm_vars": True},
            "encoder": {
                "kind": "allosaurus",
                "layers": layers,
                "hidden": hidden,
                "stack": STACK,
                "phones": [f"phone{number}" for number in range(1, outputs)],
            },
            "loss": {"kind": "allophone_ctc"},
        },
        "classes": [],
        "backend": {},
        "encoder": {ours: weights[name] for name, (ours, _) in layout.items()},
    }


def _layout(layers: int, hidden: int, outputs: int) -> dict[str, tuple[str, Shape]]:
    """``{published name: (name here, shape)}``."""
    layout: dict[str, tuple[str, Shape]] = {
        "phone_layer.weight": ("network.phones.weight", (outputs, 2 * hidden)),
        "phone_layer.bias": ("network.phones.bias", (outputs,)),
    }
    for layer in range(layers):
        inputs = 2 * hidden if layer else STACK * FEATURES.num_ceps
        shapes = {"weight_ih": (4 * hidden, inputs), "weight_hh": (4 * hidden, hidden)}
        shapes |= dict.fromkeys(("bias_ih", "bias_hh"), (4 * hidden,))
        for direction in ("", "_reverse"):
            for name, shape in shapes.items():
                name = f"{name}_l{layer}{direction}"
                layout[f"blstm_layer.{name}"] = f"network.lstm.{name}", shape
    return layout
