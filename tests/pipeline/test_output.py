"""Outputs: made when missing or stale, skipped when fresh, whole or not there, and known by their records."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from messages import names, refused

from timbre.kaldi.text import write_table
from timbre.pipeline.output import begin, end
from timbre.pipeline.record import FORMS
from timbre.pipeline.state import state_of


def in_place(step, *files, **further):
    return replace(step, files=files, **further)


def add_table(data):
    write_table(data / "data/utt2emotion", {"a": "anger", "b": "joy"})


def change_audio(data):
    (data / "a.wav").write_bytes(b"x" * 100)  # as long as before


def change_segments(data):
    write_table(data / "data/segments", {"a": "a 0 1", "b": "b 0 1"})


def change_with_old_times(data):
    path = data / "data/utt2spk"
    times = path.stat()
    path.write_text("a s\nb u\n")  # as long, and with the times of before, as rsync -t leaves it
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def lose_an_utterance(data):
    for name in ("utt2spk", "wav.scp"):
        path = data / "data" / name
        path.write_text(path.read_text().splitlines(keepends=True)[0])
        os.utime(path, (0, 0))


def change_conf(data):
    (data / "conf.yaml").write_text("features: {kind: mfcc, num_mel_bins: 64}\ntrain: {epochs: 3, workers: 0}\n")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (add_table, ["data/utt2emotion is new"]),
        (change_audio, ["a.wav", "changed"]),
        (change_segments, ["data/segments is new"]),
        (change_with_old_times, ["data/utt2spk has changed"]),
        (lose_an_utterance, ["data/wav.scp has changed", "data/utt2spk has changed"]),
        (change_conf, ["conf: features.num_mel_bins 40 → 64"]),
        (lambda data: (data / "out/frames.txt").unlink(), ["out/frames.txt is gone"]),
        (lambda data: (data / "out/frames.txt").write_text("cut"), ["out/frames.txt is damaged", "3 bytes of 4"]),
        (lambda data: (data / "out/record.json").unlink(), ["no record"]),
        (lambda data: (data / "out/record.json").write_text('{"step": '), ["no record"]),
    ],
)
def test_what_changed_is_said_and_made_anew(data, step, make, change, said):
    assert make(step)[1] and not make(step)[1]
    change(data)
    assert names(state_of(step), *said)
    state, ran = make(step)
    assert ran and names(state, *said)
    assert state_of(step).word == "fresh" and (data / "out/frames.txt").read_text() == "made"


def test_a_link_that_was_lost_is_set_again(data, step, make):
    make(step)
    (data / "out").unlink()
    assert state_of(step).word == "missing"
    assert not make(step)[1] and (data / "out/frames.txt").read_text() == "made"


@pytest.mark.parametrize(
    "harmless",
    [
        lambda data: (data / "conf.yaml").write_text(
            "# a comment\ntrain: {workers: 8, epochs: 5}\nfeatures: {num_mel_bins: 40, kind: mfcc}\n"
        ),
        lambda data: os.utime(data / "data/utt2spk"),
        lambda data: (data / "data/README").write_text("what this is\n"),
        lambda data: (data / "data/.utt2spk.12.tmp").write_text(""),
    ],
)
def test_what_cannot_matter_changes_nothing(data, step, make, harmless):
    make(step)
    harmless(data)
    assert not make(step)[1] and state_of(step).word == "fresh"


def test_an_earlier_form_is_made_anew(step, make, monkeypatch):
    make(step)
    monkeypatch.setitem(FORMS, "make_feats", 2)
    state, ran = make(step)
    assert ran and names(state, "earlier form of make_feats")


def test_an_input_that_changes_while_the_step_works_fails_it(data, step, make):
    _, work = begin(step)
    (work / "frames.txt").write_text("made")
    (data / "data/utt2spk").write_text("a s\nb other\n")
    with refused("data/utt2spk has changed", "while it was made", "again"):
        end(step, work)
    assert not (data / "out").exists() and not (work / ".making.json").exists()
    assert make(step)[1] and not work.exists()


def test_an_output_is_not_changed_under_its_reader(data, step, make):
    kept = replace(step, keep=True)
    make(kept, "first")
    reader = (data / "out").resolve()
    change_conf(data)
    make(kept, "second")
    assert (reader / "frames.txt").read_text() == "first" and (data / "out/frames.txt").read_text() == "second"
    make(kept, "third", force=True)
    assert (reader / "frames.txt").read_text() == "first" and (data / "out/frames.txt").read_text() == "third"


def test_what_was_made_of_the_same_before_is_taken_again(data, step, make):
    kept, conf = replace(step, keep=True), (data / "conf.yaml").read_text()
    make(kept, "first")
    change_conf(data)
    make(kept, "second")
    (data / "conf.yaml").write_text(conf)
    assert not make(kept, "third")[1] and (data / "out/frames.txt").read_text() == "first"


def test_a_killed_run_leaves_nothing_and_is_gone_on_with_where_the_step_can(data, step, make):
    _, first = begin(step)
    (first / "half.txt").write_text("")
    _, second = begin(step)
    assert not (second / "half.txt").exists()
    resumable = replace(step, resumable=True)
    (second / "half.txt").write_text("")
    assert begin(resumable)[1] == second and (second / "half.txt").exists()
    change_conf(data)
    _, other = begin(resumable)
    assert other != second and not second.exists()
    (other / ".frames.txt.77.tmp").write_text("")
    end(resumable, other)
    assert sorted(path.name for path in data.glob(".out*")) == [other.name]
    assert sorted(path.name for path in other.iterdir()) == [".record.audio.0", "record.json"]


def test_files_in_place_are_set_aside_when_made_of_something_else(data, step, make):
    model = in_place(step, "final.pt", beside=("epoch_*.pt",), resumable=True)
    make(model, "first")
    (data / "out/epoch_1.pt").write_text("")
    change_conf(data)
    state, ran = make(model, "second")
    assert ran and names(state, "num_mel_bins 40 → 64") and (data / "out/final.pt").read_text() == "second"
    (aside,) = data.glob("out/.make_feats.*/final.pt")
    assert aside.read_text() == "first" and aside.with_name("epoch_1.pt").exists()
    assert not (data / "out/epoch_1.pt").exists()


def test_a_damaged_file_in_place_is_made_anew_and_the_checkpoints_stay(data, step, make):
    model = in_place(step, "final.pt", beside=("checkpoint.pt",), resumable=True)
    make(model, "whole")
    (data / "out/checkpoint.pt").write_text("")
    (data / "out/final.pt").write_text("wh")
    state, _ = make(model, "whole")
    assert names(state, "out/final.pt is damaged") and (data / "out/checkpoint.pt").exists()
    (data / "out/checkpoint.pt").unlink()  # people may remove what is beside
    assert not make(model)[1]


def test_edited_tables_are_kept_and_never_written_over_unasked(data, step, make):
    tables = in_place(step, "train/text", edited=True)
    make(tables, "a one\n")
    Path("out/train/text").write_text("a two\n")
    state, ran = make(tables)
    assert not ran and state.word == "fresh" and names(state, "out/train/text was edited")
    change_audio(data)
    with refused("a.wav", "out/train/text was edited", "--force", "--stage 1"):
        make(tables)
    assert make(tables, "a three\n", force=True)[1] and Path("out/train/text").read_text() == "a three\n"


def test_a_step_that_failed_forgets_no_edit_and_takes_no_half_written_table_for_one(data, step, make):
    tables = in_place(step, "train/text", edited=True)
    make(tables, "a one\n")
    audio = (data / "a.wav").read_bytes()
    change_audio(data)
    begin(tables)  # and it fails before it writes: the corpus was another one
    (data / "a.wav").write_bytes(audio)
    make(tables, "a one\n")
    Path("out/train/text").write_text("a two\n")
    change_audio(data)
    with refused("out/train/text was edited"):
        begin(tables)
    begin(tables, force=True)
    Path("out/train/text").write_text("a th")  # and is killed
    assert make(tables, "a three\n")[1] and Path("out/train/text").read_text() == "a three\n"


def test_the_record_is_text_with_all_that_matters(data, step, make):
    make(step)
    record = json.loads((data / "out/record.json").read_text())
    assert record["conf"] == {"features.kind": "mfcc", "features.num_mel_bins": 40}
    assert sorted(record["inputs"]) == ["data/spk2utt", "data/utt2spk", "data/wav.scp"]
    assert record["outputs"] == {"frames.txt": 4} and record["run"]["torch"]


def test_frames_are_known_by_their_record_and_others_by_their_arks(data, step, make):
    make(replace(step, by_content=True))
    shutil.copy(data / "data/utt2spk", data / "out/utt2spk")
    (data / "a.ark").write_bytes(b"a")
    (data / "out/feats.scp").write_text("a a.ark:2\nb a.ark:9\n")
    reader = replace(step, output=Path("read"), audio=(), data=(Path("out"),))
    make(reader)
    (data / "out/feats.scp").write_text("a elsewhere/a.ark:2\nb elsewhere/a.ark:9\n")
    assert not make(reader)[1]  # the same frames in another place
    (data / "out/record.json").unlink()  # features from elsewhere
    make(reader)
    (data / "out/feats.scp").write_text("a a.ark:2\nb a.ark:9\n")
    make(reader)
    (data / "a.ark").write_bytes(b"b")
    assert names(state_of(reader), "a.ark", "changed")
