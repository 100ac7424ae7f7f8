"""Scoring: seconds and memory beside scikit-learn and kaldiio, in one run.

    python benchmarks/scoring.py [--rounds 3] [--scores 10000000] [--trials 37611] [--replicates 1000]

Each measurement is a process of its own (its peak memory is then its own); rounds alternate, medians are shown.
Inputs are random, at the size of VoxCeleb1-O (4,708 utterances, 37,611 trials) or of ten million trials.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from cells import compare_peers, parse, peak_memory

DIMENSIONS, SPEAKERS, INTERVAL_TRIALS = 192, 40, 41_328


def make_files(folder: Path, utterances: int, trials: int) -> None:
    """Embeddings, and trials of two of them."""
    from timbre.kaldi.tables import ArkWriter
    from timbre.kaldi.trials import Trials, write_trials

    generator = np.random.default_rng(0)
    names = np.array([f"id{10270 + i // 120}-5r0dWxy17C8-{i % 120:05d}" for i in range(utterances)])
    with ArkWriter(folder / "x.ark", folder / "x.scp") as writer:
        for name in names:
            writer.write(name, generator.normal(size=DIMENSIONS))
    first, second = generator.integers(0, utterances, size=(2, trials))
    write_trials(folder / "trials", Trials(names[first], names[second], first // 120 == second // 120))


def many_scores(count: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    target = generator.random(count) < 0.5
    return generator.normal(size=count) + 2 * target, target


def eer_timbre(folder: Path, count: int) -> Callable[[], object]:
    from timbre.scoring.metrics import eer, roc_curve

    scores, target = many_scores(count)
    return lambda: eer(roc_curve(scores, target)).value


def eer_sklearn(folder: Path, count: int) -> Callable[[], object]:
    from sklearn.metrics import roc_curve

    scores, target = many_scores(count)

    def run() -> float:
        fpr, tpr, _ = roc_curve(target, scores)
        return float(fpr[np.argmin(np.abs(1 - tpr - fpr))])

    return run


def trials_timbre(folder: Path, count: int) -> Callable[[], object]:
    from timbre.scoring.cosine import score_trials

    scp = folder / "x.scp"
    return lambda: score_trials(folder / "trials", scp, scp, folder / "scores")


def trials_loop(folder: Path, count: int) -> Callable[[], object]:
    """As toolkits do it: a scikit-learn cosine for each trial, of embeddings that kaldiio has read."""
    import kaldiio
    from sklearn.metrics.pairwise import cosine_similarity

    def run() -> int:
        table = dict(kaldiio.load_scp(str(folder / "x.scp")).items())
        with open(folder / "trials") as trials, open(folder / "scores", "w") as scores:
            for line in trials:
                enrol, test, _ = line.split()
                score = cosine_similarity(table[enrol][None], table[test][None])[0, 0]
                scores.write(f"{enrol} {test} {score:.5f}\n")
        return count

    return run


def bootstrap_timbre(folder: Path, count: int) -> Callable[[], object]:
    from timbre.scoring.bootstrap import Speakers, replicates

    generator = np.random.default_rng(0)
    enrol, test = generator.integers(0, SPEAKERS, size=(2, INTERVAL_TRIALS))
    test = np.where(generator.random(len(enrol)) < 0.5, enrol, test)
    scores = generator.normal(size=len(enrol)) + 2 * (enrol == test)
    speakers = Speakers([""] * SPEAKERS, enrol, test)
    return lambda: float(replicates(scores, enrol == test, speakers, count=count)["eer"].mean())


CASES = {  # by what is counted
    "scores": {"timbre": eer_timbre, "scikit-learn roc_curve": eer_sklearn},
    "trials": {"timbre": trials_timbre, "kaldiio, scikit-learn, loop": trials_loop},
    "replicates": {"timbre": bootstrap_timbre},
}


def cell(case: str, peer: str, folder: str) -> dict:
    """One process's measurement, and what came out."""
    count, counted = case.split()
    run = CASES[counted][peer](Path(folder), int(count))
    begin = time.perf_counter()
    result = run()
    return {"seconds": time.perf_counter() - begin, "memory": peak_memory(), "result": result}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scores", type=int, default=10_000_000, help="whose EER is computed")
    parser.add_argument("--utterances", type=int, default=4708)
    parser.add_argument("--trials", type=int, default=37_611, help="scored from file to file")
    parser.add_argument("--replicates", type=int, default=1000, help=f"of the EER of {INTERVAL_TRIALS} trials")
    args = parse(parser, cell, rounds=1, scores=1000, utterances=20, trials=20, replicates=2)
    cases = {f"{getattr(args, counted)} {counted}": peers for counted, peers in CASES.items()}
    with tempfile.TemporaryDirectory() as folder:
        make_files(Path(folder), args.utterances, args.trials)
        compare_peers(cell, cases, args.rounds, folder)


if __name__ == "__main__":
    main()
