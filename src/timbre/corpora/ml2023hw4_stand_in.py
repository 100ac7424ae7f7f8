"""Frames of any speech in the form of ML 2023 homework 4, to stand in for it."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from timbre.corpora.layout import STAND_IN, SYNTHETIC, is_stand_in, is_synthetic
from timbre.errors import TimbreError, some
from timbre.kaldi.atomic import atomic_write
from timbre.kaldi.datadir import DataDir, invert
from timbre.kaldi.tables import read_matrix

_README = """{title}
{line}
Laid out like the data of ML 2023 homework 4 (600 speakers of VoxCeleb2), and nothing of it.

Made by `timbre make-ml2023hw4` from the features of {data}. Results on it say that a recipe works, and
nothing about how well it would do on that data.
"""


def lay_out(data: DataDir, corpus: Path, test_share: float, seed: int) -> str:
    """Writes the files of :mod:`timbre.corpora.ml2023hw4`; those that are there are kept.

    A file is named by a hash of its utterance's id and frames, so that what has its name is it.

    Args:
        data: with ``feats.scp`` and ``utt2spk``.
        test_share: share of each speaker's utterances whose speaker is not told; at least one, and never all.
        seed: of their choice.
    Returns:
        one line: what there is.
    Raises:
        TimbreError: for a folder that holds the corpus itself, utterances without a speaker, frames of several
            dimensions, a speaker of one utterance.
    """
    if not 0 < test_share < 1:
        raise TimbreError(f"--test-share must lie between 0 and 1, found {test_share:g}")
    if (corpus / "metadata.json").exists() and not (is_synthetic(corpus) or is_stand_in(corpus)):
        raise TimbreError(f"{corpus} holds data that was not made here (no README says so); choose another folder")
    rxfiles, utt2spk = data.table("feats.scp"), data.utt2spk
    if unknown := [utterance for utterance in rxfiles if utterance not in utt2spk]:
        raise TimbreError(
            f"{data.path}/utt2spk: no speaker of {some(unknown)}; run: utils/fix_data_dir.sh {data.path}"
        )
    spk2utt = invert({utterance: utt2spk[utterance] for utterance in rxfiles})
    if single := [speaker for speaker, utterances in spk2utt.items() if len(utterances) == 1]:
        raise TimbreError(f"{data.path}: one utterance only, so none to test, of {some(single)}; leave them out")
    _write(corpus / "README", _readme(data))
    features: dict[str, dict[str, Any]] = {}
    dims: dict[int, str] = {}
    for utterance, rxfile in tqdm(rxfiles.items(), desc="frames", unit="utt", mininterval=1):
        frames = read_matrix(rxfile, scp=data.path / "feats.scp")
        dims.setdefault(frames.shape[1], utterance)
        features[utterance] = _save(corpus, utterance, frames)
    if len(dims) > 1:
        (one, first), (other, second) = list(dims.items())[:2]
        raise TimbreError(f"{data.path}/feats.scp: '{first}' has {one} values a frame and '{second}' {other}")
    labelled, test = _choose(spk2utt, features, test_share, np.random.default_rng(seed))
    numbers = {speaker: number for number, speaker in enumerate(labelled)}
    back = {str(number): speaker for speaker, number in numbers.items()}
    _write_json(corpus / "mapping.json", {"speaker2id": numbers, "id2speaker": back})
    _write_json(corpus / "testdata.json", {"n_mels": min(dims), "utterances": test})
    _write_json(corpus / "metadata.json", {"n_mels": min(dims), "speakers": labelled})
    count = len(features) - len(test)
    return f"{corpus}: {count} labelled utterances of {len(labelled)} speakers, {len(test)} to test"


def _choose(
    spk2utt: Mapping[str, list[str]],
    features: Mapping[str, dict[str, Any]],
    test_share: float,
    rng: np.random.Generator,
) -> tuple[dict[str, list[dict[str, Any]]], list[dict[str, Any]]]:
    """Each speaker's labelled features, and those to test."""
    labelled: dict[str, list[dict[str, Any]]] = {}
    test: list[dict[str, Any]] = []
    for speaker, utterances in spk2utt.items():
        count = min(max(round(test_share * len(utterances)), 1), len(utterances) - 1)
        mixed = [features[utterances[index]] for index in rng.permutation(len(utterances))]
        test += mixed[:count]
        labelled[speaker] = _by_name(mixed[count:])
    return labelled, _by_name(test)


def _save(corpus: Path, utterance: str, frames: np.ndarray) -> dict[str, Any]:
    """Writes ``frames`` ``(T, F)`` float32 unless they are there; returns their entry of the JSON files."""
    import torch  # seconds to import, and what only looks for corpora needs none

    frames = np.ascontiguousarray(frames, dtype=np.float32)
    path = corpus / f"uttr-{hashlib.sha256(utterance.encode() + frames.tobytes()).hexdigest()[:32]}.pt"
    if not path.exists():
        made = io.BytesIO()  # torch hides why a file could not be written
        torch.save(torch.from_numpy(frames.copy()), made)
        with atomic_write(path, "wb") as file:
            file.write(made.getbuffer())
    return {"feature_path": path.name, "mel_len": len(frames)}


def _by_name(features: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """In the order of hashes, which tells nothing of the speaker."""
    return sorted(features, key=lambda feature: feature["feature_path"])


def _readme(data: DataDir) -> str:
    """Says by its first line whether people speak."""
    folders = {Path(file).parent for file in data.table("wav.scp").values()} if data.has("wav.scp") else set()
    title = SYNTHETIC if any(is_synthetic(folder) for folder in folders) else STAND_IN
    return _README.format(title=title, line="=" * len(title), data=data.path)


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    _write(path, json.dumps(values, ensure_ascii=False, indent=1) + "\n")


def _write(path: Path, text: str) -> None:
    with atomic_write(path) as file:
        file.write(text)
