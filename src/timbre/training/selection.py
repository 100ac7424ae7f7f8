"""Who and what of a data directory is trained on, and what is held out: tables alone say it, without features."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from timbre.corpora.splits import units
from timbre.errors import TimbreError
from timbre.features.augment import people_needed
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.labels import read_labels
from timbre.training.crops import FrameSource
from timbre.training.experiment import Experiment
from timbre.training.heldout import folds_of, split_speakers, split_utterances


class Selection:
    """The utterances of a data directory as an experiment divides them.

    Attributes:
        classes: the names of the classes in order (of verification the training speakers, speed copies too);
            ``labels`` is the class's number of each utterance to train on.
        held_out: the speakers kept for selection (verification), and ``held`` the utterances, as recorded (no
            copies).
        utt2spk, utt2class: of all utterances.
        crops: where training crops come from; ``None`` as long as there are no features.
    """

    crops: FrameSource | None = None

    def __init__(
        self, experiment: Experiment, data: DataDir, utterances: Sequence[str], sources: Path | None = None
    ) -> None:
        """``sources``: folder of recordings for augmentation; with speech among them nobody else has to talk.

        Raises:
            TimbreError: for utterances without a speaker or class, and a conf that does not fit the data, with one
                that does.
        """
        train = experiment.train
        self.utt2spk = data.utt2spk
        if unknown := [utterance for utterance in utterances if utterance not in self.utt2spk]:
            raise TimbreError(f"{data.path}/utt2spk: no speaker of '{unknown[0]}'; run utils/fix_data_dir.sh")
        if experiment.task == "self_supervised":
            self.utt2class = dict.fromkeys(self.utt2spk, "speech")
        else:
            self.utt2class = read_labels(data, experiment.labels)
        self._originals = data.originals
        originals = {
            utterance: self.utt2class[utterance] for utterance in utterances if self.is_original(utterance)
        }
        if experiment.task == "verification":
            online = train.features == "online"
            people = people_needed(experiment.augment, sources) if online else 1
            self.classes, self.held_out = split_speakers(data, experiment, people)
            apart = set(self.held_out)
            self.held = [utterance for utterance in originals if self.utt2spk[utterance] in apart]
        else:
            self.classes, self.held_out = sorted(set(originals.values())), []
            self.held = split_utterances(
                originals,
                units(data, train.heldout_unit),
                train.heldout_utterances,
                train.seed,
                fold_of=folds_of(data),
            )
        number, held = {name: row for row, name in enumerate(self.classes)}, set(self.held)
        self.labels = {
            utterance: number[self.utt2class[utterance]]
            for utterance in utterances
            if self.utt2class[utterance] in number and self._original(utterance) not in held
        }

    def add_speed_copies(self, speeds: Iterable[float]) -> None:
        """Adds the copies that stage 1 will make to what is trained on (:mod:`timbre.kaldi.perturb`)."""
        names, labels = list(self.classes), dict(self.labels)
        for speed in speeds:
            first, prefix = len(self.classes), f"sp{speed:g}-"
            self.classes += [prefix + name for name in names]
            self.labels |= {prefix + utterance: first + label for utterance, label in labels.items()}

    def is_original(self, utterance: str) -> bool:
        """Whether an utterance is none of the copies that speed perturbation and augmentation make."""
        return self._original(utterance) == utterance

    def _original(self, utterance: str) -> str:
        return self._originals.get(utterance, utterance)

    def __str__(self) -> str:
        return (
            f"{len(self.classes)} classes, {len(self.labels)} utterances to train on; held out: "
            f"{len(self.held_out)} speakers, {len(self.held)} utterances"
        )
