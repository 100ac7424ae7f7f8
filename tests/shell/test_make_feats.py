"""steps/make_feats.sh: frames that came with a corpus through parallel jobs, made once, and anew when changed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import yaml
from messages import names

from timbre.kaldi.tables import read_matrix
from timbre.kaldi.text import read_table, write_table


@pytest.fixture
def make(run, root, tmp_path):
    """``make(*options)`` makes ``feats`` of ``data``, as from a recipe's folder."""
    (tmp_path / "utils").symlink_to(root / "utils")
    (tmp_path / "conf.yaml").write_text("{kind: given, dim: 3}\n")
    return lambda *options: run(
        root / "steps/make_feats.sh", "--conf", "conf.yaml", "--nj", 2, *options, "data", "feats"
    )


@pytest.fixture
def tensors(tmp_path):
    """A data directory of five utterances whose frames are given."""
    frames = {f"s-{number}": torch.randn(9 + number, 3) for number in range(5)}
    for utterance, values in frames.items():
        torch.save(values, tmp_path / f"{utterance}.pt")
    write_table(tmp_path / "data/given.scp", {utterance: f"{utterance}.pt" for utterance in frames})
    write_table(tmp_path / "data/utt2spk", dict.fromkeys(frames, "s"))
    write_table(tmp_path / "data/spk2utt", {"s": " ".join(frames)})
    return frames


def test_given_frames_through_two_jobs(make, tensors, tmp_path):
    done = make()
    assert done.returncode == 0 and names(done.stdout, "feats.scp: ", "5 utterances"), done.stderr
    rxfiles = read_table(tmp_path / "feats/feats.scp")
    assert len({rxfile.rpartition(":")[0] for rxfile in rxfiles.values()}) == 2
    for utterance, rxfile in rxfiles.items():
        np.testing.assert_array_equal(read_matrix(str(tmp_path / rxfile)), tensors[utterance])
    front_end = yaml.safe_load((tmp_path / "feats/front_end.yaml").read_text())
    assert front_end["features"]["kind"] == "given" and front_end["features"]["dim"] == 3
    assert names(make("--nj", 1).stderr, "feats: ", "up to date")


def test_a_changed_file_is_named_and_what_was_there_stays_until_there_is_better(make, tensors, tmp_path):
    assert make().returncode == 0
    before = (tmp_path / "feats/feats.scp").read_text()
    (tmp_path / "s-3.pt").write_bytes(b"")
    failed = make()
    assert failed.returncode == 1 and names(failed.stderr, "s-3.pt", "s-3: s-3.pt: ", "saved tensors")
    assert (tmp_path / "feats/feats.scp").read_text() == before
    skipped = make("--bad-audio", "skip", "--max-skipped", "0.2")
    assert skipped.returncode == 0 and names(skipped.stderr, "s-3.pt"), skipped.stderr
    assert read_table(tmp_path / "feats/feats.scp").keys() == tensors.keys() - {"s-3"}
    assert read_table(tmp_path / "feats/utt2spk").keys() == tensors.keys() - {"s-3"}


def test_frames_stay_readable_for_who_reads_the_ones_of_before(make, tensors, tmp_path):
    """Their scp names the folder that they lie in, and not the link to it."""
    assert make().returncode == 0
    before = read_table(tmp_path / "feats/feats.scp")
    torch.save(torch.zeros(4, 3), tmp_path / "s-0.pt")
    assert make().returncode == 0
    np.testing.assert_array_equal(read_matrix(str(tmp_path / before["s-0"])), tensors["s-0"])
    after = read_table(tmp_path / "feats/feats.scp")
    np.testing.assert_array_equal(read_matrix(str(tmp_path / after["s-0"])), np.zeros((4, 3)))


def test_at_most_so_many_utterances(make, tensors, tmp_path):
    assert make("--most", 2).returncode == 0
    assert len(read_table(tmp_path / "feats/feats.scp")) == 2


def test_a_directory_without_audio_and_frames_is_refused(make, tmp_path):
    write_table(tmp_path / "data/utt2spk", {"s-0": "s"})
    assert names(make().stderr, "data/wav.scp: ", "preparation of the corpus")


QUEUE = """\
name=${1%%=*} count=${1#*:}; shift
for ((n = 1; n <= count; n++)); do
  mkdir -p "$(dirname "${1//"$name"/$n}")"
  command=("${@//"$name"/$n}"); "${command[@]:1}" >"${command[0]}" 2>&1 || exit
done
"""


@pytest.mark.parametrize("cmd", ["utils/run_local.sh", pytest.param("./queue.sh", marks=pytest.mark.all)])
def test_paths_hold_what_they_like(run, root, script, tensors, tmp_path, cmd):
    """``JOB``, which runners replace wherever it stands, blanks, quotes, and what a shell would expand."""
    script("queue.sh", QUEUE)
    folder = tmp_path / "JOB_4711/JOBS $x * ' \" ü"
    folder.mkdir(parents=True)
    (tmp_path / "data").rename(folder / "JOB__")
    (folder / "JOB1.yaml").write_text("{kind: given, dim: 3}\n")
    (tmp_path / "utils").symlink_to(root / "utils")
    words = ["--cmd", cmd, "--conf", folder / "JOB1.yaml", "--nj", 2, folder / "JOB__", folder / "JOB feats"]
    done = run(root / "steps/make_feats.sh", *words)
    assert done.returncode == 0, done.stderr
    rxfiles = read_table(folder / "JOB feats/feats.scp")
    assert rxfiles.keys() == tensors.keys()
    np.testing.assert_array_equal(read_matrix(rxfiles["s-4"]), tensors["s-4"])
