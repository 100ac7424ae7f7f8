"""Each recipe once as its user runs it: every ``timbre …`` a process of its own, and training in two."""

from __future__ import annotations

import json
import socket
import sys

import pytest
import tiny

SYNTHETIC = ["--corpus", "synthetic"]
RUNS = {
    ".": ("xvector_am", []),
    "egs/aishell/sv": ("xvector_am", SYNTHETIC),
    "egs/voxceleb/sv": ("xvector_stats_softmax", SYNTHETIC),
    "egs/speechocean762/sv": ("xvector_am", []),
    "egs/speechocean762/sid": ("transformer_simple", []),
    "egs/ml2023hw4/sid": ("transformer_simple", SYNTHETIC),
    "egs/tess/ser": ("audionet_tied", SYNTHETIC),
    "egs/emodb/ser": ("ecapa_fbank", [*SYNTHETIC, "--set", "train.heldout_utterances=0.3"]),
    "egs/csv/ser": ("xvector_mfcc", ["--table", "synthetic", "--set", "train.heldout_utterances=0.3"]),
    "egs/ravdess/ser": ("xvector_mfcc", [*SYNTHETIC, "--folds", 2, "--set", "train.heldout_utterances=0.5"]),
    "egs/multilingual/ser": ("only_mfcc", [*SYNTHETIC, "--protocol", "source"]),
    "egs/synthetic/byola": ("small", []),
    "egs/synthetic/wav2vec": ("small", []),
    "egs/synthetic/allosaurus": ("small", []),
}


@pytest.mark.all
@pytest.mark.parametrize("recipe", RUNS)
def test_from_nothing_to_a_report(recipe, call, clone, speechocean762, front_ends):
    conf, words = RUNS[recipe]
    if "speechocean762" in recipe:
        words = ["--corpus", speechocean762]
    exp = clone / recipe / "exp/separate"
    command = ["./run.sh", *words, *tiny.options(recipe, conf), "--exp", exp, "--nj", 2]
    code, out, err = call(clone / recipe, *command, python=sys.executable)
    assert code == 0, out + err
    assert (exp / "report.html").is_file() and "Traceback" not in err


@pytest.mark.all
def test_processes_give_the_bits_of_forks(call, clone):
    """What the other tests of recipes see is what users get."""
    files = ("scores", "test/xvector.ark", "metrics.json")
    found = []
    for name, python in (("forked", {}), ("apart", {"python": sys.executable})):
        exp = clone / "exp/compared"
        code, out, err = call(clone, "./run.sh", *tiny.options(".", "xvector_am"), "--exp", exp, **python)
        assert code == 0, out + err
        found.append([(exp / file).read_bytes() for file in files])
        exp.rename(clone / "exp" / name)
    assert found[0] == found[1]


@pytest.mark.all
def test_two_processes_share_the_training(call, clone):
    what = ["--exp", "exp/two", "--ngpu", 2, "--device", "cpu", *tiny.options(".", "ecapa_aam")]
    code, out, err = call(clone, "./run.sh", *what, python=sys.executable)
    assert code == 0, out + err
    assert "2 processes" in (clone / "exp/two/train.log").read_text()
    assert json.loads((clone / "exp/two/metrics.json").read_text())["systems"]


TWO = """
PATH=$1:$PATH
for NODE in a b; do
  export NODE
  ./run.sh "${@:2}" &
  runs+=("$!")
done
for run in "${runs[@]}"; do wait "$run" || exit; done
"""


@pytest.mark.all
def test_two_machines_share_the_training(call, clone, tmp_path):
    """The same command on both at once; here one machine under two names."""
    (tmp_path / "uname").write_text('#!/bin/sh\n[ "$1" = -n ] && echo "$NODE" || exec /usr/bin/uname "$@"\n')
    (tmp_path / "uname").chmod(0o755)
    with socket.socket() as free:
        free.bind(("localhost", 0))
        place = f"localhost:{free.getsockname()[1]}"
    what = ["--exp", "exp/machines", "--nodes", 2, "--ngpu", 1, "--rendezvous", place, "--device", "cpu"]
    what += tiny.options(".", "xvector_am")
    code, out, err = call(clone, "bash", "-c", TWO, "bash", tmp_path, *what, python=sys.executable)
    assert code == 0, out + err
    exp = clone / "exp/machines"
    assert "2 processes" in (exp / "train.log").read_text() and (exp / "report.html").exists()
    assert {path.name for path in (exp / "log").iterdir()} == {"train.a.log", "train.b.log"}
