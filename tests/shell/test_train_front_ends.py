"""steps/train_front_ends.sh: models that are not there are made at once, and a failure names its model."""

from __future__ import annotations

import pytest
from messages import names

# Each waits until the other has begun, so that they end only where they run at once.
RECIPE = """
here=$(dirname "$0")
touch "$here/begun"
for other in first second; do
  for ((n = 0; n < 600; n++)); do [ ! -e "$here/../$other/begun" ] || break; sleep 0.05; done
  ((n < 600)) || exit 1
done
echo "$*" >"$here/words"
[ ! -e "$here/broken" ] || { echo "no speech" >&2; exit 1; }
mkdir -p "$here/exp/small"
touch "$here/exp/small/final.pt"
"""


@pytest.fixture
def train(run, script, root, tmp_path):
    """``train(*options)`` makes the models of the recipes ``first`` and ``second``."""
    for name in ("first", "second"):
        script(f"{name}/run.sh", RECIPE)
        (tmp_path / name / "conf").mkdir()
        (tmp_path / name / "conf/small.yaml").write_text("")
    (tmp_path / "plan").mkdir()
    (tmp_path / "plan/names").write_text("exp exp/x\nstreams a b\n")
    (tmp_path / "plan/models").write_text("first/exp/small\nsecond/exp/small\n")
    return lambda *options: run(root / "steps/train_front_ends.sh", *options, "plan")


def test_models_are_made_at_once_each_with_its_share(train, tmp_path):
    done = train("--nj", 4, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    for name in ("first", "second"):
        words = (tmp_path / name / "words").read_text()
        assert words == "--conf conf/small.yaml --nj 2 --device cpu --stop-stage 2\n"
        assert names(done.stdout, f"{name}/exp/small/log/train.log")
        (tmp_path / name / "begun").unlink()
    assert names(train().stdout, "first/exp/small: is there") and not (tmp_path / "first/begun").exists()


def test_a_failure_names_its_model_and_keeps_the_other(train, tmp_path):
    (tmp_path / "second/broken").touch()
    done = train()
    assert done.returncode == 1 and names(done.stderr, "no speech", "exp/x/log/front_end.2.log", "second/exp/small")
    assert "first/exp/small" not in done.stderr and (tmp_path / "first/exp/small/final.pt").exists()


def test_a_conf_without_streams_needs_no_models(train, tmp_path):
    (tmp_path / "plan/names").write_text("exp exp/x\n")
    assert train().returncode == 0 and not (tmp_path / "first/begun").exists()
