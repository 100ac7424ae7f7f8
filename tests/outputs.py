"""Each kind of output, small: how it is written and written again, for faults in between (tests/faults.py)."""

from __future__ import annotations

import functools
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from faults import Output, contents

from timbre.conf import build
from timbre.corpora import download, rows, synthetic
from timbre.errors import doing
from timbre.features.published import FORMAT
from timbre.features.tensors import save_tensors
from timbre.kaldi import fix, jobs, objects, perturb, split, subset, transform
from timbre.kaldi.datadir import DataDir, invert
from timbre.kaldi.tables import ArkWriter
from timbre.kaldi.text import read_table, write_table
from timbre.kaldi.trials import Trials, write_scores, write_trials
from timbre.kaldi.write_wave import write_wave
from timbre.models import build_encoder, export
from timbre.models.trained import TrainedModel
from timbre.pipeline import output as steps
from timbre.pipeline.declaration import Declaration
from timbre.pipeline.fingerprint import RECORD
from timbre.pipeline.plan import write_plan
from timbre.pipeline.record import describe, write_record
from timbre.report import html
from timbre.report.html import write_report
from timbre.report.model_card import write_model_card
from timbre.scoring.evaluation import evaluate
from timbre.training.checkpoints import Checkpoints
from timbre.training.experiment import Experiment

VALUES = np.random.default_rng(0).normal(size=(6, 400, 23)).astype(np.float32)


def nothing(folder: Path) -> None:
    """Nothing stands there before."""


def beside(folder: Path) -> Path:
    """Where inputs lie, which no fault touches."""
    return folder.with_name(f"{folder.name}.inputs")


def both(write: Callable[[Path, str], None], **further: object) -> Output:
    """An output by the word that it is made of: the old one of "old", the new one of "new"."""
    return Output(lambda folder: write(folder, "old"), lambda folder: write(folder, "new"), **further)


def data(folder: Path, word: str = "old", speakers: int = 3) -> DataDir:
    """A data directory whose texts are the word."""
    utt2spk = {f"s{s}-{u}": f"s{s}" for s in range(speakers) for u in range(2)}
    write_table(folder / "utt2spk", utt2spk)
    write_table(folder / "spk2utt", {spk: " ".join(utts) for spk, utts in invert(utt2spk).items()})
    write_table(folder / "wav.scp", {utt: f"/wav/{utt}.wav" for utt in utt2spk})
    write_table(folder / "utt2dur", dict.fromkeys(utt2spk, "1.5"))
    write_table(folder / "text", dict.fromkeys(utt2spk, word))
    return DataDir(folder)


@functools.cache
def source(folder: Path, word: str) -> DataDir:
    """A data directory to make others of."""
    return data(beside(folder) / word, word)


def ark(folder: Path, word: str) -> None:
    with ArkWriter(folder / "feats.ark", folder / "feats.scp") as writer:
        for number in range(2 if word == "old" else 3):
            writer.write(f"{word}-{number}", VALUES[number])


def plda(folder: Path, word: str) -> None:
    size = 3 if word == "old" else 4
    objects.write_plda(folder / "plda", VALUES[0, 0, :size], VALUES[0, :size, :size], VALUES[1, 0, :size])


def weights(word: str) -> dict[str, torch.Tensor]:
    return {"weight": torch.from_numpy(VALUES + (word == "new")), "bias": torch.zeros(7)}


def checkpoint(folder: Path, word: str) -> None:
    checkpoints = Checkpoints(folder, 1, 1)
    if word == "old":
        checkpoints.save(weights("oldest"), 1)
    checkpoints.save(weights(word), 2)


def training_goes_on_from(folder: Path) -> object:
    """The bytes of the state that a training would go on from."""
    state = Checkpoints(folder, 1, 1).load()
    return None if state is None else {name: value.numpy().tobytes() for name, value in state.items()}


def scores(folder: Path, word: str) -> None:
    names = np.array([f"s{number}" for number in range(3000)])
    write_scores(folder / "scores", names, names[::-1], np.arange(3000) + float(word == "new"))
    write_trials(folder / "trials", Trials(names, names[::-1], np.arange(3000) % 2 == 0))


@functools.cache
def experiment(folder: Path) -> tuple[Path, Path, Path]:
    """Data, trials and scores that can be measured."""
    names = np.array([f"s{s}-{u}" for s in range(6) for u in range(4)])
    write_table(folder / "data/utt2spk", {name: name[:2] for name in names})
    first, second = np.triu_indices(24, 1)
    target = first // 4 == second // 4
    write_trials(folder / "trials", Trials(names[first], names[second], target))
    drawn = np.random.default_rng(0).normal(size=len(first)) + 2 * target
    write_scores(folder / "scores", names[first], names[second], drawn)
    return folder / "data", folder / "trials", folder / "scores"


def metrics(folder: Path, word: str) -> None:
    directory, trials, found = experiment(beside(folder))
    evaluate(directory, trials, {word: found}, folder, count=5)


def report(folder: Path, word: str) -> None:
    if word == "old":
        metrics(folder / "test", "cosine")
        (folder / "history.jsonl").write_text(json.dumps({"epoch": 1, "loss": 1.0, "learning_rate": 1e-3}) + "\n")
    with mock.patch.object(html, "_environment", dict):  # it tells the time
        write_report(folder, about=word)


def tiny_model() -> dict[str, object]:
    conf = {"features": {"kind": "fbank"}, "encoder": {"kind": "xvector", "channels": 4, "embedding_dim": 4}}
    model = build(Experiment, conf)
    torch.manual_seed(0)
    encoder = build_encoder(model.encoder, 80).state_dict()
    state = {"conf": model.model_dump(mode="json"), "classes": [], "backend": {"mean": torch.zeros(4)}, "loss": {}}
    return {"format": FORMAT, "encoder": encoder} | state


def card(folder: Path, word: str) -> None:
    if word == "old":
        save_tensors(folder / "final.pt", tiny_model())
    write_model_card(folder, about=f"speech, {word}")


def final(folder: Path, word: str) -> None:
    save_tensors(folder / "final.pt", tiny_model() | {"classes": [word]})


@functools.cache
def graph() -> tuple[TrainedModel, bytes]:
    model = TrainedModel(tiny_model(), torch.device("cpu"))
    return model, export._trace(model.network, model.output, model.front_end.dim)


def onnx(folder: Path, word: str) -> None:
    model, traced = graph()
    facts = export.description(model) | {"word": word}
    with (
        mock.patch.object(export, "_trace", lambda *_: traced),
        mock.patch.object(export, "difference", lambda *_: (0.0, 1.0)),
        mock.patch.object(export, "description", lambda _: facts),
    ):
        export.export_onnx(model, folder / "model.onnx")


def declaration(folder: Path, word: str, **further: object) -> Declaration:
    source = beside(folder)
    if not (source / "a.wav").exists():
        data(source / "data")
        (source / "a.wav").write_bytes(b"a" * 100)
        write_table(source / "data/wav.scp", dict.fromkeys(read_table(source / "data/utt2spk"), f"{source}/a.wav"))
    return Declaration("make", folder / "out", audio=(source / "data",), values=(f"word={word}",), **further)


def step(folder: Path, word: str, **further: object) -> None:
    declared = declaration(folder, word, **further)
    with mock.patch.object(steps, "_versions_of_code", dict):  # they ask git
        _, work = steps.begin(declared)
        if work is not None:
            write_table(work / "table", {"key": word})
            steps.end(declared, work)


def output_of_step(folder: Path) -> object:
    """The output as readers find it, through its link, without records' times."""
    out = folder / "out"
    found = contents(out.resolve()) if out.exists() else {}
    return {name: value for name, value in found.items() if not (name.endswith(".json") or ".audio." in name)}


def record(folder: Path, word: str) -> None:
    write_record(describe(declaration(folder, word)), folder, RECORD)


def plan(folder: Path, word: str) -> None:
    conf = beside(folder) / "conf"
    conf.parent.mkdir(exist_ok=True)
    conf.write_text("the same")
    write_plan(folder / "plan", {"asked": word}, [conf], {"names": f"feats {word}\n", "conf.yaml": word})


def whole_or_no_plan(folder: Path) -> object:
    """A plan is there when it says what it was made of."""
    found = contents(folder)
    return found if "plan/made_of.json" in found else {}


def archive(folder: Path) -> download.Archive:
    path = beside(folder) / "corpus.tar.gz"
    if not path.exists():
        (beside(folder) / "corpus/wav").mkdir(parents=True)
        (beside(folder) / "corpus/README").write_text("here")
        (beside(folder) / "corpus/wav/a.wav").write_bytes(VALUES.tobytes())
        with tarfile.open(path, "w:gz") as tar:
            tar.add(beside(folder) / "corpus", "corpus")
    return download.Archive(path.as_uri(), path.stat().st_size, 300_000, "corpus")


def fetch(folder: Path) -> None:
    with mock.patch.object(download, "_WAIT", 0), mock.patch.object(download, "_transfer", _local):
        download.download(archive(folder), folder)


def _local(wanted: download.Archive, part: Path, have: int) -> None:
    """The transfer, from this machine."""
    source = Path(wanted.url.removeprefix("file://")).read_bytes()[have:]
    with doing(f"cannot write {part}"), open(part, "ab") as file:
        for start in range(0, len(source), 1 << 17):
            file.write(source[start : start + (1 << 17)])
            file.flush()


def corpus_of(folder: Path) -> object:
    """The corpus; what a transfer has got so far is no part of it."""
    found = contents(folder)
    return {name: value for name, value in found.items() if name.startswith("corpus/")}


def wave(folder: Path, word: str) -> None:
    write_wave(folder / "a.wav", VALUES[0].ravel() / (9 if word == "old" else 8), 16000)


def prepare(folder: Path, word: str) -> None:
    made = [rows.Row(f"s-{n}", "s", f"/wav/{n}.wav", {"text": word}) for n in range(3)]
    rows.write_data_dirs(folder, {"train": made})


def corpus(folder: Path) -> None:
    conf = synthetic.stand_in_conf("synthetic", None, ["train_speakers=1", "test_speakers=1", "utterances=1"])
    said = mock.Mock(samples=VALUES[0].ravel() / 9)
    with (
        mock.patch.object(synthetic, "speak", lambda *_: said),
        mock.patch.object(synthetic, "record", lambda samples, *_: samples),
        mock.patch.object(synthetic, "tqdm", lambda each, **_: each),
    ):
        synthetic.lay_out(folder / "corpus", conf)


def copied(folder: Path, word: str) -> None:
    transform.copy(source(folder, word), folder / "copy", str, lambda name: f"{word}-{name}")


def renamed(folder: Path, word: str) -> None:
    transform.copy(source(folder, word), folder / "copy", *2 * [lambda name: f"{word}-{name}"])


def a_part(folder: Path, word: str) -> None:
    whole = source(folder, "old")
    chosen = subset.first(whole, 2 if word == "old" else 4)
    transform.carry(whole, {folder / "part": transform.names_of(whole, chosen)})


def combined(folder: Path, word: str) -> None:
    transform.combine(folder / "all", [source(folder, word).path] * 2, report=lambda line: None)


def to_be_mended(folder: Path) -> None:
    data(folder / "data")
    write_table(folder / "data/text", {"s0-0": "one", "s1-1": "two"})


def mend(folder: Path) -> None:
    fix.fix(folder / "data", report=lambda line: None)


def parts(folder: Path, word: str) -> None:
    split.split(source(folder, word).path, 2, out=folder / "split")


def whole_parts(folder: Path) -> object:
    """Parts are there when their stamp is."""
    found = contents(folder)
    return found if "split/.source" in found else {}


def speeds(folder: Path, word: str) -> None:
    perturb.add_speed_copies(source(folder, word), [0.9], folder / "out")


def collected(folder: Path, word: str) -> None:
    made = beside(folder) / word
    utterances = data(folder / "data").utt2spk if word == "old" else read_table(folder / "data/utt2spk")
    write_table(made / "feats.1.scp", dict.fromkeys(utterances, f"{word}.ark:1"))
    write_table(made / "utt2num_frames.1", dict.fromkeys(utterances, "4"))
    write_table(made / "feats.1.skipped", {})
    jobs.collect_jobs(DataDir(folder / "data"), made, "feats", ["utt2num_frames"], 1, 0.05)


FOLDER = both(step, state=output_of_step)
OUTPUTS: dict[str, Output] = {
    "table": both(lambda folder, word: write_table(folder / "table", dict.fromkeys("abc", word))),
    "ark and scp": both(ark),
    "PLDA": both(plda),
    "scores and trials": both(scores, each=True),
    "checkpoint": both(checkpoint, state=training_goes_on_from),
    "final.pt": both(final),
    "ONNX graph": both(onnx),
    "metrics.json": both(metrics),
    "report.html": both(report),
    "model card": both(card),
    "record.json": both(record),
    "plan": both(plan, state=whole_or_no_plan, gone=True),
    "step's folder": FOLDER,
    "step's folder, new": replace(FOLDER, old=nothing),
    "step's files": both(functools.partial(step, files=("table",)), state=output_of_step),
    "download": Output(nothing, fetch, state=corpus_of),
    "waveform": both(wave),
    "synthetic corpus": Output(nothing, corpus, each=True),
    "prepared corpus": Output(nothing, lambda folder: prepare(folder, "new")),
    "prepared again": both(prepare),
    "copy_data_dir": both(copied),
    "copy_data_dir, ids": both(renamed),
    "subset_data_dir": both(a_part),
    "combine_data": both(combined),
    "fix_data_dir": Output(to_be_mended, mend),
    "split_data": both(parts, state=whole_parts, gone=True),
    "speed copies": both(speeds),
    "collected jobs": both(collected, each=True),
}
