"""The worst errors: those of a plain sort, on the page with players of the right audio, within a size."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from messages import refused

from timbre.__main__ import main
from timbre.kaldi.datadir import DataDir
from timbre.kaldi.text import write_table
from timbre.kaldi.trials import Trials, write_scores, write_trials
from timbre.report.html import write_report
from timbre.report.players import Players, encode
from timbre.scoring.classification import evaluate_classes
from timbre.scoring.evaluation import evaluate
from timbre.scoring.posteriors import Posteriors

NAMES = np.array([f"s{s}-u{u}" for s in range(6) for u in range(4)])
SECONDS, RATE = 0.4, 16000


@pytest.fixture
def recipe(tmp_path, monkeypatch) -> SimpleNamespace:
    """Utterances as segments of one recording, of a tone each, of 300, 350 … Hz, and trials of all their pairs."""
    monkeypatch.chdir(tmp_path)
    write_table("data/utt2spk", {name: name[:2] for name in NAMES})
    place = {name: SECONDS * number for number, name in enumerate(NAMES)}
    write_table("data/segments", {name: f"all {start:.1f} {start + SECONDS:.1f}" for name, start in place.items()})
    write_table("data/wav.scp", {"all": "all.wav"})
    tone = {name: 300 + 50 * number for number, name in enumerate(NAMES)}
    times = np.arange(int(SECONDS * RATE)) / RATE
    soundfile.write(
        "all.wav", np.concatenate([np.sin(2 * np.pi * hertz * times) / 2 for hertz in tone.values()]), RATE
    )
    first, second = np.triu_indices(len(NAMES), 1)
    trials = Trials(NAMES[first], NAMES[second], first // 4 == second // 4)
    scores = np.round(np.random.default_rng(0).normal(size=len(first)) + trials.target, 1)  # with ties
    write_trials("trials", trials)
    write_scores("scores", trials.enrol, trials.test, scores)
    return SimpleNamespace(trials=trials, scores=scores, tone=tone)


def hertz_of(source: str) -> float:
    """The strongest frequency of a player's audio."""
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(source.partition("base64,")[2])))
    return float(np.abs(np.fft.rfft(samples, rate)).argmax())


def test_worst_trials_are_those_of_a_plain_sort_and_their_players_play_them(recipe):
    metrics = evaluate("data", "trials", {"x": "scores"}, "exp", count=20)
    threshold = metrics["systems"]["x"]["threshold"]
    rows = [*zip(recipe.trials.enrol, recipe.trials.test, recipe.trials.target, recipe.scores, strict=True)]
    accepts = sorted((row for row in rows if not row[2] and row[3] >= threshold), key=lambda row: -row[3])
    rejects = sorted((row for row in rows if row[2] and row[3] < threshold), key=lambda row: row[3])
    assert len(accepts) > 10 and rejects
    for kind, wanted in (("false_accepts", accepts[:10]), ("false_rejects", rejects[:10])):
        found = metrics["worst"][kind]
        assert [(row["enrol"], row["test"], row["score"]) for row in found] == [(a, b, s) for a, b, _, s in wanted]
        assert all(row["speakers"] == [row["enrol"][:2], row["test"][:2]] for row in found)
    assert "<audio" not in write_report("exp").read_text()
    main(["make-report", "--audio", "exp"])
    html = Path("exp/report.html").read_text()
    assert f"{accepts[0][3] - threshold:+.3g}" in html and "Worst false rejects" in html
    players = re.findall('<audio [^>]*aria-label="([^"]+)" src="([^"]+)"', html)
    assert [name for name, _ in players] == [name for row in accepts[:10] + rejects[:10] for name in row[:2]]
    for name, source in players[::5]:
        assert hertz_of(source) == pytest.approx(recipe.tone[name], abs=3)


def test_worst_confusions_are_the_most_probable_wrong_classes(recipe):
    matrix = np.random.default_rng(1).dirichlet(np.ones(3), len(NAMES)).astype(np.float32)
    truth = dict(zip(NAMES.tolist(), ["b", "a", "c"] * 8, strict=True))
    write_table("data/utt2emotion", truth)
    Posteriors(NAMES.tolist(), ["c", "a", "b"], matrix).write("posteriors")
    found = evaluate_classes("data", {"x": "posteriors"}, "exp", "utt2emotion", count=20)["worst"]
    taken = [(name, "cab"[row.argmax()], row.max()) for name, row in zip(NAMES, matrix, strict=True)]
    wanted = sorted((row for row in taken if row[1] != truth[row[0]]), key=lambda row: -row[2])[:10]
    assert [(row["utterance"], row["taken_for"], row["probability"]) for row in found] == wanted
    assert all(row["truth"] == truth[row["utterance"]] for row in found)
    assert found[0]["of_truth"] == matrix[NAMES.tolist().index(wanted[0][0])]["cab".index(found[0]["truth"])]
    html = write_report("exp", audio=True).read_text()
    assert re.findall('<audio [^>]*aria-label="([^"]+)"', html) == [row[0] for row in wanted]
    path = Path("exp/metrics.json")
    metrics = json.loads(path.read_text())
    del metrics["worst"]  # measured before there was any
    path.write_text(json.dumps(metrics))
    assert "Worst confusions" not in write_report("exp", audio=True).read_text()


def test_players_stay_within_their_size_and_ten_seconds(recipe, monkeypatch):
    one = len(Players().player("data", "s0-u0"))
    few = Players(limit=3 * one)
    made = [few.player("data", name) for name in NAMES]
    assert 2 <= sum(map(bool, made)) < 4 and few.used <= few.limit and few.left_out == made.count("")
    write_table("data/enrol", {"m": "s3-u2 s3-u3"})
    assert 'aria-label="s3-u2"' in Players().player("data", "m", enrol=True)
    DataDir("data").write("segments", {"s0-u0": "all 0 -1", "s0-u1": "all 1 11.5"})
    soundfile.write("all.wav", np.tile(np.sin(np.arange(2205) * 0.1), 250), 22050)  # 25 s
    for name in ("s0-u0", "s0-u1"):
        source = re.search('src="([^"]+)"', Players().player("data", name))[1]
        samples, rate = soundfile.read(io.BytesIO(base64.b64decode(source.partition("base64,")[2])))
        assert rate == 16000 and len(samples) == 10 * rate
    assert soundfile.info(io.BytesIO(encode(np.zeros(4800), 48000))).samplerate == 24000


def test_audio_that_is_not_there_is_refused_by_name(recipe):
    with refused("data/wav.scp", "'all'", "--audio"):
        write_table("data/wav.scp", {"other": "all.wav"})
        Players().player("data", "s0-u0")
    with refused("data/wav.scp", "'cat all.wav |'", "command"):
        write_table("data/wav.scp", {"all": "cat all.wav |"})
        Players().player("data", "s0-u0")
