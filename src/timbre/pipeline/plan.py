"""The plan of an experiment: what follows from its conf, worked out once and read by every stage.

A folder ``exp/<name>/plan`` with

    names        lines ``<name> <value>``: folders of features, the data directory to train on … (docs/formats.md)
    conf.yaml    the resolved conf
    members, seed_<s>.yaml   of an ensemble: its members, and the conf of each
    baseline.yaml, functionals.yaml, streams, stream_<name>.yaml   where a recipe has them
    made_of.json what the plan was made of: it is made again when one of these has changed
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import timbre
from timbre import plain_yaml
from timbre.conf_files import conf_files
from timbre.errors import TimbreError
from timbre.kaldi.atomic import atomic_write, together
from timbre.kaldi.layout import CONFIGURATIONS
from timbre.kaldi.text import read_table
from timbre.pipeline.declaration import model_files
from timbre.pipeline.fingerprint import FileState, digest_of

_MADE_OF = "made_of.json"


def experiment_name(path: str | Path, settings: Iterable[str] = ()) -> str:
    """The conf's file name and what was overridden: ``xvector_am,train.epochs=3``."""
    name = ",".join([Path(path).stem, *sorted(settings)])
    name = re.sub(r"[^A-Za-z0-9._=,+-]", "-", name)
    return name if len(name) <= 120 else f"{name[:100]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def read_seeds(text: str) -> list[str]:
    """The seeds of an ensemble, ``1 2 3``; none of an empty text.

    Raises:
        TimbreError: for what is no seed, one that stands twice, and a single one.
    """
    seeds, given = text.split(), f'--seeds "{text}"'
    if strange := [seed for seed in seeds if not re.fullmatch(r"0|[1-9][0-9]{0,17}", seed)]:
        raise TimbreError(f'{given}: {strange[0]} is no seed; give numbers with spaces between, "1 2 3"')
    if len(set(seeds)) < len(seeds):
        raise TimbreError(f"{given}: each seed once; a model that stands twice brings nothing")
    if len(seeds) == 1:
        raise TimbreError(f"{given}: an ensemble is of two or more; one training is --set train.seed={seeds[0]}")
    return seeds


def is_current(plan: Path, asked: Mapping[str, Any]) -> bool:
    """Whether a plan is there, made of the same words, the same files and the same code."""
    try:
        made_of = json.loads((plan / _MADE_OF).read_text(encoding="utf-8"))
        same = all(_is_same(Path(path), one) for path, one in made_of["files"].items())
        return same and made_of["asked"] == digest_of(dict(asked)) and made_of["code"] == _code()
    except (OSError, ValueError, KeyError, TypeError, TimbreError):
        return False


def _is_same(path: Path, known: dict[str, Any] | None) -> bool:
    now = _state_of(path, known)
    return _without_times(now) == _without_times(known)


def _without_times(state: dict[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (state or {}).items() if name != "stat"}


def _state_of(path: Path, known: dict[str, Any] | None = None) -> dict[str, Any] | None:
    """What tells that a file is the same, ``None`` where there is none; of a conf its values, in any order.

    Configurations of other toolkits, which a model may have beside it, are no confs.
    """
    if not path.is_file():
        return None
    if path.suffix == ".yaml" and path.name not in CONFIGURATIONS:
        return {"values": digest_of(plain_yaml.read(path))}
    return asdict(FileState.of(path, FileState.parse(known) if known else None))


def write_plan(plan: Path, asked: Mapping[str, Any], files: Iterable[Path], texts: Mapping[str, str]) -> None:
    """Writes a plan: its texts by file name, and last what it was made of: ``files`` and the words ``asked``."""
    for path in plan.glob(".*.tmp"):
        path.unlink(missing_ok=True)
    states = {str(path): _state_of(path) for path in files}
    with together():
        for name, text in texts.items():
            with atomic_write(plan / name) as file:
                file.write(text)
        with atomic_write(plan / _MADE_OF) as file:
            json.dump({"asked": digest_of(dict(asked)), "code": _code(), "files": states}, file, indent=1)
            file.write("\n")
        (plan / _MADE_OF).unlink(missing_ok=True)  # a kill among the renames leaves no plan


def read_names(plan: Path) -> dict[str, str]:
    """What the plan names."""
    return read_table(plan / "names")


def files_of(confs: Iterable[Path], texts: Mapping[str, str]) -> list[Path]:
    """The files that a plan is made of: confs, those that they name, models in the resolved ones (there or not)."""
    models = (model for text in texts.values() for model in _models(plain_yaml.parse(text, "the plan")))
    named = [file for conf in confs for file in conf_files(conf)]
    return list(dict.fromkeys([*named, *(file for path in models for file in model_files(path))]))


def _models(value: Any) -> list[Path]:
    """The models that a resolved conf names, at any depth."""
    if not isinstance(value, dict):
        return []
    own = [Path(value[key]) for key in ("model", "init") if isinstance(value.get(key), str) and value[key]]
    return own + [path for inner in value.values() for path in _models(inner)]


def _code() -> str:
    """Changes with the code: defaults of confs may have changed."""
    root = Path(timbre.__file__).parent
    stats = ((path, path.stat()) for path in sorted(root.rglob("*.py")))
    return digest_of([[str(path.relative_to(root)), stat.st_size, stat.st_mtime_ns] for path, stat in stats])
