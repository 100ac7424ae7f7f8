"""Embeddings of whole utterances, and vectors made of them, by jobs (:mod:`timbre.kaldi.vectors` joins these)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from timbre.errors import MachineError, TimbreError
from timbre.features.front_end import FrameReader
from timbre.features.online import OnlineFrames
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.policy import BadAudio, SharedError
from timbre.kaldi.tables import ArkWriter
from timbre.models.batching import length_batches, padded
from timbre.models.inference import prepare_for_inference
from timbre.models.memory import require_memory
from timbre.models.precision import autocast, resolve_precision
from timbre.models.trained import TrainedModel


def extract_embeddings(
    model: TrainedModel, data: DataDir, out: Path, job: str, bad_audio: str, precision: str = "fp32"
) -> None:
    """Writes ``out/xvector.<job>.{ark,scp}`` and ``.skipped`` (:func:`extract_vectors`)."""
    extract_vectors(model, model.embed_frames, "xvector", data, out, job, bad_audio, precision)


Compute = Callable[[Sequence[np.ndarray], Sequence[str]], np.ndarray]
"""From N arrays of frames (T, F) and their names to vectors (N, D): :meth:`TrainedModel.embed_frames`."""


def extract_vectors(
    model: TrainedModel,
    compute: Compute,
    name: str,
    data: DataDir,
    out: Path,
    job: str,
    bad_audio: str,
    precision: str = "fp32",
) -> None:
    """Writes ``out/<name>.<job>.{ark,scp}`` and ``.skipped``; a job that has written its scp is done.

    Args:
        compute: what is written, of batches of whole utterances; the model's embeddings, or made of them.
        name: ``xvector``, ``posteriors``.
        data: with ``feats.scp``, made by the front-end of the model.
        bad_audio: ``fail`` or ``skip``, for utterances too short for the encoder.
        precision: ``fp32``, or ``bf16`` for speed at the price of the third digit, ``auto`` where it is native
            (:func:`timbre.models.precision.resolve_precision`).
    """
    scp = out / f"{name}.{job}.scp"
    if scp.exists():
        print(f"{scp}: done before")
        return
    precision = resolve_precision(precision, model.device)
    reader, bad = FrameReader(data, model.conf.input, model.statistics), BadAudio(bad_audio)
    usable = []
    for utterance in reader.utterances:
        with bad.caught(utterance):
            frames = reader.num_frames(utterance)
            if frames < model.encoder.min_frames:
                raise TimbreError(f"{utterance}: {frames} frames, the encoder needs {model.encoder.min_frames}")
            usable.append((utterance, frames))
    found: dict[str, np.ndarray] = {}
    batches = model.batches([frames for _, frames in usable])
    with autocast(precision, model.device):  # once: weights stay converted in it
        for batch in tqdm(batches, desc=f"{name}.{job}", unit="batch", mininterval=1):
            found.update(_computed([usable[index][0] for index in batch], reader, compute, bad))
    bad.write(out / f"{name}.{job}.skipped")
    with ArkWriter(out / f"{name}.{job}.ark", scp) as writer:
        for utterance, _ in usable:
            if utterance in found:
                writer.write(utterance, found[utterance])


def _computed(names: Sequence[str], reader: FrameReader, compute: Compute, bad: BadAudio) -> dict[str, np.ndarray]:
    """A batch's vectors; where something is wrong with one of its utterances, each is computed alone."""
    try:
        return dict(zip(names, compute([reader.read(name) for name in names], names), strict=True))
    except (OSError, MemoryError, MachineError, SharedError):
        raise
    except Exception as error:
        if len(names) > 1:
            return {k: v for name in names for k, v in _computed([name], reader, compute, bad).items()}
        with bad.caught(names[0]):
            raise error
        return {}


def embed_utterances(
    encoder: torch.nn.Module, reader: FrameReader | OnlineFrames, utterances: list[str], device: torch.device
) -> np.ndarray:
    """Embeddings ``(N, D)`` of whole utterances, by an encoder in evaluation mode, in their order."""
    lengths = np.array([reader.num_frames(utterance) for utterance in utterances])
    prepared, found = prepare_for_inference(encoder), {}
    for batch in length_batches(lengths, device=device.type):
        feats, counts = padded([reader.read(utterances[index]) for index in batch])
        require_memory(encoder, feats.shape, utterances[batch[-1]])
        with torch.inference_mode():
            embeddings = prepared(feats.to(device), counts)
        found.update(zip(batch.tolist(), embeddings.float().cpu().numpy(), strict=True))
    return np.stack([found[index] for index in range(len(utterances))])
