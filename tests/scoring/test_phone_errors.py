"""Phone error rates against a plain Levenshtein and torchaudio's, and the metrics of a made-up recogniser."""

from __future__ import annotations

import json

import numpy as np
import pytest
from messages import refused
from torchaudio.functional import edit_distance

from timbre.corpora.phones import read_transcripts, write_transcripts
from timbre.kaldi.text import write_table
from timbre.scoring.phones import count_errors, evaluate_phones, phone_error_rate, table


@pytest.mark.parametrize(
    ("truth", "guess", "expected"),
    [
        ("a b c", "a b c", (0, 0, 0)),
        ("a b c", "a x c", (1, 0, 0)),
        ("a b c", "", (0, 3, 0)),
        ("", "a b", (0, 0, 2)),
        ("a b", "b c", (0, 1, 1)),  # as short as two substitutions, with one phone right
        ("a b c d", "b c d e e", (0, 1, 2)),
        ("a a a", "a", (0, 2, 0)),
    ],
)
def test_known_errors(truth, guess, expected):
    assert tuple(count_errors([truth.split()], [guess.split()])[0]) == expected


def test_random_utterances_together_have_torchaudios_distances():
    rng = np.random.default_rng(0)
    rows = [[str(n) for n in rng.integers(4, size=rng.integers(0, 12))] for _ in range(400)]
    truths, guesses = rows[:200], rows[200:]
    errors = count_errors(truths, guesses)
    assert (errors >= 0).all()
    assert errors.sum(axis=1).tolist() == [edit_distance(a, b) for a, b in zip(truths, guesses, strict=True)]
    lengths = np.array([[len(a), len(b)] for a, b in zip(truths, guesses, strict=True)])
    assert (errors[:, 2] - errors[:, 1] == lengths[:, 1] - lengths[:, 0]).all()
    alone = np.concatenate([count_errors([a], [b]) for a, b in zip(truths, guesses, strict=True)])
    assert (alone == errors).all()
    assert phone_error_rate(truths, guesses) == errors.sum() / lengths[:, 0].sum()


@pytest.fixture
def data(tmp_path):
    """A part of six speakers of two languages, where en's most frequent phone is a, and fr's u."""

    def make(name):
        utterances = [f"s{speaker}-{language}" for speaker in range(6) for language in ("en", "fr")]
        said = {utt: ("a b a c" if utt.endswith("en") else "u u y") for utt in utterances}
        for table_name, values in {
            "utt2spk": {utt: utt[:2] for utt in utterances},
            "utt2lang": {utt: utt[-2:] for utt in utterances},
            "phones": said,
            "utt2num_frames": dict.fromkeys(utterances, 40),
        }.items():
            write_table(tmp_path / name / table_name, values)
        return tmp_path / name, said

    return make


def test_metrics_by_part_and_language(data, tmp_path):
    train, _ = data("train")
    test, said = data("test")
    heard = {utt: phones.split() for utt, phones in said.items()}
    heard |= {"s0-en": [], "s1-en": ["a", "b", "x", "c"], "s2-fr": ["u", "u", "y", "y"]}
    write_transcripts(tmp_path / "heard", heard)
    assert read_transcripts(tmp_path / "heard") == heard
    parts = {"unseen": (test, tmp_path / "heard")}
    metrics = evaluate_phones(parts, tmp_path / "exp", train)
    assert json.loads((tmp_path / "exp/metrics.json").read_text()) == metrics
    assert evaluate_phones(parts, tmp_path / "exp", train) == metrics
    en, fr, all_ = (metrics["parts"]["unseen"]["languages"][name] for name in ("en", "fr", "all"))
    assert en["phone_error_rate"]["value"] == 5 / 24 and fr["phone_error_rate"]["value"] == 1 / 18
    assert all_["phone_error_rate"]["value"] == 6 / 42
    assert [all_[name] for name in ("substitutions", "deletions", "insertions")] == [1 / 42, 4 / 42, 1 / 42]
    assert 0 <= en["phone_error_rate"]["low"] < 5 / 24 < en["phone_error_rate"]["high"]
    assert en["baseline_phone_error_rate"] == 0.5 and fr["baseline_phone_error_rate"] == 1 / 3  # a a a a; u u u
    assert (en["speakers"], en["resampled"], all_["utterances"]) == (6, "speakers", 12)
    assert "unseen  fr" in table(metrics) and "5.56" in table(metrics)


def test_intervals_are_those_of_resampled_speakers(data, tmp_path):
    """Half of six speakers are never understood: as uncertain as six, not as twelve utterances."""
    train, said = data("train")
    heard = {utt: [] if utt[1] in "012" else phones.split() for utt, phones in said.items()}
    write_transcripts(tmp_path / "heard", heard)
    metrics = evaluate_phones({"seen": (train, tmp_path / "heard")}, tmp_path, train)
    rate = metrics["parts"]["seen"]["languages"]["all"]["phone_error_rate"]
    assert rate["value"] == 0.5 and rate["low"] < 0.2 and rate["high"] > 0.8


def test_what_cannot_be_measured_is_refused(data, tmp_path):
    train, said = data("train")
    write_transcripts(tmp_path / "heard", {utt: ["a"] for utt in said if utt != "s3-en"})
    with refused(tmp_path / "heard", train, "(s3-en)", "steps/recognise_phones.sh"):
        evaluate_phones({"seen": (train, tmp_path / "heard")}, tmp_path, train)
    test, _ = data("test")
    write_table(test / "utt2lang", dict.fromkeys(said, "de"))
    write_transcripts(tmp_path / "heard", said)
    with refused(test / "utt2lang", " de "):
        evaluate_phones({"unseen": (test, tmp_path / "heard")}, tmp_path, train)
    (tmp_path / "twice").write_text("a-1 t\na-1 t\n")
    with refused(tmp_path / "twice:2", "'a-1'"):
        read_transcripts(tmp_path / "twice")
