"""Classifications measured: known answers, what does not matter, and what cannot be measured is refused by name."""

from __future__ import annotations

import hashlib
import json
import math
import re
import time
import tracemalloc

import numpy as np
import pytest
from messages import names, refused

from timbre.__main__ import main
from timbre.kaldi.text import read_table, write_table
from timbre.scoring.class_details import confusions
from timbre.scoring.classification import evaluate_classes
from timbre.scoring.posteriors import Posteriors

TRUTH = "aaaabbc"
TAKEN = "aaabbcc"  # one a for b, one b for c
UTTERANCES = [f"{label}-{number}" for number, label in enumerate(TRUTH)]
CLASSES = ["a", "b", "c"]


def data(path, labels: dict[str, str]):
    """A data directory whose utterances are named ``<speaker>-<rest>``."""
    write_table(path / "utt2spk", {utterance: utterance.split("-")[0] for utterance in labels})
    write_table(path / "utt2emotion", labels)
    return path


def posteriors(path, taken: str, classes=CLASSES, utterances=UTTERANCES, certainty: float = 0.8):
    """A folder of posteriors that give ``certainty`` to the class taken, the rest to the others alike."""
    columns = [classes.index(name) for name in taken]
    matrix = np.full((len(taken), len(classes)), (1 - certainty) / (len(classes) - 1), dtype=np.float32)
    matrix[np.arange(len(taken)), columns] = certainty
    Posteriors(list(utterances), list(classes), matrix).write(path)
    return path


@pytest.fixture
def valid(tmp_path):
    return data(tmp_path / "valid", dict(zip(UTTERANCES, TRUTH, strict=True)))


def test_known_answers(valid, tmp_path):
    model = posteriors(tmp_path / "model", TAKEN)
    majority = posteriors(tmp_path / "majority", "aaaaaaa")
    write_table(valid / "utt2num_frames", {name: 10 * (n + 1) for n, name in enumerate(UTTERANCES)})
    systems = {"model": model, "majority": majority}
    metrics = evaluate_classes(valid, systems, tmp_path / "out", "utt2spk", count=200, seed=3)
    assert metrics == json.loads((tmp_path / "out/metrics.json").read_text())
    lines = "".join(f"{utterance} {utterance[0]}\n" for utterance in UTTERANCES)
    assert metrics["utterances"] == {
        "count": 7,
        "classes": 3,
        "speakers": 3,
        "sha256": hashlib.sha256(lines.encode()).hexdigest(),
        "frames": {"shortest": 10, "median": 40, "longest": 70},
    }
    assert (metrics["task"], metrics["labels"], metrics["train"]) == ("classification", "utt2spk", None)
    assert metrics["chance"] == pytest.approx(1 / 3)
    assert metrics["bootstrap"] == {"resampled": "speakers", "level": 0.95, "seed": 3, "replicates": 200}
    assert list(metrics["systems"]) == ["model", "majority"]
    found = metrics["systems"]["model"]
    assert found["accuracy"]["value"] == pytest.approx(5 / 7)
    assert found["recall"]["value"] == pytest.approx((3 / 4 + 1 / 2 + 1) / 3)
    assert found["f1"]["value"] == pytest.approx((6 / 7 + 2 / 4 + 2 / 3) / 3)
    assert found["top5"] is None
    assert found["cross_entropy"] == pytest.approx(-(5 * math.log(0.8) + 2 * math.log(0.1)) / 7, rel=1e-5)
    assert found["posteriors"] == str(model)
    gain = metrics["differences"]["majority"]["accuracy"]
    assert gain["value"] == pytest.approx(1 / 7)
    assert gain["low"] <= gain["value"] <= gain["high"] and 1 / 200 <= gain["p"] <= 1
    assert metrics["confusions"] == [
        {"truth": "a", "taken_for": "b", "count": 1, "of": 4, "utterances": ["a-3"]},
        {"truth": "b", "taken_for": "c", "count": 1, "of": 2, "utterances": ["b-5"]},
    ]
    none = {"low": None, "high": None}  # a class is a speaker here: of one nothing can be resampled
    assert metrics["classes"] == {
        "a": {"count": 4, "recall": {"value": 0.75, **none}, "precision": 1.0, "f1": {"value": 6 / 7, **none}},
        "b": {"count": 2, "recall": {"value": 0.5, **none}, "precision": 0.5, "f1": {"value": 0.5, **none}},
        "c": {"count": 1, "recall": {"value": 1.0, **none}, "precision": 0.5, "f1": {"value": 2 / 3, **none}},
    }
    assert (metrics["speakers"], metrics["verdict"]) == (None, None)
    with np.load(tmp_path / "out/confusion.npz", allow_pickle=False) as arrays:
        assert arrays["classes"].tolist() == CLASSES
        assert arrays["matrix"].tolist() == [[3, 1, 0], [0, 1, 1], [0, 0, 1]]


def test_order_of_utterances_and_columns_does_not_matter(valid, tmp_path):
    tied = {"certainty": 1 / 3}  # all alike: the first by name is taken, in whatever column it is
    for name, options in (("model", {}), ("tied", tied)):
        posteriors(tmp_path / name, TAKEN, **options)
        backwards = {"classes": ["c", "a", "b"], "utterances": UTTERANCES[::-1]}
        posteriors(tmp_path / f"{name}.b", TAKEN[::-1], **backwards, **options)
        one, other = (
            evaluate_classes(valid, {"model": tmp_path / f"{name}{end}"}, tmp_path / f"out{end}", count=50)
            for end in ("", ".b")
        )
        one["systems"]["model"]["posteriors"] = other["systems"]["model"]["posteriors"]
        assert one == other


def test_systems_may_know_fewer_or_more_classes(valid, tmp_path):
    model = posteriors(tmp_path / "model", TAKEN)
    fewer = posteriors(tmp_path / "fewer", "aaaaaaa", classes=["b", "a"])
    without = posteriors(tmp_path / "without", "bbbbbbc", classes=["b", "c"])
    more = posteriors(tmp_path / "more", "aaazbbc", classes=["z", "c", "b", "a", "0", "y"])
    folders = {"model": model, "fewer": fewer, "without": without, "more": more}
    metrics = evaluate_classes(valid, folders, tmp_path / "out", count=50)
    systems = metrics["systems"]
    assert systems["without"]["accuracy"]["value"] == pytest.approx(3 / 7)
    assert metrics["chance"] == pytest.approx(1 / 3)
    assert systems["fewer"]["accuracy"]["value"] == pytest.approx(4 / 7)
    assert systems["fewer"]["cross_entropy"] == pytest.approx(
        -(4 * math.log(0.8) + 2 * math.log(0.2) + math.log(np.finfo(np.float32).tiny)) / 7, rel=1e-5
    )  # it gives c no probability
    assert systems["more"]["accuracy"]["value"] == pytest.approx(6 / 7)
    assert (systems["fewer"]["top5"], systems["more"]["top5"]["value"]) == (None, 1)
    assert metrics["confusions"][0]["truth"] == "a", "those of the first system"


def test_confusions_come_by_count_with_their_first_utterances():
    truth, taken = np.array([0, 1, 0, 1, 1, 2, 1, 1]), np.array([1, 2, 1, 0, 2, 2, 2, 2])
    found = confusions(truth, taken, [f"u{number}" for number in range(8)], CLASSES)
    assert [tuple(pair.values()) for pair in found] == [
        ("b", "c", 4, 5, ["u1", "u4", "u6"]),
        ("a", "b", 2, 2, ["u0", "u2"]),
        ("b", "a", 1, 5, ["u3"]),
    ]
    assert confusions(truth, truth, [], CLASSES) == []


def test_among_the_five_best(tmp_path):
    names = [f"s{number}" for number in range(8)]
    part = data(tmp_path / "valid", {f"{name}-1": name for name in names})
    matrix = np.tile(np.arange(8, 0, -1) / 36, (8, 1)).astype(np.float32)  # s0 before s1 before …
    Posteriors([f"{name}-1" for name in names], names, matrix).write(tmp_path / "model")
    found = evaluate_classes(part, {"model": tmp_path / "model"}, tmp_path / "out", count=50)["systems"]["model"]
    assert (found["top5"]["value"], found["accuracy"]["value"]) == (5 / 8, 1 / 8)


def test_emotions_resample_speakers_and_not_classes(tmp_path):
    labels = {f"s{speaker}-{number}": "ab"[number % 2] for speaker in range(5) for number in range(4)}
    part = data(tmp_path / "valid", labels)
    taken = ["b" if name.startswith("s0") else label for name, label in labels.items()]  # s0 sounds always b
    posteriors(tmp_path / "model", taken, ["a", "b"], labels)
    metrics = evaluate_classes(part, {"model": tmp_path / "model"}, tmp_path / "out", "utt2emotion", count=400)
    assert metrics["utterances"]["speakers"] == 5
    accuracy = metrics["systems"]["model"]["accuracy"]
    assert accuracy["value"] == 0.9 and accuracy["low"] <= 0.7, (
        "s0 is drawn three times or more in 6 % of replicates"
    )
    assert list(metrics["speakers"]) == [f"s{speaker}" for speaker in range(5)]
    assert [values["recall"] for values in metrics["speakers"].values()] == [0.5, 1, 1, 1, 1]
    wilson = {"value": 0.5, "low": pytest.approx(0.15004, abs=1e-5), "high": pytest.approx(0.84996, abs=1e-5)}
    assert metrics["speakers"]["s0"] == {"count": 4, "accuracy": wilson, "recall": 0.5}
    assert metrics["classes"]["a"]["recall"]["low"] < 0.8 < metrics["classes"]["a"]["recall"]["high"] == 1
    assert metrics["classes"]["b"]["recall"] == {"value": 1, "low": None, "high": None}  # never missed


def test_of_one_speaker_utterances_are_resampled(tmp_path):
    """107 of 120, all of one speaker: the binomial interval, where speakers give none."""
    labels = {f"s0-{number:03d}": "ab"[number % 2] for number in range(120)}
    taken = ["ba"["ab".index(label)] if number < 13 else label for number, label in enumerate(labels.values())]
    part = data(tmp_path / "test", labels)
    posteriors(tmp_path / "model", taken, ["a", "b"], labels)
    posteriors(tmp_path / "guess", ["a"] * 120, ["a", "b"], labels)
    systems = {name: tmp_path / name for name in ("model", "guess")}
    metrics = evaluate_classes(part, systems, tmp_path / "out", "utt2emotion")
    assert metrics["bootstrap"]["resampled"] == "utterances"
    accuracy = metrics["systems"]["model"]["accuracy"]
    assert accuracy["value"] == 107 / 120
    half = 1.96 * math.sqrt(107 / 120 * 13 / 120 / 120)  # 5.6 points
    assert [accuracy["low"], accuracy["high"]] == pytest.approx([107 / 120 - half, 107 / 120 + half], abs=0.01)
    assert metrics["differences"]["guess"]["accuracy"]["p"] == 1 / 1000
    assert metrics["classes"]["a"]["recall"]["low"] < 53 / 60 < metrics["classes"]["a"]["recall"]["high"]


def test_the_command_prints_systems_chance_differences_and_confusions(valid, tmp_path, capsys):
    train = data(tmp_path / "train", {"a-100": "a", "b-100": "b", "x-100": "c"})
    write_table(tmp_path / "train/utt2session", {"a-100": "1", "b-100": "2", "x-100": "3"})
    write_table(valid / "utt2session", {name: "23456789"[n] for n, name in enumerate(UTTERANCES)})
    posteriors(tmp_path / "m=1", TAKEN)
    posteriors(tmp_path / "majority", "aaaaaaa")
    command = ["evaluate-classes", f"--train={train}", "--name=net", "--replicates=100"]
    command += [f"--system=m=1={tmp_path}/m=1", f"--system=majority={tmp_path}/majority"]
    main([*command, str(valid), str(tmp_path / "m=1"), str(tmp_path / "out")])
    said = capsys.readouterr().out.splitlines()
    assert said[0].split("  ")[0] == "system"
    assert [line.split("  ")[0] for line in said[1:7]] == [
        "net",
        "m=1",
        "majority",
        "chance (1/3)",
        "net − m=1",
        "net − majority",
    ]
    assert "71.43" in said[1] and "33.33" in said[4] and f"{math.log(3):.3f}" in said[4]
    assert "0.00, p 1.000" in said[5]
    assert said[8].split("  ")[0] == "class"
    assert said[9].split() == ["a", "4", "75.00", "100.00", "85.71"]
    assert re.fullmatch(r"a\b.*\bb\b.*\b1 of 4\b.*\(a-3\)", said[13])
    digest = hashlib.sha256(
        "".join(
            sorted([f"1 test {name}\n" for name in UTTERANCES] + [f"1 train {x}-100\n" for x in "abx"])
        ).encode()
    )
    assert names(said[15], valid, "7 utterances", "3 of 3 classes", "3 speakers")
    assert names(said[16], train, "speakers: 2", "sessions: 2", "texts: not known", "recordings: not known")
    assert names(said[16], digest.hexdigest())
    (warned,) = [line for line in said if line.startswith("WARNING") and "m=1" in line]
    assert names(warned, "net", "not above", "+0.00", "p 1.000")
    posteriors(tmp_path / "right", TRUTH)
    main(["evaluate-classes", str(valid), str(tmp_path / "right"), str(tmp_path / "out")])
    said = capsys.readouterr().out.splitlines()
    assert not any("a-3" in line for line in said) and names(said[-1], "--train") and "[" not in said[1]


@pytest.mark.parametrize("labels", ["utt2lang", "utt2emotion"])
def test_labels_that_are_missing_are_refused(valid, tmp_path, labels):
    posteriors(tmp_path / "model", TAKEN)
    write_table(valid / "utt2emotion", {"a-0": "a"})
    wanted = {
        "utt2lang": ["--labels"],
        "utt2emotion": ["6 of 7", "(a-1, a-2, a-3 and 3 more)", "utils/subset_data_dir.sh"],
    }[labels]
    with refused(valid / labels, *wanted):
        evaluate_classes(valid, {"model": tmp_path / "model"}, tmp_path / "out", labels)


def test_other_utterances_and_unknown_labels_are_refused(valid, tmp_path):
    model = posteriors(tmp_path / "model", TAKEN)
    short = posteriors(tmp_path / "short", TAKEN[1:], utterances=UTTERANCES[1:])
    other = posteriors(tmp_path / "other", TAKEN + "a", utterances=[*UTTERANCES, "z-9"])
    few = posteriors(tmp_path / "few", "aaaabbb", classes=["a", "b"])
    for systems, wanted in (
        ({"model": model, "short": short}, (short, valid, "(1: a-0)", "stage 3")),
        ({"model": other}, (other, valid, "(1: z-9)", "stage 3")),
        ({"model": few, "x": model}, (valid / "utt2spk", "1 of 7", f"2 classes of {few} (c)", "--labels")),
    ):
        with refused(*wanted):
            evaluate_classes(valid, systems, tmp_path / "out")
    write_table(valid / "utt2spk", {name: name for name in UTTERANCES})  # as where nobody knows the speakers
    with refused(valid / "utt2spk", "7 of 7", "(a-0, a-1, a-2 and 4 more)", "--labels"):
        evaluate_classes(valid, {"model": model}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("system", "wanted"),
    [
        ("x=none", ["--system x=none", "posteriors.scp", "steps/predict.sh"]),
        ("model=model", ["'model'"]),
    ],
)
def test_systems_that_are_not_there_or_have_one_name_are_refused(
    valid, tmp_path, monkeypatch, capsys, system, wanted
):
    monkeypatch.chdir(tmp_path)
    posteriors(tmp_path / "model", TAKEN)
    with pytest.raises(SystemExit):
        main(["evaluate-classes", f"--system={system}", "valid", "model", "out"])
    assert names(capsys.readouterr().err, *wanted)


def test_audio_of_the_training_part_is_refused(valid, tmp_path):
    posteriors(tmp_path / "model", TAKEN)
    systems = {"model": tmp_path / "model"}
    train = data(tmp_path / "train", {"a-0": "a", "b-9": "b"})
    with refused(valid, train, "(a-0)", "utils/split_utterances.sh"):
        evaluate_classes(valid, systems, tmp_path / "out", train=train)
    train = data(tmp_path / "copies", {"sp0.9-a-0": "a", "b-9": "b"})
    write_table(train / "utt2uniq", {"sp0.9-a-0": "a-0", "b-9": "b-9"})
    with refused(valid, train, "(a-0)"):
        evaluate_classes(valid, systems, tmp_path / "out", train=train)
    train = data(tmp_path / "renamed", {"a-77": "a", "b-9": "b"})
    for table in ("wav.scp", "given.scp"):
        write_table(valid / table, {name: f"/corpus/{name}" for name in UTTERANCES})
        write_table(train / table, {"a-77": "/corpus/a-0", "b-9": "/corpus/b-9"})
        with refused(valid, train, "'a-0'", "'a-77'", "/corpus/a-0"):
            evaluate_classes(valid, systems, tmp_path / "out", train=train)
        for folder in (valid, train):
            (folder / table).unlink()
    found = evaluate_classes(valid, systems, tmp_path / "out", train=train, count=50)
    common = {"shared_speakers": 2, "sessions": None, "texts": None, "audio": None}
    del found["train"]["sha256"]
    assert found["train"] == {"data": str(train), "folds": 1, "utterances": 2, **common}
    assert read_table(valid / "utt2spk")  # as it was


def test_folds_are_looked_at_as_one_split_each(tmp_path):
    """Each speaker is tested where the other is trained on; the same texts are trained on throughout."""
    labels = {f"{speaker}-{number}": "gs"[number % 2] for speaker in "ab" for number in range(4)}
    whole = data(tmp_path / "test", labels)
    posteriors(tmp_path / "model", "".join(labels.values()), ["g", "s"], labels)
    for fold, (train, test) in enumerate(("ab", "ba"), start=1):
        for name, speaker in (("train", train), ("test", test)):
            part = data(tmp_path / f"folds/{fold}/{name}", {u: x for u, x in labels.items() if u[0] == speaker})
            write_table(part / "text", {u: f"word {u[-1]}" for u in labels if u[0] == speaker})
    command = ["evaluate-classes", "--labels=utt2emotion", f"--folds={tmp_path}/folds", "--replicates=50"]
    command += [str(tmp_path / name) for name in ("test", "model", "out")]
    main(command)
    metrics = json.loads((tmp_path / "out/metrics.json").read_text())
    digest = metrics["train"].pop("sha256")
    assert metrics["train"] == {
        "data": str(tmp_path / "folds"),
        "folds": 2,
        "utterances": 8,
        "shared_speakers": 0,
        "sessions": None,
        "texts": 4,
        "audio": None,
    }
    parts = {"1 train": "a", "1 test": "b", "2 train": "b", "2 test": "a"}
    lines = [f"{part} {name}\n" for part, speaker in parts.items() for name in labels if name[0] == speaker]
    assert digest == hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()
    assert metrics["verdict"] == ["speaker-independent", "text-dependent"]
    write_table(whole / "utt2spk", {"c-1": "c"} | {u: u[0] for u in labels})
    write_table(whole / "utt2emotion", {"c-1": "g"} | labels)
    posteriors(tmp_path / "model", "g" + "".join(labels.values()), ["g", "s"], ["c-1", *labels])
    with refused(tmp_path / "folds", whole, "(1: c-1)", "copy-folds"):
        evaluate_classes(whole, {"m": tmp_path / "model"}, tmp_path, "utt2emotion", folds=tmp_path / "folds")
    write_table(whole / "utt2spk", {u: u[0] for u in labels if u != "b-3"})
    posteriors(tmp_path / "model", "".join(labels.values())[:-1], ["g", "s"], list(labels)[:-1])
    with refused(tmp_path / "folds", whole, "(1: b-3)", "copy-folds"):
        evaluate_classes(whole, {"m": tmp_path / "model"}, tmp_path, "utt2emotion", folds=tmp_path / "folds")


def test_six_hundred_classes_take_seconds_and_little_memory(tmp_path):
    generator = np.random.default_rng(0)
    names = [f"id{number:05d}" for number in range(600)]
    truth = np.repeat(np.arange(600), 5)
    matrix = generator.random((3000, 600), dtype=np.float32) ** 8
    matrix[np.arange(3000), truth] += 1
    utterances = [f"{names[number]}-{place}" for place, number in enumerate(truth)]
    part = data(tmp_path / "valid", {name: name.split("-")[0] for name in utterances})
    for system in ("model", "other"):
        Posteriors(utterances, names, matrix / matrix.sum(axis=1, keepdims=True)).write(tmp_path / system)
    tracemalloc.start()
    start = time.process_time()
    evaluate_classes(part, {name: tmp_path / name for name in ("model", "other")}, tmp_path / "out")
    assert time.process_time() - start < 15
    assert tracemalloc.get_traced_memory()[1] < 200e6
    tracemalloc.stop()
