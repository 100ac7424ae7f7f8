"""An experiment from its conf and a data directory to ``final.pt``."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import yaml

from timbre.conf import differences, dump, flat
from timbre.errors import TimbreError
from timbre.features.front_end import FrameReader, build_extractor
from timbre.features.online import OnlineFrames
from timbre.kaldi.atomic import atomic_write
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.tables import ArkWriter
from timbre.losses import build_loss
from timbre.models import build_encoder
from timbre.models.batching import length_batches, padded
from timbre.models.precision import resolve_precision
from timbre.models.trained import FORMAT, cpu_state, resolve_device, save_tensors
from timbre.scoring import calibration
from timbre.scoring.metrics import eer, roc_curve
from timbre.training import processes
from timbre.training.averaging import average_epochs, reestimate_batchnorm
from timbre.training.crops import CropBatches
from timbre.training.experiment import Experiment
from timbre.training.heldout import pair_scores, refuse_without_targets
from timbre.training.initialise import freeze, start_from
from timbre.training.speech import TrainingSpeech
from timbre.training.trainer import Trainer

log = logging.getLogger(__name__)

MOST_FOR_MEAN = 1000
"""Training utterances, evenly spread, whose embeddings' mean is subtracted in scoring."""


def train_experiment(
    experiment: Experiment,
    data: DataDir,
    directory: Path,
    device_name: str,
    allow_pipes: bool = False,
    sources: Path | None = None,
) -> str:
    """Trains, averages, fits the back-end and writes ``<directory>/final.pt``; returns a line for people.

    What stands in the directory is resumed if it was made with the same conf, and refused otherwise.

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
        if experiment.init:
            said = start_from(experiment.init, experiment, encoder, loss, speech.classes, speech.held_out)
            log.info("%s", said)
        frozen = freeze(encoder, experiment.freeze)

        def evaluate(encoder: torch.nn.Module) -> float:
            return eer(roc_curve(*_held_out_trials(encoder, speech, device, 0.0))).value

        batches = CropBatches(speech.crops, speech.labels, conf, processes.share())
        held = evaluate if speech.held else None
        trainer = Trainer(encoder, loss, batches, conf, directory, device, held, frozen)
        state = trainer.run()
        processes.leave()
        return _finish(experiment, speech, trainer, state.best_epochs(conf.average))


def _finish(experiment: Experiment, speech: TrainingSpeech, trainer: Trainer, epochs: list[int]) -> str:
    """From the weights after ``epochs`` to ``final.pt``: their average, and what scores need to know."""
    directory, conf, encoder, device = trainer.directory, trainer.conf, trainer.encoder, trainer.device
    log.info("averaging the weights after epochs %s", ", ".join(map(str, epochs)))
    weights = average_epochs(directory, epochs)
    encoder.load_state_dict(weights["encoder"])
    if len(epochs) > 1:
        torch.manual_seed(conf.seed)
        batches = CropBatches(speech.crops, speech.labels, conf)
        batches.set_epoch(conf.epochs)
        reestimate_batchnorm(encoder, batches, device, trainer.frozen)
    encoder.eval()
    originals = [utterance for utterance in speech.labels if speech.is_original(utterance)]
    chosen = originals[:: -(-len(originals) // MOST_FOR_MEAN)]
    mean = embed_utterances(encoder, speech.whole, chosen, device).mean(axis=0)
    backend: dict[str, object] = {"mean": torch.from_numpy(mean)}
    said = "nobody held out"
    if speech.held:
        scores, targets = _held_out_trials(encoder, speech, device, mean)
        result = eer(roc_curve(scores, targets))
        backend |= {"threshold": result.threshold, "calibration": asdict(calibration.fit(scores, targets))}
        backend |= {"heldout_eer": result.value, "heldout_speakers": speech.held_out}
        said = f"EER of the {len(speech.held_out)} held-out training speakers {100 * result.value:.2f} %"
    with ArkWriter(directory / "mean.ark", directory / "mean.scp") as writer:
        writer.write("mean", mean)
    final = {"format": FORMAT, "conf": experiment.model_dump(mode="json"), "classes": speech.classes}
    final |= {"backend": backend, "encoder": cpu_state(encoder), "loss": weights["loss"]}
    save_tensors(directory / "final.pt", final)
    log.info("%s; wrote final.pt", said)
    return f"{directory}/final.pt: {len(speech.classes)} classes, {said}"


def _held_out_trials(
    encoder: torch.nn.Module, speech: TrainingSpeech, device: torch.device, mean: np.ndarray | float
) -> tuple[np.ndarray, np.ndarray]:
    """Scores and labels of all pairs of the held-out speakers' utterances."""
    embeddings = embed_utterances(encoder, speech.whole, speech.held, device) - mean
    scores, targets = pair_scores(embeddings, [speech.utt2spk[utterance] for utterance in speech.held])
    refuse_without_targets(targets, speech.held_out)
    return scores, targets


def embed_utterances(
    encoder: torch.nn.Module, reader: FrameReader | OnlineFrames, utterances: list[str], device: torch.device
) -> np.ndarray:
    """Embeddings ``(N, D)`` of whole utterances, by an encoder in evaluation mode, in their order."""
    lengths = np.array([reader.num_frames(utterance) for utterance in utterances])
    found: dict[int, np.ndarray] = {}
    for batch in length_batches(lengths, device=device.type):
        feats, counts = padded([reader.read(utterances[index]) for index in batch])
        with torch.inference_mode():
            embeddings = encoder(feats.to(device), counts)
        found.update(zip(batch.tolist(), embeddings.float().cpu().numpy(), strict=True))
    return np.stack([found[index] for index in range(len(utterances))])


def _claim(directory: Path, experiment: Experiment, data: DataDir) -> None:
    """Writes conf.yaml and what belongs to it, or refuses a directory made with another conf or other data."""
    text, path, stamp = dump(experiment), directory / "conf.yaml", directory / "train_data.sha256"
    tables = [(data.path / name).read_bytes() for name in ("utt2spk", "utt2num_frames") if data.has(name)]
    trained_on = hashlib.sha256(b"".join(tables)).hexdigest()
    if path.exists():
        there, here = (flat(yaml.safe_load(source)) for source in (path.read_text(encoding="utf-8"), text))
        keys = sorted(key for key in here.keys() | there.keys() if here.get(key) != there.get(key))
        changed = [f"{key} was {there.get(key)}, is {here.get(key)}" for key in keys[:3]]
        if stamp.exists() and stamp.read_text(encoding="utf-8").strip() != trained_on:
            changed.append(f"{data.path} holds other utterances than it was trained on")
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
