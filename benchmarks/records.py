"""What it costs to know that a large data directory has not changed: its fingerprint, the first time and later.

    python benchmarks/records.py [--lines 1000000]

The data directory has so many utterances, each a file of its own. The first fingerprint reads all tables; later
ones take the hashes of tables whose size and times are as before, and ask for size and time of every audio file.
The peers are sha256sum of the tables, and find, which asks for the same of the same files.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cells import show

from timbre.pipeline.declaration import Declaration
from timbre.pipeline.record import Record, changes, describe

PER_FOLDER = 1000


def write_data(lines: int) -> None:
    """``data`` with wav.scp, utt2spk and text, and ``wav`` with its files, in the working directory."""
    Path("data").mkdir()
    rows: dict[str, list[str]] = {"wav.scp": [], "utt2spk": [], "text": []}
    for number in range(lines):
        speaker, utterance = (
            f"s{number // PER_FOLDER:05d}",
            f"s{number // PER_FOLDER:05d}-{number % PER_FOLDER:04d}",
        )
        wav = Path("wav", speaker, f"{utterance}.wav")
        if number % PER_FOLDER == 0:
            wav.parent.mkdir(parents=True)
        wav.touch()
        for name, value in {"wav.scp": wav, "utt2spk": speaker, "text": "a few words"}.items():
            rows[name].append(f"{utterance} {value}\n")
    for name, table in rows.items():
        Path("data", name).write_text("".join(table))


def timed(call: Callable[[], Record]) -> tuple[Record, float]:
    begun = time.perf_counter()
    return call(), time.perf_counter() - begun


def peer(*command: str) -> float:
    begun = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--smallest", action="store_true", help="two thousand lines")
    args = parser.parse_args()
    step = Declaration("make_feats", Path("out"), audio=(Path("data"),))
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        write_data(2000 if args.smallest else args.lines)
        time.sleep(2.1)  # tables that are younger may change unseen: their times are not believed
        first, reading = timed(lambda: describe(step))
        later, asking = timed(lambda: describe(step, first))
        assert not changes(first, later)
        hashing = peer("sha256sum", *map(str, Path("data").iterdir()))
        finding = peer("find", "wav", "-type", "f", "-printf", "%s %T@\n")
    rows = [["first", reading, hashing + finding, reading / (hashing + finding)]]
    rows.append(["nothing changed", asking, finding, asking / finding])
    show(["fingerprint", "s", "peer, s", "ratio"], rows)


if __name__ == "__main__":
    main()
