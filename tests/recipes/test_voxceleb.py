"""The VoxCeleb recipe on a synthetic stand-in: official lists, each conf's training, and what users do wrong."""

from __future__ import annotations

import json

import pytest
import tiny
from messages import names

HERE = "egs/voxceleb/sv"


@pytest.fixture(scope="module")
def prepared(run):
    """Stage 0, and what it said."""
    what = ["--corpus", "synthetic", "--nj", 2, "--stop-stage", 0, *tiny.options(HERE, "small")]
    code, out, err = run("run.sh", *what, folder=HERE)
    assert code == 0, out + err
    return out


def test_the_stand_in_is_prepared_as_the_corpora(prepared, clone):
    assert "list E: the cleaned form (list_test_all2.txt)" in prepared
    assert (clone / HERE / "data/test/trials_O").exists()


@pytest.mark.all
@pytest.mark.parametrize("conf", [name for name in tiny.confs(HERE) if not name.endswith("_large_margin")])
def test_every_conf_trains_and_is_fine_tuned(prepared, run, clone, conf):
    """Where there is a margin, large-margin training starts from the model just made."""
    exp = f"exp/tiny/{conf}"
    where = ["--stage", 1, "--stop-stage", 2, "--exp"]
    code, out, err = run("run.sh", *where, exp, *tiny.options(HERE, conf), folder=HERE)
    assert code == 0, out + err
    assert (clone / HERE / exp / "final.pt").exists()
    if not conf.endswith("_aam"):
        return
    code, out, err = run(
        "run.sh", *where, f"{exp}_lm", "--init", exp, *tiny.options(HERE, f"{conf}_large_margin"), folder=HERE
    )
    assert code == 0, out + err
    log = (clone / HERE / f"{exp}_lm/train.log").read_text()
    assert f"started from {exp} " in log and "weights of 4 of 4 classes" in log


def test_from_nothing_to_a_report(prepared, run, again, clone):
    what = [
        "--corpus",
        "synthetic",
        "--exp",
        "exp/tiny/whole",
        "--nj",
        1,
        *tiny.options(HERE, "xvector_stats_softmax"),
    ]
    code, out, err = run("run.sh", *what, folder=HERE)
    assert code == 0, out + err
    again(*what, folder=HERE)
    exp = clone / HERE / "exp/tiny/whole"
    for name in ("O", "E", "H"):
        trials = (clone / HERE / f"data/test/trials_{name}").read_text().splitlines()
        assert json.loads((exp / name / "metrics.json").read_text())["trials"]["count"] == len(trials)
    assert "Synthetic speech" in (exp / "report.html").read_text()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (["--voxceleb1", "."], ["--lists"]),
        (["--voxceleb1", "/nowhere", "--lists", "data/corpus/lists"], ["/nowhere", "--help"]),
        (["--corpus", "/data/voxceleb"], ["--corpus", "synthetic", "--voxceleb1"]),
    ],
)
def test_mistakes_are_one_line(prepared, run, given, named):
    code, _, err = run("run.sh", *given, folder=HERE)
    assert code == 1 and names(err, *named)


def test_the_folders_are_known_after_the_first_run(prepared, run, clone):
    what = ["--stop-stage", 0, *tiny.options(HERE, "small")]
    code, out, err = run("run.sh", *what, folder=HERE)
    assert code == 0, out + err
    for name in ("folders", "prepared_from"):
        (clone / HERE / "data" / name).unlink()
    code, _, err = run("run.sh", *what, folder=HERE)
    assert code == 1 and names(err, "--voxceleb1", "https://www.robots.ox.ac.uk/~vgg/data/voxceleb")
