"""``--status`` and ``--dry-run`` of every recipe before its first run: all is missing, and nothing is made."""

from __future__ import annotations

import re
import shutil

import pytest
import tiny
from messages import names

RECIPES = [".", *sorted(str(path.parent.relative_to(tiny.ROOT)) for path in tiny.ROOT.glob("egs/*/*/run.sh"))]


@pytest.fixture(scope="module")
def untouched(clone, tmp_path_factory):
    """A copy in which no recipe was run."""
    copy = tmp_path_factory.mktemp("untouched") / "timbre"
    shutil.copytree(clone, copy, symlinks=True, ignore=shutil.ignore_patterns("data", "exp", "__pycache__", "docs"))
    return copy


@pytest.mark.parametrize("recipe", RECIPES)
def test_before_the_first_run_every_stage_is_missing(recipe, untouched, call):
    said = {}
    for option in ("--status", "--dry-run"):
        code, said[option], err = call(untouched / recipe, "./run.sh", option)
        assert code == 0 and not err, said[option] + err
        stages = [line for line in said[option].splitlines() if line.startswith("stage ")]
        assert len(stages) > 3 and all(re.match(r"stage \d+ +missing ", line) for line in stages), said[option]
    assert names(said["--dry-run"], "/prepare_", "steps/train_", "steps/make_report.sh")
    assert "/tmp" not in said["--dry-run"].replace(str(untouched), ""), "the plan of a status is gone after it"
    assert not (untouched / recipe / "data").exists() and not (untouched / recipe / "exp").exists()
