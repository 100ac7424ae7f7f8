"""Models enrolled from several utterances: the mean of their embeddings, as Kaldi's ``ivector-mean``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

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
