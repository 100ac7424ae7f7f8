"""What the files of a data directory are about: each table is keyed by utterance, speaker or recording."""

from __future__ import annotations

import fnmatch
import re
import shlex
from pathlib import Path
from typing import Literal

from timbre.errors import TimbreError

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

_WHOLE = {"utt2spk", "text", "segments", "feats.scp", "vad.scp", "utt2lang", "utt2uniq", "utt2dur"}
_WHOLE |= {"utt2num_frames", "spk2utt", "spk2gender", "cmvn.scp"}
_WHOLE |= {"wav.scp", "given.scp", "reco2dur", "reco2file_and_channel"}

FRONT_END = "front_end.yaml"
"""What made the features beside it (:mod:`timbre.features.front_end_file`)."""
SETTINGS = ("frame_shift", FRONT_END)
"""Files that are no tables but belong to the features beside them."""
NOTES = ("utt2num_frames", "utt2dur", "utt2level", "utt2audio")
"""The tables of what is noted of an utterance while its frames are at hand."""

CHECKPOINTS = ("embedding_model.ckpt", "avg_model.pt")
"""What a toolkit's checkpoint is called in its folder."""
CONFIGURATIONS = ("config.yaml", "train.yaml", "hyperparams.yaml")
"""What may lie beside it and be read."""

_MADE_BY = {
    "wav.scp": "the preparation of the corpus (stage 0)",
    "given.scp": "the preparation of a corpus that came as frames (stage 0)",
    "utt2spk": "the preparation of the corpus (stage 0)",
    "trials": "the preparation of the corpus (stage 0)",
    "about": "the preparation of the corpus (stage 0)",
    **dict.fromkeys(("feats.scp", "vad.scp", *NOTES), "steps/make_feats.sh (stage 1)"),
    "final.pt": "steps/train_encoder.sh (stage 2)",
    **dict.fromkeys(("xvector.scp", "spk_xvector.scp", "num_utts.ark"), "steps/extract_embeddings.sh (stage 3)"),
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


def derive(path: Path, name: str) -> str:
    """The command that makes ``spk2utt`` of ``utt2spk`` in a data directory, or the other way round."""
    other = "utt2spk" if name == "spk2utt" else "spk2utt"
    return f"utils/{other}_to_{name}.py {shlex.quote(f'{path}/{other}')} > {shlex.quote(f'{path}/{name}')}"


def fixing(path: Path) -> str:
    """The command that mends a data directory."""
    return f"utils/fix_data_dir.sh {shlex.quote(str(path))}"


def is_whole(name: str) -> bool:
    """Whether a table has a line for each utterance (speaker, recording) of its directory, no more and no fewer.

    Others (``utt2emotion``, ``spk2age``) may lack keys, as a corpus may lack labels.
    """
    return name in _WHOLE or name.startswith(("feats_", "vectors_"))


def tables(path: Path) -> list[str]:
    """Names of the tables in a data directory, in byte order."""
    if not path.is_dir():
        raise TimbreError(f"{path}: no such data directory; the preparation of the corpus (stage 0) makes it")
    return sorted(file.name for file in path.iterdir() if file.is_file() and keyed_by(file.name))
