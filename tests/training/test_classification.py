"""Classification: utterances held out, chosen by their error, probabilities that held-out utterances bear out."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
import torch
from messages import names, refused

import timbre
from timbre.__main__ import main
from timbre.features.front_end import FrameReader
from timbre.features.published import read_model
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.tables import ArkWriter, read_matrix
from timbre.kaldi.text import read_table, write_table
from timbre.models.export import export_onnx, session
from timbre.models.trained import TrainedModel
from timbre.scoring.classification import evaluate_classes
from timbre.scoring.posteriors import Posteriors, collect_posteriors
from timbre.training.classification import COLDEST, temperature
from timbre.training.classifier import Classifier, extract_posteriors
from timbre.training.heldout import split_utterances
from timbre.training.speech import TrainingSpeech
from timbre.training.train import train_experiment


@pytest.fixture
def classify(toy_conf):
    return lambda *settings: toy_conf("task=classification", "train.heldout_utterances=0.2", *settings)


def test_held_out_utterances_leave_something_of_each_class_to_train_on():
    def split(labels, share, seed=1):
        return split_utterances(labels, {name: name for name in labels}, share, seed)

    labels = {f"u{number:03d}": f"c{number % 7}" for number in range(100)} | {"alone": "rare"}
    held = split(labels, 0.3)
    assert len(held) == 30 and held == sorted(held) and "alone" not in held
    assert split(labels, 0.3, seed=2) != held
    assert len(set(split(labels | {"new": "c0"}, 0.3)) - set(held)) <= 1
    assert len(split({"a": "x", "b": "x", "c": "y"}, 0.5)) == 1  # two would leave a class empty
    assert split(labels, 0.0) == []


def test_sessions_are_held_out_whole():
    labels = {f"u{number:03d}": f"c{number % 2}" for number in range(40)}
    session = {name: name[:3] for name in labels}  # of ten utterances, with both classes
    held = split_utterances(labels, session, 0.2, seed=1)
    assert len(held) == 10 and len({session[name] for name in held}) == 1  # ten are nearer to eight than none
    assert len(split_utterances(labels, session, 0.5, seed=1)) == 20
    with refused("40 utterances", "4 units", "train.heldout_utterances=0.1", "train.heldout_unit"):
        split_utterances(labels, session, 0.1, seed=1)  # to four ten are not


def test_copies_of_what_is_held_out_are_not_trained_on(toy_data, classify, tmp_path):
    data = toy_data()
    scp, frames = data.table("feats.scp"), data.table("utt2num_frames")
    copies = {f"{utt}-noise": utt for utt in scp}
    write_table(data.path / "utt2uniq", copies | {utt: utt for utt in scp})
    for name, table in (("feats.scp", scp), ("utt2num_frames", frames), ("utt2spk", data.utt2spk)):
        write_table(data.path / name, table | {copy: table[utt] for copy, utt in copies.items()})
    speech = TrainingSpeech(classify(), DataDir(data.path))
    assert speech.held and not any(utt.endswith("-noise") for utt in speech.held)
    assert not {utt.removesuffix("-noise") for utt in speech.labels} & set(speech.held)
    assert len(speech.labels) == 2 * (len(scp) - len(speech.held))


def test_a_classifier_is_trained_chosen_and_used(toy_data, classify, tmp_path):
    data = toy_data()
    said = train_experiment(classify("train.epochs=30", "train.learning_rate=0.01"), data, tmp_path / "exp", "cpu")
    assert names(said, "8 classes", "accuracy", "6 held-out")
    state = read_model(tmp_path / "exp")
    assert state["classes"] == sorted(set(data.utt2spk.values()))
    assert state["backend"].keys() == {"temperature", "heldout_error", "heldout_utterances"}
    assert not (tmp_path / "exp/mean.ark").exists()
    rows = [json.loads(line) for line in (tmp_path / "exp/history.jsonl").read_text().splitlines()]
    assert {"heldout_error", "heldout_loss"} <= rows[0].keys() and "heldout_eer" not in rows[0]
    assert rows[-1]["heldout_loss"] < rows[0]["heldout_loss"] / 2

    model = Classifier.load(tmp_path / "exp")
    extract_posteriors(model, data, tmp_path / "jobs", "1", "fail")
    assert "32 utterances, 8 classes" in collect_posteriors(data, tmp_path / "jobs", tmp_path / "out", 1, 0.0)
    found = Posteriors.read(tmp_path / "out")
    right = np.array([best == data.utt2spk[utt] for utt, best in zip(found.utterances, found.best(), strict=True)])
    assert found.classes == model.classes and right.mean() > 0.5  # by chance one in eight; 0.7 to 0.9 by seed
    one = FrameReader(data, model.conf.input).read(found.utterances[5])
    assert np.allclose(model.posteriors([one], ["x"])[0], found.matrix[5], atol=1e-5)
    embedding = torch.from_numpy(model.embed_frames([one], ["x"]))
    loss = state["loss"]["weight"]
    logits = 30 * torch.nn.functional.normalize(embedding) @ torch.nn.functional.normalize(loss).T
    assert torch.allclose(
        torch.from_numpy(found.matrix[5]), (logits / model.temperature).softmax(dim=1)[0], atol=1e-5
    )


def test_it_names_the_best_classes_first(toy_data, classify, tmp_path, monkeypatch):
    data = toy_data()
    train_experiment(classify(), data, tmp_path / "exp", "cpu")
    frames = read_matrix(data.table("feats.scp")["s03-1"], scp=data.path / "feats.scp")
    model = timbre.load(tmp_path / "exp")
    monkeypatch.setattr(model, "frames", lambda audio: frames)
    found = model.classify(np.full(1600, 0.1), 16000)
    assert list(found.values()) == sorted(found.values(), reverse=True) and set(found) == set(model.classes)
    assert sum(found.values()) == pytest.approx(1, abs=1e-5)


def test_of_folds_the_mean_of_the_models_is_taken(toy_data, classify, tmp_path, capsys):
    """Each model counts as much; what one of them does not know has of it nothing."""
    exp = tmp_path / "exp"
    for fold, speakers in ((1, 6), (2, 8), (10, 7)):
        once = classify("train.epochs=1", "loss.kind=softmax", f"train.seed={fold}")
        train_experiment(once, toy_data(f"data{fold}", speakers), exp / f"fold_{fold}", "cpu")
    audio = tmp_path / "a.wav"
    soundfile.write(audio, np.random.default_rng(0).normal(0, 0.1, 16000), 16000, subtype="FLOAT")

    def said(model) -> dict[str, float]:
        main(["classify", str(audio), "--model", str(model)])
        return {name: float(value) for name, value in map(str.split, capsys.readouterr().out.splitlines())}

    singles = [said(exp / f"fold_{fold}") for fold in (1, 2, 10)]
    assert [len(single) for single in singles] == [6, 8, 7] and said(exp / "fold_2/final.pt") == singles[1]
    found = said(exp)
    assert found.keys() == singles[1].keys() and list(found.values()) == sorted(found.values(), reverse=True)
    assert found["s07"] == pytest.approx(singles[1]["s07"] / 3, abs=2e-4)  # four digits are printed
    assert all(found[name] == pytest.approx(sum(s.get(name, 0) for s in singles) / 3, abs=2e-4) for name in found)
    assert sum(found.values()) == pytest.approx(1, abs=1e-3)
    with refused(exp / "fold_1", "timbre classify"):
        timbre.load(exp)
    (exp / "fold_2/final.pt").unlink()
    with pytest.raises(SystemExit):
        said(exp)
    assert names(capsys.readouterr().err, exp / "fold_2/final.pt", "steps/train_encoder.sh")


@pytest.mark.parametrize("loss", ["softmax", "aam_softmax"])
def test_its_graph_gives_its_probabilities(toy_data, classify, tmp_path, loss):
    data = toy_data()
    train_experiment(classify("train.epochs=1", f"loss.kind={loss}"), data, tmp_path / "exp", "cpu")
    model = timbre.load(tmp_path / "exp")
    assert names(export_onnx(model, tmp_path / "model.onnx"), tmp_path / "model.onnx", "posteriors")
    frames = FrameReader(data, model.conf.input).read("s03-1")
    found = session(tmp_path / "model.onnx", "posteriors")(frames[None], np.array([len(frames)]))
    assert np.allclose(found, model.posteriors([frames], ["x"]), atol=1e-5)
    assert json.loads((tmp_path / "model.onnx.json").read_text())["classes"] == model.classes
    with refused("timbre identify", "task: verification"):
        timbre.verify(model, "a.wav", "b.wav")


def test_the_temperature_is_that_of_the_labels():
    rng = np.random.default_rng(0)
    logits = torch.from_numpy(rng.normal(size=(20_000, 5)))
    labels = torch.from_numpy(
        (logits.numpy() + rng.gumbel(size=logits.shape)).argmax(axis=1)
    )  # drawn by softmax(z)
    assert temperature(logits, labels) == pytest.approx(1, abs=0.05)
    assert temperature(7 * logits, labels) == pytest.approx(7, abs=0.35)
    sure = 3 * torch.eye(4)
    assert COLDEST < temperature(sure, torch.arange(4)) < 1.5  # without an error, but of four alone


def test_labels_may_be_of_another_table(toy_data, classify, tmp_path):
    data = toy_data()
    write_table(data.path / "utt2emotion", {utt: "sad" if utt < "s04" else "happy" for utt in data.utt2spk})
    train_experiment(classify("labels=utt2emotion"), DataDir(data.path), tmp_path / "exp", "cpu")
    assert read_model(tmp_path / "exp")["classes"] == ["happy", "sad"]
    table = read_table(data.path / "utt2emotion")
    write_table(data.path / "utt2emotion", {utt: table[utt] for utt in table if utt != "s02-0"})
    with refused(data.path / "utt2emotion", "1 of 32", "(s02-0)", "utils/subset_data_dir.sh"):
        train_experiment(classify("labels=utt2emotion"), DataDir(data.path), tmp_path / "other", "cpu")


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        (["task=classification", "speeds=[0.9]"], ["speeds", "classification"]),
        (["task=classification", "loss={kind: ge2e}"], ["loss ge2e", "classification"]),
        (["labels=utt2emotion"], ["labels utt2emotion", "verification"]),
    ],
)
def test_what_does_not_fit_the_task_is_refused(toy_conf, tmp_path, settings, wanted):
    with refused(tmp_path / "toy.yaml", *wanted) as caught:
        toy_conf(*settings)
    assert "{" not in str(caught.value)  # the keys at fault, not the whole conf


def test_a_model_for_verification_is_no_classifier(toy_data, toy_conf, tmp_path):
    train_experiment(toy_conf("train.epochs=1"), toy_data(), tmp_path / "exp", "cpu")
    assert type(timbre.load(tmp_path / "exp")) is TrainedModel
    with refused("timbre verify", "task: classification"):
        Classifier.load(tmp_path / "exp")


def test_posteriors_of_too_short_utterances_are_named(toy_data, classify, tmp_path):
    data = toy_data()
    train_experiment(classify("train.epochs=1"), data, tmp_path / "exp", "cpu")
    with ArkWriter(data.path / "short.ark", data.path / "short.scp") as writer:
        writer.write("s00-0", np.zeros((3, 23), np.float32))
    short = read_table(data.path / "short.scp")
    write_table(data.path / "feats.scp", data.table("feats.scp") | short)
    write_table(data.path / "utt2num_frames", data.table("utt2num_frames") | {"s00-0": "3"})
    with refused("s00-0", "3 frames", 15, "--bad-audio skip"):
        extract_posteriors(Classifier.load(tmp_path / "exp"), DataDir(data.path), tmp_path / "jobs", "1", "fail")


def test_a_model_to_start_from_must_not_know_what_is_held_out(toy_data, toy_conf, classify, tmp_path, caplog):
    caplog.set_level("INFO")
    data, once = toy_data(), ("train.epochs=1", "loss.kind=softmax")
    train_experiment(toy_conf(*once), data, tmp_path / "speakers", "cpu")
    train_experiment(classify(*once), data, tmp_path / "first", "cpu")

    def start(name, init, *settings, on=data):
        return train_experiment(classify(*once, f"init={tmp_path / init}", *settings), on, tmp_path / name, "cpu")

    with refused(tmp_path / "speakers", "task ", "verification", "train.heldout_utterances=0"):
        start("a", "speakers")
    with refused(tmp_path / "first", "train.seed", " 1", " 2", "train.heldout_utterances=0"):
        start("b", "first", "train.seed=2")
    start("c", "first")
    assert names(caplog.text, "8 of 8 classes")
    assert "accuracy" not in start("d", "speakers", "train.heldout_utterances=0")
    assert "accuracy" in start("e", "first", "train.seed=2", on=toy_data("others", speakers=9))


def test_classes_of_another_table_are_others_whatever_they_are_called(toy_data, classify, tmp_path, caplog):
    caplog.set_level("INFO")
    data, once = toy_data(), ("train.epochs=1", "train.heldout_utterances=0")
    (data.path / "utt2accent").write_bytes((data.path / "utt2spk").read_bytes())
    train_experiment(classify(*once), data, tmp_path / "first", "cpu")
    conf = classify(*once, "labels=utt2accent", f"init={tmp_path / 'first'}")
    train_experiment(conf, DataDir(data.path), tmp_path / "second", "cpu")
    (said,) = [message for message in caplog.messages if "class weights" in message]
    assert names(said, "utt2spk")


def test_other_labels_are_other_data(toy_data, classify, tmp_path):
    data, conf = toy_data(), classify("train.epochs=1", "labels=utt2emotion")
    write_table(data.path / "utt2emotion", {utt: "sad" if utt < "s04" else "calm" for utt in data.utt2spk})
    train_experiment(conf, DataDir(data.path), tmp_path / "exp", "cpu")
    write_table(data.path / "utt2emotion", {utt: "sad" if utt < "s02" else "calm" for utt in data.utt2spk})
    with refused(tmp_path / "exp", data.path, "--exp"):
        train_experiment(conf, DataDir(data.path), tmp_path / "exp", "cpu")


def test_a_job_may_skip_all_of_its_utterances(toy_data, classify, tmp_path):
    data = toy_data()
    train_experiment(classify("train.epochs=1"), data, tmp_path / "exp", "cpu")
    with ArkWriter(data.path / "short.ark", data.path / "short.scp") as writer:
        writer.write("s00-0", np.zeros((3, 23), np.float32))
    for name, rows in (("feats.scp", read_table(data.path / "short.scp")), ("utt2num_frames", {"s00-0": "3"})):
        table = data.table(name) | rows
        write_table(data.path / name, table)
        for job, chosen in (("1", ["s00-0"]), ("2", [utt for utt in table if utt != "s00-0"])):
            write_table(tmp_path / job / name, {utt: table[utt] for utt in chosen})
            write_table(tmp_path / job / "utt2spk", {utt: data.utt2spk[utt] for utt in chosen})
    model = Classifier.load(tmp_path / "exp")
    for job in ("1", "2"):
        extract_posteriors(model, DataDir(tmp_path / job), tmp_path / "jobs", job, "skip")
    said = collect_posteriors(DataDir(data.path), tmp_path / "jobs", tmp_path / "out", 2, 0.05)
    assert names(said, tmp_path / "out", "31 utterances")
    with refused(tmp_path / "out", data.path, "(1: s00-0)", "stage 3", tmp_path / "out/posteriors.skipped"):
        evaluate_classes(data.path, {"model": tmp_path / "out"}, tmp_path / "measured")
