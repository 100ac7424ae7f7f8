"""Which class? All of a classifier's, '<class> <probability>' lines, the most probable first.

Of an experiment of folds, which has a model each, the probabilities are the mean of those that its models give; a
single one of them is named by its folder (exp/x/fold_1).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.kaldi.listening import add_options, listen


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        required=True,
        help="experiment directory, or its final.pt; of an experiment of folds the mean of its models",
    )
    parser.add_argument("--lang", default="", help="of a model of several languages: which is spoken (de)")
    parser.add_argument("--device", default="cpu", choices=["auto", "cpu", "cuda"])
    add_options(parser)
    parser.add_argument("audio", help="audio file")


def main(args: argparse.Namespace) -> None:
    from timbre.scoring.measured import trainings
    from timbre.training.classifier import classify, load_classifier

    models = [load_classifier(folder, args.device) for folder in trainings(Path(args.model))]
    rates = set().union(*(model.sample_rates for model in models))
    audio = listen(args.audio, rates, args)
    for name, probability in classify(models, audio, language=args.lang).items():
        print(f"{name} {probability:.4f}")
