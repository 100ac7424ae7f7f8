"""An experiment from its conf and a data directory to ``final.pt``."""

from __future__ import annotations

import logging
from pathlib import Path

import torch

from timbre import plain_yaml
from timbre.conf import differences, dump
from timbre.conf_files import flat
from timbre.errors import TimbreError, doing
from timbre.features.by_speaker import require_by_speaker
from timbre.features.front_end_file import require_front_end
from timbre.features.published import FORMAT
from timbre.features.tensors import save_tensors
from timbre.kaldi.atomic import atomic_write
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.tables import ArkWriter
from timbre.models import complete
from timbre.models.precision import resolve_precision
from timbre.models.trained import cpu_state, resolve_device
from timbre.randomness import seed_of
from timbre.training import processes
from timbre.training.averaging import average_epochs, reestimate_batchnorm
from timbre.training.experiment import Experiment, by_speaker, load_experiment, require_frames
from timbre.training.initialise import freeze
from timbre.training.naming import features_name
from timbre.training.speech import fingerprint
from timbre.training.task import Task
from timbre.training.tasks import TASKS
from timbre.training.trainer import Trainer

log = logging.getLogger(__name__)


def train_experiment(
    experiment: Experiment,
    data: DataDir,
    directory: Path,
    device_name: str,
    allow_pipes: bool = False,
    sources: Path | None = None,
    trust_features: bool = False,
) -> str:
    """Trains, averages, fits the back-end and writes ``<directory>/final.pt``; returns a line for people.

    Only rank 0 returns; the other processes exit when their training ends. What stands in the directory is resumed
    if it was made with the same conf, and refused otherwise.

    Args:
        allow_pipes: run the commands of wav.scp (``train.features: online``).
        sources: folder of noises and room responses for augmentation (:mod:`timbre.features.augment`).
        trust_features: take features that do not say which front-end made them.
    """
    require_frames(experiment)
    if experiment.input.cmvn == "speaker":
        experiment = by_speaker(experiment)
    with processes.joined(resolve_device(device_name)) as device:
        trained = (directory / "final.pt").exists()  # on another machine, maybe, in a precision that this one lacks
        precision = "" if trained else resolve_precision(experiment.train.precision, device)
        if experiment.task != "fusion" and experiment.train.features == "ark" and not trained:
            require_front_end(data, experiment.features, experiment.input, trust_features)
        if experiment.task == "fusion":
            require_by_speaker(data, experiment.input.cmvn == "speaker")
        _claim(directory, experiment, data)
        if trained:
            return f"{directory}/final.pt: trained already"
        _log_to(directory / "train.log")
        conf = experiment.train.model_copy(update={"precision": precision})
        experiment = experiment.model_copy(update={"encoder": complete(experiment.encoder, data), "train": conf})
        kind = TASKS[experiment.task]
        speech = kind.read(experiment, data, allow_pipes, sources)
        log.info("%s; %s on %s, %d processes", speech, precision, device, processes.share()[1])
        torch.manual_seed(seed_of(conf.seed, "weights"))
        task = kind(experiment, speech, device)
        batches = task.batches(processes.share())
        if experiment.init:
            log.info("%s", task.start(data))
        frozen = freeze(task.encoder, experiment.freeze)
        criterion = task.criterion(task.encoder, task.loss, precision, device)
        evaluate = task.evaluate if speech.held else None
        trainer = Trainer(criterion, batches, conf, directory, device, evaluate, frozen)
        state = trainer.run()
        processes.leave()
        return _finish(trainer, task, state.best_epochs(conf.average))


def _finish(trainer: Trainer, task: Task, epochs: list[int]) -> str:
    """From the weights after ``epochs`` to ``final.pt``: their average, and what its users need to know."""
    directory, conf, encoder, loss = trainer.directory, trainer.conf, trainer.encoder, trainer.loss
    log.info("averaging the weights after epochs %s", ", ".join(map(str, epochs)))
    weights = average_epochs(directory, epochs)
    encoder.load_state_dict(weights["encoder"])
    loss.load_state_dict(weights["loss"])
    if len(epochs) > 1:
        torch.manual_seed(seed_of(conf.seed, "batchnorm"))
        batches = task.batches()
        batches.set_epoch(conf.epochs)
        reestimate_batchnorm(encoder, batches, trainer.device, trainer.frozen, task.norm_batches)
    encoder.eval()
    loss.eval()
    backend, said = task.fit(encoder, loss)
    if "mean" in backend:
        with ArkWriter(directory / "mean.ark", directory / "mean.scp") as writer:
            writer.write("mean", backend["mean"].numpy())
    conf = task.experiment.model_dump(mode="json")
    final = {"format": FORMAT, "conf": conf, "classes": task.classes, **task.front_end()}
    final |= {"backend": backend, "encoder": cpu_state(encoder), "loss": weights["loss"] if task.keeps_loss else {}}
    save_tensors(directory / "final.pt", final)
    log.info("%s; wrote final.pt", said)
    return f"{directory}/final.pt: {len(task.classes)} classes, {said}"


def _claim(directory: Path, experiment: Experiment, data: DataDir) -> None:
    """Writes conf.yaml and what belongs to it, or refuses a directory made with another conf or other data."""
    text, path, stamp = dump(experiment), directory / "conf.yaml", directory / "train_data.sha256"
    trained_on, features = fingerprint(data, experiment.labels), features_name(experiment)
    if path.exists():
        there, here = (flat(one.model_dump(mode="json")) for one in (load_experiment(path), experiment))
        keys = sorted(key for key in here.keys() | there.keys() if here.get(key) != there.get(key))
        changed = [f"{key} was {there.get(key)}, is {here.get(key)}" for key in keys[:3]]
        known = stamp.read_text(encoding="utf-8").split() if stamp.exists() else []
        if known[:1] not in ([], [trained_on]):
            changed.append(f"{data.path} holds other utterances or labels than it was trained on")
        if known[1:] not in ([], [features]):
            changed.append(f"it was trained on features {known[1]}, which are {features} now: another front-end")
        if changed:
            raise TimbreError(
                f"{directory} holds another experiment ({', '.join(changed)}); give it another name (--exp), or "
                "remove that one"
            )
        return
    if not processes.is_first():
        return
    with atomic_write(directory / "differences.yaml") as file:
        table = {key: f"{value} (default {default})" for key, (value, default) in differences(experiment).items()}
        file.write(plain_yaml.dump(table))
    with atomic_write(stamp) as file:
        file.write(f"{trained_on}\n{features}\n")
    with atomic_write(path) as file:
        file.write(text)


def _log_to(path: Path) -> None:
    """Messages of the run: appended to the plain log, by the first process."""
    if not processes.is_first():
        return
    form = "%(asctime)s %(message)s"
    with doing(f"cannot write {path}"):
        handler = _LogFile(path)
    logging.basicConfig(handlers=[handler], level=logging.INFO, format=form, datefmt="%Y-%m-%d %H:%M:%S")


class _LogFile(logging.FileHandler):
    """A log whose disk is full ends the training, instead of a traceback for each line."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        with doing(f"cannot write {self.baseFilename}"):
            raise
