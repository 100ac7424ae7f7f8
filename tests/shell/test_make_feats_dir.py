"""Stage 1's directories: frames that came with a corpus through parallel jobs, and what an interruption leaves."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from messages import names

from timbre.kaldi.tables import read_matrix
from timbre.kaldi.text import read_table, write_table


@pytest.fixture
def make(run, root, tmp_path):
    """``make(*options)`` makes ``feats`` of ``data``, as from a recipe's folder."""
    (tmp_path / "utils").symlink_to(root / "utils")
    return lambda *options: run(root / "steps/make_feats_dir.sh", *options, "data", "feats")


def test_given_frames_through_two_jobs(make, tmp_path):
    tensors = {f"s-{number}": torch.randn(9 + number, 3) for number in range(5)}
    for utterance, frames in tensors.items():
        torch.save(frames, tmp_path / f"{utterance}.pt")
    write_table(tmp_path / "data/given.scp", {utterance: f"{utterance}.pt" for utterance in tensors})
    write_table(tmp_path / "data/utt2spk", dict.fromkeys(tensors, "s"))
    write_table(tmp_path / "data/spk2utt", {"s": " ".join(tensors)})
    (tmp_path / "conf.yaml").write_text("{kind: given, dim: 3}\n")
    done = make("--conf", "conf.yaml", "--nj", 2)
    assert done.returncode == 0 and names(done.stdout, "feats/feats.scp: ", "5 utterances"), done.stderr
    rxfiles = read_table(tmp_path / "feats/feats.scp")
    assert {rxfile.split(":")[0] for rxfile in rxfiles.values()} == {
        f"feats/data/feats.{job}.ark" for job in (1, 2)
    }
    for utterance, rxfile in rxfiles.items():
        np.testing.assert_array_equal(read_matrix(str(tmp_path / rxfile)), tensors[utterance])
    assert names(make("--conf", "conf.yaml", "--nj", 2).stdout, "feats: ", "up to date")
    (tmp_path / "s-3.pt").write_bytes(b"")
    os.utime(tmp_path / "data/given.scp")  # the corpus was prepared again
    failed = make("--conf", "conf.yaml", "--nj", 2)
    assert failed.returncode == 1 and names(failed.stderr, "s-3: s-3.pt: ", "saved tensors")


def test_what_was_interrupted_before_online_training_is_made_again(make, tmp_path):
    write_table(tmp_path / "data/wav.scp", {"s-0": "x.wav"})
    write_table(tmp_path / "data/utt2spk", {"s-0": "s"})
    write_table(tmp_path / "data/spk2utt", {"s": "s-0"})
    write_table(tmp_path / "feats/spk2utt", {"s": "s-0"})  # and nothing else: newer than the data
    assert make("--online", "true").returncode == 0
    assert (tmp_path / "feats/wav.scp").exists()
    assert names(make("--online", "true").stdout, "feats: ", "up to date")


def test_a_directory_without_audio_and_frames_is_refused(make, tmp_path):
    write_table(tmp_path / "data/utt2spk", {"s-0": "s"})
    assert names(make().stderr, "data/wav.scp: ", "preparation of the corpus")
