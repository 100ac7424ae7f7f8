"""Runs that are killed at any moment: does the same command, given again, end with the same bits and leave nothing?

    python benchmarks/kill.py [--kills 200] [--seed 1] [--separate]

The root recipe, with a small conf on a small corpus, is run once undisturbed. Then, once for each kill, it is
started from nothing, killed by SIGKILL at a random moment of a stage (stages in turn; every second kill spares the
jobs, which end on their own), and the same command is given again. All files below data and exp are compared with
those of the undisturbed run, by name and content; logs, times, and what follows from times are not.
Processes are forked from one that has imported torch (tests/forking.py), or start as users' do with --separate.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import torch
from cells import ROOT, from_tests, show

CORPUS = "{train_speakers: 6, test_speakers: 4, utterances: 4, words: [3, 4]}\n"
SETTINGS = ["train.epochs=2", "train.workers=0", "train.batch_size=8", "train.crop_frames=50"]
SETTINGS += ["train.heldout_speakers=2", "train.checkpoint_steps=1", "encoder.channels=16"]
SETTINGS += ["encoder.pooling_channels=24"]
COMMAND = ["./run.sh", "--exp", "exp/x", *(word for setting in SETTINGS for word in ("--set", setting))]
PARTS = ["src", "steps", "utils", "conf", "local", "run.sh", "path.sh", "cmd.sh"]
VERSION = re.compile(r"\.(\w+)\.[0-9a-f]{8}(-\d+)?")  # data/x/.train.1a2b3c4d: the hash knows the times of audio
OF_TIMES = ("utterances_per_second", "waiting", "seconds")


def copy_tree(folder: Path) -> Path:
    """A copy of the repository's recipe of the root, without data."""
    for name in PARTS:
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / name, **({"symlinks": True} if source.is_dir() else {}))
    (folder / "conf/corpus.yaml").write_text(CORPUS)
    return folder


def contents(folder: Path) -> dict[str, object]:
    """What there is below data and exp, by path, in a form that two runs have alike."""
    found: dict[str, object] = {}
    for path in sorted(file for root in ("data", "exp") for file in (folder / root).rglob("*")):
        inside = path.relative_to(folder)
        if path.is_symlink() or path.is_dir() or {"log", "tensorboard"} & set(inside.parts):
            continue
        name = VERSION.sub(r".\1", str(inside))
        found[name] = None if name.endswith((".lock", ".log", "report.html")) else _content(path)
    return found


def _content(path: Path) -> object:
    if path.name == "made_of.json" or ".audio." in path.name:
        return None  # sizes and times
    if path.name.endswith("record.json"):
        record = json.loads(path.read_text())
        kept = {name: record[name] for name in ("step", "form", "values", "conf", "outputs")}
        return kept | {name: sorted(record[name]) for name in ("inputs", "made", "audio", "corpus")}
    if path.name == "history.jsonl":
        return _timeless([json.loads(line) for line in path.read_text().splitlines()])
    if path.suffix == ".pt":
        return _timeless(torch.load(path, weights_only=True))
    data = path.read_bytes()
    try:
        return VERSION.sub(r".\1", data.decode())
    except UnicodeDecodeError:
        return data


def _timeless(value: object) -> object:
    """A state without times, its tensors as bytes."""
    if isinstance(value, torch.Tensor):
        return value.dtype, tuple(value.shape), value.contiguous().view(-1).view(torch.uint8).numpy().tobytes()
    if isinstance(value, dict):
        return {name: _timeless(each) for name, each in value.items() if name not in OF_TIMES}
    return [_timeless(each) for each in value] if isinstance(value, list | tuple) else value


def run(folder: Path, environment: dict[str, str]) -> tuple[str, dict[int, float]]:
    """Runs the recipe to its end: what it printed, and when each stage began, in seconds."""
    begun, begins, lines = time.monotonic(), {}, []
    with subprocess.Popen(
        COMMAND, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        for line in process.stdout:
            lines.append(line)
            if stage := re.match(r"== stage (\d): ", line):
                begins[int(stage[1])] = time.monotonic() - begun
    if process.returncode:
        raise SystemExit(f"the recipe ended with code {process.returncode}:\n{''.join(lines[-30:])}")
    return "".join(lines), begins | {max(begins) + 1: time.monotonic() - begun}


def kill_in(stage: int, seconds: float, folder: Path, environment: dict[str, str], jobs: bool) -> bool:
    """Starts the recipe and kills it so many seconds into a stage; whether it was still running."""
    process = subprocess.Popen(
        COMMAND,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    )
    for line in process.stdout:
        if line.startswith(f"== stage {stage}: "):
            break
    time.sleep(seconds)
    running = process.poll() is None
    groups = _groups(process.pid) if jobs else {process.pid}
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.stdout.close()
    process.wait()
    return running


def _groups(session: int) -> set[int]:
    """The process groups of a session: run.sh's, and those of its jobs."""
    found = {session}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session:
            found.add(int(fields[2]))
    return found


def forks(folder: Path):
    """The process that forks ``timbre …``, as tests use it."""
    return from_tests("forking").Forks(folder, ROOT / "src")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    parser.add_argument("--separate", action="store_true", help="start every process, as users' machines do")
    parser.add_argument("--smallest", action="store_true", help="six kills")
    args = parser.parse_args()
    kills, rng = 6 if args.smallest else args.kills, random.Random(args.seed)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "forks").mkdir()
        server = None if args.separate else forks(root / "forks")
        variables = {"TIMBRE_PYTHON": str(server.python) if server else sys.executable, "OMP_NUM_THREADS": "1"}
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TIMBRE")}
        environment |= variables | {"PYTHONPATH": ""}
        (root / "whole").mkdir()
        _, begins = run(copy_tree(root / "whole"), environment)
        wanted = contents(root / "whole")
        killed, same, wrong = Counter(), Counter(), []
        for number in range(kills):
            stage = number % (len(begins) - 1)
            seconds = rng.uniform(0, begins[stage + 1] - begins[stage])
            folder = root / "killed"
            folder.mkdir()
            killed[stage] += kill_in(stage, seconds, copy_tree(folder), environment, number % 2 == 0)
            run(folder, environment)
            found = contents(folder)
            names = sorted(
                name for name in wanted.keys() | found.keys() if wanted.get(name, 0) != found.get(name, 0)
            )
            same[stage] += not names
            if names:
                wrong.append(f"stage {stage}, after {seconds:.2f} s: {', '.join(names[:8])}")
            shutil.rmtree(folder)
        if server:
            server.stop()
    rows = [[str(stage), str(killed[stage]), str(same[stage])] for stage in sorted(killed)]
    rows.append(["all", str(killed.total()), str(same.total())])
    show(["stage", "killed while running", "same bits, nothing left"], rows)
    print(f"\n{len(wanted)} files compared; an undisturbed run took {begins[max(begins)]:.1f} s")
    if wrong:
        raise SystemExit("\n".join(["not the same:", *wrong]))


if __name__ == "__main__":
    main()
