"""What is shown of a recipe whose steps declare themselves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from messages import names

from timbre.pipeline.status import report


def declare(path, *rows):
    """Writes declarations as utils/step.sh does: ``(stage, command, declaration)``."""
    with open(path, "wb") as file:
        for stage, command, words in rows:
            counted = [stage, str(len(command)), *command, str(len(words)), *words]
            file.write(b"".join(f"{word}\0".encode() for word in counted))
    return path


def words_of(step):
    paths = {"audio": step.audio, "data": step.data, "conf": step.conf}
    options = [f"--{name}={path}" for name, each in paths.items() for path in each]
    return [step.step, str(step.output), *options, "--keys", *step.keys]


def test_what_is_made_of_something_stale_is_stale(data, step, make):
    reader = replace(step, step="embed", output=Path("read"), audio=(), data=(Path("data"),), made=(Path("out"),))
    make(step)
    make(reader)
    rows = [
        ("1", ["steps/make_feats.sh", "a b"], words_of(step)),
        ("3", ["steps/embed.sh"], [*words_of(reader), "--made=out"]),
    ]
    stages = {"1": "features", "3": "embed", "4": "score"}
    path = declare(data / "steps", *rows)
    lines = list(report(path, stages, commands=False))
    assert [line.split()[1:3] for line in lines] == [["1", "fresh"], ["3", "fresh"], ["4", "missing"]]
    before = {path: path.stat().st_mtime_ns for path in data.rglob("*")}
    (data / "data/utt2spk").write_text("a s\nb other\n")
    lines = list(report(path, stages, commands=True))
    assert names(lines, "data/utt2spk has changed", "out is to be made anew", "steps/make_feats.sh 'a b'")
    assert [line.split()[2] for line in lines if line.startswith("stage")] == ["stale", "stale", "missing"]
    after = {path: path.stat().st_mtime_ns for path in data.rglob("*") if path.name != "utt2spk"}
    assert after == {path: time for path, time in before.items() if path.name != "utt2spk"}


def test_a_missing_input_is_named_with_what_makes_it(data, step):
    path = declare(data / "steps", ("1", ["x"], words_of(replace(step, audio=(Path("data/none"),)))))
    assert names(list(report(path, {"1": "features"}, False)), "missing", "data/none", "stage 0")
