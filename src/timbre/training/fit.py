"""Whether a conf fits the data that it is to train on: told by the tables of a data directory, before any features.

What is chosen here is what training chooses, by the same functions; so what is refused here would be refused there,
hours later.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from timbre.errors import TimbreError
from timbre.features.augment import require_people
from timbre.features.front_end import build_extractor
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.perturb import utt2person
from timbre.models import build_encoder
from timbre.scoring.backend import Name
from timbre.scoring.backend_training import refuse_uncalibrated
from timbre.scoring.lda import refuse_too_few
from timbre.training.experiment import Experiment, require_frames
from timbre.training.selection import Selection
from timbre.training.tasks import TASKS


def check_fit(
    experiment: Experiment,
    data: DataDir,
    backends: Sequence[Name] = (),
    sources: Path | None = None,
    processes: int = 1,
) -> str:
    """What the conf makes of ``data``, the training part as stage 0 leaves it, in a line.

    Args:
        backends: what is to be trained on the embeddings of the same utterances.
        sources: folder of recordings for augmentation, if there is one.
        processes: how many share a batch.
    Raises:
        TimbreError: naming the key and its value, what the data have, and settings that fit.
    """
    require_frames(experiment)
    task, train = TASKS[experiment.task], experiment.train
    selection = task.select(experiment, data, sources)
    if backends:
        _check_backends(experiment, selection, backends)
    if experiment.augment.kinds:
        heard = selection.labels if train.features == "online" else data.utt2spk
        person = utt2person(data)
        require_people(experiment.augment, len({person[utterance] for utterance in heard}), sources)
    if experiment.speeds and not data.has("utt2speed"):
        selection.add_speed_copies(experiment.speeds)
    batches = task.divide(selection, train, (0, processes))
    return f"{selection}; batches in an epoch: {len(batches)}"


def _check_backends(experiment: Experiment, selection: Selection, backends: Sequence[Name]) -> None:
    refuse_uncalibrated(backends, len(selection.held_out), "train.heldout_speakers=0 leaves nobody")
    if trained := [name for name in backends if name.lda or name.plda]:
        encoder = build_encoder(experiment.encoder, build_extractor(experiment.features).dim)
        try:
            refuse_too_few(len(selection.labels), len(selection.classes), encoder.embedding_dim)
        except TimbreError as error:
            raise TimbreError(f"--backend {trained[0]}: {error}") from None
