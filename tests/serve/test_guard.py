"""No other site can use the server, and no GET changes anything."""

from __future__ import annotations

import json
import re

import pytest

from .conftest import voice, wav

FORGET = json.dumps({"name": "voice 1"}).encode()
CHANGE = {"Content_Type": "application/json"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example:8000"},
        {"Host": "127.0.0.1:8001"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1.evil.example:8000"},
        {"Host": ""},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:8001"},
        {"Origin": "https://127.0.0.1:8000"},
        {"Origin": "http://localhost:8000"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"X_Timbre": None},
        {"X_Timbre": "0"},
    ],
)
def test_a_change_from_elsewhere_is_forbidden(ask, folder, headers):
    before = (folder / "people.json").read_bytes()
    answer = ask("POST", "/api/forget", FORGET, **CHANGE, **headers)
    assert answer.status_code == 403 and answer.json["error"]
    assert ask("POST", "/api/identify", wav(voice(1, 1)), **headers).status_code == 403
    assert (folder / "people.json").read_bytes() == before


def test_its_own_page_may_ask(ask, folder):
    own = {"Origin": "http://localhost:8000", "Host": "localhost:8000", "Sec_Fetch_Site": "same-origin"}
    assert ask("POST", "/api/forget", FORGET, **CHANGE, **own).status_code == 200
    assert "voice 1" not in (folder / "people.json").read_text()


def test_reading_is_for_its_own_page_too(ask):
    assert ask("GET", "/api/people", Host="rebound.example:8000").status_code == 403
    assert ask("GET", "/api/people", Sec_Fetch_Site="cross-site").status_code == 403
    assert ask("GET", "/", Sec_Fetch_Site="cross-site", X_Timbre=None).status_code == 200  # a link to the page
    assert ask("GET", "/", Host="rebound.example:8000").status_code == 403


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_only_a_post_changes_anything(ask, folder, method):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    for path in ("/api/identify", "/api/enrol?name=eve", "/api/forget?name=voice%201"):
        answer = ask(method, path, wav(voice(1, 1)))
        assert answer.status_code == 405 and answer.headers["Allow"] == "POST"
    for path in ("/", "/api/people"):
        assert ask(method, path).status_code == (200 if method in ("GET", "HEAD") else 405)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("path", ["/", "/api/people", "/none"])
def test_every_answer_is_closed_to_other_pages(ask, path):
    answer = ask("GET", path)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff" and answer.headers["Cache-Control"] == "no-store"
    assert not [name for name, _ in answer.headers if name.lower().startswith("access-control")]


def test_the_page_is_one_file_and_trusts_no_text(ask):
    page = ask("GET", "/").text
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)|//cdn|@import|\burl\(", page)
    assert not re.findall(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|\son\w+=|\sstyle=", page
    )
    assert page.count("<script") == page.count("<style") == 1
