"""Where an experiment's models were trained: in its own folder, or in its folds by number."""

from __future__ import annotations

from timbre.scoring.measured import trainings


def test_folds_come_by_number_unless_a_model_is_the_experiments_own(tmp_path):
    assert trainings(tmp_path) == [tmp_path]
    for name in ("fold_10", "fold_2", "fold_1", "fold_x", "test"):
        (tmp_path / name).mkdir()
    assert trainings(tmp_path) == [tmp_path / f"fold_{number}" for number in (1, 2, 10)]
    (tmp_path / "final.pt").touch()
    assert trainings(tmp_path) == [tmp_path]
