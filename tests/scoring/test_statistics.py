"""The untrained baseline: means and deviations of frames, normalised by the training part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from messages import refused

from timbre.kaldi.tables import ArkWriter, read_vectors
from timbre.kaldi.text import write_table
from timbre.scoring.statistics import extract_statistics


def data(folder: Path, frames: dict[str, np.ndarray]) -> Path:
    folder.mkdir()
    write_table(folder / "utt2spk", {utterance: utterance.split("-")[0] for utterance in frames})
    with ArkWriter(folder / "feats.ark", folder / "feats.scp") as writer:
        for utterance, matrix in frames.items():
            writer.write(utterance, matrix)
    return folder


def frames_of(count: int, seed: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    return {f"s{i // 2}-u{i}": generator.normal(i, 1 + i, size=(3 + i, 4)) for i in range(count)}


def test_vectors_are_normalised_by_the_training_part(tmp_path):
    train, test = frames_of(6, 0), frames_of(4, 1)
    assert extract_statistics(data(tmp_path / "train", train), data(tmp_path / "test", test), tmp_path / "out") == 4
    keys, found = read_vectors(tmp_path / "out" / "xvector.scp")
    assert keys == list(test)
    train_rows, test_rows = (
        np.stack([np.concatenate([m.mean(axis=0), m.std(axis=0)]) for m in part.values()]) for part in (train, test)
    )
    np.testing.assert_allclose(found, (test_rows - train_rows.mean(axis=0)) / train_rows.std(axis=0), atol=1e-5)
    speakers, means = read_vectors(tmp_path / "out" / "spk_xvector.scp")
    assert speakers == ["s0", "s1"]
    np.testing.assert_allclose(means, found.reshape(2, 2, 8).mean(axis=1), atol=1e-6)


def test_one_frame_and_a_constant_feature_give_finite_vectors(tmp_path):
    frames = frames_of(4, 0) | {"s9-u9": np.ones((1, 4))}
    for matrix in frames.values():
        matrix[:, 2] = 7
    folder = data(tmp_path / "train", frames)
    extract_statistics(folder, folder, tmp_path / "out")
    found = read_vectors(tmp_path / "out" / "xvector.scp")[1]
    assert np.isfinite(found).all()
    assert (found[:, [2, 6]] == 0).all()


def test_bad_features_are_refused_by_utterance(tmp_path):
    good = data(tmp_path / "good", frames_of(4, 0))
    mixed = data(tmp_path / "mixed", {**frames_of(2, 0), "s9-u9": np.ones((5, 3))})
    with refused(mixed / "feats.scp", "'s9-u9'", "3 features", " 4;"):
        extract_statistics(good, mixed, tmp_path / "out")
    empty = data(tmp_path / "empty", {**frames_of(2, 0), "s9-u9": np.ones((0, 4))})
    with refused(empty / "feats.scp", "'s9-u9'"):
        extract_statistics(good, empty, tmp_path / "out")
    narrow = data(tmp_path / "narrow", {"s9-u9": np.ones((5, 3))})
    with refused(f"{narrow}: 3", f"{good}: 4", "steps/make_feats.sh"):
        extract_statistics(good, narrow, tmp_path / "out")
    assert not (tmp_path / "out").exists()
