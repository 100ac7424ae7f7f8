"""Where an experiment's models were trained: in its folder, in folds by number, in an ensemble's members."""

from __future__ import annotations

from timbre.scoring.measured import trainings


def test_folds_come_by_number_unless_a_model_is_the_experiments_own(tmp_path):
    assert trainings(tmp_path) == [tmp_path]
    for name in ("fold_10", "fold_2", "fold_1", "fold_x", "test"):
        (tmp_path / name).mkdir()
    assert trainings(tmp_path) == [tmp_path / f"fold_{number}" for number in (1, 2, 10)]
    (tmp_path / "final.pt").touch()
    assert trainings(tmp_path) == [tmp_path]


def test_an_ensembles_trainings_are_those_of_its_members(tmp_path):
    for seed in (10, 2):
        (tmp_path / f"x,train.seed={seed}/fold_1").mkdir(parents=True)
        (tmp_path / "x,seeds=10+2/seeds").mkdir(parents=True, exist_ok=True)
        (tmp_path / f"x,seeds=10+2/seeds/{seed}").symlink_to(f"../../x,train.seed={seed}")
    seeds = tmp_path / "x,seeds=10+2/seeds"
    assert trainings(tmp_path / "x,seeds=10+2") == [seeds / "2/fold_1", seeds / "10/fold_1"]
