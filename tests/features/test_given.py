"""Frames that came with a corpus: taken as they are, refused by file where they are not what was promised."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from messages import names, refused

from timbre.features import given, mfcc
from timbre.features.extract import extract_features
from timbre.features.front_end import FrontEnd, InputConf
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.fix import fix
from timbre.kaldi.jobs import collect_jobs
from timbre.kaldi.layout import NOTES
from timbre.kaldi.split import split
from timbre.kaldi.tables import read_matrix
from timbre.kaldi.text import read_table, write_table
from timbre.kaldi.transform import combine, copy
from timbre.kaldi.validate import validate

CONF = given.Conf(dim=5, frame_shift=20.0)


@pytest.fixture
def tensors():
    """Tensors of each type that there may be."""
    rng = torch.manual_seed(0)
    types = [torch.float32, torch.float16, torch.float64, torch.bfloat16]
    return {f"s-{n}": torch.randn(3 + n, 5, generator=rng).to(dtype) for n, dtype in enumerate(types)}


@pytest.fixture
def data(tmp_path, tensors):
    """A data directory of them."""
    path = tmp_path / "data"
    for utterance, frames in tensors.items():
        torch.save(frames, tmp_path / f"{utterance}.pt")
    write_table(path / "given.scp", {utterance: tmp_path / f"{utterance}.pt" for utterance in tensors})
    write_table(path / "utt2mel_len", {utterance: len(frames) for utterance, frames in tensors.items()})
    write_table(path / "utt2spk", dict.fromkeys(tensors, "s"))
    write_table(path / "spk2utt", {"s": " ".join(tensors)})
    return DataDir(path)


def extract(data, **options):
    extract_features(data, given.Conf(dim=5, frame_shift=20.0, **options), data.path / "arks", "1")
    return collect_jobs(data, data.path / "arks", "feats", NOTES, 1, 0.0)


def test_frames_are_those_of_the_tensors(data, tensors):
    write_table(data.path / "utt2level", dict.fromkeys(tensors, "-20"))
    extract(data)
    for utterance, rxfile in read_table(data.path / "feats.scp").items():
        np.testing.assert_array_equal(read_matrix(rxfile), tensors[utterance].float().numpy())
    assert read_table(data.path / "utt2num_frames") == {"s-0": "3", "s-1": "4", "s-2": "5", "s-3": "6"}
    assert read_table(data.path / "utt2dur")["s-1"] == "0.0800"
    assert len(set(read_table(data.path / "utt2audio").values())) == 4
    assert not (data.path / "utt2level").exists()  # of samples that nobody knows
    assert names(validate(data.path, text=False)[0], "one speaker", "(s)")


def test_storage_is_the_confs(data, tensors):
    extract(data, storage="half")
    rxfile = read_table(data.path / "feats.scp")["s-0"]
    assert b"CM2 " in (data.path / "arks" / "feats.1.ark").read_bytes()
    np.testing.assert_allclose(read_matrix(rxfile), tensors["s-0"], atol=1e-3)


BAD = {
    "of another dimension": (torch.ones(3, 4), ["(T, 5)", "(3, 4)", "features.dim"]),
    "a vector": (torch.ones(5), ["(T, 5)", "(5,)", "features.dim"]),
    "no frames": (torch.ones(0, 5), ["(0, 5)"]),
    "whole numbers": (torch.ones(3, 5, dtype=torch.int64), ["floating-point", "torch.int64"]),
    "sparse": (torch.eye(5).to_sparse(), ["dense", "torch.sparse_coo"]),
    "without its numbers": (torch.ones(3, 5, device="meta"), ["dense", "meta"]),
    "not finite": (
        torch.tensor([[1.0] * 5, [1, 1, float("nan"), 1, 1], [1] * 5]),
        ["frame 1", "value 2", "finite"],
    ),
    "too large": (torch.full((3, 5), 1e300, dtype=torch.float64), ["frame 0", "value 0", "finite float32"]),
    "cut": (torch.ones(2, 5), ["2 frames", "utt2mel_len", "3"]),
    "no tensor": ({"x": 1}, ["tensor", "dict"]),
    "code": (subprocess.Popen, ["saved tensors"]),
}


@pytest.mark.parametrize("problem", BAD)
def test_what_is_not_as_promised_is_refused_by_utterance_and_file(data, tmp_path, problem):
    value, wanted = BAD[problem]
    torch.save(value, tmp_path / "s-0.pt")
    with refused(f"s-0: {tmp_path}/s-0.pt: ", *wanted, "--bad-audio skip"):
        extract(data)
    extract_features(data, CONF, data.path / "arks", "1", bad_audio="skip")
    assert names(collect_jobs(data, data.path / "arks", "feats", [], 1, 0.3), "3 utterances", "1 skipped")
    assert (data.path / "feats.skipped").read_text().startswith("s-0 ")


@pytest.mark.parametrize("content", [None, b"", b"PK\3\4"])
def test_damaged_files_are_refused(data, tmp_path, monkeypatch, content):
    file = tmp_path / "s-0.pt"
    file.unlink() if content is None else file.write_bytes(content)
    monkeypatch.chdir(tmp_path)  # a path that begins as the utterance's id does
    write_table(data.path / "given.scp", {"s-0": "s-0.pt"})
    with refused("s-0: s-0.pt: ", "No such file" if content is None else "saved tensors", "--bad-audio skip"):
        extract(DataDir(data.path))


def test_nothing_that_needs_waveforms_works(data, tmp_path):
    front_end = FrontEnd(CONF, InputConf())
    assert front_end.dim == 5 and front_end.sample_rate is None
    with refused("samples", "features.kind given"):
        front_end(np.zeros(16000, dtype=np.float32))
    with refused("voice activity", "features.kind given"):
        FrontEnd(CONF, InputConf(voiced_only=True))
    with refused("voice activity", "features.kind given"):
        extract_features(data, CONF, tmp_path, "1", vad=InputConf().vad)
    write_table(data.path / "utt2speed", dict.fromkeys(data.utt2spk, "0.9"))
    with refused("/utt2speed: ", "features.kind given"):
        extract(data)
    with refused("/data: ", "wav.scp", "given.scp", "features.kind mfcc", "to given"):
        extract_features(data, mfcc.Conf(), tmp_path, "1")


def test_a_model_of_given_frames_refuses_audio_before_it_reads_it(data):
    from timbre.models import build_encoder, xvector
    from timbre.models.trained import TrainedModel

    encoder = xvector.Conf(channels=8, pooling_channels=8, embedding_dim=4)
    conf = {"features": CONF.model_dump(), "input": {}, "encoder": encoder.model_dump()}
    weights = build_encoder(encoder, 5).state_dict()
    model = TrainedModel({"conf": conf, "classes": [], "encoder": weights, "backend": {}}, torch.device("cpu"))
    with refused("a.wav: ", "features.kind given"):
        model.embed("a.wav")


def test_given_scp_goes_where_its_utterances_go(data, tmp_path, tensors):
    files = read_table(data.path / "given.scp")
    parts = [read_table(split(data.path, 2, per_utterance=True) / part / "given.scp") for part in "12"]
    assert parts[0] | parts[1] == files and len(parts[0]) == 2
    copy(data, tmp_path / "copy", lambda utt: f"x-{utt}", lambda speaker: f"x-{speaker}")
    assert read_table(tmp_path / "copy/given.scp") == {f"x-{utt}": file for utt, file in files.items()}
    combine(tmp_path / "both", [data.path, tmp_path / "copy"], report=lambda said: None)
    validate(tmp_path / "both", feats=False, text=False)
    assert len(read_table(tmp_path / "both/given.scp")) == 2 * len(tensors)


def test_it_is_checked_and_mended_as_wav_scp_is(data):
    write_table(data.path / "given.scp", {"s-0": "x.pt", "s-1": "y.pt"})
    with refused("/given.scp ", "2 keys", "utt2spk 4", "utt2spk: s-2, s-3"):
        validate(data.path, feats=False, text=False)
    assert fix(data.path, report=lambda said: None) == (2, 4)
    (data.path / "utt2mel_len").write_text("s-0 3.5\ns-1 4\n")
    with refused("/utt2mel_len:1: ", "'s-0'", "whole number", "'3.5'"):
        validate(data.path, feats=False, text=False)


def test_an_utterance_that_no_job_wrote_is_missed(data):
    write_table(data.path / "arks/feats.1.scp", {"s-0": "x.ark:1"})
    write_table(data.path / "arks/feats.1.skipped", {})
    with refused("4 utterances", "feats.scp", "wrote 1", "s-1, s-2, s-3"):
        collect_jobs(data, data.path / "arks", "feats", [], 1, 0.0)


def test_the_corpus_is_prepared_without_torch():
    code = "import sys, timbre.stages.prepare, timbre.stages.make_ml2023hw4, timbre.stages.make_submission"
    code += ", timbre.corpora.ml2023hw4; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
