"""Makes <exp>/report.html, one self-contained page, of an experiment's metrics, curves, conf and history.

With --audio the utterances of the worst errors can be heard in it: the page then holds people's voices.
"""

from __future__ import annotations

import argparse

from timbre.report.html import write_report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--about", help="text on the speech, shown under the title (default: <data>/about)")
    parser.add_argument(
        "--audio",
        action="store_true",
        help="put audio of the worst errors into the page (10 s of an utterance, 5 MB in all): people's voices, so "
        "mind who gets it",
    )
    parser.add_argument("exp", help="experiment directory with metrics.json, or with part/metrics.json")


def main(args: argparse.Namespace) -> None:
    print(f"wrote {write_report(args.exp, args.about, args.audio)}")
