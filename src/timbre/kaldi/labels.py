"""The classes of utterances: a table ``<utt> <class>`` of a data directory, ``utt2spk`` or one beside it."""

from __future__ import annotations

import shlex

from timbre.errors import TimbreError, some
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.table_forms import is_key, shown

UNNAMED = "all"
"""What the language of all utterances is called where no ``utt2lang`` says which it is."""


def read_languages(data: DataDir) -> dict[str, str]:
    """``{utterance: language}`` by ``utt2lang``; without such a table all are of one, :data:`UNNAMED`."""
    return read_labels(data, "utt2lang") if data.has("utt2lang") else dict.fromkeys(data.utt2spk, UNNAMED)


def read_labels(data: DataDir, name: str = "utt2spk") -> dict[str, str]:
    """``{utterance: class}`` of all utterances of ``data``, by the table ``name``.

    Raises:
        TimbreError: where there is no such table, for utterances that it lacks, and for a class with a space or a
            control character.
    """
    path = data.path / name
    if not data.has(name):
        raise TimbreError(f"{path}: no such file; --labels names the table '<utt> <class>' of a data directory")
    table = data.table(name)
    if without := [utterance for utterance in data.utt2spk if utterance not in table]:
        taking = f"--utt-list {shlex.quote(str(path))} {shlex.quote(str(data.path))} <destination>"
        raise TimbreError(
            f"{path}: lacks {len(without)} of {len(data.utt2spk)} utterances ({some(without, 3)}); take "
            f"those that it has: utils/subset_data_dir.sh {taking}"
        )
    labels = {utterance: table[utterance] for utterance in data.utt2spk}
    bad = {label for label in set(labels.values()) if not is_key(label)}
    if of := [utterance for utterance, label in labels.items() if label in bad]:
        raise TimbreError(
            f"{path}: the class '{shown(labels[of[0]])}' of '{of[0]}' has a space or a control character in it; "
            "use none"
        )
    return labels
