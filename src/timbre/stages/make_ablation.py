"""Makes the table of an ablation: confs trained with several seeds, and which differences are more than chance.

make-ablation --conf A.yaml B.yaml … --seeds 1 2 3 [--set KEY=VALUE] [--expdir exp/x] [--out RESULTS.md]; the
experiments are those that run.sh names so. The table is printed; with --out it also replaces what stands in that
file between <!-- ablation: begin --> and <!-- ablation: end -->.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--conf", nargs="+", required=True, help="confs; the first is what others are compared with"
    )
    parser.add_argument("--seeds", nargs="+", type=int, required=True, help="the seeds that each was trained with")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="overridden in all of them")
    parser.add_argument("--expdir", default="exp", help="the folder of the experiments (exp/<protocol>)")
    parser.add_argument(
        "--measure", choices=["accuracy", "recall"], default="accuracy", help="what confs are compared by"
    )
    parser.add_argument("--out", help="Markdown file with the two lines; the rest of it stays as it is")


def main(args: argparse.Namespace) -> None:
    from timbre.pipeline.plan import experiment_name
    from timbre.report.ablation import ablation
    from timbre.report.results import write_results

    exps = {
        Path(conf).stem: [
            Path(args.expdir, experiment_name(conf, [*args.set, f"train.seed={seed}"])) for seed in args.seeds
        ]
        for conf in args.conf
    }
    text = ablation(exps, ", ".join([f"seeds {' '.join(map(str, args.seeds))}", *args.set]), args.measure)
    print(text)
    if args.out:
        write_results(args.out, text, "ablation")
