"""The tasks that a conf may name."""

from __future__ import annotations

from timbre.training.classification import Classification
from timbre.training.fusion import FusionTask
from timbre.training.phones import Phones
from timbre.training.self_supervised import SelfSupervised
from timbre.training.task import Task
from timbre.training.verification import Verification

TASKS: dict[str, type[Task]] = {
    "verification": Verification,
    "classification": Classification,
    "self_supervised": SelfSupervised,
    "fusion": FusionTask,
    "phones": Phones,
}
