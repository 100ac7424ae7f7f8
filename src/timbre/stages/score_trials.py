"""Scores a trial list: by the cosine of embeddings, or by a trained back-end.

Writes one line '<enrol> <test> <score>' for each trial, in the order of the trials.
"""

from __future__ import annotations

import argparse

from timbre.errors import TimbreError
from timbre.scoring import backend, cosine


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mean", help="cosine: vector subtracted from all embeddings, as exp/<name>/mean.ark")
    parser.add_argument("--backend", help="a back-end of --backend-dir, as plda+asnorm+calibration")
    parser.add_argument("--backend-dir", help="what steps/train_backends.sh has written")
    parser.add_argument("--num-utts", help="how many utterances made each enrolment (num_utts.ark), for PLDA")
    parser.add_argument("--data", help="data directory of the trials with utt2dur, for +quality")
    parser.add_argument("trials", help="lines '<enrol> <test> target|nontarget'")
    parser.add_argument("enrol", help="scp of the embeddings of the first ids")
    parser.add_argument("test", help="scp of the embeddings of the second ids")
    parser.add_argument("scores", help="where to write the scores")


def main(args: argparse.Namespace) -> None:
    files = args.trials, args.enrol, args.test, args.scores
    if bool(args.backend) != bool(args.backend_dir):
        raise TimbreError("--backend and --backend-dir belong together; give both, or neither for the cosine")
    if args.backend and args.mean:
        raise TimbreError("--mean is of the cosine without a back-end; a back-end has its own mean")
    if args.backend:
        said = backend.score_trials(*files, args.backend, args.backend_dir, args.num_utts, args.data)
    else:
        said = cosine.score_trials(*files, args.mean)
    print(said)
