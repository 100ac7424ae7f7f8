"""Makes the plan of an experiment, unless it is there and current, and prints its folder, <exp>/plan."""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.pipeline.plan import experiment_name, files_of, is_current, write_plan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--conf", type=Path, required=True, help="the experiment's conf")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one key of it")
    parser.add_argument("--init", default="", help="an experiment directory whose model training starts from")
    parser.add_argument("--task", default="verification", help="the task of the recipe's confs")
    parser.add_argument("--data", type=Path, default=Path("data"), help="root of the data directories")
    parser.add_argument("--train", default="train", help="the data directory below it that is trained on")
    parser.add_argument(
        "--folds", choices=["true", "false"], default="false", help="a model is trained on each fold"
    )
    parser.add_argument("--baseline", type=Path, help="the conf of the features of the untrained baseline")
    parser.add_argument("--functionals", type=Path, help="the conf of the functionals of further baselines")
    parser.add_argument("--backend", action="append", default=[], help="what scores; repeatable")
    parser.add_argument("--expdir", type=Path, default=Path("exp"), help="where experiments lie")
    parser.add_argument("--exp", default="", help="the experiment directory (default: named by conf and overrides)")
    parser.add_argument(
        "--temporary", type=Path, help="folder for a plan that is not kept, if the kept one is not current"
    )


def main(args: argparse.Namespace) -> None:
    settings = args.set + ([f"init={args.init}"] if args.init else [])
    exp = Path(args.exp) if args.exp else args.expdir / experiment_name(args.conf, settings)
    plan = exp / "plan"
    asked = {name: str(value) for name, value in vars(args).items() if name not in ("exp", "temporary")}
    asked |= {"exp": str(exp)}
    if not is_current(plan, asked):
        plan = args.temporary or plan
        from timbre.training.experiment import load_experiment
        from timbre.training.planning import make_plan

        experiment = load_experiment(args.conf, settings)
        folds = args.folds == "true"
        texts = make_plan(
            experiment,
            args.conf,
            args.task,
            exp,
            args.data,
            args.train,
            args.baseline,
            args.backend,
            folds,
            args.functionals,
        )
        confs = [args.conf, *filter(None, (args.baseline, args.functionals))]
        resolved = {name: text for name, text in texts.items() if name.endswith(".yaml")}
        write_plan(plan, asked, files_of(confs, resolved), texts)
    print(plan)
