"""The speech of an experiment: who is trained on, who is held out, and where frames come from."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

import numpy as np

from timbre.features.augment import Augmenter
from timbre.features.cmvn import global_statistics
from timbre.features.front_end import FrameReader, is_uniform
from timbre.features.online import OnlineFrames
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.perturb import utt2person
from timbre.kaldi.wave_reader import WaveReader
from timbre.training.experiment import Experiment
from timbre.training.selection import Selection


class TrainingSpeech(Selection):
    """A data directory as an experiment trains on it.

    Attributes, beside those of :class:`Selection`:
        crops: where training crops come from, augmented if the conf says so.
        whole: where whole utterances come from, never augmented.
        statistics: of ``input.cmvn: global``, mean and inverse deviation (2, F) of the utterances to train on
            (copies too), as ``whole`` would give them without; else None.
    """

    def __init__(
        self, experiment: Experiment, data: DataDir, allow_pipes: bool = False, sources: Path | None = None
    ) -> None:
        features, conf = experiment.features, experiment.input
        online = experiment.train.features == "online"
        if online:
            waves = WaveReader(data, features.sample_rate, features.resample, allow_pipes)
        frames = partial(OnlineFrames, waves, features) if online else partial(FrameReader, data)
        by_all = conf.cmvn == "global"
        self.whole = frames(conf.model_copy(update={"cmvn": "none"}) if by_all else conf)
        super().__init__(experiment, data, self.whole.utterances, sources)
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


def fingerprint(data: DataDir, labels: str) -> str:
    """A hash of a data directory's utterances, their speakers, classes (the table ``labels``) and lengths."""
    streams = sorted(path.name for path in data.path.glob("utt2num_frames_*"))
    names = dict.fromkeys(("utt2spk", labels, "utt2num_frames", *(["utt2lang", *streams] if streams else [])))
    tables = [(data.path / name).read_bytes() for name in names if data.has(name)]
    return hashlib.sha256(b"".join(tables)).hexdigest()
