"""A trained fusion of streams as its users have it: one file, and audio in, probabilities of emotions out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import torch

from timbre.conf import build
from timbre.errors import TimbreError, did_you_mean
from timbre.features.by_speaker import require_by_speaker
from timbre.features.front_end import ALONE
from timbre.features.model_file import load_weights
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.labels import UNNAMED
from timbre.kaldi.tables import ArkWriter
from timbre.kaldi.text import write_table
from timbre.kaldi.waveform import Audio, waveform
from timbre.models.fusion import build_fusion
from timbre.models.fusion_outputs import fused, outputs
from timbre.models.streams import INPUT, Extractor, StreamReader, Utterance, batch_of
from timbre.scoring.posteriors import write_classes
from timbre.training.experiment import Experiment


def no_languages(language: str) -> TimbreError:
    """What is said to who names a language to a model that was told of none."""
    return TimbreError(f"this model knows no languages, and so none that is '{language}'; leave it out")


class FusionClassifier:
    """Streams' extractors and their fusion, in evaluation mode.

        p = softmax(z / τ)

    of the logits z of a language's head, and the temperature τ that fits the language's held-out utterances.

    Attributes:
        languages: of each its classes in the order of its head.
        classes: those of all languages, in byte order.
        streams: their names, in the order of the gate's weights.
    """

    def __init__(self, state: dict[str, Any], device: torch.device) -> None:
        experiment = build(Experiment, state["conf"])
        self.device, self.languages = device, state["languages"]
        self.classes: list[str] = state["classes"]
        self._by_speaker = experiment.input.cmvn == "speaker"
        self._confs, kept = experiment.used_streams, state["streams"]
        self.streams = list(self._confs)
        self._states = {name: kept[name]["state"] for name in self.streams}
        self._extractors = {name: Extractor.of(conf, self._states[name]) for name, conf in self._confs.items()}
        self._statistics = {name: kept[name]["statistics"].numpy() for name in self.streams}
        self.network = build_fusion(
            experiment.fusion, self._confs, self._extractors, self._statistics, self.languages
        )
        load_weights(self.network, state["encoder"], "encoder")
        self.network.to(device).eval()
        self._temperatures: Mapping[str, float] = state["backend"].get("temperatures", {})

    def require(self, language: str) -> str:
        """``language``, which must be one that the model knows; "" is the only one, where it is the only one.

        So is ``UNNAMED``, what speech is said to be in where nothing says which language it is.
        """
        language = "" if language == UNNAMED else language
        if not language and len(self.languages) == 1:
            return next(iter(self.languages))
        if language and UNNAMED in self.languages:
            raise no_languages(language)
        if language not in self.languages:
            said = (
                f"the language '{language}' is not known" if language else "which language is it? --lang is missing"
            )
            raise TimbreError(f"{said}{did_you_mean(language, self.languages)}")
        return language

    @property
    def sample_rates(self) -> set[tuple[int | None, bool]]:
        """In Hz, those of the streams' front-ends; whether they may resample."""
        front_ends = [extractor.front_end for extractor in self._extractors.values()]
        return {(front_end.sample_rate, front_end.resample) for front_end in front_ends}

    def extract(self, source: Audio, rate: int | None = None) -> Utterance:
        """The streams of audio (:func:`timbre.kaldi.waveform.waveform`), not normalised yet."""
        if self._by_speaker:
            raise TimbreError(ALONE)
        audio = waveform(source, rate)
        found = {}
        for stream, extractor in self._extractors.items():
            values = self._confs[stream].pool(extractor.front_end.of_audio(audio))
            if extractor.model is not None and not self._confs[stream].fine_tuning:
                values = extractor.model.embed_frames([values], [audio.name])
            found[stream] = values
        return found

    def decide(self, extracted: Utterance, language: str = "") -> dict[str, float]:
        """The emotions of what :meth:`extract` gave, of this model or another fold's: the most probable first."""
        language = self.require(language)
        streams = {
            name: values if self._confs[name].fine_tuning else INPUT.normalise(values, self._statistics[name])
            for name, values in extracted.items()
        }
        output = fused(self.network, batch_of([streams], language), self.device)[0]
        values = self._posteriors(output.logits[None], language)[0]
        names = self.languages[language]
        return {names[column]: float(values[column]) for column in np.argsort(-values, kind="stable")}

    def classify(self, source: Audio, rate: int | None = None, language: str = "") -> dict[str, float]:
        """The emotions of audio: probabilities, the highest first."""
        self.require(language)
        return self.decide(self.extract(source, rate), language)

    def outputs(
        self, reader: StreamReader, utterances: Sequence[str], language: str = "", progress: str = ""
    ) -> tuple[np.ndarray, np.ndarray]:
        """Posteriors ``(N, C)`` of the classes of all languages, and the streams' weights ``(N, S)``.

        Args:
            language: whose gate and head are to be used for all utterances; "": each utterance's own, where the
                model knows languages.
        """
        every = language or (UNNAMED if UNNAMED in self.languages else "")
        languages = {name: self.require(every or reader.languages[name]) for name in utterances}
        said = outputs(self.network, reader, utterances, self.device, languages, progress)
        of = np.array([languages[name] for name in utterances])
        matrix = np.zeros((len(utterances), len(self.classes)), dtype=np.float32)
        for each, names in self.languages.items():
            rows = np.flatnonzero(of == each)
            if len(rows):
                logits = np.stack([said[utterances[row]].logits for row in rows])
                matrix[np.ix_(rows, [self.classes.index(name) for name in names])] = self._posteriors(logits, each)
        return matrix, np.stack([said[name].weights for name in utterances])

    def reader(self, data: DataDir) -> StreamReader:
        """The streams of a data directory as the model takes them."""
        require_by_speaker(data, self._by_speaker)
        return StreamReader(data, self._confs, self._statistics, self._states)

    def _posteriors(self, logits: np.ndarray, language: str) -> np.ndarray:
        """``(N, C)`` of the language's classes -> ``(N, C)``."""
        logits = logits.astype(np.float64) / self._temperatures.get(language, 1.0)
        return scipy.special.softmax(logits, axis=1).astype(np.float32)


def extract_fusion(model: FusionClassifier, data: DataDir, out: Path, job: str, language: str = "") -> None:
    """Writes ``out/posteriors.<job>.{ark,scp}`` and ``classes``; with a gate ``gates`` and ``streams`` too.

    Nothing is skipped. The scp of the posteriors comes last.
    """
    write_classes(out / "classes", model.classes)
    if model.network.weighs:
        write_classes(out / "streams", model.streams)
    scp = out / f"posteriors.{job}.scp"
    if scp.exists():
        print(f"{scp}: done before")
        return
    reader = model.reader(data)
    posteriors, weights = model.outputs(reader, reader.utterances, language, f"posteriors.{job}")
    gates = {"gates": weights} if model.network.weighs else {}
    for kind, matrix in {**gates, "posteriors": posteriors}.items():
        write_table(out / f"{kind}.{job}.skipped", {})
        with ArkWriter(out / f"{kind}.{job}.ark", out / f"{kind}.{job}.scp") as writer:
            for utterance, row in zip(reader.utterances, matrix, strict=True):
                writer.write(utterance, row)
