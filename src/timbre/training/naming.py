"""How folders and tables of features are named: by what makes them, so that no two share one."""

from __future__ import annotations

from timbre.features.front_end import build_extractor
from timbre.features.published import model_sha256
from timbre.models.streams import stream_features, stream_identity
from timbre.models.trained import ModelConf
from timbre.pipeline.fingerprint import digest_of
from timbre.training.experiment import BY_SPEAKER, Experiment


def features_name(experiment: ModelConf) -> str:
    """``fbank80-1a2b3c``: kind, dimension and a hash of the front-end, so that no two share a folder.

    Of streams ``streams5-1a2b3c``: how many, and a hash of all.
    """
    if isinstance(experiment, Experiment) and experiment.streams:
        conf = {name: stream_identity(stream) for name, stream in experiment.streams.items()}
        if experiment.input == BY_SPEAKER:
            fine_tuned = [name for name, stream in experiment.streams.items() if stream.fine_tuning]
            conf = {"by_speaker": conf, "but": fine_tuned}
        return f"streams{len(experiment.streams)}-{digest_of(conf)[:6]}"
    conf = {"features": experiment.features.model_dump(mode="json"), "vad": experiment.input.vad.model_dump()}
    if experiment.input.cmvn == "speaker":
        conf["by_speaker"] = True
    extractor = build_extractor(experiment.features)
    if hasattr(extractor, "state"):  # which network it is say its weights, wherever they lie
        conf["features"]["model"] = model_sha256(extractor.state)
    return f"{experiment.features.kind}{extractor.dim}-{digest_of(conf)[:6]}"


def stream_folders(experiment: Experiment) -> dict[str, tuple[str, str, str]]:
    """Of each stream the names of the folders of its frames and of its vectors, and its model; "" for what is not.

    Streams with the same frames share their folder, in whatever experiment.
    """
    return {
        name: (
            features_name(stream_features(stream)),
            "" if stream.features else f"vectors-{digest_of(stream_identity(stream))[:6]}",
            stream.model,
        )
        for name, stream in experiment.streams.items()
    }


def tables_by_speaker(experiment: Experiment) -> list[str]:
    """The tables of streams that are normalised by speaker: all but those of streams that are fine-tuned.

    What these read is what their model was trained on, and stays so.
    """
    if experiment.input != BY_SPEAKER:
        return []
    kept = {name: stream for name, stream in experiment.streams.items() if not stream.fine_tuning}
    return [f"{'vectors' if stream.model else 'feats'}_{name}.scp" for name, stream in kept.items()]


def stream_models(experiment: Experiment) -> list[str]:
    """The models that must be there for the streams to be made, each once: directories, or files of checkpoints."""
    paths = (conf.model or getattr(conf.features, "model", "") for conf in experiment.streams.values())
    return list(dict.fromkeys(filter(None, paths)))


def augmented_name(experiment: Experiment) -> str:
    """``augmented-1a2b3c``, of the conf of the augmentation; nothing where there is none."""
    return (
        f"augmented-{digest_of(experiment.augment.model_dump(mode='json'))[:6]}" if experiment.augment.kinds else ""
    )
