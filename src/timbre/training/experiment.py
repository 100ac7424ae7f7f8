"""The conf of an experiment: one file, and what differs from the defaults here is all it holds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from timbre import conf as confs
from timbre.conf import AnySection, Section, plugin
from timbre.conf_effects import POSITIVE, only, require_effect
from timbre.conf_files import override, read_yaml
from timbre.corpora.splits import Unit
from timbre.errors import TimbreError, did_you_mean
from timbre.features.augment import AugmentConf
from timbre.features.frames import gives_vectors, require_waveforms
from timbre.features.front_end import InputConf
from timbre.features.published import read_model
from timbre.models.fusion import FusionConf
from timbre.models.streams import StreamConf, usable
from timbre.models.trained import ModelConf
from timbre.training.sizes import require_sizes


class SpecAugmentConf(Section):
    """Masks on training crops (Park et al. 2019, arXiv 1904.08779); each bin by its mean over the crop."""

    time_masks: int = Field(0, ge=0, le=100)
    time_width: NonNegativeInt = Field(
        20, description="frames, at most", json_schema_extra=only(time_masks=POSITIVE)
    )
    time_masks_share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="adaptive (Park et al. 2020, arXiv 1912.05533): masks in time, so many a frame of the crop",
    )
    time_width_share: float = Field(
        0.05,
        ge=0,
        le=1,
        description="of those: the share of the crop that one of them covers, at most",
        json_schema_extra=only(time_masks_share=POSITIVE),
    )
    frequency_masks: int = Field(0, ge=0, le=100)
    frequency_width: NonNegativeInt = Field(
        8, description="bins, at most", json_schema_extra=only(frequency_masks=POSITIVE)
    )


_ENCODER = ("verification", "classification", "self_supervised", "phones")
"""Tasks of one encoder: all but fusion."""
_WITH_CLASSES = ("classification", "phones", "fusion")


class TrainConf(Section):
    """Batches, optimisation, selection. Everything in epochs, so that a change of batch size shifts nothing."""

    seed: int = Field(1, ge=0, lt=2**63)
    epochs: PositiveInt = 20
    batch_size: int = Field(
        64, ge=2, description="crops, of all processes together; BatchNorm has no statistics of one"
    )
    features: Literal["ark", "online"] = Field(
        "ark",
        description="where training crops come from: feats.scp, or computed from waveforms when they are needed",
        json_schema_extra=only(task=_ENCODER),
    )
    crop_frames: NonNegativeInt = Field(
        200, description="frames of a random crop, shorter utterances wrap; 0: whole utterances, padded in a batch"
    )
    crops_per_utterance: int = Field(
        1, ge=1, le=10_000, description="crops of each utterance in an epoch", json_schema_extra=only(task=_ENCODER)
    )
    sampler: Literal["plain", "balanced", "p_by_k"] = Field(
        "plain",
        description="plain, balanced: utterances, or speakers, equally often; p_by_k: batches of P speakers with K "
        "utterances each",
        json_schema_extra=only(task=("verification", *_WITH_CLASSES)),
    )
    utterances_per_speaker: int = Field(
        8, ge=2, description="K of p_by_k; P is batch_size / K", json_schema_extra=only(sampler="p_by_k")
    )
    spec_augment: SpecAugmentConf = Field(
        SpecAugmentConf(), description=SpecAugmentConf.__doc__, json_schema_extra=only(task=_ENCODER)
    )
    workers: int = Field(0, ge=0, le=1000, description="processes that read crops (0: the training process)")

    optimizer: Literal["sgd", "adam", "adamw"] = "adamw"
    learning_rate: float = Field(1e-3, gt=0, le=10, description="the highest of the schedule")
    momentum: float = Field(
        0.9, ge=0, lt=1, description="of sgd (Nesterov)", json_schema_extra=only(optimizer="sgd")
    )
    weight_decay: float = Field(1e-4, ge=0, lt=1)
    frozen_epochs: NonNegativeInt = Field(
        0,
        description="with init: epochs at the beginning in which the encoder stays as it is; the loss learns",
        json_schema_extra=only(task=_ENCODER),
    )
    clip_norm: NonNegativeFloat = Field(5.0, description="largest gradient norm; 0: no clipping")
    schedule: Literal["cosine", "exponential", "triangular2", "constant"] = "cosine"
    warmup_epochs: NonNegativeFloat = Field(1.0, description="linear warm-up from 0")
    final_learning_rate: PositiveFloat = Field(
        1e-5,
        description="the lowest, at the end (of triangular2, of each cycle)",
        json_schema_extra=only(schedule=("cosine", "exponential", "triangular2")),
    )
    cycle_epochs: float = Field(
        10.0,
        ge=0.01,
        description="of triangular2, its peak halved each time",
        json_schema_extra=only(schedule="triangular2"),
    )
    margin_epochs: tuple[NonNegativeFloat, NonNegativeFloat] = Field(
        (0.0, 0.0),
        description="the margin grows from 0 to its full size between these epochs",
        json_schema_extra=only({"task": _ENCODER, "loss.margin": POSITIVE}),
    )
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        "auto",
        description="auto: bf16 where the processor multiplies it natively, else fp32; bf16: refused where it "
        "would be emulated, up to a hundred times slower than fp32; fp16: GPUs only",
    )

    heldout_speakers: NonNegativeInt = Field(
        6,
        description="task verification: training speakers kept for model selection, threshold and calibration; "
        "0: none",
        json_schema_extra=only(task="verification"),
    )
    heldout_utterances: float = Field(
        0.05,
        ge=0,
        le=0.5,
        description="other tasks: share of the training utterances kept for model selection and "
        "calibration; 0: none",
        json_schema_extra=only(task=("self_supervised", *_WITH_CLASSES)),
    )
    heldout_unit: Unit = Field(
        "session",
        description="other tasks: what is held out whole; a session is the utterance where no utt2session is known",
        json_schema_extra=only(task=("self_supervised", *_WITH_CLASSES)),
    )
    average: PositiveInt = Field(
        5, description="so many consecutive epochs, those with the lowest mean held-out EER or error, are averaged"
    )
    patience: NonNegativeInt = Field(
        0, description="stop after so many epochs without a lower held-out EER or error; 0: never"
    )
    checkpoint_steps: PositiveInt = Field(200, description="steps between checkpoints within an epoch, at most")
    checkpoint_minutes: PositiveFloat = Field(5.0, description="minutes between them, at most, of whole steps")

    @property
    def batch_speakers(self) -> int:
        """P of p_by_k, the speakers of a batch; 1 where it may be of any."""
        return self.batch_size // self.utterances_per_speaker if self.sampler == "p_by_k" else 1

    @model_validator(mode="after")
    def _whole_groups(self) -> TrainConf:
        if self.sampler == "p_by_k" and (
            self.batch_size % self.utterances_per_speaker or self.batch_size == self.utterances_per_speaker
        ):
            raise ValueError(
                f"a batch_size of {self.batch_size} is not two or more groups of {self.utterances_per_speaker} "
                "utterances_per_speaker"
            )
        return self

    @model_validator(mode="after")
    def _in_the_time_there_is(self) -> TrainConf:
        if self.frozen_epochs > self.epochs:
            raise ValueError(f"frozen_epochs {self.frozen_epochs} are more than the {self.epochs} epochs")
        begin, end = self.margin_epochs
        if not begin <= end <= self.epochs:
            raise ValueError(f"margin_epochs [{begin:g}, {end:g}] do not rise within {self.epochs} epochs")
        if self.warmup_epochs > self.epochs:
            raise ValueError(f"warmup_epochs {self.warmup_epochs:g} are more than the {self.epochs} epochs")
        if self.schedule != "constant" and self.final_learning_rate > self.learning_rate:
            raise ValueError(
                f"final_learning_rate {self.final_learning_rate:g} is above learning_rate {self.learning_rate:g}"
            )
        masked = self.spec_augment.time_width if self.spec_augment.time_masks else 0
        if 0 < self.crop_frames <= masked:
            raise ValueError(
                f"spec_augment.time_width {masked} masks whole crops of crop_frames {self.crop_frames}; take less"
            )
        return self


BY_SPEAKER = InputConf(cmvn="speaker")
"""How the streams of a fusion are read that are normalised by speaker."""

Task = Literal["verification", "classification", "self_supervised", "phones", "fusion"]


class Experiment(ModelConf):
    """A whole experiment.

    ``features`` may name a file beside the conf (``features: mfcc.yaml``), and ``base: other.yaml`` the conf that
    this one differs from.
    """

    task: Task = Field(
        "verification",
        description="verification: speakers are tested that training did not know; classification: the classes of "
        "the test are those of the training; self_supervised: no labels; phones: transcripts in phones",
    )
    labels: str = Field(
        "utt2spk",
        description="the table of the classes (utt2spk, utt2emotion)",
        json_schema_extra=only(task=_WITH_CLASSES),
    )
    speeds: tuple[Annotated[float, Field(ge=0.1, le=10)], ...] = Field(
        (),
        description="copies of the training data at these speeds (0.9, 1.1); of verification further speakers",
        json_schema_extra=only(task=("verification", "fusion")),
    )
    augment: AugmentConf = Field(
        AugmentConf(),
        description="noise and rooms in training: new for each crop with train.features online, else one copy of "
        "each utterance and kind",
        json_schema_extra=only(task=_ENCODER),
    )
    init: str = Field(
        "",
        description="the model that training starts from: an experiment directory, or a published checkpoint; "
        "whose features, input and encoder are taken where the conf names neither features nor encoder",
        json_schema_extra=only(task=_ENCODER),
    )
    freeze: tuple[str, ...] = Field(
        (), description="parts of the encoder that keep their weights, by name (blocks.0, first)"
    )
    streams: dict[str, StreamConf] = Field(
        {}, description="task fusion: what is fused, by name", json_schema_extra=only(task="fusion")
    )
    fusion: FusionConf = Field(
        FusionConf(), description="task fusion: what follows the streams", json_schema_extra=only(task="fusion")
    )
    use: tuple[str, ...] = Field(
        (),
        description="task fusion: those of the streams that are used; none named: all",
        json_schema_extra=only(task="fusion"),
    )
    loss: AnySection = plugin(
        "timbre.losses", "am_softmax", "from embedding and label to loss", only(task=_ENCODER)
    )
    train: TrainConf = TrainConf()

    @model_validator(mode="after")
    def _fits_the_task(self) -> Experiment:
        if len({1.0, *self.speeds}) <= len(self.speeds):
            raise ValueError(f"speeds {list(self.speeds)}: each once, and not 1, the speech as it is")
        if self.task == "fusion":
            return self._fuses()
        role = "Objective" if self.task in ("self_supervised", "phones") else "Loss"
        if not hasattr(confs.kind_module("timbre.losses", self.loss.kind), role):
            raise ValueError(f"loss {self.loss.kind} is none of task {self.task}")
        if self.task == "classification" and not hasattr(
            confs.kind_module("timbre.losses", self.loss.kind).Loss, "logits"
        ):
            raise ValueError(f"loss {self.loss.kind} has no classes; task classification needs one that has")
        if self.train.frozen_epochs and not self.init:
            raise ValueError(
                "train.frozen_epochs has no effect without init, the model that training starts from (--init FILE)"
            )
        if self.input.cmvn == "speaker" and self.train.features == "online":
            raise ValueError("input.cmvn speaker takes features from ark, where all of a speaker are known")
        for asked, what in (
            (self.train.features == "online", "train.features online cannot compute"),
            (self.speeds, "speeds cannot change"),
            (self.augment.kinds, "augment.kinds cannot change"),
        ):
            if asked:
                require_waveforms(self.features, what)
        return self

    def _fuses(self) -> Experiment:
        if not self.streams:
            raise ValueError("task fusion has streams to fuse, and none is named")
        if strange := [name for name in self.streams if not usable(name)]:
            raise ValueError(f"no stream can be called '{strange[0]}'; take letters, digits, - and _")
        if unknown := [name for name in self.use if name not in self.streams]:
            raise ValueError(
                f"use names '{unknown[0]}', which is none of streams{did_you_mean(unknown[0], self.streams)}"
            )
        if self.input not in (InputConf(), BY_SPEAKER):
            raise ValueError(
                "input has no effect with task fusion, whose streams have their own, but cmvn: speaker"
            )
        if self.train.sampler == "p_by_k":
            raise ValueError("task fusion has no train.sampler p_by_k; take plain or balanced")
        return self

    @property
    def used_streams(self) -> dict[str, StreamConf]:
        """The streams that are fused, in their order."""
        return {name: conf for name, conf in self.streams.items() if not self.use or name in self.use}


def load_experiment(path: str | Path, settings: Iterable[str] = ()) -> Experiment:
    """An experiment's conf, or a features section alone (the rest at its defaults), with ``a.b=c`` settings.

    With ``init``, where the conf names neither features nor encoder, both are that model's, and its input too.

    Raises:
        TimbreError: naming the file and each unknown key, bad value or key that has no effect.
    """
    values = read_yaml(path)
    if "kind" in values:
        values = {"features": values}
    try:
        values = override(values, settings)
        if values.get("init") and not values.keys() & {"features", "encoder"} and values.get("task") != "fusion":
            there = read_model(str(values["init"]))["conf"]
            values = {name: there[name] for name in ModelConf.model_fields} | values
        experiment = confs.build(Experiment, values)
        require_effect(experiment)
        require_sizes(experiment)
    except TimbreError as error:
        raise TimbreError(f"{path}: {error}") from None
    return experiment


def by_speaker(experiment: Experiment) -> Experiment:
    """The experiment with its features normalised by speaker, in the place of what its conf says.

    Raises:
        TimbreError: where who speaks is what is asked, as then the answer would be used.
    """
    if experiment.task not in ("classification", "fusion") or experiment.labels == "utt2spk":
        raise TimbreError(
            "features normalised by speaker tell who speaks, and are for classes that are no speakers (emotions)"
        )
    kept = {"voiced_only": experiment.input.voiced_only, "vad": experiment.input.vad}
    values = experiment.model_dump(mode="json") | {
        "input": InputConf(cmvn="speaker", **kept).model_dump(mode="json")
    }
    return confs.build(Experiment, values)


def require_frames(experiment: Experiment) -> None:
    """Refuses an encoder of frames behind features that give an utterance one row."""
    if experiment.task != "fusion" and gives_vectors(experiment.features):
        raise TimbreError(
            f"features.kind {experiment.features.kind} gives an utterance one row, and encoder "
            f"{experiment.encoder.kind} takes frames: set features.kind to mfcc or fbank, or take it as a stream "
            "of task fusion"
        )
