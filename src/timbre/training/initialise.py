"""Training that starts from another model: large-margin fine-tuning, or another corpus."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from timbre.conf import build
from timbre.conf_files import flat
from timbre.errors import TimbreError, did_you_mean, some
from timbre.features.model_file import load_weights
from timbre.features.published import read_model
from timbre.kaldi.datadir import DataDir
from timbre.models.trained import ModelConf
from timbre.training.experiment import Experiment
from timbre.training.speech import fingerprint
from timbre.training.state import SELECTING

_HARMLESS = {"features.storage", "features.resample"}
"""How frames are stored, and whether audio at another rate is taken."""


def start_from(
    path: str, experiment: Experiment, encoder: nn.Module, loss: nn.Module, classes: list[str], held_out: list[str]
) -> str:
    """Gives ``encoder`` and ``loss`` the weights of the model in ``path``; returns what was taken.

    Class weights are found by the classes' names, never by their places: of two corpora, or with and without
    speed copies, the same row is another speaker. Classes that the model did not know keep their new weights, and
    all do if it was trained with another kind of loss, or its classes are of another table.

    Raises:
        TimbreError: for a model with other features or another encoder, and where it was trained on speakers that
            are now held out for selection.
    """
    state = read_model(path)
    model = build(ModelConf, {name: state["conf"][name] for name in ModelConf.model_fields})
    ours, theirs = (
        flat(conf.model_dump(mode="json", include={"features", "encoder"})) for conf in (experiment, model)
    )
    every = sorted((ours.keys() | theirs.keys()) - _HARMLESS)
    if differ := [key for key in every if ours.get(key) != theirs.get(key)]:
        shown = [f"{key} is {ours.get(key)} here, {theirs.get(key)} there" for key in differ[:3]]
        raise TimbreError(f"init: {path} is another model ({', '.join(shown)}); make these keys alike")
    if known := sorted(set(held_out) & set(state["classes"])):
        raise TimbreError(
            f"init: {path} was trained on speakers that are held out here ({some(known)}); take the same "
            "train.seed and train.heldout_speakers as there"
        )
    load_weights(encoder, state["encoder"], f"init: {path}: encoder")
    rates = [f"{name} {100 * rate:.2f} %" for name, rate in state["backend"].items() if name in SELECTING]
    said = f"started from {path} ({', '.join(rates) or 'nothing held out'})"
    if "published" in state:
        return f"{said}; class weights are new: those of a published checkpoint are not read"
    if state["conf"]["loss"]["kind"] != experiment.loss.kind:
        return f"{said}; class weights are new: it was trained with {state['conf']['loss']['kind']}"
    labels = state["conf"].get("labels", "utt2spk")
    if labels != experiment.labels:
        return f"{said}; class weights are new: its classes are those of {labels}"
    taken = _take_loss(loss, state, classes)
    return f"{said}; weights of {taken} of {len(classes)} classes are its"


def refuse_known_utterances(path: str, experiment: Experiment, data: DataDir) -> None:
    """Refuses a model that learnt what a classifier holds out of ``data``: trained on the same, held out otherwise.

    That the data were the same says ``train_data.sha256`` beside the model; without it nothing is refused.

    Raises:
        TimbreError: naming the keys that decide what is held out.
    """
    stamp, here = Path(path) / "train_data.sha256", flat(experiment.model_dump(mode="json"))
    there = flat(build(Experiment, read_model(path)["conf"]).model_dump(mode="json"))
    if not stamp.exists() or stamp.read_text(encoding="utf-8").split()[0] != fingerprint(data, there["labels"]):
        return
    keys = ("task", "labels", "train.seed", "train.heldout_utterances", "train.heldout_unit")
    if differ := [f"{key} was {there.get(key)}, is {here[key]}" for key in keys if there.get(key) != here[key]]:
        raise TimbreError(
            f"init: {path} was trained on utterances that are held out here ({', '.join(differ)}); make these keys "
            "alike, or hold out nothing (train.heldout_utterances=0)"
        )


def _take_loss(loss: nn.Module, state: dict[str, Any], classes: list[str]) -> int:
    """Copies what the loss has learnt; returns how many classes were known."""
    place = {name: row for row, name in enumerate(state["classes"])}
    known = [row for row, name in enumerate(classes) if name in place]
    rows = torch.tensor(known, dtype=torch.int64)
    sources = torch.tensor([place[classes[row]] for row in known], dtype=torch.int64)
    own = dict(loss.named_parameters())
    with torch.no_grad():
        for name, value in state["loss"].items():
            if name not in loss.class_parameters:
                own[name].copy_(value)
                continue
            old = value.unflatten(0, (len(place), -1))  # (classes, sub-centres, …)
            new = own[name].unflatten(0, (len(classes), -1))
            if old.shape[1:] != new.shape[1:]:
                shapes = f"{tuple(old.shape[1:])} a class there, {tuple(new.shape[1:])} here"
                raise TimbreError(f"init: the loss's {name} has {shapes}; take the same loss.sub_centres")
            new[rows] = old[sources]
    return len(known)


def freeze(encoder: nn.Module, names: Sequence[str]) -> list[nn.Module]:
    """The named parts of ``encoder``, their weights no longer trained; an unknown name is refused.

    Raises:
        TimbreError: naming the part, with the nearest that there is.
    """
    parts = {name: part for name, part in encoder.named_modules() if name}
    for name in names:
        if name not in parts:
            raise TimbreError(f"freeze: the encoder has no part '{name}'{did_you_mean(name, parts)}")
        parts[name].requires_grad_(False)
    return [parts[name] for name in names]
