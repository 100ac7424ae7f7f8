"""A calibration on one's own recordings: what is reported was not fitted on, and what is too little is refused."""

from __future__ import annotations

import numpy as np
import pytest
from messages import names, refused

from timbre.people.calibrate import fit_own
from timbre.people.decision import make_rule, posteriors
from timbre.people.own_calibration import read_calibration, write_calibration
from timbre.scoring.backend import Backend, Name
from timbre.scoring.embeddings import Embeddings
from timbre.scoring.tail import SHARE, Tail, fit_tail, joint_rate, single_rate

COSINE = Backend(Name("cosine"), np.zeros(16, dtype=np.float32))


def drawn(speakers: int, recordings: int, seed: int = 0, spread: float = 1.0) -> tuple[Embeddings, list[str]]:
    rng = np.random.default_rng(seed)
    rows = np.repeat(rng.standard_normal((speakers, 16)), recordings, axis=0)
    rows = rows + spread * rng.standard_normal(rows.shape)
    who = [f"s{k}" for k in range(speakers) for _ in range(recordings)]
    return Embeddings([f"u{k}" for k in range(len(who))], rows.astype(np.float32)), who


def fit(table, who, **options):
    return fit_own(COSINE, "hash", table, who, **options)


def test_the_promised_rate_holds_on_others():
    own, _ = fit(*drawn(40, 5))
    table, who = drawn(60, 5, seed=1)
    fresh, _ = fit(table, who)
    unit = table.normalised()
    different = np.not_equal.outer(who, who)
    scores = own.line.llr((unit @ unit.T)[different])
    threshold = Tail(**own.line.tail).threshold(0.01)
    assert 0.004 < np.mean(scores >= threshold) < 0.025
    measured = own.measures
    assert (measured["speakers"], measured["targets"]) == (40, 400)
    assert 0.003 < measured["false_accepts"]["value"] < 0.03
    for name in ("eer", "cllr", "false_rejects"):
        assert measured[name]["low"] < measured[name]["value"] < measured[name]["high"]
        assert measured[name]["value"] == pytest.approx(fresh.measures[name]["value"], rel=0.6)


def test_what_is_reported_was_not_fitted_on():
    """Where recordings say nothing of the speakers, the cost of those left out is not below that of silence."""
    table, who = drawn(12, 4, spread=1e6)
    own, warnings = fit(table, who)
    assert own.measures["cllr"]["value"] > 0.98 and 0.35 < own.measures["eer"]["value"] < 0.65
    assert names(" ".join(warnings), "12 speakers (20 would do)")


def test_models_of_several_recordings_are_calibrated_as_such():
    table, who = drawn(20, 5)
    one, several = (fit(table, who, recordings=size)[0] for size in (1, 3))
    assert several.recordings == 3 and several.measures["eer"]["value"] < one.measures["eer"]["value"]


def test_too_little_is_refused_with_what_would_do():
    with refused("3 of 3 speakers", "2 recordings", "20"):
        fit(*drawn(3, 5))
    with refused("0 of 9 speakers", "20"):
        fit(*drawn(9, 1))
    with refused("0 of 9 speakers", "4 recordings"):
        fit(*drawn(9, 3), recordings=3)
    fit(*drawn(5, 3))


def test_sessions_are_asked_for():
    table, who = drawn(20, 4)
    for sessions, said in (
        ([], ["third column"]),
        ([f"{name} {k % 2}" for k, name in enumerate(who)], []),
        (who, ["20 of 20 speakers", "one session"]),
        (["x"] * len(who), ["all recordings", "one session"]),
    ):
        warnings = " ".join(fit(table, who, sessions=sessions)[1])
        assert names(warnings, *said) and ("session" in warnings) == bool(said)


def test_the_file_is_read_as_it_was_written(tmp_path):
    own, _ = fit(*drawn(12, 4))
    write_calibration(tmp_path / "own", own)
    assert read_calibration(tmp_path / "own") == own
    text = (tmp_path / "own").read_text()
    for damaged in ("{}\n", text.replace('"a":', '"z":'), text.replace('"excess": ', '"excess": -')):
        (tmp_path / "own").write_text(damaged)
        with refused(tmp_path / "own", "timbre calibrate"):
            read_calibration(tmp_path / "own")


def test_the_tail_is_that_of_an_exponential():
    scores = np.random.default_rng(0).exponential(2.0, 100_000) - 5
    tail = fit_tail(scores)
    assert tail.excess == pytest.approx(2.0, rel=0.05)
    for rate in (0.01, 0.001):
        assert np.mean(scores >= tail.threshold(rate)) == pytest.approx(rate, rel=0.2)
        assert tail.rate(tail.threshold(rate)) == pytest.approx(rate)
    assert tail.threshold(0.5) == tail.start and tail.rate(-100.0) == SHARE
    assert joint_rate(single_rate(0.01, 500), 500) == pytest.approx(0.01)
    assert joint_rate(0.001, 10) == pytest.approx(1 - 0.999**10)


def test_probabilities_are_bayes_rule():
    llr = np.log(np.array([[8.0, 1.0, 0.5]]))
    people, unknown = posteriors(llr, prior=0.6)
    weights = np.array([0.2 * 8, 0.2, 0.1, 0.4])
    np.testing.assert_allclose(np.append(people, unknown), weights / weights.sum())
    rule = make_rule(3, None, prior=0.6)
    assert rule.threshold == pytest.approx(np.log(2))  # 0.2 · e^l is above 0.4 from there on
    assert make_rule(10, None, 0.01).threshold == pytest.approx(np.log(1000)) and make_rule(10, None).bound
    with refused("--false-accepts", "--prior"):
        make_rule(3, None, 0.1, 0.5)
    with refused("--prior 1"):
        make_rule(3, None, prior=1.0)
