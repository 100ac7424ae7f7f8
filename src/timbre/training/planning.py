"""From an experiment's conf to its plan: the names of folders, and the texts of the resolved confs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from timbre.conf import dump
from timbre.errors import TimbreError
from timbre.models.streams import stream_features
from timbre.pipeline.declaration import model_files
from timbre.scoring.backend import parse
from timbre.training.experiment import BY_SPEAKER, Experiment, load_experiment
from timbre.training.naming import augmented_name, features_name, stream_folders, stream_models, tables_by_speaker


def make_plan(
    experiment: Experiment,
    conf: Path,
    tasks: Sequence[str],
    exp: Path,
    data: Path,
    part: str = "train",
    baseline: Path | None = None,
    backends: Sequence[str] = (),
    folds: bool = False,
    functionals: Path | None = None,
) -> dict[str, str]:
    """``{file name: text}`` of a plan.

    Args:
        conf: where the experiment was read from, for messages.
        tasks: those of the recipe's confs.
        data: the root of the recipe's data directories; those of features lie below it.
        part: the data directory below ``data`` that is trained on.
        baseline: the conf of the features of the untrained baseline.
        backends: what scores.
        folds: whether the recipe trains a model for each fold.
        functionals: the conf of further features of baselines, one row of an utterance.

    Raises:
        TimbreError: for a name of a back-end that means nothing, for a conf that the recipe cannot train, and where
            the model that training starts from is not there.
    """
    if experiment.task not in tasks:
        raise TimbreError(
            f"{conf}: its task is {experiment.task}; this recipe's confs have task: {' or '.join(tasks)}"
        )
    if folds:
        _refuse_in_folds(experiment, conf)
    if experiment.init and not (start := model_files(Path(experiment.init))[0]).is_file():
        raise TimbreError(
            f"{start}: no such file; training starts from it: train that one first, or name another with --init"
        )
    online = experiment.train.features == "online"
    models = stream_models(experiment)
    missing = [path for path in models if not model_files(Path(path))[0].is_file()]
    speeds = f"_speeds_{'_'.join(map(str, experiment.speeds))}" if experiment.speeds else ""
    feats = data / ("streams_of_missing_models" if missing else features_name(experiment))
    if experiment.task == "fusion":  # copies stand among the originals, in training parts alone
        feats = feats.with_name(feats.name + speeds)
    augmented = "" if online else augmented_name(experiment)
    copies = f"_{augmented}" if augmented else ""
    names = {
        "exp": exp,
        "labels": experiment.labels,
        "streams": " ".join(experiment.streams),
        "feats": feats,
        "train": feats / f"{part}{'_online' if online else copies}{speeds}",
        "augmented": data / augmented / part if augmented else "",
        "speeds": " ".join(map(str, experiment.speeds)),
        "online": str(online).lower(),
        "trained_backends": " ".join(name for name in backends if parse(name) and name != "cosine"),
    }
    texts = {"conf.yaml": dump(experiment)}
    for name, of_baseline in (("baseline", baseline), ("functionals", functionals)):
        if of_baseline is not None:
            features = load_experiment(of_baseline)
            if experiment.input.cmvn == "speaker":  # what a model is compared with knows as much as it does
                features = features.model_copy(update={"input": BY_SPEAKER})
            names[name] = data / features_name(features)
            texts[f"{name}.yaml"] = dump(features)
    if experiment.streams:
        texts["models"] = "".join(f"{path}\n" for path in models)
        texts["by_speaker"] = "".join(f"{name}\n" for name in tables_by_speaker(experiment))
    if experiment.streams and not missing:
        texts |= {f"stream_{name}.yaml": dump(stream_features(conf)) for name, conf in experiment.streams.items()}
        rows = stream_folders(experiment).items()
        texts["streams"] = "".join(" ".join([name, *(value or "-" for value in row)]) + "\n" for name, row in rows)
    return texts | {"names": "".join(f"{name} {value}\n" for name, value in names.items() if str(value))}


def plan_members(experiment: Experiment, members: Mapping[str, Path]) -> dict[str, str]:
    """What an ensemble's plan holds beside: ``members``, and each one's conf; of no members an empty table.

    Args:
        members: the experiment directory of each seed, which is that of a training with this seed alone.
    """
    texts = {"members": "".join(f"{seed} {exp}\n" for seed, exp in members.items())}
    for seed in members:
        train = experiment.train.model_copy(update={"seed": int(seed)})
        texts[f"seed_{seed}.yaml"] = dump(experiment.model_copy(update={"train": train}))
    return texts


def _refuse_in_folds(experiment: Experiment, conf: Path) -> None:
    if experiment.augment.kinds and experiment.train.features == "ark":
        raise TimbreError(f"{conf}: augmentation of folds is done in training only; set train.features: online")
    if Path(experiment.init).name.startswith("fold_"):
        raise TimbreError(
            f"init: {experiment.init} was trained on what other folds test; start from a model of other speech"
        )
