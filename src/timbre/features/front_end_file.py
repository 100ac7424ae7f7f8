"""Which front-end made the features of a data directory: ``front_end.yaml`` beside ``feats.scp``.

Whoever makes features writes it; whoever trains on them or embeds them compares it with the conf. Features from
elsewhere, Kaldi's own, have none, and are taken when the user says that they fit.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from timbre import plain_yaml
from timbre.conf import Section, build, kind_module
from timbre.conf_files import flat, read_mapping
from timbre.errors import TimbreError
from timbre.features.front_end import InputConf, build_extractor, is_uniform
from timbre.features.published import model_sha256
from timbre.kaldi.atomic import atomic_write
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.layout import FRONT_END
from timbre.kaldi.tables import read_matrix

_HARMLESS = ("storage", "resample", "model")  # how frames are stored, other rates, where a model lies


def front_end(features: Section, conf: InputConf, state: dict[str, Any] | None = None) -> dict[str, Any]:
    """What decides the values of frames, as plain data; voice activity too, and normalisation by speaker.

    Args:
        state: of the network that extracts the frames, where it is not to be read from the conf's ``model``.
    """
    values = {key: value for key, value in features.model_dump(mode="json").items() if key not in _HARMLESS}
    found = {"features": values, "vad": conf.vad.model_dump(mode="json")}
    if conf.cmvn == "speaker":
        found["by_speaker"] = {"uniform": is_uniform(features)}
    extractor = build_extractor(features, state)
    if hasattr(extractor, "state"):
        found["features"]["model_sha256"] = model_sha256(extractor.state)
    return found


def write_front_end(path: Path, features: Section, conf: InputConf) -> None:
    """Writes the file of features that are made by this front-end."""
    with atomic_write(path) as file:
        file.write(plain_yaml.dump(front_end(features, conf)))


def require_front_end(
    data: DataDir,
    features: Section,
    conf: InputConf,
    trusted: bool = False,
    state: dict[str, Any] | None = None,
) -> None:
    """Refuses features that another front-end has made.

    Args:
        trusted: take features that do not say what made them.
        state: of the model's extractor (:func:`front_end`).

    Raises:
        TimbreError: naming the keys that differ, or the option that takes features from elsewhere; for frames with
            another number of values, trusted or not.
    """
    path = data.path / FRONT_END
    if not path.exists():
        if not (data.path / "feats.scp").exists():  # it is those that are missing
            return
        if trusted:
            _require_dim(data, build_extractor(features, state).dim)
            return
        raise TimbreError(
            f"{path}: no such file, so nothing says which front-end made the features of {data.path}; make them "
            "with steps/make_feats.sh, or if you know that they fit take them with --trust-features true"
        )
    there, here = flat(_whole(read_mapping(path))), flat(front_end(features, conf, state))
    parts = ("features.", "by_speaker.", *(["vad."] if conf.voiced_only else []))
    every = sorted(there.keys() | here.keys(), key=lambda key: (key != "features.kind", key))  # that tells most
    keys = [key for key in every if key.startswith(parts)]
    if differ := [
        f"{key} {there.get(key)}, not {here.get(key)}" for key in keys if there.get(key) != here.get(key)
    ]:
        raise TimbreError(
            f"{data.path}: its features were made by another front-end ({'; '.join(differ[:3])}); make them by "
            "this one (steps/make_feats.sh, stage 1; timbre show-model --conf tells that of a model)"
        )


def _whole(made: dict[str, Any]) -> dict[str, Any]:
    """What a file says, with the defaults of keys that there were not when it was written."""
    said = made.get("features")
    try:
        own = {key: value for key, value in said.items() if key != "model_sha256"}
        conf = build(kind_module("timbre.features", own["kind"]).Conf, own)
    except (AttributeError, KeyError, TimbreError):
        return made  # of another version: told from others by what it says
    values = {key: value for key, value in conf.model_dump(mode="json").items() if key not in _HARMLESS}
    return {**made, "features": values | said}


def _require_dim(data: DataDir, dim: int) -> None:
    """Refuses a data directory whose first frames are not of ``dim`` values."""
    utterance, place = next(iter(data.table("feats.scp").items()))
    found = read_matrix(place, stop=1, scp=data.path / "feats.scp").shape[1]
    if found != dim:
        raise TimbreError(
            f"{data.path}/feats.scp: '{utterance}' has frames of {found} values, and those of the conf have {dim}; "
            "they were made by another front-end"
        )
