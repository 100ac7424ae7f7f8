"""Back-ends: seconds and memory from files read to scores written, beside plain numpy, in one run.

    python benchmarks/backends.py [--rounds 3] [--speakers 6000] [--utterances 4708] [--trials 37611]

Inputs are random, by default at the size of VoxCeleb1-O scored by models of VoxCeleb2's speakers: a cohort of 6,000
(AS-norm with the top 300), PLDA of 6,000 speakers with ten vectors of 192 dimensions, 37,611 trials of 4,708
utterances. The plain peers loop over trials or speakers; their loops run on a part and count as the whole. Each
measurement is a process of its own (its peak memory is then its own); rounds alternate, medians are shown.
"""

from __future__ import annotations

import argparse
import importlib
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from cells import compare_peers, from_tests, parse, peak_memory

DIMENSIONS, TOP, PER_SPEAKER = 192, 300, 10
PART = {"trials": 200, "speakers": 100}  # what the plain loops do of the whole


def make_files(folder: Path, sizes: dict[str, int]) -> None:
    """Embeddings of training and test utterances, trials, and a back-end folder trained on the former."""
    import torch

    from timbre.kaldi.tables import ArkWriter
    from timbre.kaldi.text import write_table
    from timbre.kaldi.trials import Trials, write_trials
    from timbre.scoring.backend_training import train_backends

    generator = np.random.default_rng(0)
    utt2spk = {f"id{s:05d}-{u:02d}": f"id{s:05d}" for s in range(sizes["speakers"]) for u in range(PER_SPEAKER)}
    test = [f"id{10270 + i // 120}-5r0dWxy17C8-{i % 120:05d}" for i in range(sizes["utterances"])]
    for part, names in (("train", list(utt2spk)), ("test", test)):
        voices = generator.normal(size=(len(names), DIMENSIONS))
        with ArkWriter(folder / part / "xvector.ark", folder / part / "xvector.scp") as writer:
            for index, name in enumerate(names):
                writer.write(name, voices[index - index % PER_SPEAKER] + generator.normal(size=DIMENSIONS))
    write_table(folder / "train" / "utt2spk", utt2spk)
    torch.save(from_tests("model_states").model_state(), folder / "final.pt")
    first, second = generator.integers(0, len(test), size=(2, sizes["trials"]))
    names = np.array(test)
    write_trials(folder / "trials", Trials(names[first], names[second], first // 120 == second // 120))
    train_backends(
        ["cosine+asnorm", "plda", "plda+asnorm"], folder, folder / "train", folder / "train", folder / "backend"
    )


def scored_timbre(folder: Path, backend: str) -> float:
    from timbre.scoring.backend import score_trials

    scp = folder / "test" / "xvector.scp"
    score_trials(folder / "trials", scp, scp, folder / "scores", backend, folder / "backend")
    return 0.0


def trained_timbre(folder: Path) -> float:
    from timbre.scoring.backend_training import train_backends

    train_backends(["plda"], folder, folder / "train", folder / "train", folder / "again")
    return 0.0


def plain(folder: Path) -> SimpleNamespace:
    """What the plain peers read: trials, test vectors, cohort, PLDA."""
    import kaldiio

    from timbre.kaldi.objects import read_plda

    trials = [line.split() for line in (folder / "trials").read_text().splitlines()]
    mean = kaldiio.load_mat(str(folder / "backend" / "mean.vec"))
    vectors = {key: vector - mean for key, vector in kaldiio.load_scp(str(folder / "test" / "xvector.scp")).items()}
    cohort = np.stack([v - mean for _, v in kaldiio.load_scp(str(folder / "backend" / "cohort.scp")).items()])
    return SimpleNamespace(
        trials=trials, vectors=vectors, cohort=cohort, plda=read_plda(folder / "backend" / "plda")
    )


def rest(begin: float, done: int, total: int) -> float:
    """The seconds that a loop begun at ``begin`` would take for what it has not done."""
    return (time.perf_counter() - begin) * (total / done - 1)


def asnorm_plain(folder: Path) -> float:
    """Cosine AS-norm trial by trial, as the formula has it."""
    it = plain(folder)
    cohort = it.cohort / np.linalg.norm(it.cohort, axis=1, keepdims=True)
    begin = time.perf_counter()
    with open(folder / "scores", "w") as scores:
        for enrol, test, _ in it.trials[: PART["trials"]]:
            e, t = (it.vectors[name] / np.linalg.norm(it.vectors[name]) for name in (enrol, test))
            value = 0.0
            for side in (e, t):
                best = np.sort(cohort @ side)[-TOP:]
                value += (e @ t - best.mean()) / best.std() / 2
            scores.write(f"{enrol} {test} {value}\n")
    return rest(begin, min(PART["trials"], len(it.trials)), len(it.trials))


def plda_plain(folder: Path) -> float:
    """Kaldi's LogLikelihoodRatio trial by trial."""
    it = plain(folder)
    mean, transform, psi = it.plda
    root = np.sqrt(DIMENSIONS)
    begin = time.perf_counter()
    with open(folder / "scores", "w") as scores:
        for enrol, test, _ in it.trials[: PART["trials"]]:
            u, t = (
                transform @ (root * v / np.linalg.norm(v) - mean) for v in (it.vectors[enrol], it.vectors[test])
            )
            u, t = (v * np.sqrt(DIMENSIONS / (v**2 / (psi + 1)).sum()) for v in (u, t))
            variance, offset = 1 + psi / (psi + 1), t - psi / (psi + 1) * u
            given = -(np.log(variance) + offset**2 / variance).sum() / 2
            without = -(np.log(1 + psi) + t**2 / (1 + psi)).sum() / 2
            scores.write(f"{enrol} {test} {given - without}\n")
    return rest(begin, min(PART["trials"], len(it.trials)), len(it.trials))


def training_plain(folder: Path) -> float:
    """An EM iteration over a part of the speakers, a product for each, as Kaldi's, for ten iterations over all."""
    import kaldiio

    vectors = np.stack([v for _, v in kaldiio.load_scp(str(folder / "train" / "xvector.scp")).items()])
    means = vectors.reshape(-1, PER_SPEAKER, DIMENSIONS).mean(axis=1, dtype=np.float64)
    part = means[: PART["speakers"]]
    within_inverse = between_inverse = np.eye(DIMENSIONS)
    begin = time.perf_counter()
    mixed = np.linalg.inv(between_inverse + PER_SPEAKER * within_inverse)
    sums = np.zeros((2, DIMENSIONS, DIMENSIONS))
    for mean in part:
        w = mixed @ (PER_SPEAKER * within_inverse @ mean)
        sums[0] += mixed + np.outer(w, w)
        sums[1] += PER_SPEAKER * (mixed + np.outer(mean - w, mean - w))
    return rest(begin, len(part), 10 * len(means))


CASES: dict[str, dict[str, Callable[[Path], float]]] = {
    "cosine, AS-norm: files to file": {
        "timbre": partial(scored_timbre, backend="cosine+asnorm"),
        "numpy, a loop": asnorm_plain,
    },
    "PLDA: files to file": {"timbre": partial(scored_timbre, backend="plda"), "numpy, a loop": plda_plain},
    "PLDA, AS-norm: files to file": {"timbre": partial(scored_timbre, backend="plda+asnorm")},
    "PLDA training": {"timbre": trained_timbre, "numpy, a loop": training_plain},
}


IMPORTED = {  # by whether it is training, and by peer: not measured
    (False, "timbre"): ["timbre.scoring.backend"],
    (True, "timbre"): ["timbre.scoring.backend_training"],
    (False, "numpy, a loop"): ["kaldiio", "timbre.kaldi.objects"],
    (True, "numpy, a loop"): ["kaldiio"],
}


def cell(case: str, peer: str, folder: str) -> dict:
    """One process's measurement: of the whole, imports apart."""
    for module in IMPORTED["training" in case, peer]:
        importlib.import_module(module)
    begin = time.perf_counter()
    missing = CASES[case][peer](Path(folder))
    return {"seconds": time.perf_counter() - begin + missing, "memory": peak_memory()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--speakers", type=int, default=6000)
    parser.add_argument("--utterances", type=int, default=4708)
    parser.add_argument("--trials", type=int, default=37_611)
    args = parse(parser, cell, rounds=1, speakers=250, utterances=240, trials=300)
    sizes = {"speakers": args.speakers, "utterances": args.utterances, "trials": args.trials}
    print(", ".join(f"{count} {name}" for name, count in sizes.items()), end="\n\n")
    with tempfile.TemporaryDirectory() as folder:
        make_files(Path(folder), sizes)
        compare_peers(cell, CASES, args.rounds, folder)


if __name__ == "__main__":
    main()
