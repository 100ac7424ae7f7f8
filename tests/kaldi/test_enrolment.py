"""Models: the table ``enrol``, or speakers; their means and how many utterances made them."""

from __future__ import annotations

import numpy as np
import pytest
from messages import refused

from timbre.kaldi.datadir import DataDir
from timbre.kaldi.enrolment import write_models
from timbre.kaldi.tables import read_vectors
from timbre.kaldi.text import read_table, write_table


@pytest.fixture
def data(tmp_path) -> DataDir:
    (tmp_path / "data").mkdir()
    write_table(tmp_path / "data" / "utt2spk", {f"s{s}-{u}": f"s{s}" for s in range(2) for u in range(3)})
    return DataDir(tmp_path / "data")


VECTORS = {f"s{s}-{u}": np.array([s, 10 * u], dtype=np.float32) for s in range(2) for u in range(3)}


def test_models_of_the_table_are_enrolled(data, tmp_path):
    write_table(data.path / "enrol", {"m1": "s0-0 s0-2", "m0": "s0-1", "m9": "s1-0 s1-1 s1-2"})
    assert write_models(data, VECTORS, tmp_path / "out") == 3
    names, means = read_vectors(tmp_path / "out" / "spk_xvector.scp")
    assert dict(zip(names, means.tolist(), strict=True)) == {"m0": [0, 10], "m1": [0, 10], "m9": [1, 10]}
    assert read_table(tmp_path / "out" / "num_utts.ark") == {"m0": "1", "m1": "2", "m9": "3"}


def test_without_it_speakers_are_the_models_and_what_was_skipped_does_not_count(data, tmp_path):
    found = {name: vector for name, vector in VECTORS.items() if name not in ("s0-2", "s1-0", "s1-1", "s1-2")}
    assert write_models(data, found, tmp_path / "out") == 1
    names, means = read_vectors(tmp_path / "out" / "spk_xvector.scp")
    assert (names, means.tolist()) == (["s0"], [[0, 5]])
    assert read_table(tmp_path / "out" / "num_utts.ark") == {"s0": "2"}


def test_an_unknown_utterance_is_refused_by_name(data, tmp_path):
    write_table(data.path / "enrol", {"m0": "s0-0 s0-9"})
    with refused("/data/enrol", "'s0-9'", "'m0'", "/data/utt2spk"):
        write_models(data, VECTORS, tmp_path / "out")
    assert not (tmp_path / "out").exists()
