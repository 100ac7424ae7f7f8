"""What a step says before it works: what it makes, of what, and what else matters to it."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from timbre.conf_files import flat, read_yaml
from timbre.kaldi.layout import CHECKPOINTS, CONFIGURATIONS, made_by

NEVER = ("train.workers", "train.checkpoint_steps", "train.checkpoint_minutes")
"""Keys of a conf that change no result."""


@dataclass(frozen=True)
class Declaration:
    """One step's output and all that it depends on.

    Attributes:
        step: its name (``make_feats``), whose form :data:`FORMS` numbers.
        output: a folder that takes its place whole; or, with ``files``, the folder of these files.
        files: names of the files that are written into ``output`` in place, patterns among them.
        beside: names of further files that belong to them, and may be removed by people: checkpoints, logs.
        data: data directories whose tables, and frames if there are any, are read.
        audio: data directories whose audio is read.
        made: what other steps have made (embeddings, posteriors), known by the records of their folders.
        inputs: other files that are read.
        corpus: folders of corpora, known by the paths, sizes and times of their files.
        conf: the resolved conf that is read; ``keys`` are the parts of it that matter (``input.vad``), all if none.
        values: options that matter, ``{name: value}``.
        by_content: the frames in the output depend on nothing but the tables beside them and the conf.
        edited: the output is tables that people may correct: a later change of them does not make it stale.
        resumable: what a killed run has made is used.
        aside: no other step reads the output.
        keep: an earlier output is kept under its hidden name, as another experiment may be reading it.
    """

    step: str
    output: Path
    files: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    data: tuple[Path, ...] = ()
    audio: tuple[Path, ...] = ()
    made: tuple[Path, ...] = ()
    inputs: tuple[Path, ...] = ()
    corpus: tuple[Path, ...] = ()
    conf: tuple[Path, ...] = ()
    keys: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    by_content: bool = False
    edited: bool = False
    resumable: bool = False
    aside: bool = False
    keep: bool = False

    @property
    def in_place(self) -> bool:
        """Whether files are written into a folder that others write into as well."""
        return bool(self.files)

    @property
    def paths(self) -> list[Path]:
        """All that is read, for asking whether a step before makes it."""
        return [*self.data, *self.audio, *self.made, *self.inputs, *self.corpus]

    @property
    def title(self) -> Path:
        """What messages call the output."""
        named = self.files and not any("*" in name for name in self.files)
        return self.output / self.files[0] if named else self.output

    @property
    def outputs(self) -> list[Path]:
        """What is made: the folder, or the files in it."""
        return [self.output / name for name in self.files] or [self.output]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that make a :class:`Declaration`."""
    many: dict[str, Any] = {"action": "append", "default": [], "type": Path}
    parser.add_argument("--files", nargs="+", default=[], help="files that are written into the output in place")
    parser.add_argument("--beside", nargs="+", default=[], help="files that belong to them and may be removed")
    parser.add_argument("--data", help="data directory whose tables and frames are read", **many)
    parser.add_argument("--audio", help="data directory whose audio is read", **many)
    parser.add_argument("--made", help="folder, or a file in it, that another step has made", **many)
    parser.add_argument("--input", dest="inputs", help="another file that is read", **many)
    parser.add_argument("--model", dest="models", help="a trained model, by its folder or file", **many)
    parser.add_argument("--corpus", help="folder of a corpus", **many)
    parser.add_argument("--conf", help="resolved conf that is read", **many)
    parser.add_argument("--keys", nargs="+", default=[], help="the parts of the conf that matter; all, if none")
    parser.add_argument("--value", dest="values", action="append", default=[], metavar="NAME=VALUE")
    for name in ("by-content", "edited", "resumable", "aside", "keep"):
        parser.add_argument(f"--{name}", action="store_true", help="see timbre.pipeline.declaration")
    parser.add_argument("step", help="the name of the step")
    parser.add_argument("output", type=Path, help="folder that is made, or written into")


def declaration(args: argparse.Namespace) -> Declaration:
    """The parsed options as a :class:`Declaration`."""
    values = {name: getattr(args, name) for name in Declaration.__dataclass_fields__}
    values["inputs"] = [*args.inputs, *(file for path in args.models for file in model_files(path))]
    return Declaration(
        **{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    )


def conf_values(paths: tuple[Path, ...], keys: tuple[str, ...]) -> tuple[dict[str, Any], list[Path]]:
    """``{dotted key: value}`` of the parts of confs that matter, and the models that they name.

    Of a conf that names others (``base: x.yaml``, ``features: y.yaml``) the values are those of all together.
    """
    found: dict[str, Any] = {}
    for path in paths:
        values = read_yaml(path)
        for key, value in flat({"features": values} if "kind" in values else values).items():
            if key not in NEVER and (not keys or any(f"{key}.".startswith(f"{part}.") for part in keys)):
                found[key] = value
    named = [value for key, value in found.items() if key == "init" or key.endswith(".model")]
    return found, [file for value in named if value for file in model_files(Path(value))]


def model_files(path: Path) -> list[Path]:
    """The files of a model, itself first: ``final.pt`` of an experiment; or a checkpoint, by its path or that of a
    toolkit's folder, and what is read beside it."""
    if path.is_dir() and not (path / "final.pt").is_file():
        path = next((path / name for name in CHECKPOINTS if (path / name).is_file()), path)
    if not path.is_file():
        return [path if path.suffix == ".pt" else path / "final.pt"]
    if path.name == "final.pt":
        return [path]
    beside = [path.with_name(name) for name in (f"{path.name}.yaml", *CONFIGURATIONS)]
    return [path, *(file for file in beside if file.is_file())]


def hint(path: Path) -> str:
    """What makes a file or folder that is not there."""
    if maker := made_by(path):
        return f"{maker} makes it"
    return "an earlier stage makes it (--status says which)"
