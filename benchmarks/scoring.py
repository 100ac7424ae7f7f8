"""Scoring: seconds and memory beside scikit-learn and kaldiio, in one run.

    python benchmarks/scoring.py [--rounds 3]

Each measurement is a process of its own (its peak memory is then its own); rounds alternate, medians are shown.
Inputs are random, at the size of VoxCeleb1-O (4,708 utterances, 37,611 trials) or of ten million trials.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from cells import compare_peers, peak_memory

UTTERANCES, TRIALS, DIMENSIONS, MANY = 4708, 37_611, 192, 10_000_000


def many_scores() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    target = generator.random(MANY) < 0.5
    return generator.normal(size=MANY) + 2 * target, target


def make_files(folder: Path) -> None:
    from timbre.kaldi.tables import ArkWriter
    from timbre.kaldi.trials import Trials, write_trials

    generator = np.random.default_rng(0)
    names = np.array([f"id{10270 + i // 120}-5r0dWxy17C8-{i % 120:05d}" for i in range(UTTERANCES)])
    with ArkWriter(folder / "x.ark", folder / "x.scp") as writer:
        for name in names:
            writer.write(name, generator.normal(size=DIMENSIONS))
    first, second = generator.integers(0, UTTERANCES, size=(2, TRIALS))
    write_trials(folder / "trials", Trials(names[first], names[second], first // 120 == second // 120))


def eer_timbre(folder: Path) -> Callable[[], object]:
    from timbre.scoring.metrics import eer, roc_curve

    scores, target = many_scores()
    return lambda: eer(roc_curve(scores, target)).value


def eer_sklearn(folder: Path) -> Callable[[], object]:
    from sklearn.metrics import roc_curve

    scores, target = many_scores()

    def run() -> float:
        fpr, tpr, _ = roc_curve(target, scores)
        return float(fpr[np.argmin(np.abs(1 - tpr - fpr))])

    return run


def trials_timbre(folder: Path) -> Callable[[], object]:
    from timbre.scoring.cosine import score_trials

    scp = folder / "x.scp"
    return lambda: score_trials(folder / "trials", scp, scp, folder / "scores")


def trials_loop(folder: Path) -> Callable[[], object]:
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
        return TRIALS

    return run


def bootstrap_timbre(folder: Path) -> Callable[[], object]:
    from timbre.scoring.bootstrap import Speakers, replicates

    generator = np.random.default_rng(0)
    enrol, test = generator.integers(0, 40, size=(2, 41_328))
    test = np.where(generator.random(len(enrol)) < 0.5, enrol, test)
    scores, speakers = generator.normal(size=len(enrol)) + 2 * (enrol == test), Speakers([""] * 40, enrol, test)
    return lambda: float(replicates(scores, enrol == test, speakers, count=1000)["eer"].mean())


CASES = {
    "EER of 10 million scores": {"timbre": eer_timbre, "scikit-learn roc_curve": eer_sklearn},
    "37,611 trials, files to file": {"timbre": trials_timbre, "kaldiio, scikit-learn, loop": trials_loop},
    "interval, 41,328 trials, 1,000 replicates": {"timbre": bootstrap_timbre},
}


def cell(case: str, peer: str, folder: str) -> dict:
    """One process's measurement, and what came out."""
    run = CASES[case][peer](Path(folder))
    begin = time.perf_counter()
    result = run()
    return {"seconds": time.perf_counter() - begin, "memory": peak_memory(), "result": result}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cell", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.cell:
        print(json.dumps(cell(*args.cell)))
        return
    with tempfile.TemporaryDirectory() as folder:
        make_files(Path(folder))
        compare_peers(__file__, CASES, folder, args.rounds)


if __name__ == "__main__":
    main()
