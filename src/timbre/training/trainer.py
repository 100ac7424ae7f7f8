"""The training loop: from batches of crops to the weights after each epoch, resumable at any step.

The :class:`State` of a run is saved whole (:mod:`timbre.training.checkpoints`); batches, schedules, the order of
data and what layers draw at random are functions of the seed and the step. Killed at any moment and started again,
it ends with the same weights bit for bit (on the CPU, with the same number of threads).

Under ``torchrun`` each process does its rows of every batch (:mod:`timbre.training.processes`); the first one
evaluates, saves and speaks.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from timbre.errors import TimbreError, doing, some
from timbre.features.tensors import save_tensors
from timbre.kaldi.atomic import atomic_write
from timbre.models.trained import cpu_state
from timbre.randomness import seed_of
from timbre.training import processes
from timbre.training.averaging import epoch_file
from timbre.training.checkpoints import NEWEST, Checkpoints
from timbre.training.criterion import Criterion
from timbre.training.crops import Batch, CropBatches
from timbre.training.experiment import TrainConf
from timbre.training.optimizer import build_optimizer
from timbre.training.reading import read_batches
from timbre.training.schedule import learning_rate, margin_scale
from timbre.training.state import State

log = logging.getLogger(__name__)


class Trainer:
    """Trains the encoder and the loss of ``criterion`` on ``batches`` in ``directory``.

    Args:
        evaluate: measures of the encoder and the loss as they stand on what is held out
            (the ``evaluate`` of the experiment's task, :mod:`timbre.training.train`), or ``None``.
        frozen: parts of the encoder that stay as they are, their BatchNorm statistics too.
    """

    def __init__(
        self,
        criterion: Criterion,
        batches: CropBatches,
        conf: TrainConf,
        directory: Path,
        device: torch.device,
        evaluate: Callable[[nn.Module, nn.Module], dict[str, float]] | None = None,
        frozen: Sequence[nn.Module] = (),
    ) -> None:
        self._criterion: nn.Module = criterion.to(device)
        self.encoder, self.loss = criterion.encoder, criterion.loss
        self.batches, self.conf, self.directory, self.device = batches, conf, directory, device
        self._evaluate, self.frozen = evaluate, frozen
        self._parameters = [weight for weight in criterion.parameters() if weight.requires_grad]
        if processes.share()[1] > 1:
            self._criterion = DistributedDataParallel(criterion, broadcast_buffers=False)
        self._optimizer = build_optimizer(conf, self._parameters, self.encoder)
        self._scaler = torch.amp.GradScaler(device.type, enabled=conf.precision == "fp16")
        self._checkpoints = Checkpoints(directory, conf.checkpoint_steps, conf.checkpoint_minutes)
        self.state = State()

    @property
    def _done(self) -> int:
        """Steps since the beginning of the training."""
        return self.state.epoch * len(self.batches) + self.state.batch

    def run(self) -> State:
        """Trains to the end of the last epoch or of patience, from the last checkpoint if there is one."""
        self._resume()
        board = None
        if processes.is_first():
            with doing(f"cannot write {self.directory}/tensorboard"):
                board = SummaryWriter(self.directory / "tensorboard", purge_step=self._done)
        progress = tqdm(
            total=self.conf.epochs * len(self.batches),
            initial=self._done,
            desc="train",
            unit="step",
            mininterval=1,
            disable=not processes.is_first(),
        )
        with progress:
            while self.state.epoch < self.conf.epochs and not self._out_of_patience():
                self._epoch(board, progress)
        self._checkpoints.end()
        if board:
            with doing(f"cannot write {self.directory}/tensorboard"):
                board.close()
        return self.state

    def _draw(self, board: SummaryWriter | None, values: dict[str, float]) -> None:
        """Adds a point to each curve."""
        with doing(f"cannot write {self.directory}/tensorboard"):
            for name, value in values.items() if board else ():
                board.add_scalar(name, value, self._done)

    def _epoch(self, board: SummaryWriter | None, progress: tqdm) -> None:
        state, steps = self.state, len(self.batches)
        self._criterion.train()
        for part in [self.encoder] if state.epoch < self.conf.frozen_epochs else self.frozen:
            part.eval()
        self.batches.set_epoch(state.epoch)
        for batch in self._timed():
            epoch = state.epoch + state.batch / steps
            rate, margin = learning_rate(self.conf, epoch), margin_scale(self.conf, epoch)
            with doing(f"{self.directory}: epoch {state.epoch + 1}, batch {state.batch + 1}"):
                values = self._step(batch, rate, margin)
            for name, value in values.items():
                state.sums[name] = state.sums.get(name, 0.0) + value
            self._draw(board, {f"train/{name}": value for name, value in {**values, "learning_rate": rate}.items()})
            state.batch += 1
            self._checkpoints.note(self._done)
            progress.update()
            progress.set_postfix_str(self._shown(rate), refresh=False)
            if state.batch < steps and self._checkpoints.due(self._done):
                self._require_finite_weights()
                self._save()
        self._end_epoch(board, rate, margin)

    def _timed(self) -> Iterator[Batch]:
        """The batches of the epoch that are left.

        ``state`` learns how long the steps took, and how much of it was waiting for a batch.
        """
        pin_memory = self.device.type == "cuda"
        begun = time.monotonic()
        for batch in read_batches(self.batches, self.state.batch, self.conf.workers, pin_memory):
            waited = time.monotonic() - begun
            yield batch
            self.state.waiting += waited
            self.state.seconds += time.monotonic() - begun
            begun = time.monotonic()

    def _shown(self, rate: float) -> str:
        """What stands behind the progress bar: means of the epoch so far."""
        state = self.state
        means = {name: total / state.batch for name, total in state.sums.items()}
        done = state.batch - 1  # the time of the step that has just ended is not counted yet
        speed = done * self.conf.batch_size / state.seconds if done and state.seconds else 0.0
        shown = ", ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in means.items())
        return f"epoch {state.epoch + 1}, {shown}, rate {rate:.1e}, {speed:.0f} utt/s"

    def _step(self, batch: Batch, rate: float, margin: float) -> dict[str, float]:
        """One update; returns its loss and what else the criterion measures."""
        for group in self._optimizer.param_groups:
            group["lr"] = rate * group.get("share", 1.0)  # checkpoints of old have none
        state = self.state
        torch.manual_seed(seed_of(self.conf.seed, "layers", state.epoch, state.batch, processes.share()[0]))
        self._optimizer.zero_grad(set_to_none=True)
        step = self._criterion(batch, margin)
        values = [value.detach().float() for value in (step.loss, *step.measures.values())]
        value, *measures = processes.mean(torch.stack(values)).tolist()
        if not math.isfinite(value):
            self._refuse_non_finite(value, batch, step.outputs)
        self._scaler.scale(step.loss).backward()
        if state.epoch < self.conf.frozen_epochs:
            self.encoder.zero_grad(set_to_none=True)
        self._scaler.unscale_(self._optimizer)
        norm = nn.utils.get_total_norm([weight.grad for weight in self._parameters if weight.grad is not None])
        if not math.isfinite(norm) and self._scaler.get_scale() <= 1:  # a larger scale is halved, the step left out
            self._refuse_gradients(norm, batch)
        if self.conf.clip_norm:
            nn.utils.clip_grads_with_norm_(self._parameters, self.conf.clip_norm, norm)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        return {"loss": value, **dict(zip(step.measures, measures, strict=True))}

    def _refuse_non_finite(self, value: float, batch: Batch, outputs: torch.Tensor) -> None:
        rows = (~torch.isfinite(outputs).flatten(1).all(dim=1)).nonzero().flatten().tolist()
        whose = [batch.utterances[row] for row in rows] if rows else batch.utterances
        state = self.state
        raise TimbreError(
            f"loss {value} at epoch {state.epoch + 1}, batch {state.batch + 1}; "
            f"{'outputs that are not finite' if rows else 'the batch'}: {some(whose, 8)}; look at their "
            "features, or lower train.learning_rate; the last checkpoint stands"
        )

    def _refuse_gradients(self, norm: Tensor, batch: Batch) -> None:
        gradients = {name: weight.grad for name, weight in self._named_parameters() if weight.grad is not None}
        bad = [name for name, gradient in gradients.items() if not torch.isfinite(gradient).all()]
        state = self.state
        raise TimbreError(
            f"gradients of norm {norm.item()} at epoch {state.epoch + 1}, batch {state.batch + 1}; "
            f"{'not finite' if bad else 'too large'} those of {some(bad or gradients, 8)}; the batch: "
            f"{some(batch.utterances, 4)}; the step was not taken; look at their features, or lower "
            "train.learning_rate; the last checkpoint stands"
        )

    def _require_finite_weights(self) -> None:
        """Before they are saved: a step by finite gradients may be too long."""
        finite = {name: torch.isfinite(weight).all() for name, weight in self._named_parameters()}
        whole = torch.stack(list(finite.values())).tolist()
        if bad := [name for name, good in zip(finite, whole, strict=True) if not good]:
            raise TimbreError(
                f"weights that are not finite at epoch {self.state.epoch + 1}, after batch {self.state.batch}: "
                f"{some(bad, 8)}; lower train.learning_rate; the last checkpoint stands"
            )

    def _named_parameters(self) -> list[tuple[str, nn.Parameter]]:
        """Those that are trained."""
        named = self._criterion.named_parameters()
        return [(name.removeprefix("module."), weight) for name, weight in named if weight.requires_grad]

    def _end_epoch(self, board: SummaryWriter, rate: float, margin: float) -> None:
        self._require_finite_weights()
        state, steps = self.state, len(self.batches)
        row: dict[str, float] = {"epoch": state.epoch + 1, "step": (state.epoch + 1) * steps}
        row |= {name: total / steps for name, total in state.sums.items()}
        row |= {"learning_rate": rate, "margin_scale": margin}
        row["utterances_per_second"] = steps * self.conf.batch_size / max(state.seconds, 1e-9)
        row["waiting"] = state.waiting / max(state.seconds, 1e-9)  # share of the time without a batch to work on
        if self._evaluate is not None:
            self._criterion.eval()
            row |= processes.from_first(self._evaluate(self.encoder, self.loss) if processes.is_first() else None)
        held_out = {name: value for name, value in row.items() if name.startswith("heldout_")}
        self._draw(board, {name.replace("_", "/", 1): value for name, value in held_out.items()})
        state.history.append(row)
        log.info("%s", "  ".join(f"{name} {value:.4g}" for name, value in row.items()))
        self.state = State(epoch=state.epoch + 1, history=state.history)
        if processes.is_first():
            weights = {"encoder": cpu_state(self.encoder), "loss": cpu_state(self.loss)}
            save_tensors(epoch_file(self.directory, self.state.epoch), weights)
        self._save()
        if processes.is_first():
            self._remove_epochs()

    def _remove_epochs(self) -> None:
        """Keeps the weights of the best epochs so far, and of the last: those to come may make them the best."""
        state, count = self.state, self.conf.average
        last = range(state.epoch - count + 2, state.epoch + 1)
        kept = {epoch_file(self.directory, epoch) for epoch in [*state.best_epochs(count), *last]}
        for file in set(self.directory.glob("epoch_*.pt")) - kept:
            file.unlink()

    def _out_of_patience(self) -> bool:
        waited = self.state.without_progress()
        if self.conf.patience and waited >= self.conf.patience:
            log.info("stopped early: the held-out EER or error was no lower in the last %d epochs", waited)
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
        }
        self._checkpoints.save(state, self._done)
        self._write_history()

    def _write_history(self) -> None:
        if processes.is_first():
            with atomic_write(self.directory / "history.jsonl") as file:
                file.writelines(json.dumps(row) + "\n" for row in self.state.history)

    def _resume(self) -> None:
        """Goes on from the last checkpoint; where there is none, the weights are those to begin with."""
        saved = self._checkpoints.load()
        if saved is not None:
            try:
                self.state = State(**saved["state"])
                self.encoder.load_state_dict(saved["encoder"])
                self.loss.load_state_dict(saved["loss"])
                self._optimizer.load_state_dict(saved["optimizer"])
                self._scaler.load_state_dict(saved["scaler"])
            except torch.cuda.OutOfMemoryError:
                raise
            except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
                why = (str(error) or type(error).__name__).splitlines()[0]
                raise TimbreError(
                    f"{self.directory}/{NEWEST}: does not fit this network ({why}); to train from the beginning, "
                    f"remove {self.directory}/checkpoint*.pt"
                ) from None
            self._write_history()
        lost = self._checkpoints.begin(self._done)
        counted = "" if lost is None else f"; {lost} steps after the checkpoint were lost"
        if saved is not None:
            log.info("resumed at epoch %d, batch %d%s", self.state.epoch + 1, self.state.batch + 1, counted)
        elif lost:
            log.info("no checkpoint: started again from the beginning; %d steps were lost", lost)
