"""What the page can ask: answers as the library's, errors with their status, and nothing left behind."""

from __future__ import annotations

import json
import tempfile
import threading

import numpy as np
import pytest
from messages import names

import timbre
from timbre.kaldi import audio

from .conftest import RATE, voice, wav

SPEECH = wav(voice(2, 7))


def test_an_answer_is_that_of_the_library(ask, folder, exp, own):
    found = ask("POST", "/api/identify", SPEECH).json
    people = timbre.People(folder, exp, calibration=own)
    samples, _ = audio.decode(SPEECH, "x")
    expected = people.identify(samples[:, 0], RATE, top=4, false_accepts=0.05)
    assert found["name"] == expected.name and found["unknown"] == pytest.approx(expected.unknown)
    assert [one["name"] for one in found["candidates"]] == [one.name for one in expected.candidates]
    assert found["candidates"][0]["name"] == "voice 2" and found["people"] == 4 and found["cohort"] is None
    assert found["rule"]["threshold"] == pytest.approx(expected.rule.threshold)
    assert found["quality"]["seconds"] == 1.5 and not found["notes"]
    shown = ask("GET", "/api/people").json
    assert [one["name"] for one in shown["people"]] == people.names and shown["calibrated"]


def test_with_a_cohort_the_scores_against_it_are_counted(folder, exp, tmp_path):
    from werkzeug.test import Client

    from timbre.serve.app import App

    from .conftest import OWN, PORT

    others = timbre.People(tmp_path / "cohort", exp)
    others.enrol_many([(f"other {s}", voice(s, 0)) for s in range(70, 78)], RATE)
    app = App(timbre.People(folder, exp, cohort=tmp_path / "cohort"), PORT)
    found = Client(app).post("/api/identify", data=SPEECH, headers=OWN).json
    cohort = found["cohort"]
    assert sum(cohort["counts"]) == cohort["size"] == 8 and cohort["nearest"][0]["name"] == "voice 2"
    model = timbre.load(exp)
    rows = [model.embed(voice(s, 0), RATE) for s in range(70, 78)] + [model.embed(voice(2, 7), RATE)]
    unit = np.stack(rows) - model.backend["mean"].numpy()
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    counts, _ = np.histogram(unit[:8] @ unit[8], cohort["edges"])
    np.testing.assert_allclose(counts, cohort["counts"], atol=1)
    assert found["rule"] is None and found["name"] is None  # cosine+asnorm has no calibration here


@pytest.mark.parametrize("name", ["Łucja <b>Nowak</b>", "../../etc/passwd", "'; rm -rf /", "李 雷"])
def test_people_come_and_go(ask, folder, name):
    answer = ask("POST", f"/api/enrol?{_query(name)}", wav(voice(9, 0)))
    assert answer.status_code == 200 and answer.json["name"] == name and answer.json["recordings"] == 1
    assert name in [one["name"] for one in ask("GET", "/api/people").json["people"]]
    assert ask("POST", "/api/identify", wav(voice(9, 1))).json["candidates"][0]["name"] == name
    forgotten = ask("POST", "/api/forget", json.dumps({"name": name}).encode(), Content_Type="application/json")
    assert forgotten.status_code == 200 and name not in (folder / "people.json").read_text()


def _query(name):
    from urllib.parse import urlencode

    return urlencode({"name": name})


def test_audio_is_never_written(ask, folder, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a temporary file")

    for each in ("TemporaryFile", "NamedTemporaryFile", "SpooledTemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, each, refuse)
    long = wav(np.tile(voice(2, 7), 30))
    assert len(long) > 1_000_000
    assert ask("POST", "/api/identify", long).status_code == 200
    assert {path.name[:10] for path in folder.iterdir()} == {".lock", "people.jso", "embeddings"}


def test_other_rates_and_channels_are_taken_and_said(ask):
    both = np.stack([voice(2, 7), voice(2, 7)], axis=1)
    found = ask("POST", "/api/identify", wav(both, 48000, "FLAC"), Content_Type="application/octet-stream").json
    assert names(" ".join(found["notes"]), "2 channels", "48000 Hz", "16000 Hz")


SMALL = {"body": 100_000, "seconds": 2.0}


@pytest.mark.parametrize(
    ("status", "path", "data", "headers", "said"),
    [
        (400, "/api/identify", b"", {}, "empty"),
        (400, "/api/identify", b"hello, this is no audio", {}, "not readable as audio"),
        (400, "/api/identify", SPEECH[:-2000], {}, "truncated"),
        (400, "/api/identify", wav(np.zeros(16000)), {}, "zero"),
        (400, "/api/identify", wav(voice(1, 1)[:100]), {}, "100 samples"),
        (400, "/api/identify", wav(voice(1, 1, 2.5)), {}, "2.5 s"),
        (400, "/api/identify", wav(np.zeros(30_000), 8000, "FLAC"), {}, "3.8 s"),
        (400, "/api/identify", wav(np.full((9000, 8), 0.1), 96000, "FLAC"), {}, "384,000"),
        (413, "/api/identify", bytes(100_001), {}, "100,000"),
        (415, "/api/identify", b"\x1a\x45\xdf\xa3" + bytes(99), {}, "webm"),
        (415, "/api/identify", b"x", {"Content_Type": "text/plain"}, "audio/wav"),
        (415, "/api/identify", b"x", {"Content_Type": "multipart/form-data; boundary=x"}, "audio/wav"),
        (415, "/api/identify", b"x", {"Content_Type": None}, "audio/wav"),
        (400, "/api/enrol", SPEECH, {}, "name"),
        (400, "/api/enrol?name=%0A", SPEECH, {}, "name"),
        (400, f"/api/enrol?name={'x' * 201}", SPEECH, {}, "200"),
        (404, "/api/forget", b'{"name": "bob"}', {"Content_Type": "application/json"}, "bob"),
        (400, "/api/forget", b'{"name": 1}', {"Content_Type": "application/json"}, "name"),
        (400, "/api/forget", b"[" * 9999, {"Content_Type": "application/json"}, "body"),
        (413, "/api/forget", b" " * 20_000, {"Content_Type": "application/json"}, "16,384"),
        (415, "/api/forget", b'{"name": "voice 1"}', {"Content_Type": "text/plain"}, "application/json"),
        (404, "/api/other", b"", {}, "/api/other"),
        (404, "/../../etc/passwd", b"", {}, "passwd"),
    ],
)
def test_bad_requests_have_their_status_and_reason(ask, folder, status, path, data, headers, said):
    before = (folder / "people.json").read_bytes()
    answer = ask("POST", path, data, limits=SMALL, **headers)
    assert answer.status_code == status and names(answer.json["error"], said)
    assert answer.content_type == "application/json" and (folder / "people.json").read_bytes() == before


def test_nobody_is_enrolled_and_another_process_is_noticed(ask, folder):
    for number in range(4):
        timbre.people.store.forget(folder, f"voice {number}")
    assert ask("GET", "/api/people").json["people"] == []
    assert ask("POST", "/api/identify", SPEECH).status_code == 409


def test_a_defect_is_no_traceback_for_the_page(make_app, monkeypatch, capsys):
    from werkzeug.test import Client

    from .conftest import OWN

    app = make_app()
    monkeypatch.setattr(app._recognition, "identify", lambda data: 1 / 0)
    for _ in range(2):
        answer = Client(app).post("/api/identify", data=SPEECH, headers=OWN)
        assert answer.status_code == 500 and names(answer.json["error"], "defect") and "Zero" not in answer.text
    assert capsys.readouterr().err.count("ZeroDivisionError") == 1


def test_the_line_is_short_and_does_not_wait_for_ever(make_app):
    from werkzeug.test import Client

    from .conftest import OWN

    app = make_app(line=2, wait=0.3, soon=0.05)
    inside, done = threading.Event(), threading.Event()

    def hold():
        inside.set()
        return done.wait(5)

    holder = threading.Thread(target=lambda: app._turns.run(hold))
    holder.start()
    inside.wait(5)
    late = []
    waiter = threading.Thread(target=lambda: late.append(Client(app).get("/api/people", headers=OWN)))
    waiter.start()
    while app._turns._places._value:
        pass
    early = Client(app).get("/api/people", headers=OWN)
    waiter.join()
    done.set()
    holder.join()
    assert (early.status_code, late[0].status_code) == (429, 503)
    assert early.headers["Retry-After"] == late[0].headers["Retry-After"] == "1"
    assert Client(app).get("/api/people", headers=OWN).status_code == 200
