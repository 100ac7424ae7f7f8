"""The training loop: from batches of crops to a checkpoint per epoch, resumable at any step.

All that a run is lies in its :class:`State`, saved whole; batches, schedules and the order of data are
functions of the seed and the step. Killed at any moment and started again, it ends with the same weights bit
for bit (on the CPU, with the same number of threads).
"""

from __future__ import annotations

import json
import logging
import math
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from timbre.errors import TimbreError, some
from timbre.kaldi.atomic import atomic_write
from timbre.models.precision import autocast
from timbre.models.trained import cpu_state, load_tensors, save_tensors
from timbre.training.averaging import epoch_file
from timbre.training.crops import Batch, CropBatches
from timbre.training.experiment import TrainConf
from timbre.training.schedule import learning_rate, margin_scale

log = logging.getLogger(__name__)


@dataclass
class State:
    """Where a run is: ``epoch`` and ``batch`` are the next to be done."""

    epoch: int = 0
    batch: int = 0
    seconds: float = 0.0
    sums: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)

    def best_epochs(self, count: int) -> list[int]:
        """The ``count`` consecutive epochs with the lowest mean held-out EER; the last where nobody is held out.

        Neighbours lie in one valley and can be averaged, and their mean is less noisy than one epoch's EER.
        """
        rates = np.array([row.get("heldout_eer", 0.0) for row in self.history])
        count = min(count, len(rates))
        means = np.convolve(rates, np.full(count, 1 / count), mode="valid")
        last = len(rates) - int(np.argmin(np.round(means[::-1], 6)))  # of equal ones the latest
        return list(range(last - count + 1, last + 1))

    def without_progress(self) -> int:
        """Epochs since the one with the lowest held-out EER."""
        rates = [row["heldout_eer"] for row in self.history if "heldout_eer" in row]
        return len(rates) - 1 - int(np.argmin(rates)) if rates else 0


class Trainer:
    """Trains ``encoder`` and ``loss`` on ``batches`` in ``directory``.

    Args:
        evaluate: the held-out speakers' EER (0 to 1) of the encoder as it stands, or ``None``.
    """

    def __init__(
        self,
        encoder: nn.Module,
        loss: nn.Module,
        batches: CropBatches,
        conf: TrainConf,
        directory: Path,
        device: torch.device,
        evaluate=None,
    ) -> None:
        self.encoder, self.loss = encoder.to(device), loss.to(device)
        self.batches, self.conf, self.directory, self.device = batches, conf, directory, device
        self._evaluate = evaluate
        self._parameters = [*encoder.parameters(), *loss.parameters()]
        self._optimizer = _optimizer(conf, self._parameters)
        self._scaler = torch.amp.GradScaler(device.type, enabled=conf.precision == "fp16")
        self.state = State()

    def run(self) -> State:
        """Trains to the end of the last epoch or of patience, from the last checkpoint if there is one."""
        self._resume()
        steps = len(self.batches)
        done = self.state.epoch * steps + self.state.batch
        board = SummaryWriter(self.directory / "tensorboard", purge_step=done)
        progress = tqdm(total=self.conf.epochs * steps, initial=done, desc="train", unit="step", mininterval=1)
        with board, progress:
            while self.state.epoch < self.conf.epochs and not self._out_of_patience():
                self._epoch(board, progress)
        return self.state

    def _epoch(self, board: SummaryWriter, progress: tqdm) -> None:
        state, steps = self.state, len(self.batches)
        self.encoder.train()
        self.loss.train()
        self.batches.set_epoch(state.epoch)
        begun = time.monotonic()
        loader = DataLoader(
            self.batches,
            batch_size=None,
            sampler=range(state.batch, steps),
            num_workers=self.conf.workers,
            pin_memory=self.device.type == "cuda",
        )
        for batch in loader:
            epoch = state.epoch + state.batch / steps
            rate, margin = learning_rate(self.conf, epoch), margin_scale(self.conf, epoch)
            values = self._step(batch, rate, margin)
            for name, value in values.items():
                state.sums[name] = state.sums.get(name, 0.0) + value
                board.add_scalar(f"train/{name}", value, state.epoch * steps + state.batch)
            board.add_scalar("train/learning_rate", rate, state.epoch * steps + state.batch)
            state.batch += 1
            progress.update()
            progress.set_postfix_str(self._shown(rate, time.monotonic() - begun), refresh=False)
            if state.batch % self.conf.checkpoint_steps == 0 and state.batch < steps:
                state.seconds, begun = state.seconds + time.monotonic() - begun, time.monotonic()
                self._save()
        state.seconds += time.monotonic() - begun
        self._end_epoch(board, rate, margin)

    def _shown(self, rate: float, seconds: float) -> str:
        """What stands behind the progress bar: means of the epoch so far."""
        state = self.state
        mean = {name: total / state.batch for name, total in state.sums.items()}
        speed = state.batch * self.conf.batch_size / max(state.seconds + seconds, 1e-9)
        return (
            f"epoch {state.epoch + 1}, loss {mean['loss']:.3f}, accuracy {mean['accuracy']:.0%} "
            f"({mean['accuracy_margin']:.0%} with margin), rate {rate:.1e}, {speed:.0f} utt/s"
        )

    def _step(self, batch: Batch, rate: float, margin: float) -> dict[str, float]:
        """One update; returns its loss and its accuracies without and with the margin."""
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        feats, labels = batch.feats.to(self.device), batch.labels.to(self.device)
        self._optimizer.zero_grad(set_to_none=True)
        with autocast(self.conf.precision, self.device):
            embeddings = self.encoder(feats, batch.lengths)
        output = self.loss(embeddings.float(), labels, margin)
        value = output.loss.item()
        if not math.isfinite(value):
            self._refuse_non_finite(value, batch, embeddings)
        self._scaler.scale(output.loss).backward()
        self._scaler.unscale_(self._optimizer)
        if self.conf.clip_norm:
            nn.utils.clip_grad_norm_(self._parameters, self.conf.clip_norm)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        right = (output.logits.argmax(dim=1) == labels).float().mean().item()
        right_margin = (output.margin_logits.argmax(dim=1) == labels).float().mean().item()
        return {"loss": value, "accuracy": right, "accuracy_margin": right_margin}

    def _refuse_non_finite(self, value: float, batch: Batch, embeddings: torch.Tensor) -> None:
        rows = (~torch.isfinite(embeddings).all(dim=1)).nonzero().flatten().tolist()
        whose = [batch.utterances[row] for row in rows] if rows else batch.utterances
        state = self.state
        raise TimbreError(
            f"loss {value} at epoch {state.epoch + 1}, batch {state.batch + 1}; "
            f"{'embeddings that are not finite' if rows else 'the batch'}: {some(whose, 8)}; look at their "
            "features, or lower train.learning_rate; the last checkpoint stands"
        )

    def _end_epoch(self, board: SummaryWriter, rate: float, margin: float) -> None:
        state, steps = self.state, len(self.batches)
        row: dict[str, float] = {"epoch": state.epoch + 1, "step": (state.epoch + 1) * steps}
        row |= {name: total / steps for name, total in state.sums.items()}
        row |= {"learning_rate": rate, "margin_scale": margin}
        row["utterances_per_second"] = steps * self.conf.batch_size / max(state.seconds, 1e-9)
        if self._evaluate is not None:
            self.encoder.eval()
            row["heldout_eer"] = self._evaluate(self.encoder)
            board.add_scalar("heldout/eer", row["heldout_eer"], row["step"])
        state.history.append(row)
        log.info("%s", "  ".join(f"{name} {value:.4g}" for name, value in row.items()))
        state.epoch, state.batch, state.seconds, state.sums = state.epoch + 1, 0, 0.0, {}
        weights = {"encoder": cpu_state(self.encoder), "loss": cpu_state(self.loss)}
        save_tensors(epoch_file(self.directory, state.epoch), weights)
        self._save()
        # The best epochs so far, and the last ones: those to come may make them the best.
        last = range(state.epoch - self.conf.average + 2, state.epoch + 1)
        kept = {epoch_file(self.directory, epoch) for epoch in [*state.best_epochs(self.conf.average), *last]}
        for file in set(self.directory.glob("epoch_*.pt")) - kept:
            file.unlink()

    def _out_of_patience(self) -> bool:
        waited = self.state.without_progress()
        if self.conf.patience and waited >= self.conf.patience:
            log.info("no lower held-out EER for %d epochs: stopped early", waited)
            return True
        return False

    def _save(self) -> None:
        """One file with everything, whole or not at all; then what people and plots read."""
        state: dict[str, Any] = {
            "state": asdict(self.state),
            "encoder": self.encoder.state_dict(),
            "loss": self.loss.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state_all() if self.device.type == "cuda" else [],
        }
        save_tensors(self.directory / "checkpoint.pt", state)
        self._write_history()

    def _write_history(self) -> None:
        with atomic_write(self.directory / "history.jsonl") as file:
            file.writelines(json.dumps(row) + "\n" for row in self.state.history)

    def _resume(self) -> None:
        path = self.directory / "checkpoint.pt"
        if not path.exists():
            return
        saved = load_tensors(path)
        self.state = State(**saved["state"])
        self.encoder.load_state_dict(saved["encoder"])
        self.loss.load_state_dict(saved["loss"])
        self._optimizer.load_state_dict(saved["optimizer"])
        self._scaler.load_state_dict(saved["scaler"])
        torch.set_rng_state(saved["random"])
        if saved["random_cuda"]:
            torch.cuda.set_rng_state_all(saved["random_cuda"])
        self._write_history()
        log.info("resumed at epoch %d, batch %d", self.state.epoch + 1, self.state.batch + 1)


def _optimizer(conf: TrainConf, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    shared = {"lr": conf.learning_rate, "weight_decay": conf.weight_decay, "fused": True}
    if conf.optimizer == "sgd":
        return torch.optim.SGD(parameters, momentum=conf.momentum, nesterov=conf.momentum > 0, **shared)
    return {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[conf.optimizer](parameters, **shared)
