"""Vectors of utterances that jobs have written (embeddings, posteriors), put together: counted first."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from timbre.errors import TimbreError, some
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.enrolment import write_models
from timbre.kaldi.policy import check_skipped
from timbre.kaldi.tables import ArkWriter, read_vectors
from timbre.kaldi.text import read_table, write_table


def collect_embeddings(data: DataDir, parts: Path, out: Path, jobs: int, max_skipped: float) -> str:
    """Merges the jobs' embeddings into ``out``: ``xvector``, ``spk_xvector`` (ark and scp), ``num_utts.ark``.

    ``spk_xvector`` holds the models of ``data``'s table ``enrol``, or its speakers
    (:func:`timbre.kaldi.enrolment.write_models`).
    """
    found = collect_vectors(data, parts, out, "xvector", jobs, max_skipped)
    models = write_models(data, found, out)
    return f"{out}/xvector.scp: {len(found)} embeddings of {models} {'models' if data.has('enrol') else 'speakers'}"


def collect_vectors(
    data: DataDir, parts: Path, out: Path, name: str, jobs: int, max_skipped: float
) -> dict[str, np.ndarray]:
    """Merges the jobs' vectors into ``out/<name>.{ark,scp}``, in the order of ``feats.scp``, and returns them.

    Of a directory of streams, which has no ``feats.scp``, in the order of ``utt2spk``.

    Raises:
        TimbreError: naming utterances that are neither written nor skipped.
    """
    wanted = data.table("feats.scp" if data.has("feats.scp") else "utt2spk")
    scps = [parts / f"{name}.{job}.scp" for job in range(1, jobs + 1)]
    tables = [read_vectors(scp) for scp in scps if read_table(scp)]  # of a job that skipped all of its own: nothing
    found = {key: row for keys, matrix in tables for key, row in zip(keys, matrix, strict=True)}
    skipped: dict[str, str] = {}
    for job in range(1, jobs + 1):
        skipped |= read_table(parts / f"{name}.{job}.skipped")
    if missing := [utterance for utterance in wanted if utterance not in found and utterance not in skipped]:
        raise TimbreError(
            f"{parts}/{name}.scp: expected {len(wanted)} vectors, wrote {len(found)}, missing {some(missing)}; "
            "run the step again"
        )
    write_table(out / f"{name}.skipped", skipped)
    check_skipped(skipped, len(wanted), max_skipped, out / f"{name}.skipped")
    found = {utterance: found[utterance] for utterance in wanted if utterance in found}
    with ArkWriter(out / f"{name}.ark", out / f"{name}.scp") as writer:
        for utterance, vector in found.items():
            writer.write(utterance, vector)
    return found
