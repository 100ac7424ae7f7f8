"""Features normalised by speaker: what is normal for a voice is taken out of it, before anything is learned.

    z = (x − μ_s) / σ_s    per dimension, μ_s and σ_s over all that speaker s says in the data directory

No label is looked at, and whatever scale and offset the features of a speaker had is gone. But of a tested speaker
all speech has to be there first: what is measured on it is transductive, and a single recording of a stranger
cannot be normalised.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from timbre import plain_yaml
from timbre.conf_files import read_mapping
from timbre.errors import TimbreError
from timbre.features.cmvn import global_statistics
from timbre.kaldi.ark_entry import ArkEntry
from timbre.kaldi.atomic import atomic_write
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.layout import FRONT_END
from timbre.kaldi.tables import ArkWriter, read_matrix, read_vector


def is_by_speaker(data: Path) -> bool:
    """Whether the features of a data directory are normalised by speaker, as its ``front_end.yaml`` says."""
    path = data / FRONT_END
    return path.exists() and "by_speaker" in read_mapping(path)


def require_by_speaker(data: DataDir, wanted: bool) -> None:
    """Refuses streams that are normalised by speaker where the model's are not, and the reverse."""
    if is_by_speaker(data.path) != wanted:
        there, here = ("not ", "are") if wanted else ("", "are not")
        raise TimbreError(
            f"{data.path}: its streams are {there}normalised by speaker, and the model's {here}; make them by the "
            "plan of its experiment (steps/make_streams.sh, stage 1)"
        )


def normalise_streams(data: DataDir, names: Sequence[str]) -> None:
    """:func:`normalise_by_speaker` of several tables; the data directory says then that its features are."""
    for name in names:
        normalise_by_speaker(data, name)
    if names:
        with atomic_write(data.path / FRONT_END) as file:
            file.write(plain_yaml.dump({"by_speaker": {"uniform": False}}))


def normalise_by_speaker(data: DataDir, name: str, uniform: bool = False) -> None:
    """Normalises what the table ``name`` of a data directory leads to, ``feats*.scp`` or ``vectors*.scp``.

    It is written to an ark of the data directory's own, and the table leads there; what it led to stays as it was.

    Args:
        uniform: one mean and one deviation for all dimensions (:func:`timbre.features.cmvn.global_statistics`).

    Raises:
        TimbreError: for a speaker of one utterance.
    """
    scp, table = data.path / name, data.table(name)
    originals = data.originals
    spoken: dict[str, list[str]] = {}
    for utterance in table:
        spoken.setdefault(data.utt2spk[utterance], []).append(utterance)
    if alone := [speaker for speaker, utterances in spoken.items() if len(utterances) < 2]:
        raise TimbreError(
            f"{scp}: speaker '{alone[0]}' has one utterance ({len(alone)} such speakers), and what is normal for a "
            "voice takes several to be known; name the speakers in utt2spk, or leave out --normalise speaker"
        )

    def read(utterance: str) -> np.ndarray:
        entry = ArkEntry(utterance, originals.get(utterance, utterance))
        if name.startswith("vectors"):
            return read_vector(table[utterance], scp, entry)[None]
        return read_matrix(table[utterance], scp=scp, entry=entry)

    ark = data.path / "data" / f"{scp.stem}_by_speaker.ark"
    ark.parent.mkdir(exist_ok=True)
    statistics = {
        speaker: global_statistics(map(read, utterances), norm_vars=True, uniform=uniform)
        for speaker, utterances in spoken.items()
    }
    with ArkWriter(ark, scp) as writer:
        for utterance in table:
            mean, scale = statistics[data.utt2spk[utterance]]
            values = (read(utterance) - mean) * scale
            writer.write(utterance, values[0] if name.startswith("vectors") else values)
