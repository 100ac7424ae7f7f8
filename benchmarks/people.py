"""Strangers and enrolled people, promised against found: a threshold on recordings of other speakers.

    python benchmarks/people.py --model MODEL [--draws 60] DATA

DATA is a data directory with its audio, of speakers whom the model does not know; without a model embeddings of 36
speakers are drawn. In each draw a third of them are enrolled with 1, 3 and 5 recordings, a third are strangers, and
of the last third 12 speakers, or 5, calibrate, as :mod:`timbre.people.calibrate` does; the model's own calibration,
where it has one, is tried beside. Shown are means over the draws with the range of the middle 95 % of them: how
often a stranger was taken for anybody (FAR) where 1 % was promised, how often an enrolled speaker was accepted
under the right name (DIR), and the DIR at the threshold that would have kept 1 % on these strangers, which nobody
can know.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
from cells import parse, show

PROMISED = 0.01
RECORDINGS = (1, 3, 5)
CALIBRATING = (12, 5)


def draw(who: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """The speakers who are enrolled, strangers, and calibrating."""
    return np.array_split(rng.permutation(np.unique(who)), 3)


def try_once(own, embeddings: np.ndarray, who: np.ndarray, rng: np.random.Generator) -> dict:
    """``{(recordings, calibration): (FAR, DIR, DIR at 1 %)}`` of one draw, by the back-end ``own``."""
    from timbre.people.decision import make_rule
    from timbre.people.evaluation import evaluate_open_set
    from timbre.people.recogniser import score_people
    from timbre.scoring.calibration import fit
    from timbre.scoring.embeddings import Embeddings
    from timbre.scoring.heldout_trials import heldout_trials
    from timbre.scoring.tail import Tail

    enrolled, strangers, others = draw(who, rng)
    found = {}
    for count in RECORDINGS:
        rows = [rng.permutation(np.flatnonzero(who == speaker)) for speaker in enrolled]
        means = np.stack([embeddings[mine[:count]].mean(axis=0) for mine in rows])
        tests = np.concatenate([*(mine[count:] for mine in rows), np.flatnonzero(np.isin(who, strangers))])
        lines = {"model's own": own.calibration} if own.calibration else {}
        for size in CALIBRATING:
            chosen = np.flatnonzero(np.isin(who, others[:size]))
            table = Embeddings([str(row) for row in chosen], embeddings[chosen])
            sides, target = heldout_trials(table, who[chosen], count)
            lines[f"{size} speakers"] = fit(replace(own, calibration=None).scores(sides), target, who[chosen])
        for name, line in lines.items():
            backend = replace(own, calibration=line)
            people = backend.prepare_enrolments(Embeddings(enrolled.tolist(), means.astype(np.float32)), count)
            tail = Tail(**line.tail) if line.tail else None
            rule = make_rule(len(enrolled), tail, PROMISED)
            scores = score_people(backend, people, embeddings[tests])
            rates = evaluate_open_set(scores, enrolled.tolist(), who[tests].tolist(), rule.threshold, PROMISED)
            found[count, name] = [rates[key]["value"] for key in ("far", "dir", "dir_at_far")]
    return found


def heard(model: str, path: Path):
    """The model's back-end, and embeddings (N, D) of the recordings of speakers (N)."""
    from timbre.kaldi.datadir import DataDir
    from timbre.people.recogniser import Recogniser

    data, recogniser = DataDir(path), Recogniser(model)
    wavs, names = data.table("wav.scp"), sorted(data.utt2spk, key=str.encode)
    embeddings = recogniser.hear(wavs[name] for name in names).embeddings
    return recogniser.backend, embeddings, np.array([data.utt2spk[name] for name in names])


def drawn():
    """The cosine, and embeddings of 36 drawn speakers with eight recordings each."""
    from timbre.scoring.backend import Backend, Name

    rng = np.random.default_rng(0)
    speakers = np.repeat(rng.standard_normal((36, 32)), 8, axis=0)
    embeddings = (speakers + rng.standard_normal(speakers.shape)).astype(np.float32)
    return Backend(Name("cosine"), np.zeros(32, np.float32)), embeddings, np.repeat([f"s{k}" for k in range(36)], 8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="experiment directory, or a model file")
    parser.add_argument("--draws", type=int, default=60)
    parser.add_argument("data", type=Path, nargs="?", help="data directory; 36 speakers, 6 recordings each")
    args = parse(parser, draws=1)
    backend, embeddings, who = heard(args.model, args.data) if args.model else drawn()
    results = defaultdict(list)
    for seed in range(args.draws):
        for key, rates in try_once(backend, embeddings, who, np.random.default_rng(seed)).items():
            results[key].append(rates)

    def row(key: tuple[int, str]) -> list[object]:
        means, ends = np.mean(results[key], axis=0), np.quantile(results[key], (0.025, 0.975), axis=0)
        shown = zip(100 * means, *(100 * ends), strict=True)
        return [*key, *(f"{mean:.1f} [{low:.0f}, {high:.0f}]" for mean, low, high in shown)]

    show(["enrolled with", "calibration", "FAR %", "DIR %", "DIR % at FAR 1 %"], map(row, results))


if __name__ == "__main__":
    main()
