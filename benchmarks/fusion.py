"""What the parts of a fusion are worth: confs trained with several seeds on the folds of a corpus, in one process.

    python benchmarks/fusion.py [--seeds "1 2 3"] [--set KEY=VALUE] [--save DIR] FOLDS CONF [CONF …]

FOLDS has <k>/{train,test} with streams, as stage 1 of a recipe makes it for CONF (data/streams6-…/folds); paths of
models in confs are taken from the working directory, the recipe's. It is what ``utils/ablation.sh`` does by run.sh,
without a process for each training. UA is the mean recall of the classes over the tests of all folds. A row shows
its mean over the seeds and their deviation, UA of the mean of their posteriors (the ensemble), and the difference
of the means from the first conf: intervals and p by 1,000 resamplings of the speakers and of the seeds.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import torch
from cells import parse, show

from timbre.errors import TimbreError
from timbre.features.published import read_model
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.folds import read_folds
from timbre.kaldi.labels import read_labels
from timbre.kaldi.tables import ArkWriter
from timbre.kaldi.text import read_table
from timbre.scoring.class_bootstrap import Decisions, paired_recalls, recall, resampled
from timbre.scoring.ensemble import averaged
from timbre.scoring.evaluation import percent
from timbre.scoring.posteriors import Posteriors, joined
from timbre.training.experiment import Experiment, load_experiment
from timbre.training.fusion_classifier import FusionClassifier
from timbre.training.train import train_experiment

Folds = Sequence[tuple[DataDir, DataDir]]


def cross_validated(experiment: Experiment, folds: Folds) -> tuple[Posteriors, float]:
    """The posteriors of what the folds test, each by a model of its training part, and minutes of training."""
    found, begun = [], time.monotonic()
    for train, test in folds:
        with tempfile.TemporaryDirectory() as folder:
            train_experiment(experiment, train, Path(folder), "cpu")
            model = FusionClassifier(read_model(folder), torch.device("cpu"))
        reader = model.reader(test)
        found.append(Posteriors(reader.utterances, model.classes, model.outputs(reader, reader.utterances)[0]))
    return joined(found), (time.monotonic() - begun) / 60


def rows(
    folds: Folds, confs: Sequence[Path], seeds: Sequence[int], settings: Sequence[str], save: str | None
) -> Iterator[list[str]]:
    """A row of the table for each conf."""
    first = None
    for conf in confs:
        trained = []
        for seed in seeds:
            experiment = load_experiment(conf, [*settings, f"train.seed={seed}"])
            posteriors, minutes = cross_validated(experiment, folds)
            trained.append((posteriors, minutes))
            if save:
                posteriors.write(Path(save) / f"{conf.stem},train.seed={seed}")
        members = [decisions(posteriors, folds) for posteriors, _ in trained]
        first = first or members
        ensemble = decisions(averaged([posteriors for posteriors, _ in trained]), folds)
        yield [
            f"`{conf.stem}`",
            _spread([recall(member)["value"] for member in members]),
            percent(recall(ensemble)),
            *_above(members, first),
            f"{np.mean([minutes for _, minutes in trained]):.1f}",
        ]


def decisions(posteriors: Posteriors, folds: Folds) -> Decisions:
    """What is decided of the utterances, whose speakers are drawn anew."""
    labels, speaker = {}, {}
    for _, test in folds:
        labels |= read_labels(test, "utt2emotion")
        speaker |= test.utt2spk
    _, units = resampled(np.unique([speaker[name] for name in posteriors.utterances], return_inverse=True)[1])
    place = {name: number for number, name in enumerate(sorted({*labels.values(), *posteriors.classes}))}
    truth = np.array([place[labels[name]] for name in posteriors.utterances])
    return Decisions(truth, np.array([place[name] for name in posteriors.best()]), units)


def make_up(folder: Path) -> tuple[Path, list[Path]]:
    """Two folds of four speakers whose functionals are noise, and two confs."""
    names = [f"s{speaker}-{number}" for speaker in range(4) for number in range(6)]
    rng = np.random.default_rng(0)
    with ArkWriter(folder / "feats.ark", folder / "feats.scp") as writer:
        for name in names:
            writer.write(name, rng.standard_normal((1, 184)).astype(np.float32))
    feats = read_table(folder / "feats.scp")
    for fold, part in product((1, 2), ("train", "test")):
        kept = [name for name in names if (name < "s2") == ((fold == 1) == (part == "train"))]
        path = folder / f"folds/{fold}/{part}"
        path.mkdir(parents=True)
        data = DataDir(path)
        data.write("utt2spk", {name: name[:2] for name in kept})
        data.write("utt2emotion", {name: "ab"[int(name[-1]) % 2] for name in kept})
        data.write("feats_functionals.scp", {name: feats[name] for name in kept})
        data.write("utt2num_frames_functionals", dict.fromkeys(kept, 1))
    confs = [folder / "fusion.yaml", folder / "no_dropout.yaml"]
    confs[0].write_text(
        "{task: fusion, labels: utt2emotion, streams: {functionals: {features: {kind: functionals}}}, "
        "fusion: {size: 4, width: 4}, train: {epochs: 1, batch_size: 4, heldout_utterances: 0}}\n"
    )
    confs[1].write_text("{base: fusion.yaml, fusion: {dropout: 0}}\n")
    return folder / "folds", confs


def _spread(values: Sequence[float]) -> str:
    deviation = f" ± {100 * np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
    return f"{100 * np.mean(values):.2f}{deviation}"


def _above(members: Sequence[Decisions], first: Sequence[Decisions]) -> tuple[str, str]:
    if members is first:
        return "–", "–"
    difference = paired_recalls(members, first)
    return percent(difference.bounded), f"{difference.p:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="1 2 3", help="of training: each conf with each")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="overridden in all confs")
    parser.add_argument("--save", metavar="DIR", help="folder for the posteriors of each training")
    parser.add_argument("folds", nargs="?", help="folder of <k>/{train,test} with streams")
    parser.add_argument("conf", nargs="*", type=Path, help="confs; the others are compared with the first")
    args = parse(parser, seeds="1 2")
    if not args.conf and not args.smallest:
        parser.error("FOLDS and CONF are missing")
    head = ["conf", "UA %", "ensemble UA % [95 %]", "difference [95 %]", "p", "minutes"]
    seeds = list(map(int, args.seeds.split()))
    with tempfile.TemporaryDirectory() as folder:
        folds, confs = (args.folds, args.conf) if args.conf else make_up(Path(folder))
        try:
            show(head, rows(read_folds(folds), confs, seeds, args.set, args.save))
        except TimbreError as error:
            sys.exit(f"fusion.py: error: {error}")


if __name__ == "__main__":
    main()
