"""What the benchmarks share: cells measured in processes of their own, in alternating rounds.

A cell is a process because glibc reads its allocator variables once, at start, and because peak memory is a
process's.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
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
    environment.setdefault("OMP_NUM_THREADS", str(THREADS))
    environment["PYTHONPATH"] = str(Path(__file__).resolve().parent.parent / "src")
    environment |= ALLOCATOR if allocator else {}
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


def compare_peers(script: str, cases: Mapping[str, Iterable[str]], folder: str, rounds: int) -> None:
    """Measures and prints each case's peers, ``timbre`` among them: ``script --cell CASE PEER FOLDER``.

    A cell gives ``seconds`` and ``memory``, and ``result`` where peers should agree about one.
    """
    for case, peers in cases.items():
        results = alternate(script, {peer: ([case, peer, folder], False) for peer in peers}, rounds)
        print(case)
        ours = median(results["timbre"], "seconds")
        for peer, found in results.items():
            seconds = median(found, "seconds")
            said = f"  result {found[0]['result']}" if "result" in found[0] else ""
            said += "" if peer == "timbre" else f"  timbre takes {ours / seconds:.4f} of it"
            print(f"  {peer:28} {seconds:9.3f} s  {median(found, 'memory'):7.0f} MB{said}", flush=True)


def peak_memory() -> float:
    """Megabytes, of this program alone: ``ru_maxrss`` begins at what the process that started it held."""
    peak = re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())
    return int(peak[1]) / 1024


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
