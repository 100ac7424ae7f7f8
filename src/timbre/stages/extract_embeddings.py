"""Embeds or classifies the utterances of a data directory (a job of steps/extract_embeddings.sh or predict.sh)."""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.kaldi.datadir import DataDir


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    parser.add_argument(
        "--precision",
        default="fp32",
        choices=["auto", "fp32", "bf16", "fp16"],
        help="auto: bf16 where the processor multiplies it; bf16 is refused where it would be emulated",
    )
    parser.add_argument("--kind", default="xvector", choices=["xvector", "posteriors"], help="what to write")
    parser.add_argument(
        "--lang", default="", help="of a model of several languages: take all utterances for this one's"
    )
    parser.add_argument("--job", default="1", help="the name of this job in its output files")
    parser.add_argument(
        "--bad-audio", choices=["fail", "skip"], default="fail", help="utterances too short to embed"
    )
    parser.add_argument(
        "--trust-features",
        choices=["true", "false"],
        default="false",
        help="take features that do not say which front-end made them",
    )
    parser.add_argument("--whole", help="data directory that <data> is a part of, which messages name")
    parser.add_argument("exp", help="experiment directory, or a model file")
    parser.add_argument("data", help="data directory with feats.scp")
    parser.add_argument("out", help="folder of the jobs' vectors")


def main(args: argparse.Namespace) -> None:
    from timbre.models.extraction import extract_embeddings
    from timbre.models.trained import TrainedModel
    from timbre.training.classifier import extract_posteriors, load_classifier
    from timbre.training.fusion_classifier import FusionClassifier

    data, out = DataDir(args.data), Path(args.out)
    whole = DataDir(args.whole) if args.whole else data
    if args.kind == "xvector":
        model = TrainedModel.load(args.exp, args.device)
        model.require_features(whole, args.trust_features == "true")
        extract_embeddings(model, data, out, args.job, args.bad_audio, args.precision)
    else:
        model = load_classifier(args.exp, args.device)
        if not isinstance(model, FusionClassifier):  # a stream's folder is named by what makes it
            model.require_features(whole, args.trust_features == "true")
        extract_posteriors(model, data, out, args.job, args.bad_audio, args.precision, args.lang)
