"""Resemblyzer's speaker encoder, ``pretrained.pt`` (utils/fetch_model.sh fetches it): a GE2E LSTM on mel energies.

The checkpoint has ``model_state`` (``lstm.*``, ``linear.*``, and the loss's ``similarity_weight`` and
``similarity_bias``, which embeddings do not need) and, of training, whatever else.
"""

from __future__ import annotations

from typing import Any

import torch

from timbre.features.checkpoint import Shape, checked
from timbre.features.fetch import WEIGHTS
from timbre.features.melspectrogram import Conf

LICENCE = WEIGHTS["resemblyzer"].licence
SOURCE = "https://github.com/resemble-ai/Resemblyzer"

BINS, HIDDEN, LAYERS = 40, 256, 3
FEATURES = Conf(num_mel_bins=BINS, resample=True)
SHAPES: dict[str, Shape] = {
    f"lstm.{name}_l{layer}": (4 * HIDDEN, *columns)
    for layer in range(LAYERS)
    for name, columns in {
        "weight_ih": [HIDDEN if layer else BINS],
        "weight_hh": [HIDDEN],
        "bias_ih": [],
        "bias_hh": [],
    }.items()
}
SHAPES |= {"linear.weight": (HIDDEN, HIDDEN), "linear.bias": (HIDDEN,)}
SIMILARITY: dict[str, Shape] = {"similarity_weight": (1,), "similarity_bias": (1,)}


def recognises(checkpoint: object) -> bool:
    """By the loss's weights, beside an LSTM's."""
    weights = checkpoint.get("model_state") if isinstance(checkpoint, dict) else None
    return isinstance(weights, dict) and {"similarity_weight", "lstm.weight_ih_l0"} <= weights.keys()


def convert(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """The state of an ``lstm`` encoder behind ``melspectrogram`` frames; ``SHAPES`` says of what.

    Raises:
        TimbreError: naming weights that are missing, unknown or of another shape.
    """
    weights = checked(checkpoint["model_state"], SHAPES | SIMILARITY, "Resemblyzer")
    encoder = {"kind": "lstm", "layers": LAYERS, "hidden": HIDDEN, "embedding_dim": HIDDEN}
    encoder |= {"window": FEATURES.window, "window_hop": FEATURES.window_hop}
    return {
        "format": "timbre-1",
        "conf": {
            "task": "verification",
            "features": FEATURES.model_dump(mode="json"),
            "input": {"cmvn": "none"},
            "encoder": encoder,
            "loss": {"kind": "ge2e"},
        },
        "classes": [],
        "backend": {"mean": torch.zeros(HIDDEN)},
        "encoder": {name.replace("linear.", "embedding."): weights[name] for name in SHAPES},
    }
