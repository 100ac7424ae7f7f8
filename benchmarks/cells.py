"""What the encoder benchmarks share: cells measured in processes of their own, in alternating rounds.

A cell is a process because glibc reads its allocator variables once, at start, and because peak memory is a
process's.
"""

from __future__ import annotations

import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

ALLOCATOR = {  # as path.sh exports them
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "100000000000",
    "MALLOC_TOP_PAD_": "268435456",
}
THREADS = 2


def have_speechbrain() -> bool:
    """Says so in one line when there is no SpeechBrain to compare with."""
    found = importlib.util.find_spec("speechbrain") is not None
    if not found:
        print("SpeechBrain is not installed (pip install -r benchmarks/requirements.txt): measuring timbre alone")
    return found


def measure(script: str, arguments: list[str], allocator: bool) -> dict:
    """Runs ``script --cell …`` with or without the allocator variables; its last line is its result in JSON."""
    environment = {key: value for key, value in os.environ.items() if key not in ALLOCATOR}
    source = str(Path(__file__).resolve().parent.parent / "src")
    environment |= {"OMP_NUM_THREADS": str(THREADS), "PYTHONPATH": source} | (ALLOCATOR if allocator else {})
    done = subprocess.run(
        [sys.executable, script, "--cell", *arguments], env=environment, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"{' '.join(arguments)}: {done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def alternate(script: str, cells: dict[str, tuple[list[str], bool]], rounds: int) -> dict[str, list[dict]]:
    """Every cell once a round, ``{name: (arguments, with the allocator variables)}`` -> ``{name: results}``."""
    results: dict[str, list[dict]] = {name: [] for name in cells}
    for done in range(rounds):
        for name, (arguments, allocator) in cells.items():
            print(f"\rround {done + 1} of {rounds}: {name:50}", end="", file=sys.stderr, flush=True)
            results[name].append(measure(script, arguments, allocator))
    print("\r" + 70 * " " + "\r", end="", file=sys.stderr)
    return results


def median(results: list[dict], key: str) -> float:
    return statistics.median(result[key] for result in results)


def peak_memory() -> float:
    """Megabytes, of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def peak_gflops(dtype: str, size: int = 4096) -> float:
    """GFLOP/s of the best of three products of large matrices."""
    import torch

    left, right = torch.randn(2, size, size).to(getattr(torch, dtype))
    best = float("inf")
    for _ in range(4):
        begin = time.perf_counter()
        left @ right
        best = min(best, time.perf_counter() - begin)
    return 2 * size**3 / best / 1e9
