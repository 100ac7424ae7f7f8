"""What frames or vectors are worth to a task: a linear probe of each stream, within the training speakers.

    python benchmarks/probe.py [--folds DIR] [--labels utt2emotion] DATA

DATA has ``utt2spk``, the labels, and streams (``feats_<name>.scp`` and ``vectors_<name>.scp``, which
steps/make_streams.sh makes) or ``feats.scp``. Frames are pooled to means and deviations. Each speaker is left out
once, and classified by the softmax regression of ``timbre predict-baselines`` that has learnt of the others. With
``--folds`` this is done within the training part of each fold, and no model has seen, or is measured on, whom its
fold tests. The mean over folds has everybody in it all the same: a choice by it is blind only if each fold alone
(as DATA, its ``train``) makes it too. UA is the mean recall of the classes over all of these predictions; intervals
are by 1,000 resamplings of the speakers, and the difference from the first stream is paired.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from cells import parse, show

from timbre.errors import TimbreError
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.folds import read_folds
from timbre.kaldi.labels import read_labels
from timbre.kaldi.tables import ArkWriter
from timbre.scoring.baseline_parts import stream_tables
from timbre.scoring.baselines import inner_folds
from timbre.scoring.class_bootstrap import Decisions, paired_recalls, recall, resampled
from timbre.scoring.evaluation import percent
from timbre.scoring.regression import softmax_regression
from timbre.scoring.statistics import read_pooled, standardised


def probe(vectors: np.ndarray, targets: np.ndarray, speakers: np.ndarray, parts: Iterable[np.ndarray]) -> Decisions:
    """The decisions on each speaker of each part (rows) by the others of that part.

    Args:
        vectors: of utterances (N, D); ``targets`` (N,) their classes and ``speakers`` (N,), from 0 on.
    """
    known: dict[bytes, np.ndarray] = {}  # without speakers a and b: for b in the part without a, and the other way
    rows, predicted = [], []
    for part in parts:
        for speaker in np.unique(speakers[part]):
            learnt, left = part[speakers[part] != speaker], part[speakers[part] == speaker]
            if (key := learnt.tobytes()) not in known:
                names, numbers = np.unique(targets[learnt], return_inverse=True)
                train, every = standardised(vectors[learnt], vectors)
                folds = inner_folds(numbers, np.unique(speakers[learnt], return_inverse=True)[1])
                known[key] = names[softmax_regression(train, numbers, folds, every).argmax(axis=1)]
            rows.append(left)
            predicted.append(known[key][left])
    rows = np.concatenate(rows)
    _, units = resampled(np.unique(speakers[rows], return_inverse=True)[1])
    return Decisions(targets[rows], np.concatenate(predicted), units)


def rows(data: DataDir, labels: str, folds: str | None) -> Iterable[list]:
    """A row of the table for each stream."""
    classes = read_labels(data, labels)
    utterances, place = list(classes), {utterance: row for row, utterance in enumerate(classes)}
    targets = np.unique(list(classes.values()), return_inverse=True)[1]
    speakers = np.unique([data.utt2spk[utterance] for utterance in utterances], return_inverse=True)[1]
    trained_on = [train.utt2spk for train, _ in read_folds(folds)] if folds else [classes]
    if unknown := set().union(*trained_on) - place.keys():
        raise TimbreError(f"{data.path}: lacks {len(unknown)} utterances of {folds}; is it of the same corpus?")
    parts = [np.array([place[utterance] for utterance in part]) for part in trained_on]
    first = None
    for name in stream_tables(data) or ["feats.scp"]:
        vectors = read_pooled(data.path, utterances, name=name).astype(np.float64)
        found = probe(vectors, targets, speakers, parts)
        first = first or found
        above = paired_recalls([found], [first])
        difference = [percent(above.bounded), f"{above.p:.3f}"] if found is not first else ["–", "–"]
        stream = name.removesuffix(".scp").removeprefix("feats_").removeprefix("vectors_")
        yield [f"`{stream}`", str(vectors.shape[1]), percent(recall(found)), *difference]


def make_up(folder: Path) -> DataDir:
    """Vectors of noise of four speakers with two classes; the stream ``told`` tells them."""
    data, rng = DataDir(folder), np.random.default_rng(0)
    names = [f"s{speaker}-{number}" for speaker in range(4) for number in range(6)]
    data.write("utt2spk", {name: name[:2] for name in names})
    data.write("utt2emotion", {name: "ab"[int(name[-1]) % 2] for name in names})
    for stream, shift in [("noise", 0), ("told", 2)]:
        with ArkWriter(folder / f"{stream}.ark", folder / f"vectors_{stream}.scp") as writer:
            for name in names:
                writer.write(name, (rng.standard_normal(8) + shift * (int(name[-1]) % 2)).astype(np.float32))
    return data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", default="utt2emotion", help="the table of the classes")
    parser.add_argument("--folds", help="within the training part of each of these folds (default: all of DATA)")
    parser.add_argument("data", nargs="?", help="data directory with streams or feats.scp")
    args = parse(parser)
    if not args.data and not args.smallest:
        parser.error("DATA is missing")
    with tempfile.TemporaryDirectory() as folder:
        data = DataDir(args.data) if args.data else make_up(Path(folder))
        try:
            show(
                ["stream", "values", "UA % [95 %]", "above the first [95 %]", "p"],
                rows(data, args.labels, args.folds),
            )
        except TimbreError as error:
            sys.exit(f"probe.py: error: {error}")


if __name__ == "__main__":
    main()
