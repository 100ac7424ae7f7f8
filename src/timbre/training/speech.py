"""The speech of an experiment: who is trained on, who is held out, and where frames come from."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

import numpy as np

from timbre.corpora.splits import units
from timbre.errors import TimbreError
from timbre.features.augment import Augmenter
from timbre.features.cmvn import global_statistics
from timbre.features.front_end import FrameReader, is_uniform
from timbre.features.online import OnlineFrames
from timbre.kaldi.audio import WaveReader
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.labels import read_labels
from timbre.kaldi.perturb import utt2person
from timbre.training.experiment import Experiment
from timbre.training.heldout import split_speakers, split_utterances


class TrainingSpeech:
    """A data directory as an experiment trains on it.

    Attributes:
        classes: the names of the classes in order (of verification the training speakers, speed copies too);
            ``labels`` is the class's number of each utterance to train on.
        held_out: the speakers kept for selection (verification), and ``held`` the utterances, as recorded (no
            copies).
        utt2spk, utt2class: of all utterances.
        crops: where training crops come from, augmented if the conf says so.
        whole: where whole utterances come from, never augmented.
        statistics: of ``input.cmvn: global``, mean and inverse deviation (2, F) of the utterances to train on
            (copies too), as ``whole`` would give them without; else None.
    """

    def __init__(
        self, experiment: Experiment, data: DataDir, allow_pipes: bool = False, sources: Path | None = None
    ) -> None:
        train, features, conf = experiment.train, experiment.features, experiment.input
        online = train.features == "online"
        if online:
            waves = WaveReader(data, features.sample_rate, features.resample, allow_pipes)
        frames = partial(OnlineFrames, waves, features) if online else partial(FrameReader, data)
        by_all = conf.cmvn == "global"
        self.whole = frames(conf.model_copy(update={"cmvn": "none"}) if by_all else conf)
        utterances = self.whole.utterances
        self.utt2spk = data.utt2spk
        if unknown := [utterance for utterance in utterances if utterance not in self.utt2spk]:
            raise TimbreError(f"{data.path}/utt2spk: no speaker of '{unknown[0]}'; run utils/fix_data_dir.sh")
        if experiment.task == "self_supervised":
            self.utt2class = dict.fromkeys(self.utt2spk, "speech")
        else:
            self.utt2class = read_labels(data, experiment.labels)
        self._originals = data.table("utt2uniq") if data.has("utt2uniq") else {}
        originals = {
            utterance: self.utt2class[utterance] for utterance in utterances if self.is_original(utterance)
        }
        if experiment.task == "verification":
            self.classes, self.held_out = split_speakers(data, train.heldout_speakers, train.seed)
            apart = set(self.held_out)
            self.held = [utterance for utterance in originals if self.utt2spk[utterance] in apart]
        else:
            self.classes, self.held_out = sorted(set(originals.values())), []
            self.held = split_utterances(
                originals, units(data, train.heldout_unit), train.heldout_utterances, train.seed
            )
        number, held = {name: row for row, name in enumerate(self.classes)}, set(self.held)
        self.labels = {
            utterance: number[self.utt2class[utterance]]
            for utterance in utterances
            if self.utt2class[utterance] in number and self._original(utterance) not in held
        }
        self.statistics: np.ndarray | None = None
        if by_all:
            spoken = (self.whole.read(utterance) for utterance in self.labels)
            self.statistics = global_statistics(spoken, conf.norm_vars, is_uniform(features))
            self.whole = frames(conf, self.statistics)
        self.crops = self.whole
        if online and experiment.augment.kinds:
            person = utt2person(data)
            heard = {utterance: person[utterance] for utterance in self.labels}  # nobody held out talks in babble
            augment = Augmenter(experiment.augment, waves, heard, features.sample_rate, sources)
            self.crops = frames(conf, self.statistics, augment)

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


def fingerprint(data: DataDir, labels: str) -> str:
    """A hash of a data directory's utterances, their speakers, classes (the table ``labels``) and lengths."""
    streams = sorted(path.name for path in data.path.glob("utt2num_frames_*"))
    names = dict.fromkeys(("utt2spk", labels, "utt2num_frames", *(["utt2lang", *streams] if streams else [])))
    tables = [(data.path / name).read_bytes() for name in names if data.has(name)]
    return hashlib.sha256(b"".join(tables)).hexdigest()
