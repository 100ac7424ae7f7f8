"""Embeddings of whole utterances of a data directory, by jobs, and what the jobs wrote put together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tqdm import tqdm

from timbre.errors import TimbreError, some
from timbre.features.front_end import FrameReader
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.enrolment import write_models
from timbre.kaldi.policy import BadAudio, check_skipped
from timbre.kaldi.tables import ArkWriter, read_vectors
from timbre.kaldi.text import read_table, write_table
from timbre.models.precision import autocast, resolve_precision
from timbre.models.trained import TrainedModel


def extract_embeddings(
    model: TrainedModel, data: DataDir, out: Path, job: str, bad_audio: str, precision: str = "fp32"
) -> None:
    """Writes ``out/xvector.<job>.{ark,scp}`` and ``.skipped``; a job that has written its scp is done.

    Args:
        data: with ``feats.scp``, made by the front-end of the model.
        bad_audio: ``fail`` or ``skip``, for utterances too short for the encoder.
        precision: ``fp32``, or ``bf16`` for speed at the price of the third digit, ``auto`` where it is native.
    """
    scp = out / f"xvector.{job}.scp"
    if scp.exists():
        print(f"{scp}: done before")
        return
    reader, bad = FrameReader(data, model.conf.input), BadAudio(bad_audio)
    usable = []
    for utterance in reader.utterances:
        with bad.caught(utterance):
            frames = reader.num_frames(utterance)
            if frames < model.encoder.min_frames:
                raise TimbreError(f"{utterance}: {frames} frames, the encoder needs {model.encoder.min_frames}")
            usable.append((utterance, frames))
    found: dict[str, np.ndarray] = {}
    batches = model.batches([frames for _, frames in usable])
    with autocast(resolve_precision(precision, model.device), model.device):  # once: weights stay converted in it
        for batch in tqdm(batches, desc=f"embed.{job}", unit="batch", mininterval=1):
            names = [usable[index][0] for index in batch]
            found.update(zip(names, model.embed_frames([reader.read(name) for name in names], names), strict=True))
    bad.write(out / f"xvector.{job}.skipped")
    with ArkWriter(out / f"xvector.{job}.ark", scp) as writer:
        for utterance, _ in usable:
            writer.write(utterance, found[utterance])


def collect_embeddings(data: DataDir, parts: Path, out: Path, jobs: int, max_skipped: float) -> str:
    """Merges the jobs' embeddings into ``out``: ``xvector``, ``spk_xvector`` (ark and scp), ``num_utts.ark``.

    ``spk_xvector`` holds the models of ``data``'s table ``enrol``, or its speakers
    (:func:`timbre.kaldi.enrolment.write_models`).

    Raises:
        TimbreError: naming utterances of ``feats.scp`` that are neither written nor skipped, and one of ``enrol``
            that the data directory does not have.
    """
    wanted = data.table("feats.scp")
    tables = [read_vectors(parts / f"xvector.{job}.scp") for job in range(1, jobs + 1)]
    found = {key: row for keys, matrix in tables for key, row in zip(keys, matrix, strict=True)}
    skipped: dict[str, str] = {}
    for job in range(1, jobs + 1):
        skipped |= read_table(parts / f"xvector.{job}.skipped")
    if missing := [utterance for utterance in wanted if utterance not in found and utterance not in skipped]:
        raise TimbreError(f"expected {len(wanted)} embeddings, wrote {len(found)}, missing {some(missing)}")
    write_table(out / "xvector.skipped", skipped)
    check_skipped(skipped, len(wanted), max_skipped, out / "xvector.skipped")
    models = write_models(data, found, out)
    with ArkWriter(out / "xvector.ark", out / "xvector.scp") as writer:
        for utterance in wanted:
            if utterance in found:
                writer.write(utterance, found[utterance])
    return f"{out}/xvector.scp: {len(found)} embeddings of {models} {'models' if data.has('enrol') else 'speakers'}"
