"""Are two recordings of one speaker, or is one of an enrolled person? Score, probability, and the decision.

Two recordings are judged at the model's own threshold, or with --calibration at a rate of false accepts; so is a
claim.
"""

from __future__ import annotations

import argparse

from timbre.errors import TimbreError
from timbre.kaldi.listening import add_options, listen
from timbre.stages.identify import add_people_options, open_people, say_quality


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_people_options(parser, required=False)
    parser.add_argument("--claim", help="with --people: who it is said to be")
    add_options(parser)
    parser.add_argument("first", help="audio file")
    parser.add_argument("second", nargs="?", help="audio file; none with --claim")


def main(args: argparse.Namespace) -> None:
    if bool(args.claim) == bool(args.second) or bool(args.claim) != bool(args.people):
        raise TimbreError("give two audio files, or one with --people DIR and --claim NAME")
    decided = {"false_accepts": args.false_accepts, "prior": args.prior}
    if args.claim:
        people = open_people(args)
        audio = listen(args.first, people.recogniser.model.sample_rates, args)
        return _say(people.verify(audio, args.claim, **decided), args.claim)
    if not args.model:
        raise TimbreError("--model is missing: whose score it is to be")
    if args.calibration:
        from timbre.people.recogniser import Recogniser

        recogniser = Recogniser(args.model, args.backend, args.cohort, args.calibration, args.device)
        pair = (listen(path, recogniser.model.sample_rates, args) for path in (args.first, args.second))
        return _say(recogniser.compare(*pair, **decided), "same speaker")
    for name in ("backend", "cohort", "false_accepts", "prior"):
        if getattr(args, name):
            raise TimbreError(f"--{name.replace('_', '-')} has no effect without --calibration or --claim")
    _verify(args)


def _verify(args: argparse.Namespace) -> None:
    """By the model's own threshold."""
    import timbre

    model = timbre.load(args.model, args.device)
    first, second = (listen(path, model.sample_rates, args) for path in (args.first, args.second))
    result = timbre.verify(model, first, second)
    print(f"score {result.score:.4f}")
    if result.threshold is None:
        print(
            "cosine only: this model has no threshold, as nobody was held out when it was trained; timbre "
            "calibrate makes one from recordings of your own"
        )
    else:
        doubt = f"; {result.doubt}" if result.doubt else ""
        print(f"probability {result.probability:.3f} (at even prior odds{doubt})")
        print(
            f"{'same speaker' if result.same_speaker else 'different speakers'} (threshold {result.threshold:.4f})"
        )


def _say(found, name: str) -> None:
    """The answer about ``name``, the one candidate."""
    say_quality(found)
    candidate = found.candidates[0]
    print(f"score {candidate.score:.4f}")
    if found.rule is None:
        print("no decision: the model has no calibration; timbre calibrate makes one from recordings of your own")
        return
    print(f"probability {candidate.probability:.3f}")
    other = "different speakers" if name == "same speaker" else f"not {name}"
    print(f"{name if found.name else other} ({found.rule})")
