"""Quality measures: of models and utterances, the same whichever side is which."""

from __future__ import annotations

import numpy as np
import pytest
from messages import refused

from timbre.kaldi.datadir import DataDir
from timbre.kaldi.text import write_table
from timbre.scoring.embeddings import Embeddings
from timbre.scoring.quality import model_durations, quality_measures, seconds_of, utterance_durations


@pytest.fixture
def data(tmp_path) -> DataDir:
    write_table(tmp_path / "utt2spk", {"a-0": "a", "a-1": "a", "b-0": "b"})
    write_table(tmp_path / "utt2dur", {"a-0": 1.5, "a-1": 2, "b-0": 4})
    return DataDir(tmp_path)


def test_a_model_is_as_long_as_its_utterances_together(data):
    assert utterance_durations(data) == {"a-0": 1.5, "a-1": 2, "b-0": 4}
    assert model_durations(data) == utterance_durations(data) | {"a": 3.5, "b": 4}
    write_table(data.path / "enrol", {"m": "a-1 b-0"})
    assert model_durations(DataDir(data.path)) == utterance_durations(data) | {"m": 6}


def test_measures_are_logarithms_of_the_smaller_and_the_larger():
    table = Embeddings(["x", "y"], np.array([[3, 4], [0, 1]], dtype=np.float32))
    seconds = np.array([2.0, 8.0])
    rows = np.array([0, 1, 0]), np.array([1, 0, 0])
    found = quality_measures(table, table, (seconds, seconds), *rows)
    wanted = {
        "log_duration_shorter": [2, 2, 2],
        "log_duration_longer": [8, 8, 2],
        "log_magnitude_smaller": [1, 1, 5],
        "log_magnitude_larger": [5, 5, 5],
    }
    assert list(found) == list(wanted)
    for name, values in wanted.items():
        np.testing.assert_allclose(np.exp(found[name]), values, rtol=1e-6)


def test_missing_durations_are_refused_by_name(data):
    with refused("here/utt2dur", "'c-0'", "steps/make_feats.sh", "+quality"):
        seconds_of(["a-0", "c-0"], utterance_durations(data), "here")
    (data.path / "utt2dur").write_text("a-0 long\n")
    with refused(data.path / "utt2dur", "'a-0'", "number", "'long'", "steps/make_feats.sh"):
        utterance_durations(DataDir(data.path))
