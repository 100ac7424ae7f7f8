"""What a step depends on: the values of a conf wherever they stand, and no file that it does not read."""

from __future__ import annotations

from pathlib import Path

import pytest

from timbre.pipeline.declaration import Declaration, conf_values, model_files
from timbre.pipeline.record import changes, describe


@pytest.fixture
def confs(tmp_path) -> Path:
    """A conf, of which two others hold a part."""
    (tmp_path / "mfcc.yaml").write_text("{kind: mfcc, num_ceps: 13}\n")
    (tmp_path / "base.yaml").write_text("features: mfcc.yaml\ntrain: {epochs: 2, workers: 3}\n")
    (tmp_path / "own.yaml").write_text("base: base.yaml\ntrain: {epochs: 1}  # fewer\n")
    return tmp_path


def test_a_value_counts_wherever_it_stands(confs):
    features = {"features.kind": "mfcc", "features.num_ceps": 13}
    assert conf_values((confs / "own.yaml",), ("features",))[0] == features
    assert conf_values((confs / "mfcc.yaml",), ("features",))[0] == features  # a section alone
    assert conf_values((confs / "own.yaml",), ("train",))[0] == {"train.epochs": 1}


def test_a_change_in_the_base_of_a_conf_is_seen_and_a_comment_is_not(confs):
    step = Declaration("make_feats", confs / "out", conf=(confs / "own.yaml",), keys=("features",))
    before = describe(step)
    (confs / "mfcc.yaml").write_text("# as Kaldi\n{num_ceps: 13, kind: mfcc}\n")
    assert changes(before, describe(step)) == []
    (confs / "mfcc.yaml").write_text("{kind: mfcc, num_ceps: 14}\n")
    (change,) = changes(before, describe(step))
    assert "features.num_ceps" in change


def test_a_model_is_known_by_all_that_is_read_of_it(tmp_path):
    for name in ("avg_model.pt", "avg_model.pt.yaml", "config.yaml", "notes.txt"):
        (tmp_path / name).touch()
    read = [tmp_path / name for name in ("avg_model.pt", "avg_model.pt.yaml", "config.yaml")]
    assert model_files(tmp_path / "avg_model.pt") == model_files(tmp_path) == read
    (tmp_path / "final.pt").touch()
    assert model_files(tmp_path) == [tmp_path / "final.pt"]
    assert model_files(tmp_path / "none") == [tmp_path / "none/final.pt"]
    (tmp_path / "conf.yaml").write_text(f"init: {read[0]}\nfeatures: {{kind: fbank}}\n")
    assert conf_values((tmp_path / "conf.yaml",), ())[1] == read


def test_a_new_list_of_trials_leaves_features_as_they_are(tmp_path):
    for name in ("wav.scp", "utt2spk"):
        (tmp_path / name).write_text("a-1 a\n")
    step = Declaration("make_feats", tmp_path / "out", audio=(tmp_path,))
    before = describe(step)
    (tmp_path / "trials").write_text("a-1 a-1 target\n")
    assert changes(before, describe(step)) == []
    (tmp_path / "enrol").write_text("a a-1\n")
    assert len(changes(before, describe(step))) == 1
