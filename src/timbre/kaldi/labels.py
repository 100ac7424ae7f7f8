"""The classes of utterances: a table ``<utt> <class>`` of a data directory, ``utt2spk`` or one beside it."""

from __future__ import annotations

from timbre.errors import TimbreError, some
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.table_forms import words


def read_labels(data: DataDir, name: str = "utt2spk") -> dict[str, str]:
    """``{utterance: class}`` of all utterances of ``data``, by the table ``name``.

    Raises:
        TimbreError: where there is no such table, for utterances that it lacks, and for a class with a space.
    """
    path = data.path / name
    if not data.has(name):
        raise TimbreError(f"{path}: no such file; --labels names the table '<utt> <class>' of a data directory")
    table = data.table(name)
    if without := [utterance for utterance in data.utt2spk if utterance not in table]:
        raise TimbreError(
            f"{path}: says nothing of {len(without)} of {len(data.utt2spk)} utterances ({some(without, 3)}); take "
            f"those that it does: utils/subset_data_dir.sh --utt-list {path} {data.path} <destination>"
        )
    labels = {utterance: table[utterance] for utterance in data.utt2spk}
    if spaced := [utterance for utterance, label in labels.items() if len(words(label)) > 1]:
        raise TimbreError(f"{path}: the class '{labels[spaced[0]]}' of '{spaced[0]}' has a space in it; use none")
    return labels
