"""Experiments of classification as scoring leaves them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

MAJORITY = 0.25


def rate(value: float, width: float | None = 0.02) -> dict[str, float | None]:
    return {
        "value": value,
        **({"low": None, "high": None} if width is None else {"low": value - width, "high": value + width}),
    }


@pytest.fixture
def classified():
    """Writes ``metrics.json`` and ``confusion.npz`` of a matrix (C, C): ``write(folder, matrix, classes, …)``.

    ``changes`` replace what stands in the metrics, those of ``train`` what stands there. Beside the model there is
    a system ``majority``.
    """

    def write(folder: Path, matrix: np.ndarray, classes: list[str] | None = None, **changes: Any) -> dict[str, Any]:
        count = matrix.sum(axis=1)
        classes = classes or [f"s{number:03d}" for number in range(len(matrix))]
        right, taken = matrix.diagonal(), matrix.sum(axis=0)
        rows, columns = np.nonzero(matrix * (1 - np.eye(len(matrix), dtype=int)))
        pairs = sorted(zip(rows, columns, strict=True), key=lambda pair: -matrix[pair])
        accuracy, recall = right.sum() / count.sum(), (right / count).mean()
        top5 = rate(0.99) if len(matrix) > 5 else None
        systems = {
            folder.name: {"accuracy": rate(accuracy), "recall": rate(recall), "f1": rate(recall), "top5": top5},
            "majority": {
                "accuracy": rate(MAJORITY),
                "recall": rate(1 / len(matrix)),
                "f1": rate(0.1),
                "top5": top5 and rate(0.5),
            },
        }
        for name in systems:
            systems[name] |= {"cross_entropy": math.log(2), "posteriors": f"exp/{name}"}
        metrics = {
            "task": "classification",
            "data": "data/test",
            "labels": "utt2spk",
            "utterances": {
                "count": int(count.sum()),
                "classes": len(matrix),
                "speakers": len(matrix),
                "sha256": "d" * 64,
                "frames": {"shortest": 90, "median": 310, "longest": 2000},
            },
            "train": {
                "data": "data/train",
                "utterances": 5000,
                "folds": 1,
                "shared_speakers": len(matrix),
                "sessions": None,
                "texts": None,
                "audio": None,
                "sha256": "e" * 64,
            },
            "verdict": [],
            "chance": 1 / len(matrix),
            "bootstrap": {"resampled": "speakers", "level": 0.95, "seed": 0, "replicates": 1000},
            "systems": systems,
            "differences": {
                "majority": {key: {**rate(accuracy - MAJORITY), "p": 0.001} for key in ("accuracy", "recall", "f1")}
            },
            "confusions": [
                {
                    "truth": classes[row],
                    "taken_for": classes[column],
                    "count": int(matrix[row, column]),
                    "of": int(count[row]),
                    "utterances": [f"{classes[row]}-u1"],
                }
                for row, column in pairs[:50]
            ],
            "classes": {
                name: {
                    "count": int(count[i]),
                    "recall": rate(float(right[i] / count[i])),
                    "precision": float(right[i] / taken[i]) if taken[i] else None,
                    "f1": rate(float(2 * right[i] / (count[i] + taken[i]))),
                }
                for i, name in enumerate(classes)
            },
            "speakers": None,
        }
        metrics["train"] |= changes.pop("train", {})
        metrics |= changes
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "metrics.json").write_text(json.dumps(metrics))
        np.savez(folder / "confusion.npz", matrix=matrix.astype(np.int64), classes=np.array(classes))
        return metrics

    return write
