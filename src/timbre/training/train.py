"""An experiment from its conf and a data directory to ``final.pt``."""

from __future__ import annotations

import logging
from pathlib import Path

import torch
import yaml

from timbre.conf import differences, dump, flat
from timbre.errors import TimbreError, some
from timbre.features.front_end import build_extractor
from timbre.features.tensors import save_tensors
from timbre.kaldi.atomic import atomic_write
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.tables import ArkWriter
from timbre.losses import build_loss
from timbre.models import build_encoder
from timbre.models.precision import resolve_precision
from timbre.models.trained import FORMAT, cpu_state, resolve_device
from timbre.training import processes
from timbre.training.averaging import average_epochs, reestimate_batchnorm
from timbre.training.classification import Classification
from timbre.training.crops import CropBatches
from timbre.training.experiment import Experiment, load_experiment
from timbre.training.initialise import freeze, refuse_known_utterances, start_from
from timbre.training.speech import TrainingSpeech, fingerprint
from timbre.training.trainer import Trainer
from timbre.training.verification import Verification

log = logging.getLogger(__name__)

Task = Verification | Classification
TASKS: dict[str, type[Task]] = {
    "verification": Verification,
    "classification": Classification,
}


def train_experiment(
    experiment: Experiment,
    data: DataDir,
    directory: Path,
    device_name: str,
    allow_pipes: bool = False,
    sources: Path | None = None,
) -> str:
    """Trains, averages, fits the back-end and writes ``<directory>/final.pt``; returns a line for people.

    Of several processes the first alone returns; the others exit when their training ends. What stands in the
    directory is resumed if it was made with the same conf, and refused otherwise.

    Args:
        allow_pipes: run the commands of wav.scp (``train.features: online``).
        sources: folder of noises and room responses for augmentation (:mod:`timbre.features.augment`).
    """
    with processes.joined(resolve_device(device_name)) as device:
        _claim(directory, experiment, data)
        if (directory / "final.pt").exists():
            return f"{directory}/final.pt: trained already"
        _log_to(directory / "train.log")
        precision = resolve_precision(experiment.train.precision, device)
        conf = experiment.train.model_copy(update={"precision": precision})
        speech = TrainingSpeech(experiment, data, allow_pipes, sources)
        log.info("%s; %s on %s, %d processes", speech, precision, device, processes.share()[1])
        torch.manual_seed(conf.seed)
        encoder = build_encoder(experiment.encoder, build_extractor(experiment.features).dim)
        loss = build_loss(experiment.loss, encoder.embedding_dim, len(speech.classes))
        if not conf.crop_frames:
            _refuse_short(speech, encoder.min_frames)
        if experiment.init:
            if experiment.task == "classification" and speech.held:
                refuse_known_utterances(experiment.init, experiment, data)
            said = start_from(experiment.init, experiment, encoder, loss, speech.classes, speech.held_out)
            log.info("%s", said)
        frozen = freeze(encoder, experiment.freeze)
        task = TASKS[experiment.task](speech, device)
        batches = CropBatches(speech.crops, speech.labels, conf, processes.share())
        evaluate = task.evaluate if speech.held else None
        trainer = Trainer(encoder, loss, batches, conf, directory, device, evaluate, frozen)
        state = trainer.run()
        processes.leave()
        return _finish(experiment, speech, trainer, task, state.best_epochs(conf.average))


def _refuse_short(speech: TrainingSpeech, least: int) -> None:
    """Utterances that are trained on whole must be long enough for the encoder."""
    lengths = {utterance: speech.crops.num_frames(utterance) for utterance in speech.labels}
    if short := [f"{utterance} ({frames})" for utterance, frames in lengths.items() if frames < least]:
        raise TimbreError(
            f"{len(short)} of {len(lengths)} utterances have fewer frames than the encoder needs, {least}: "
            f"{some(short)}; leave them out of the data, or set train.crop_frames to {least} or more"
        )


def _finish(
    experiment: Experiment,
    speech: TrainingSpeech,
    trainer: Trainer,
    task: Task,
    epochs: list[int],
) -> str:
    """From the weights after ``epochs`` to ``final.pt``: their average, and what its users need to know."""
    directory, conf, encoder, loss = trainer.directory, trainer.conf, trainer.encoder, trainer.loss
    log.info("averaging the weights after epochs %s", ", ".join(map(str, epochs)))
    weights = average_epochs(directory, epochs)
    encoder.load_state_dict(weights["encoder"])
    loss.load_state_dict(weights["loss"])
    if len(epochs) > 1:
        torch.manual_seed(conf.seed)
        batches = CropBatches(speech.crops, speech.labels, conf)
        batches.set_epoch(conf.epochs)
        reestimate_batchnorm(encoder, batches, trainer.device, trainer.frozen)
    encoder.eval()
    loss.eval()
    backend, said = task.fit(encoder, loss)
    if "mean" in backend:
        with ArkWriter(directory / "mean.ark", directory / "mean.scp") as writer:
            writer.write("mean", backend["mean"].numpy())
    final = {"format": FORMAT, "conf": experiment.model_dump(mode="json"), "classes": speech.classes}
    final |= {"backend": backend, "encoder": cpu_state(encoder), "loss": weights["loss"]}
    if speech.statistics is not None:
        final["statistics"] = torch.from_numpy(speech.statistics)
    save_tensors(directory / "final.pt", final)
    log.info("%s; wrote final.pt", said)
    return f"{directory}/final.pt: {len(speech.classes)} classes, {said}"


def _claim(directory: Path, experiment: Experiment, data: DataDir) -> None:
    """Writes conf.yaml and what belongs to it, or refuses a directory made with another conf or other data."""
    text, path, stamp = dump(experiment), directory / "conf.yaml", directory / "train_data.sha256"
    trained_on = fingerprint(data, experiment.labels)
    if path.exists():
        there, here = (flat(one.model_dump(mode="json")) for one in (load_experiment(path), experiment))
        keys = sorted(key for key in here.keys() | there.keys() if here.get(key) != there.get(key))
        changed = [f"{key} was {there.get(key)}, is {here.get(key)}" for key in keys[:3]]
        if stamp.exists() and stamp.read_text(encoding="utf-8").strip() != trained_on:
            changed.append(f"{data.path} holds other utterances or labels than it was trained on")
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
        yaml.safe_dump(table, file, sort_keys=False, allow_unicode=True)
    with atomic_write(stamp) as file:
        file.write(trained_on + "\n")
    with atomic_write(path) as file:
        file.write(text)


def _log_to(path: Path) -> None:
    """Messages of the run: appended to the plain log, by the first process."""
    if not processes.is_first():
        return
    logging.basicConfig(
        filename=path, level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%Y-%m-%d %H:%M:%S"
    )
