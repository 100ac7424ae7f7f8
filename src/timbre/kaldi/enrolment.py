"""Models enrolled from several utterances: the mean of their embeddings, as Kaldi's ``ivector-mean``."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from pathlib import Path

import numpy as np

from timbre.errors import some
from timbre.kaldi.atomic import atomic_write
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.tables import ArkWriter


def write_models(data: DataDir, embeddings: Mapping[str, np.ndarray], out: Path) -> int:
    """Writes ``spk_xvector.{ark,scp}`` and ``num_utts.ark``, in Kaldi's names; returns how many models there are.

    The models are those of ``data``'s table ``enrol``, or its speakers where there is none. Each is the mean of its
    utterances' ``embeddings`` as they are, and as many as there are of them (an utterance may have been skipped).

    Raises:
        TimbreError: for an utterance of ``enrol`` that the data directory does not have.
    """
    models = {
        model: [embeddings[utterance] for utterance in utterances if utterance in embeddings]
        for model, utterances in data.models.items()
    }
    models = {model: vectors for model, vectors in models.items() if vectors}
    with ArkWriter(out / "spk_xvector.ark", out / "spk_xvector.scp") as writer:
        for model, vectors in models.items():
            writer.write(model, np.mean(vectors, axis=0))
    with atomic_write(out / "num_utts.ark") as file:
        file.writelines(f"{model} {len(vectors)}\n" for model, vectors in models.items())
    return len(models)


def leave_out(table: Mapping[str, str], keep: Container[str], report: Callable[[str], None]) -> dict[str, str]:
    """The table ``enrol`` of the utterances in ``keep``; models that lose some or all of theirs are reported."""
    kept = {model: [utt for utt in utterances.split() if utt in keep] for model, utterances in table.items()}
    if poorer := [model for model, utterances in table.items() if 0 < len(kept[model]) < len(utterances.split())]:
        report(f"enrol: {len(poorer)} models are made of fewer utterances: {some(poorer)}")
    if gone := [model for model, utterances in kept.items() if not utterances]:
        report(f"enrol: {len(gone)} models have no utterance left, and their trials cannot be scored: {some(gone)}")
    return {model: " ".join(utterances) for model, utterances in kept.items() if utterances}
