"""What has changed is made anew, and nothing else: changes to the root recipe, and what runs again."""

from __future__ import annotations

import re
import shutil

import pytest
import tiny
from messages import names

from timbre.kaldi.text import read_table, write_table

SMALL = [*tiny.options(".", "xvector_am"), "--exp", "exp/changes"]


@pytest.fixture(scope="module")
def made(run, clone):
    """The recipe, run from nothing in a copy of its own: its folder."""
    code, out, err = run("run.sh", *SMALL)
    assert code == 0, out + err
    return clone


@pytest.fixture
def restored(made):
    """The folder; what a test changes of its files is as before afterwards."""
    kept = made.parent / "kept"
    shutil.rmtree(kept, ignore_errors=True)
    for name in ("data", "exp"):
        shutil.copytree(made / name, kept / name, symlinks=True)
    yield made
    for name in ("data", "exp"):
        shutil.rmtree(made / name)
        shutil.copytree(kept / name, made / name, symlinks=True)


def edit(table, value):
    def change(root):
        rows = read_table(root / "data" / table)
        write_table(root / "data" / table, rows | {next(iter(rows)): value})

    return change


def add_segments(root):
    rows = {utterance: f"{utterance} 0 0.9" for utterance in read_table(root / "data/test/wav.scp")}
    write_table(root / "data/test/segments", rows)


def change_audio(root, part="test"):
    """Other samples, as many as before, of a speaker that is trained on."""
    path = min((root / "data/corpus" / part).rglob("*.wav"))
    audio = bytearray(path.read_bytes())
    audio[2000:2400] = bytes(400)
    path.write_bytes(audio)


def drop_a_trial(root):
    path = root / "data/test/trials"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))


def cut(name):
    def change(root):
        path = next(root.glob(name))
        path.write_bytes(path.read_bytes()[:-100])

    return change


def enrol(root):
    """Models of one utterance each, and their trials with the other utterances."""
    speakers, utt2spk = (read_table(root / "data/test" / name) for name in ("spk2utt", "utt2spk"))
    write_table(root / "data/test/enrol", {name: utterances.split()[0] for name, utterances in speakers.items()})
    kinds = {True: "target", False: "nontarget"}
    trials = (
        f"{name} {utterance} {kinds[name == who]}\n"
        for name, own in speakers.items()
        for utterance, who in utt2spk.items()
        if utterance != own.split()[0]
    )
    (root / "data/test/trials").write_text("".join(trials))


def comment(root):
    path = root / "conf/xvector_am.yaml"
    path.write_text(f"# another word\n{path.read_text()}")


def nothing(root):
    pass


def change_about(root):
    (root / "data/about").write_text("Synthetic speech, and a note.\n")


SCORED = {"exp/scores", "exp/report.html"}
TESTED = {"feats/test", "exp/test", "exp/baseline"}
TRAINED = {"exp/fit.txt", "exp/final.pt", "exp/test"}
CHANGES = {
    "nothing": (nothing, [], set()),
    "number of jobs": (nothing, ["--nj", 1], set()),
    "device": (nothing, ["--device", "cpu"], set()),
    "comment": (comment, [], set()),
    "workers, checkpoints": (nothing, ["--set", "train.workers=1", "--set", "train.checkpoint_steps=7"], set()),
    "text of training": (
        edit("train/text", "other words"),
        [],
        {"exp/fit.txt", "feats/train", "feats/train_most_5000", "exp/final.pt", "exp/baseline", *SCORED},
    ),
    "text of the test": (edit("test/text", "other words"), [], TESTED | {"exp/scores"}),
    "segments": (add_segments, [], TESTED | SCORED),
    "audio of the test": (change_audio, ["--stage", 1], TESTED | SCORED),
    "audio of training": (
        lambda root: change_audio(root, "train"),
        ["--stage", 1],
        {"feats/train", "feats/train_most_5000", "exp/final.pt", *TESTED - {"feats/test"}, *SCORED},
    ),
    "trials": (drop_a_trial, [], SCORED),
    "enrolment": (enrol, [], TESTED | SCORED),
    "about": (change_about, [], {"exp/report.html"}),
    "epochs": (nothing, ["--set", "train.epochs=2"], TRAINED | SCORED),
    "margin": (nothing, ["--set", "loss.margin=0.1"], TRAINED - {"exp/fit.txt"} | SCORED),
    "input": (nothing, ["--set", "input.cmvn=none"], TRAINED - {"exp/fit.txt"} | SCORED),
    "back-end": (nothing, ["--backend", "cosine+snorm"], {"exp/fit.txt", *SCORED}),
    "model cut": (cut("exp/changes/final.pt"), [], {"exp/final.pt"}),
    "ark cut": (cut("data/mfcc*/test/data/feats.1.ark"), [], {"feats/test"}),
    "embeddings cut": (cut("exp/changes/test/xvector.ark"), [], {"exp/test"}),
    "scores gone": (lambda root: (root / "exp/changes/scores").unlink(), [], {"exp/scores"}),
}
FAST = {"nothing", "number of jobs", "segments", "trials", "model cut", "audio of training"}


def remade(said):
    """The outputs that were made anew, by what the steps say."""
    found = re.findall(r"^(\S+): made anew", said, re.M)
    return {re.sub(r"^data/mfcc24-\w+", "feats", name).replace("exp/changes", "exp") for name in found}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in FAST else pytest.mark.all) for name in CHANGES]
)
def test_what_changed_is_made_anew_and_nothing_else(restored, run, name):
    change, options, expected = CHANGES[name]
    conf = (restored / "conf/xvector_am.yaml").read_text()
    change(restored)
    code, out, err = run("run.sh", *SMALL, *options)
    (restored / "conf/xvector_am.yaml").write_text(conf)
    assert code == 0, out + err
    assert remade(out + err) == expected, out + err


def test_nothing_is_made_of_what_is_stale(restored, run):
    edit("test/text", "other words")(restored)
    code, out, err = run("run.sh", *SMALL, "--stage", 3)
    assert code == 1 and names(err, "/test is stale", "data/test/text has changed", "--stage 1"), out
    code, out, err = run("run.sh", *SMALL, "--stage", 4, "--set", "train.epochs=3")
    assert code == 1 and names(err, "--stage 1")
    assert not list(restored.glob("exp/changes/.*.making.json"))


def test_frames_are_kept_where_the_audio_is_the_same(restored, run):
    edit("test/text", "other words")(restored)
    code, out, err = run("run.sh", *SMALL, "--stage", 1, "--stop-stage", 1)
    assert code == 0 and names(out, "/feats.scp: 16 utterances, frames as before"), err
    (feats,) = restored.glob("data/mfcc*/test")
    assert not (feats / "log").exists() and "other words" in (feats / "text").read_text()
    add_segments(restored)
    code, out, err = run("run.sh", *SMALL, "--stage", 1, "--stop-stage", 1)
    durations = map(float, read_table(feats / "utt2dur").values())
    assert code == 0 and "frames as before" not in out and max(durations) == 0.9
    code, out, err = run("steps/extract_embeddings.sh", "exp/changes", feats, "exp/changes/segments")
    assert code == 0, out + err
