"""Faults of disks, and machine-made inputs for as long as one likes: is what is left old or new, never in between?

    python benchmarks/faults.py [--minutes 10] [--seed 1] [--smallest]

1. Each kind of output (tests/outputs.py) is written with an error at the first call that changes something in its
   folder, at the second and so on: an error once, and a full disk that stays full. Then the same is done again.
2. A whole command, with errors that the kernel gives to its n-th system call (strace).
3. The root recipe on a disk that is too small, and a little larger each time, to its end (root mounts it).
4. For the minutes: the tests of machine-made inputs, with inputs that no run had before.

What this machine lacks for (strace, the right to mount) is left out, and the script says so.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import kill
from cells import ROOT, from_tests, show

faults = from_tests("faults")  # which outputs imports
kinds = from_tests("outputs")

CALLS = ("write", "fsync", "rename", "linkat", "mkdir")
"""System calls of a command that copies a data directory; the opens are mostly those of Python's own modules."""


def outputs(folder: Path, smallest: bool) -> None:
    """The table of outputs, calls and errors."""
    total, defects = Counter(), []

    def rows():
        for name in list(kinds.OUTPUTS)[:3] if smallest else kinds.OUTPUTS:
            tally = faults.try_all(kinds.OUTPUTS[name], folder / re.sub(r"\W", "_", name))
            counts = {"calls": tally.calls, "faults": tally.faults, "old": tally.old, "new": tally.new}
            found = (tally.between, tally.tracebacks, tally.left, tally.not_again)
            counts |= dict(zip(("between", "tracebacks", "left", "not again"), map(len, found), strict=True))
            total.update(counts)
            defects.extend(f"{name}: {said}" for said in tally.defects)
            yield [name, *counts.values()]
        yield ["all", *(total[name] for name in counts)]

    show(
        ["output", "calls", "faults", "old", "new", "between", "tracebacks", "left over", "not made again"], rows()
    )
    print(f"\nerrors: {', '.join(faults.ERRORS)}, and ENOSPC from that call on")
    print("\n".join(defects[:50]))


def system_calls(folder: Path, smallest: bool) -> None:
    """The table of a command's system calls."""
    if not shutil.which("strace"):
        print("\nno strace here: a command's system calls are left out")
        return
    source, out = kinds.data(folder / "source", "new"), folder / "out"
    command = [sys.executable, "-m", "timbre", "copy-data-dir", str(source.path), str(out)]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1"}

    def old_there() -> dict[str, bytes]:
        shutil.rmtree(out, ignore_errors=True)
        kinds.data(out, "old")
        return state()

    def state() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in out.iterdir() if not path.name.endswith(".tmp")}

    def run(call: str, error: str, at: int) -> tuple[bool, str]:
        """Whether there was an ``at``-th call, and what the command said."""
        log = folder / "strace"
        inject = ["strace", "-f", "-o", log, "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={at}"]
        done = subprocess.run([*inject, *command], env=environment, capture_output=True, text=True, check=False)
        return "(INJECTED)" in log.read_text(errors="replace"), done.stderr

    subprocess.run(command, env=environment, check=True, capture_output=True)
    new, counted = state(), Counter()

    def rows():
        for call in CALLS[:1] if smallest else CALLS:
            found = Counter()
            for error in list(faults.ERRORS)[: 1 if smallest else None]:
                for at in range(1, 4 if smallest else 200):
                    old = old_there()
                    injected, said = run(call, error, at)
                    if not injected:
                        break
                    left = state()
                    found["faults"] += 1
                    found["old" if left == old else "new" if left == new else "between"] += 1
                    found["tracebacks"] += "Traceback" in said
                    found["left"] += any(path.name.endswith(".tmp") for path in out.iterdir())
            counted.update(found)
            yield [call, *(found[name] for name in ("faults", "old", "new", "between", "tracebacks", "left"))]

    print()
    show(["system call", "faults", "old", "new", "between", "tracebacks", "left over"], rows())


def small_disk(folder: Path, smallest: bool) -> None:
    """The table of the recipe on a disk that grows."""
    disk, whole, small = folder / "disk", folder / "whole", folder / "small"
    for path in (disk, whole, small, folder / "forks"):
        path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(disk)]
    if smallest or subprocess.run(mount, capture_output=True, check=False).returncode:
        print("\nno small disk: " + ("the smallest size" if smallest else "mounting one needs root"))
        return
    server = kill.forks(folder / "forks")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TIMBRE")}
    environment |= {"TIMBRE_PYTHON": str(server.python), "OMP_NUM_THREADS": "1", "PYTHONPATH": ""}
    try:
        kill.run(kill.copy_tree(whole), environment)
        kill.copy_tree(small)
        for name in ("data", "exp"):
            (disk / name).mkdir()
            (small / name).symlink_to(disk / name)
        size, found = 64, Counter()
        while (done := _recipe(small, environment)).returncode:
            stage = re.findall(r"stage (\d) .* ended with code", done.stderr)
            found[stage[-1] if stage else "plan"] += 1
            found["tracebacks"] += "Traceback" in done.stdout + done.stderr
            found["unsaid"] += "No space left on device" not in done.stderr
            found["left"] += any(disk.rglob(".*.tmp"))
            size = int(1.1 * size) + 4
            subprocess.run(["mount", "-o", f"remount,size={size}k", str(disk)], check=True)
        for name in ("data", "exp"):
            (small / name).unlink()
            shutil.copytree(disk / name, small / name, symlinks=True)
        one, other = kill.contents(whole), kill.contents(small)
        differing = sorted(name for name in one.keys() | other.keys() if one.get(name, 0) != other.get(name, 0))
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)
        server.stop()
    stages = sorted(found.keys() - {"tracebacks", "unsaid", "left"})
    print()
    show(
        ["stage", "full", "tracebacks", "cause not said", "left over"],
        [
            *([stage, found[stage], "", "", ""] for stage in stages),
            ["all", sum(found[stage] for stage in stages), found["tracebacks"], found["unsaid"], found["left"]],
        ],
    )
    print(f"\n{len(one)} files compared with those of a large disk, {len(differing)} differ; {size} kB were enough")


def _recipe(folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess:
    return subprocess.run(kill.COMMAND, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def made_inputs(minutes: float, rng: random.Random) -> None:
    """The table of tests of machine-made inputs."""
    files = [path for path in (ROOT / "tests").rglob("test_*.py") if "from hypothesis" in path.read_text()]
    examples, found, end = 200, Counter(), time.monotonic() + 60 * minutes
    while time.monotonic() < end:
        seed = rng.randrange(1 << 31)
        command = [sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", "--all"]
        command += ["--examples", str(examples), f"--hypothesis-seed={seed}", *map(str, files)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        counts = {name: int(number) for number, name in re.findall(r"(\d+) (passed|failed|error)", done.stdout)}
        found.update(counts | {"runs": 1})
        if done.returncode:
            print(f"\nseed {seed}:\n{done.stdout[-4000:]}")
    if found:
        print()
        header = ["files", "runs", "inputs for each test, at most", "tests passed", "tests failed"]
        show(header, [[len(files), found["runs"], examples, found["passed"], found["failed"] + found["error"]]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=0, help="of machine-made inputs")
    parser.add_argument("--seed", type=int, default=None, help="of the inputs (default: another one in every run)")
    parser.add_argument("--smallest", action="store_true", help="three outputs and three calls")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        outputs(folder / "outputs", args.smallest)
        system_calls(folder, args.smallest)
        small_disk(folder, args.smallest)
    made_inputs(args.minutes, random.Random(args.seed))


if __name__ == "__main__":
    main()
