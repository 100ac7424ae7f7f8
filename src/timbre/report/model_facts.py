"""What a model file is, in lines for people, and the part of a conf that is its own."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from timbre import plain_yaml
from timbre.conf import build, differences
from timbre.conf_files import override
from timbre.features.front_end import FrontEnd
from timbre.features.model_file import of_model
from timbre.features.published import model_file, read_model
from timbre.models import build_encoder
from timbre.models.trained import ModelConf

_RUNNING = ("running_mean", "running_var", "num_batches_tracked")
_SHOWN = 3


def describe(path: Path) -> list[tuple[str, str]]:
    """``(name, value)`` of a trained model or a published checkpoint.

    Raises:
        TimbreError: where it cannot be read.
    """
    file, state = model_file(path), read_model(path)
    with of_model(file):
        return [
            ("file", f"{file}, SHA-256 {hashlib.sha256(file.read_bytes()).hexdigest()}"),
            *_origin(state),
            *(_streams(state) if "streams" in state else _network(state)),
            ("classes", _some(state["classes"]) if "languages" not in state else _languages(state)),
            ("back-end", _backend(state["backend"])),
        ]


def own_conf(path: Path) -> str:
    """The conf's sections that are the model's own, as YAML, for features by its front-end or to train on from it.

    Raises:
        TimbreError: where it cannot be read, or is a fusion of streams, which has none.
    """
    state = read_model(path)
    with of_model(model_file(path)):
        conf = _conf(state)
        settings = [f"{key}={plain_yaml.dump(value)}" for key, (value, _) in differences(conf).items()]
        kinds = {name: {"kind": getattr(conf, name).kind} for name in ("features", "encoder")}
        return plain_yaml.dump(override(kinds, settings))


def _conf(state: dict[str, Any]) -> ModelConf:
    return build(ModelConf, {name: state["conf"][name] for name in ModelConf.model_fields})


def _origin(state: dict[str, Any]) -> list[tuple[str, str]]:
    if "published" not in state:
        return [("layout", f"{state['format']}, task {state['conf'].get('task')}")]
    about = state["published"]
    encoder = f", {about['encoder']}" if "encoder" in about else ""
    rows = [("layout", about["layout"] + encoder), ("source", about["source"]), ("licence", about["licence"])]
    return rows + [("note", note) for note in about.get("notes", [])]


def _network(state: dict[str, Any]) -> list[tuple[str, str]]:
    conf = _conf(state)
    statistics = state.get("statistics")
    front_end = FrontEnd(
        conf.features, conf.input, None if statistics is None else statistics.numpy(), state.get("extractor")
    )
    encoder = build_encoder(conf.encoder, front_end.dim)
    sizes = f"{_count(state['encoder']):,} parameters, embeddings of {encoder.embedding_dim} values"
    rate = f"{front_end.sample_rate} Hz, " if front_end.sample_rate else ""
    return [
        ("encoder", f"{conf.encoder.kind}, {sizes}, from {encoder.min_frames} frames on"),
        ("front-end", f"{conf.features.kind}, {rate}{front_end.dim} values a frame, cmvn {conf.input.cmvn}"),
    ]


def _streams(state: dict[str, Any]) -> list[tuple[str, str]]:
    named = ", ".join(state["streams"])
    return [("encoder", f"fusion, {_count(state['encoder']):,} parameters"), ("streams", named)]


def _count(weights: dict[str, Any]) -> int:
    return sum(value.numel() for name, value in weights.items() if name.rpartition(".")[2] not in _RUNNING)


def _languages(state: dict[str, Any]) -> str:
    return "; ".join(f"{language}: {_some(names)}" for language, names in state["languages"].items())


def _some(names: list[str]) -> str:
    if not names:
        return "not known"
    more = ", …" if len(names) > _SHOWN else ""
    return f"{len(names)} ({', '.join(names[:_SHOWN])}{more})"


def _backend(backend: dict[str, Any]) -> str:
    mean, found = backend.get("mean"), []
    if mean is not None:
        found.append(f"mean of length {float(mean.norm()):.3g}" if mean.any() else "no mean subtracted")
    if backend.get("threshold") is not None:
        found.append(f"threshold {backend['threshold']:.4f}")
    if backend.get("calibration") is not None:
        line = backend["calibration"]
        found.append(f"calibration {line['a']:.4g} · score {line['b']:+.4g}")
    if backend.get("temperature") is not None:
        found.append(f"temperature {backend['temperature']:.3g}")
    return ", ".join(found) or "none"
