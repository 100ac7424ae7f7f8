"""What the benchmarks share: their options and tables, and cells measured one by one in alternating rounds.

A cell is a process of its own, because glibc reads its allocator variables once, at start, and because peak memory
is a process's. At the smallest size, which measures neither, the script's own process spares each importing torch.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
ALLOCATOR = {  # as path.sh exports them
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "100000000000",
    "MALLOC_TOP_PAD_": "268435456",
}
PHONES = [f"p{number}" for number in range(229)]  # a recogniser's, as many as Allosaurus has
THREADS = int(os.environ.get("OMP_NUM_THREADS") or 2)


def parse(
    parser: argparse.ArgumentParser, cell: Callable[..., dict] | None = None, **smallest: object
) -> argparse.Namespace:
    """The arguments; with ``--smallest``, those that are not given are ``smallest``.

    With ``--cell`` (:func:`measure`) the cell is measured instead, and the process ends.
    """
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--smallest", action="store_true", help="sizes that only show that it runs, in seconds")
    parser.add_argument("--cell", type=json.loads, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.cell is not None:
        print(json.dumps(cell(*args.cell)))
        sys.exit()
    if args.smallest:
        print("the smallest size: these figures say only that the script runs\n")
        parser.set_defaults(**smallest)
    return parser.parse_args()


def show(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Prints a table, each row as soon as it is there; of fractions three digits that count."""
    for row in chain([header, ["---"] * len(header)], rows):
        print(f"| {' | '.join(map(_said, row))} |", flush=True)


def _said(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value)


def from_tests(name: str) -> ModuleType:
    """A module of the tests that benchmarks use too; it can be imported by its name afterwards."""
    spec = importlib.util.spec_from_file_location(name, ROOT / f"tests/{name}.py")
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def have_speechbrain() -> bool:
    """Says so in one line when there is no SpeechBrain to compare with."""
    found = importlib.util.find_spec("speechbrain") is not None
    if not found:
        print("SpeechBrain is not installed (benchmarks/requirements.txt): timbre is measured alone\n")
    return found


def precisions() -> list[str]:
    """fp32, and bf16 where the processor multiplies it; says so in one line where it would emulate it."""
    import torch

    from timbre.models.precision import native_bf16

    if native_bf16(torch.device("cpu")):
        return ["fp32", "bf16"]
    print("bf16 is left out: this processor would emulate it\n")
    return ["fp32"]


def measure(arguments: Sequence[object], allocator: bool) -> dict:
    """This script's cell in a process of its own, with or without the allocator variables."""
    environment = {key: value for key, value in os.environ.items() if key not in ALLOCATOR}
    environment.setdefault("OMP_NUM_THREADS", str(THREADS))
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment |= ALLOCATOR if allocator else {}
    command = [sys.executable, sys.argv[0], "--cell", json.dumps(arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{arguments}: {done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def alternate(
    cell: Callable[..., dict], cells: Mapping[str, tuple[Sequence[object], bool]], rounds: int, here: bool = False
) -> dict[str, list[dict]]:
    """Every cell once a round, ``{name: (arguments, with the allocator variables)}`` -> ``{name: results}``.

    Args:
        cell: from the arguments, which JSON can hold, to a result that it can hold.
        here: in this process, at the smallest size.
    """
    results: dict[str, list[dict]] = {name: [] for name in cells}
    for done in range(rounds):
        for name, (arguments, allocator) in cells.items():
            print(f"\rround {done + 1} of {rounds}: {name:50}", end="", file=sys.stderr, flush=True)
            results[name].append(cell(*arguments) if here else measure(arguments, allocator))
    print("\r" + 70 * " " + "\r", end="", file=sys.stderr)
    return results


def median(results: list[dict], key: str) -> float:
    return statistics.median(result[key] for result in results)


def compare_peers(
    cell: Callable[..., dict], cases: Mapping[str, Iterable[str]], rounds: int, *arguments: object
) -> None:
    """Measures the peers of each case, ``timbre`` among them, by ``cell(case, peer, *arguments)``; prints a table.

    A cell gives ``seconds`` and ``memory``, and ``result`` where peers should agree about one. They import little:
    the smallest size has processes too.
    """

    def rows() -> Iterable[list]:
        for case, peers in cases.items():
            results = alternate(cell, {peer: ([case, peer, *arguments], False) for peer in peers}, rounds)
            ours = median(results["timbre"], "seconds")
            for peer, found in results.items():
                seconds, memory = median(found, "seconds"), median(found, "memory")
                yield [case, peer, seconds, seconds / ours, memory, found[0].get("result", "")]

    show(["case", "by", "s", "times timbre's", "peak MB", "result"], rows())


def timbre(*words: str, log: Path) -> BaseProcess:
    """``timbre WORDS`` in a fork of this process, just begun; what it prints goes to ``log``."""
    import torch._dynamo  # noqa: F401  what optimisers import

    import timbre.training.train  # noqa: F401  here, so that the fork need not

    process = get_context("fork").Process(target=_command, args=(list(words), log))
    process.start()
    return process


def _command(words: list[str], log: Path) -> None:
    from timbre.__main__ import main

    with open(log, "w") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    main(words)


def peak_memory() -> float:
    """Megabytes, of this program alone: ``ru_maxrss`` begins at what the process that started it held."""
    peak = re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())
    return int(peak[1]) / 1024


def peak_gflops(dtype: str, size: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """GFLOP/s of the best of three products of square matrices."""
    import torch

    left, right = torch.randn(2, size, size).to(getattr(torch, dtype))
    best = float("inf")
    for _ in range(4):
        begin = clock()
        left @ right
        best = min(best, clock() - begin)
    return 2 * size**3 / best / 1e9
