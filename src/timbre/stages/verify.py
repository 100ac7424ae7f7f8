"""Are two recordings of one speaker? Score, probability, and the decision at the model's threshold."""

from __future__ import annotations

import argparse

from timbre.kaldi.listening import add_options, listen


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", required=True, help="experiment directory, or a model file")
    parser.add_argument("--device", default="cpu", choices=["auto", "cpu", "cuda"])
    add_options(parser)
    parser.add_argument("first", help="audio file")
    parser.add_argument("second", help="audio file")


def main(args: argparse.Namespace) -> None:
    import timbre

    model = timbre.load(args.model, args.device)
    first, second = (listen(path, model.sample_rates, args) for path in (args.first, args.second))
    result = timbre.verify(model, first, second)
    print(f"score {result.score:.4f}")
    if result.threshold is None:
        print(
            "cosine only: this model has no threshold, as nobody was held out when it was trained; fine-tune it on "
            "recordings of your own (egs/csv/sv), or train one with train.heldout_speakers"
        )
    else:
        doubt = f"; {result.doubt}" if result.doubt else ""
        print(f"probability {result.probability:.3f} (at even prior odds{doubt})")
        print(
            f"{'same speaker' if result.same_speaker else 'different speakers'} (threshold {result.threshold:.4f})"
        )
