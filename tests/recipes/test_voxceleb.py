"""The VoxCeleb recipe on a synthetic stand-in: official lists, each conf's training, and what users do wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

HERE = "egs/voxceleb/sv"
CONFS = sorted(path.stem for path in (Path(__file__).parents[2] / HERE / "conf").glob("*.yaml"))
CONFS = [name for name in CONFS if name not in ("fbank", "mfcc") and not name.endswith("_large_margin")]
SMALL = ["train.epochs=1", "train.heldout_speakers=2", "train.batch_size=16", "train.crop_frames=60"]
SMALL += ["train.workers=0", "augment.babble_speakers=[2, 3]"]
ENCODERS = {
    "xvector": ["encoder.channels=16", "encoder.pooling_channels=24"],
    "ecapa512": ["encoder.channels=16", "encoder.aggregation_channels=24"],
    "ecapa1024": ["encoder.channels=16", "encoder.aggregation_channels=24"],
    "resnet34": ["encoder.channels=16", "encoder.embedding_dim=16"],
    "conformer": ["encoder.channels=16", "encoder.feed_forward=16", "encoder.layers=1"],
    "ge2e": ["encoder.hidden=16", "encoder.projection=0", "encoder.layers=1", "train.utterances_per_speaker=4"],
}


def options(conf):
    """The options that make a conf train in seconds."""
    tiny = [word for key in SMALL + ENCODERS[conf.split("_")[0]] for word in ("--set", key)]
    return [*tiny, "--conf", f"conf/{conf}.yaml", "--nj", 2]


@pytest.fixture(scope="module")
def prepared(run):
    """Stage 0, and what it said."""
    code, out, err = run("run.sh", "--corpus", "synthetic", "--nj", 2, "--stop-stage", 0, folder=HERE)
    assert code == 0, out + err
    return out


def test_the_stand_in_is_prepared_as_the_corpora(prepared, clone):
    assert "list E: the cleaned form (list_test_all2.txt)" in prepared
    assert (clone / HERE / "data/test/trials_O").exists()


@pytest.mark.parametrize("conf", CONFS)
def test_every_conf_trains_and_is_fine_tuned(prepared, run, clone, conf):
    """Where there is a margin, large-margin training starts from the model just made."""
    exp = f"exp/tiny/{conf}"
    where = ["--stage", 1, "--stop-stage", 2, "--exp"]
    code, out, err = run("run.sh", *where, exp, *options(conf), folder=HERE)
    assert code == 0, out + err
    assert (clone / HERE / exp / "final.pt").exists()
    if not conf.endswith("_aam"):
        return
    code, out, err = run(
        "run.sh", *where, f"{exp}_lm", "--init", exp, *options(f"{conf}_large_margin"), folder=HERE
    )
    assert code == 0, out + err
    log = (clone / HERE / f"{exp}_lm/train.log").read_text()
    assert f"started from {exp} " in log and "weights of 8 of 8 classes" in log


def test_from_nothing_to_a_report(prepared, run, clone):
    what = ["--corpus", "synthetic", "--exp", "exp/tiny/whole", *options("xvector_stats_softmax")]
    code, out, err = run("run.sh", *what, folder=HERE)
    assert code == 0, out + err
    exp = clone / HERE / "exp/tiny/whole"
    for name in ("O", "E", "H"):
        trials = (clone / HERE / f"data/test/trials_{name}").read_text().splitlines()
        assert json.loads((exp / name / "metrics.json").read_text())["trials"]["count"] == len(trials)
    assert "Synthetic speech" in (exp / "report.html").read_text()


@pytest.mark.parametrize(
    "given,message",
    [
        ([], "--voxceleb1 DIR is missing; ask for it at https://www.robots.ox.ac.uk/~vgg/data/voxceleb"),
        (["--voxceleb1", "."], "--lists DIR is missing"),
        (["--voxceleb1", "/nowhere", "--lists", "data/corpus/lists"], "--voxceleb1 /nowhere: no such folder"),
        (["--corpus", "/data/voxceleb"], "--corpus takes synthetic; the real folders: --voxceleb1"),
    ],
)
def test_mistakes_are_one_line(prepared, run, given, message):
    code, _, err = run("run.sh", *given, folder=HERE)
    assert code == 1 and message in err and "Traceback" not in err
