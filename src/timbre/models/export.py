"""A trained encoder as ONNX: one graph for any batch of any lengths, and what must be done before and after it.

    feats (B, T, F) float32, lengths (B,) int64  ──▶  embedding (B, D) float32, of a classifier posteriors (B, C)

The graph is traced (torch's TorchScript exporter: a tenth of the time of the newer one, and two packages fewer) on
a batch with padding, so that the mask of real frames is always in it. A trace freezes what Python decides by the
example's sizes; so the graph is run at other lengths before anything is written, and must give what torch gives.
The encoder's refusals of bad batches are not in it: ``min_frames`` stands in the description.

The waveform's way to ``feats`` stays outside; it is described in the graph's ``metadata_props`` and in
``<file>.json``, with the mean, threshold and calibration that follow an embedding, or the classes.
"""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from timbre.errors import TimbreError
from timbre.kaldi.atomic import atomic_write, together
from timbre.models.trained import TrainedModel

OPSET = 17
TOLERANCE = 1e-4
"""How far the graph's values may be from torch's, as a share of the largest."""

_EXAMPLE = (400, 250)  # frames of the traced batch: padded, and longer than a window that an encoder may cut
_CHECKED = (1, 2, 30, 199, 601)  # frames beyond the fewest, less one, at which graph and torch are compared


def export_onnx(model: TrainedModel, path: str | Path) -> str:
    """Writes the model to ``path`` and its description to ``<path>.json``; returns a line for people.

    Raises:
        TimbreError: naming the encoder, if torch cannot export it or what the graph gives differs from torch's.
    """
    path, kind, network, output = Path(path), model.conf.encoder.kind, model.network, model.output
    if hasattr(model.encoder, "frames"):
        raise TimbreError(
            f"{path}: not written: {kind} gives frames to other models, and a graph is of an embedding"
        )
    facts = description(model)
    dim, least = model.front_end.dim, model.encoder.min_frames
    try:
        graph = onnx.load_from_string(_trace(network, output, dim))
        onnx.helper.set_model_props(graph, {key: json.dumps(value) for key, value in facts.items()})
        data = graph.SerializeToString()
        error, scale = difference(network, least, dim, session(data, output))
    except Exception as error:  # torch's and onnxruntime's errors have no common ancestor
        reason = (str(error).strip() or repr(error)).splitlines()[0]
        raise TimbreError(f"{path}: not written: the encoder {kind} cannot be exported: {reason}") from error
    if not error <= TOLERANCE * scale:
        raise TimbreError(
            f"{path}: not written: the graph's {output} differs from torch's by {error:.2g} at other lengths than "
            f"the traced ones; the encoder {kind} decides by sizes what a graph must decide itself"
        )
    with together(), atomic_write(path.with_name(f"{path.name}.json")) as file:
        with atomic_write(path, "wb") as graph_file:
            graph_file.write(data)
        file.write(json.dumps(facts, indent=2, ensure_ascii=False) + "\n")
    return f"{path}: {len(data) / 1e6:.1f} MB, opset {OPSET}, {output} within {error:.1g} of torch's"


def description(model: TrainedModel) -> dict[str, Any]:
    """What a user of the graph must know, as plain data: front-end, sizes, what follows the output."""
    return {
        "sample_rate": model.front_end.sample_rate,
        "features": model.conf.features.model_dump(mode="json"),
        "input": model.conf.input.model_dump(mode="json"),
        "statistics": None if model.statistics is None else model.statistics.tolist(),
        "encoder": model.conf.encoder.kind,
        "feature_dim": model.front_end.dim,
        "min_frames": model.encoder.min_frames,
        "embedding_dim": model.encoder.embedding_dim,
        "output": model.output,
        **model.facts(),
    }


def session(graph: bytes | str | Path, output: str = "embedding") -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """The graph (its bytes, or a file) as ``(feats (B, T, F), lengths (B,)) -> (B, D)``, on the CPU."""
    source = graph if isinstance(graph, bytes) else str(graph)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # its errors are raised; printed as well they would stand there twice
    running = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    return lambda feats, lengths: running.run([output], {"feats": feats, "lengths": lengths})[0]


@torch.inference_mode()
def difference(
    network: nn.Module, least: int, dim: int, run: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> tuple[float, float]:
    """The largest absolute difference between graph and torch, and the largest absolute value of torch's.

    Looked at are single utterances of several lengths from the ``least`` frames on, and a batch of the same with
    padded frames that are not finite.
    """
    frames = [least - 1 + extra for extra in _CHECKED]
    batch, lengths = _batch(frames, dim)
    pairs = [(batch[row : row + 1, :count], lengths[row : row + 1]) for row, count in enumerate(frames)]
    padding = torch.arange(batch.shape[1]) >= lengths[:, None]
    pairs.append((batch.masked_fill(padding[:, :, None], torch.nan), lengths))
    wanted = [network(*pair).numpy() for pair in pairs]
    found = [run(*(tensor.numpy() for tensor in pair)) for pair in pairs]
    errors = [np.abs(a - b).max() for a, b in zip(found, wanted, strict=True)]
    return float(max(errors)), float(max(np.abs(values).max() for values in wanted))


def _trace(network: nn.Module, output: str, dim: int) -> bytes:
    """The graph of a network in evaluation mode, with batch and frames as free sizes."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        # Warnings of what a trace might freeze, of LSTMs' batch size, of the exporter's age: the comparison tells.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            _batch(_EXAMPLE, dim),
            file,
            input_names=["feats", "lengths"],
            output_names=[output],
            dynamic_axes={"feats": {0: "batch", 1: "frames"}, "lengths": {0: "batch"}, output: {0: "batch"}},
            opset_version=OPSET,
            dynamo=False,
            verbose=False,
        )
    return file.getvalue()


def _batch(frames: tuple[int, ...] | list[int], dim: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Random utterances of these lengths as ``(B, T, dim)``, ``(B,)``; frames past their ends are random too."""
    generator = torch.Generator().manual_seed(0)
    return 3 * torch.randn(len(frames), max(frames), dim, generator=generator), torch.tensor(frames)
