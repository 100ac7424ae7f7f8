"""Learning rate and margin as functions of the epoch, a float: nothing to store, nothing to shift on resume."""

from __future__ import annotations

import math

from timbre.training.experiment import TrainConf


def learning_rate(conf: TrainConf, epoch: float) -> float:
    """The learning rate at ``epoch`` (0 at the start, ``conf.epochs`` at the end).

    With the highest rate h, the lowest l, and p the share of the time after warm-up that has passed:

        cosine        l + (h − l) · (1 + cos πp) / 2
        exponential   h · (l / h)^p
        triangular2   l + (h / 2^cycle − l) · (1 − |2·phase − 1|)         (Smith 2017)
    """
    high, low = conf.learning_rate, min(conf.final_learning_rate, conf.learning_rate)
    if epoch < conf.warmup_epochs:
        return high * min(max(epoch, 1e-3) / conf.warmup_epochs, 1)
    passed = (epoch - conf.warmup_epochs) / max(conf.epochs - conf.warmup_epochs, 1e-9)
    if conf.schedule == "cosine":
        return low + (high - low) * (1 + math.cos(math.pi * min(passed, 1))) / 2
    if conf.schedule == "exponential":
        return high * (low / high) ** min(passed, 1)
    if conf.schedule == "triangular2":
        cycle, phase = divmod((epoch - conf.warmup_epochs) / conf.cycle_epochs, 1)
        return low + max(high / 2**cycle - low, 0) * (1 - abs(2 * phase - 1))
    return high


def margin_scale(conf: TrainConf, epoch: float) -> float:
    """The share of the margin in force at ``epoch``: 0 before, 1 after ``margin_epochs``, linear between."""
    begin, end = conf.margin_epochs
    return min(max((epoch - begin) / (end - begin), 0.0), 1.0) if end > begin else float(epoch >= end)
