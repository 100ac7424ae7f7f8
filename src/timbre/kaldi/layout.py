"""What the files of a data directory are about: each table is keyed by utterance, speaker or recording."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from timbre.errors import TimbreError
from timbre.kaldi.text import read_lines

Kind = Literal["utterance", "speaker", "recording"]

# By pattern, so that tables nobody has thought of (utt2emotion, spk2age, feats_<stream>.scp) are carried too.
_KEYED_BY: dict[Kind, tuple[str, ...]] = {
    "utterance": (
        "utt2*",
        "text",
        "phones",
        "segments",
        "given.scp",
        "feats.scp",
        "feats_*.scp",
        "vectors_*.scp",
        "vad.scp",
    ),
    "speaker": ("spk2*", "cmvn.scp"),
    "recording": ("wav.scp", "reco2*"),  # without `segments` a recording is an utterance
}

# Number of fields of a line, the key included; other tables have any number from 2 on.
FIELDS = {
    "utt2spk": 2,
    "spk2gender": 2,
    "utt2lang": 2,
    "utt2uniq": 2,
    "utt2dur": 2,
    "utt2num_frames": 2,
    "utt2level": 2,
    "utt2audio": 2,
    "utt2mel_len": 2,
    "reco2dur": 2,
    "segments": 4,
    "reco2file_and_channel": 3,
}

FRONT_END = "front_end.yaml"
"""What made the features beside it (:mod:`timbre.features.front_end_file`)."""
SETTINGS = ("frame_shift", FRONT_END)
"""Files that are no tables but belong to the features beside them."""
NOTES = ("utt2num_frames", "utt2dur", "utt2level", "utt2audio")
"""The tables of what is noted of an utterance while its frames are at hand."""

_MADE_BY = {
    "wav.scp": "the preparation of the corpus (stage 0)",
    "given.scp": "the preparation of a corpus that came as frames (stage 0)",
    "utt2spk": "the preparation of the corpus (stage 0)",
    "trials": "the preparation of the corpus (stage 0)",
    "about": "the preparation of the corpus (stage 0)",
    **dict.fromkeys(("feats.scp", "vad.scp", *NOTES), "steps/make_feats.sh (stage 1)"),
    "final.pt": "steps/train_encoder.sh (stage 2)",
    **dict.fromkeys(("xvector.scp", "spk_xvector.scp"), "steps/extract_embeddings.sh (stage 3)"),
    "posteriors.scp": "steps/predict.sh (stage 3)",
    "phones": "steps/recognise_phones.sh (stage 3)",
    "scores": "steps/score_trials.sh (stage 4)",
    "metrics.json": "the stage that scores",
}
_FEATURES = re.compile(r"-[0-9a-f]{6}$")  # mfcc24-1a2b3c, augmented-1a2b3c, vectors-1a2b3c


def made_by(path: Path) -> str:
    """What makes a file or data directory of a recipe, to be said where it is not there; "" if unknown."""
    if any(map(is_features_folder, path.parts[:-1])) and not path.suffix:
        return "steps/make_feats.sh (stage 1)"
    return _MADE_BY.get("trials" if path.name.startswith("trials_") else path.name, "")


def is_features_folder(name: str) -> bool:
    """Whether a folder is named by the hash of what makes the features in it."""
    return bool(_FEATURES.search(name))


def keyed_by(name: str) -> Kind | None:
    """What the table ``name`` is keyed by; ``None`` for a file that no rule knows (``trials``, ``README``)."""
    for kind, patterns in _KEYED_BY.items():
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns):
            return kind
    return None


def tables(path: Path) -> list[str]:
    """Names of the tables in a data directory, in byte order."""
    if not path.is_dir():
        raise TimbreError(f"{path}: no such data directory; the preparation of the corpus (stage 0) makes it")
    return sorted(file.name for file in path.iterdir() if file.is_file() and keyed_by(file.name))


def read_rows(path: Path) -> Iterator[tuple[int, str, str]]:
    """Yields ``(line number, key, value)``, keys in the file's order, repeated ones included.

    Raises:
        TimbreError: for what ``read_lines`` refuses, a wrong number of fields, a key without a value
            (only a transcript in ``text`` may be empty).
    """
    fields = FIELDS.get(path.name)
    for number, line in read_lines(path):
        key, _, value = (line.replace("\t", " ", 1) if "\t" in line else line).partition(" ")
        value = value.strip(" \t")
        if not key or (not value and path.name != "text") or (fields and 1 + len(value.split()) != fields):
            wanted = f"{fields} fields" if fields else "a key and a value"
            hint = "; ids cannot hold spaces" if fields and len(line.split()) > fields else ""
            raise TimbreError(f"{path}:{number}: expected {wanted}, found '{line}'{hint}")
        yield number, key, value


def read_unique(path: Path) -> dict[str, str]:
    """A table as ``{key: value}``; a key that stands there twice is refused with both lines."""
    table: dict[str, str] = {}
    for number, key, value in read_rows(path):
        if key in table:
            raise TimbreError(
                f"{path}:{number}: '{key}' stands there twice, with '{table[key]}' and '{value}'; "
                + (
                    f"run: utils/fix_data_dir.sh {path.parent}"
                    if table[key] == value
                    else "remove the wrong line, or give the two different ids"
                )
            )
        table[key] = value
    return table
