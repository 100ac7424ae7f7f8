"""Makes the plan of an experiment, unless it is there and current, and prints its folder, <exp>/plan."""

from __future__ import annotations

import argparse
from pathlib import Path

from timbre.errors import TimbreError
from timbre.pipeline.plan import experiment_name, files_of, is_current, read_seeds, write_plan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--conf", type=Path, required=True, help="the experiment's conf")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override one key of it")
    parser.add_argument("--seeds", help='of an ensemble: the seeds of its members, "1 2 3"; "": none')
    parser.add_argument(
        "--normalise",
        choices=["none", "speaker"],
        default="none",
        help="speaker: features by mean and deviation of each speaker, in the place of what confs say",
    )
    parser.add_argument("--init", default="", help="an experiment directory whose model training starts from")
    parser.add_argument("--task", action="append", help="a task of the recipe's confs; repeatable (verification)")
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
    named = [*settings, "normalise=speaker"] if args.normalise == "speaker" else settings
    seeds = read_seeds(args.seeds or "")
    if seeds and any(setting.startswith("train.seed=") for setting in settings):
        raise TimbreError("--seeds names the seed of each training; leave out --set train.seed")

    def directory(*further: str) -> Path:
        """The experiment with these settings beside those of the command."""
        if args.exp:
            return Path(",".join([args.exp, *further]))
        return args.expdir / experiment_name(args.conf, [*named, *further])

    exp = Path(args.exp) if args.exp else directory(*(["seeds=" + "+".join(seeds)] if seeds else []))
    plan = exp / "plan"
    asked = {name: str(value) for name, value in vars(args).items() if name not in ("exp", "temporary")}
    asked |= {"exp": str(exp)}
    if not is_current(plan, asked):
        plan = args.temporary or plan
        from timbre.training.experiment import by_speaker, load_experiment
        from timbre.training.planning import make_plan, plan_members

        experiment = load_experiment(args.conf, settings)
        if args.normalise == "speaker" or experiment.input.cmvn == "speaker":
            experiment = by_speaker(experiment)
        folds = args.folds == "true"
        texts = make_plan(
            experiment,
            args.conf,
            args.task or ["verification"],
            exp,
            args.data,
            args.train,
            args.baseline,
            args.backend,
            folds,
            args.functionals,
        )
        if args.seeds is not None:
            members = {seed: directory(f"train.seed={seed}") for seed in seeds}
            texts |= plan_members(experiment, members)
        confs = [args.conf, *filter(None, (args.baseline, args.functionals))]
        resolved = {name: text for name, text in texts.items() if name.endswith(".yaml")}
        write_plan(plan, asked, files_of(confs, resolved), texts)
    print(plan)
