"""How good calibrations are that are fitted on few or many held-out speakers, whose scores separate, mix or fall.

    python benchmarks/calibration.py [--draws 20]

Speakers are drawn: a voice is a point of N(0, 1) in ``dim`` dimensions, an utterance the voice plus N(0, noise).
Each calibration is fitted on the cosines of held-out speakers (falling: on their negatives) and measured on those
of 150 others, all drawn anew each time. The peer is logistic regression with plain labels and any slope. Cllr:
1 is what knowing nothing costs, ``least`` what the best rising function of the same scores costs.
"""

from __future__ import annotations

import argparse

import numpy as np
import scipy
from cells import show
from sklearn.linear_model import LogisticRegression

from timbre.scoring import calibration
from timbre.scoring.calibration import Calibration, cllr, min_cllr
from timbre.scoring.embeddings import Embeddings, products
from timbre.scoring.heldout_trials import heldout_trials

# held-out speakers, utterances of each, dim, noise, sign, utterances of models fitted on, and of those scored
CASES = {
    "6 speakers of 2 utterances, mostly separable": (6, 2, 20, 0.5, 1, 1, 1),
    "6 speakers of 8": (6, 8, 20, 0.5, 1, 1, 1),
    "12 speakers of 8": (12, 8, 20, 0.5, 1, 1, 1),
    "200 speakers of 8": (200, 8, 20, 0.5, 1, 1, 1),
    "12 speakers, poor encoder": (12, 8, 20, 2.0, 1, 1, 1),
    "12 speakers, falling": (12, 8, 20, 1.0, -1, 1, 1),
    "12 speakers, models of 3 by single utterances": (12, 8, 20, 1.0, 1, 1, 3),
    "12 speakers, models of 3 by models of 3": (12, 8, 20, 1.0, 1, 3, 3),
}


def draw(speakers: int, utterances: int, dim: int, noise: float, size: int, generator) -> tuple:
    """Cosines of trials with models of ``size`` utterances, their labels, and the speaker of each utterance."""
    names = np.repeat([f"s{number:04d}" for number in range(speakers)], utterances)
    voices = np.repeat(generator.normal(size=(speakers, dim)), utterances, axis=0)
    matrix = (voices + noise * generator.normal(size=voices.shape)).astype(np.float32)
    sides, target = heldout_trials(Embeddings([str(row) for row in range(len(names))], matrix), names, size)
    rows = (side.normalised() for side in (sides.enrol, sides.test))
    return products(*rows, sides.enrol_rows, sides.test_rows).astype(np.float64), target, names


def unguarded(scores: np.ndarray, target: np.ndarray) -> Calibration:
    """Logistic regression as it comes, of equal weight for targets and nontargets."""
    weights = np.where(target, 1 / target.sum(), 1 / (~target).sum()) * len(target) / 2
    scaled = scipy.stats.zscore(scores)[:, None]
    model = LogisticRegression(C=1e6, tol=1e-8, max_iter=1000).fit(scaled, target, sample_weight=weights)
    slope = model.coef_[0, 0] / scores.std()
    return Calibration(slope, float(model.intercept_[0] - slope * scores.mean()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--draws", type=int, default=20, help="times that speakers are drawn; means and the worst are shown"
    )
    parser.add_argument("--smallest", action="store_true", help="two draws")
    args = parser.parse_args()
    rows = []
    for name, (speakers, utterances, dim, noise, sign, fitted, scored) in CASES.items():
        generator, figures = np.random.default_rng(0), []
        for _ in range(2 if args.smallest else args.draws):
            scores, target, names = draw(speakers, utterances, dim, noise, fitted, generator)
            others, truth, _ = draw(150, 6, dim, noise, scored, generator)
            found = [unguarded(sign * scores, target), calibration.fit(sign * scores, target, names)]
            costs = [(one.a, cllr(one.llr(others), truth)) for one in found]
            figures.append([*costs[0], *costs[1], min_cllr(others, truth)])
        mean, worst = np.mean(figures, axis=0), np.max(figures, axis=0)
        cells = [
            f"{mean[0]:.1f}",
            f"{mean[1]:.3f} ({worst[1]:.3f})",
            f"{mean[2]:.1f}",
            f"{mean[3]:.3f} ({worst[3]:.3f})",
        ]
        rows.append([name, *cells, f"{mean[4]:.3f}"])
    print("Mean of the draws, in brackets the worst.\n")
    show(["held-out speakers", "slope, unguarded", "Cllr, unguarded", "slope", "Cllr", "least"], rows)


if __name__ == "__main__":
    main()
