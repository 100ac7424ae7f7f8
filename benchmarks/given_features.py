"""Frames that came with a corpus: seconds, disk and memory from .pt files to arks, at the size of the real data.

    python benchmarks/given_features.py [--scale 1.0] [--folder DIR] [--storage float32]

A corpus of the shape of ML 2023 homework 4 is made of random numbers: 56,666 labelled and 4,000 unlabelled tensors
(T, 40) of 600 speakers, T uniform from 128 to 900 (about 5 GB, and 5 GB of arks; ``--scale 0.01`` makes a
hundredth of each count). Measured are ``timbre prepare``, ``utils/split_data.sh`` and
``steps/make_feats.sh``, each once. The peer is a bare loop of torch.load and tobytes over the labelled
files, in one process and from the page cache. The folder is removed at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from cells import ROOT, parse, show

LABELLED, TEST, SPEAKERS, DIM, SHORTEST, LONGEST = 56_666, 4_000, 600, 40, 128, 900


def make_corpus(corpus: Path, scale: float) -> None:
    """The files of the course's data; speakers have near-equal numbers of utterances."""
    labelled, test, speakers = (max(round(scale * count), 2) for count in (LABELLED, TEST, SPEAKERS))
    rng = np.random.default_rng(0)
    noise = torch.from_numpy(rng.standard_normal((2 * LONGEST, DIM), dtype=np.float32))
    lengths = rng.integers(SHORTEST, LONGEST, size=labelled + test, endpoint=True)
    features = []
    for number, length in enumerate(lengths.tolist()):
        name = f"uttr-{number:032x}.pt"
        start = int(rng.integers(LONGEST))
        torch.save(noise[start : start + length].clone(), corpus / name)
        features.append({"feature_path": name, "mel_len": length})
    names = [f"id{number:05d}" for number in range(speakers)]
    files = {
        "metadata": {"speakers": {name: features[row:labelled:speakers] for row, name in enumerate(names)}},
        "testdata": {"utterances": features[labelled:]},
        "mapping": {
            "speaker2id": {name: row for row, name in enumerate(names)},
            "id2speaker": dict(enumerate(names)),
        },
    }
    for name, values in files.items():
        (corpus / f"{name}.json").write_text(json.dumps({"n_mels": DIM} | values))
    print(f"{labelled} + {test} files of {speakers} speakers, {lengths.mean():.0f} frames on average")


def timed(run: Callable[[], object]) -> float:
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def command(*words: str | Path) -> float:
    """Seconds of a command; its output is shown if it fails."""
    environment = os.environ | {"TIMBRE_PYTHON": sys.executable}  # the job runner is found from the root
    begin = time.perf_counter()
    done = subprocess.run([str(word) for word in words], env=environment, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return time.perf_counter() - begin


def bare_loop(files: list[str]) -> None:
    for file in files:
        torch.load(file, weights_only=True).numpy().tobytes()


def megabytes(folder: Path, pattern: str) -> float:
    return sum(path.stat().st_size for path in folder.glob(pattern)) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of all counts")
    parser.add_argument("--jobs", type=int, default=2, help="of make_feats.sh")
    parser.add_argument("--folder", type=Path, help="a new folder for all files (default: a temporary one)")
    parser.add_argument("--storage", default="float32", choices=["float32", "half", "kaldi"], help="of the arks")
    args = parse(parser, scale=0.0005, jobs=1)
    if args.folder:
        args.folder.mkdir(parents=True)  # what stands there already is not removed
    folder = (args.folder or Path(tempfile.mkdtemp())).resolve()
    try:
        corpus, labelled = folder / "Dataset", folder / "data" / "labelled"
        corpus.mkdir()
        print(f"making the corpus: {timed(lambda: make_corpus(corpus, args.scale)):.1f} s")
        (folder / "given.yaml").write_text(f"{{kind: given, dim: {DIM}, storage: {args.storage}}}\n")
        options = ["--corpus-kind", "ml2023hw4", "--corpus", corpus, "--out", folder / "data"]
        seconds = {
            "timbre prepare": command(ROOT / "utils/timbre", "prepare", *options),
            "split in two": command(ROOT / "utils/split_data.sh", "--per-utt", labelled, "2"),
            f"make_feats.sh --nj {args.jobs}": command(
                *(ROOT / "steps/make_feats.sh", "--nj", str(args.jobs), "--conf", folder / "given.yaml"),
                *(labelled, folder / "feats"),
            ),
        }
        torch.set_num_threads(1)
        files = [line.split(" ", 1)[1] for line in (labelled / "given.scp").read_text().splitlines()]
        seconds["bare loop of torch.load, one process"] = bare = timed(lambda: bare_loop(files))
        rows = [[name, value, len(files) / value, value / bare] for name, value in seconds.items()]
        show(["step", "seconds", "files a second", "times the bare loop's"], rows)
        print(f".pt: {megabytes(corpus, '*.pt'):.0f} MB; ark: {megabytes(folder / 'feats/data', '*.ark'):.0f} MB")
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"largest process: {peak:.0f} MB")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
