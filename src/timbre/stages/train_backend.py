"""Trains back-ends on the embeddings of the training data: mean, LDA, PLDA, cohort, calibrations.

A back-end is named <base>[+snorm|+asnorm][+calibration|+quality], the base one of cosine, lda, plda, lda_plda.
"""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--backend", action="append", required=True, help="a back-end to train for; repeatable")
    parser.add_argument("--lda-dim", type=int, help="dimensions LDA leaves (150, or as many as there can be)")
    parser.add_argument("--top", type=int, default=300, help="cohort speakers that AS-norm looks at")
    parser.add_argument("--enrol", help="table of the models to be scored: calibrations are for as many utterances")
    parser.add_argument("exp", help="experiment directory; its final.pt names the held-out speakers")
    parser.add_argument("train", help="training data: utt2spk, and utt2dur for +quality")
    parser.add_argument("embeddings", help="folder with xvector.scp of the training data's whole utterances")
    parser.add_argument("out", help="folder for the back-ends' files")


def main(args: argparse.Namespace) -> None:
    from timbre.scoring.backend_training import train_backends

    data = (args.exp, args.train, args.embeddings, args.out)
    print(train_backends(args.backend, *data, args.lda_dim, args.top, args.enrol))
