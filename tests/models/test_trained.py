"""A trained model in use: files in, embeddings and decisions out; extraction by jobs, counted and resumed."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import soundfile
from messages import names, refused

import timbre
from timbre.__main__ import main
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.tables import read_vectors
from timbre.kaldi.text import read_table
from timbre.kaldi.vectors import collect_embeddings
from timbre.models.extraction import extract_embeddings
from timbre.training.train import train_experiment

RATE = 16000


@pytest.fixture
def model(toy_data, toy_conf, tmp_path):
    train_experiment(toy_conf("train.epochs=1"), toy_data(), tmp_path / "exp", "cpu")
    return timbre.load(tmp_path / "exp")


def wav(path, seconds=1.0, seed=0, rate=RATE):
    samples = 0.1 * np.random.default_rng(seed).normal(size=int(seconds * rate))
    soundfile.write(path, samples, rate)
    return str(path)


def test_embeds_and_verifies_files_and_samples(model, tmp_path):
    first, second = wav(tmp_path / "a.wav"), wav(tmp_path / "b.wav", 1.7, seed=1)
    embedding = model.embed(first)
    assert embedding.shape == (8,) and np.isfinite(embedding).all()
    samples, rate = soundfile.read(first, dtype="float32")
    np.testing.assert_allclose(model.embed(samples, rate), embedding, atol=1e-5)
    same, other = timbre.verify(model, first, first), timbre.verify(model, first, second)
    assert same.score == pytest.approx(1) and same.same_speaker and same.probability > 0.5
    assert other.score < same.score and other.probability < same.probability
    assert other.same_speaker == (other.score >= other.threshold)
    assert names(other.doubt, "2 speakers")


def test_a_copied_model_file_is_all_it_takes(model, tmp_path):
    alone = tmp_path / "elsewhere"
    alone.mkdir()
    shutil.copy(tmp_path / "exp/final.pt", alone / "m.pt")
    shutil.rmtree(tmp_path / "exp")
    first = wav(tmp_path / "a.wav")
    np.testing.assert_array_equal(timbre.load(alone / "m.pt").embed(first), model.embed(first))


@pytest.mark.parametrize(
    "seconds,rate,wanted",
    [
        (1.0, 8000, ("8000 Hz", "16000 Hz")),
        (0.1, RATE, ("8 frames", " 15")),
        (0.01, RATE, ("160 samples", "400")),
    ],
)
def test_audio_that_does_not_fit_is_refused_by_name(model, tmp_path, seconds, rate, wanted):
    with refused(tmp_path / "a.wav", *wanted):
        model.embed(wav(tmp_path / "a.wav", seconds, rate=rate))


def test_verify_and_embed_follow_their_options(model, tmp_path, capsys):
    path, plain = str(tmp_path / "a.wav"), wav(tmp_path / "b.wav")
    soundfile.write(path, 0.1 * np.random.default_rng(0).normal(size=(8000, 2)), 8000)
    for command in (["verify", plain, path], ["embed", path]):
        given = []
        for option in ("--mix", "--resample"):
            with pytest.raises(SystemExit):
                main([*command, "--model", str(tmp_path / "exp"), *given])
            assert names(capsys.readouterr().err, path, option)
            given.append(option)
        main([*command, "--model", str(tmp_path / "exp"), *given])
        said = capsys.readouterr()
        assert said.out and names(said.err, path, "2 channels", "8000 Hz")
    with refused("samples: ", "rate=16000"):
        model.embed(np.full(16000, 0.1, np.float32))


def test_a_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "final.pt").write_bytes(b"nothing")
    with refused(tmp_path / "final.pt", "tensors"):
        timbre.load(tmp_path)


def extract(model, data, out, job="1"):
    extract_embeddings(model, data, out / "jobs", job, "fail")
    return out


def test_embeddings_of_a_data_directory_are_those_of_its_utterances(model, tmp_path):
    data = DataDir(tmp_path / "data")
    out = extract(model, data, tmp_path / "out")
    said = collect_embeddings(data, out / "jobs", out, 1, 0.0)
    assert names(said, out / "xvector.scp", "32 embeddings", "8 speakers")
    keys, matrix = read_vectors(out / "xvector.scp")
    assert keys == list(data.utt2spk)
    from timbre.features.front_end import FrameReader

    reader = FrameReader(data, model.conf.input)
    for key in keys[::7]:
        np.testing.assert_allclose(
            matrix[keys.index(key)], model.embed_frames([reader.read(key)], [key])[0], atol=1e-4
        )
    speakers, means = read_vectors(out / "spk_xvector.scp")
    np.testing.assert_allclose(means, matrix.reshape(8, 4, -1).mean(axis=1), atol=1e-5)
    assert read_table(out / "num_utts.ark") == dict.fromkeys(speakers, "4")


@pytest.mark.usefixtures("native_bf16")
def test_bf16_embeddings_point_the_same_way(model, tmp_path):
    data = DataDir(tmp_path / "data")
    for precision in ("fp32", "bf16"):
        extract_embeddings(model, data, tmp_path / precision, "1", "fail", precision)
    one, other = (read_vectors(tmp_path / precision / "xvector.1.scp")[1] for precision in ("fp32", "bf16"))
    assert not np.array_equal(one, other)
    cosines = (one * other).sum(axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    assert cosines.min() > 0.999


def test_no_embedding_is_made_in_a_precision_that_is_refused(model, tmp_path, monkeypatch):
    monkeypatch.setattr("timbre.models.precision.native_bf16", lambda device: False)
    with refused("precision bf16"):
        extract_embeddings(model, DataDir(tmp_path / "data"), tmp_path / "out", "1", "fail", "bf16")
    assert not (tmp_path / "out").exists()


def test_a_job_that_is_done_is_not_repeated_and_a_lost_one_is_missed(model, tmp_path, capsys):
    data = DataDir(tmp_path / "data")
    out = extract(model, data, tmp_path / "out")
    before = (out / "jobs/xvector.1.ark").stat().st_mtime_ns
    extract(model, data, out)
    assert (out / "jobs/xvector.1.ark").stat().st_mtime_ns == before
    assert names(capsys.readouterr().out, out / "jobs/xvector.1.scp")
    scp = out / "jobs/xvector.1.scp"
    scp.write_text("".join(scp.read_text().splitlines(keepends=True)[:-2]))
    with refused("xvector.scp", 32, 30, "s07-2, s07-3"):
        collect_embeddings(data, out / "jobs", out, 1, 0.0)
    assert not (out / "xvector.scp").exists()


def test_utterances_too_short_to_embed_are_named_or_skipped(model, tmp_path):
    data = DataDir(tmp_path / "data")
    lengths = data.table("utt2num_frames")
    data.write("utt2num_frames", lengths | {"s00-0": "14"})
    with refused("s00-0", "14 frames", 15, "--bad-audio skip"):
        extract(model, data, tmp_path / "out")
    extract_embeddings(model, data, tmp_path / "out/jobs", "1", "skip")
    with refused("1 of 32", "--max-skipped 0.01", "s00-0", tmp_path / "out/xvector.skipped"):
        collect_embeddings(data, tmp_path / "out/jobs", tmp_path / "out", 1, 0.01)
    assert names(collect_embeddings(data, tmp_path / "out/jobs", tmp_path / "out", 1, 0.05), "31 embeddings")
