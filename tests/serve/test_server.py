"""The server on a real socket: bounds, and a hundred bad and a hundred good requests at once."""

from __future__ import annotations

import http.client
import json
import socket
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from messages import names, refused

from timbre.__main__ import main
from timbre.serve.server import listen, make_server

from .conftest import voice, wav

BAD = [  # method, path, body, headers that are other ones; status
    ("POST", "/api/identify", b"no audio", {}, 400),
    ("POST", "/api/identify", b"RIFF\xff\xff\xff\xffWAVEfmt ", {}, 400),
    ("POST", "/api/identify", bytes(400_000), {}, 413),
    ("POST", "/api/identify", bytes(600_000), {}, 413),
    ("POST", "/api/forget", b'{"name": "nobody"}', {"Content-Type": "application/json"}, 404),
    ("POST", "/api/forget", b"{", {"Content-Type": "application/json"}, 400),
    ("POST", "/api/identify", b"x", {"Content-Type": "text/plain"}, 415),
    ("POST", "/api/identify", b"x", {"Origin": "http://evil.example"}, 403),
    ("GET", "/api/forget", b"", {}, 405),
    ("GET", "/api/people", b"", {"Host": "evil.example"}, 403),
]


@pytest.fixture
def port(make_app):
    """A server with small limits, in a thread."""
    at = listen(0)
    number = at.getsockname()[1]
    server = make_server(make_app(number, body=300_000, receive=1, idle=2), at)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield number
    server.close()
    server.task_dispatcher.shutdown()
    thread.join(5)


def send(port, method, path, body, headers):
    """The status, and the body read as JSON; who is told to come again does."""
    given = {"Content-Type": "audio/wav", "X-Timbre": "1", **headers}
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request(method, path, body, given)
            answer = connection.getresponse()
            said = json.loads(answer.read())
        except (BrokenPipeError, ConnectionResetError):  # it refuses before all of a body is there
            return 413, {}
        finally:
            connection.close()
        if answer.status != 429:
            return answer.status, said
        assert answer.headers["Retry-After"] == "1"
        time.sleep(0.2)


def test_a_hundred_bad_and_a_hundred_good_requests_at_once(port, folder, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a temporary file")

    for each in ("TemporaryFile", "NamedTemporaryFile", "SpooledTemporaryFile", "mkstemp"):
        monkeypatch.setattr(tempfile, each, refuse)
    before = (folder / "people.json").read_bytes()
    good = [("POST", "/api/identify", wav(voice(k % 4, 7)), {}, 200) for k in range(100)]
    asked = [each for pair in zip(good, BAD * 10, strict=True) for each in pair]
    gate = threading.Barrier(len(asked))

    def run(each):
        gate.wait(30)
        return send(port, *each[:4])

    with ThreadPoolExecutor(len(asked)) as pool:
        answers = list(pool.map(run, asked))
    assert [status for status, _ in answers] == [each[4] for each in asked]
    nearest = [said["candidates"][0]["name"] for status, said in answers if status == 200]
    assert nearest == [f"voice {k % 4}" for k in range(100)]
    assert send(port, "GET", "/api/people", None, {})[0] == 200
    assert (folder / "people.json").read_bytes() == before


def test_what_trickles_and_what_is_no_http_is_sent_away(port):
    ended = pytest.raises((BrokenPipeError, ConnectionResetError))
    with socket.create_connection(("127.0.0.1", port), timeout=10) as slow, ended:
        for _ in range(40):
            slow.sendall(b"G")
            time.sleep(0.1)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as odd:
        odd.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        assert b" 4" in odd.recv(4096).split(b"\r\n")[0]
    status, said = send(port, "GET", "/" + "x" * 20_000, None, {})
    assert status in (414, 431) and said["error"]
    assert send(port, "GET", "/api/people", None, {})[0] == 200


def test_only_this_machine_can_reach_it():
    with listen(0) as at:
        assert at.getsockname()[0] == "127.0.0.1"


def test_a_port_that_is_taken_and_a_library_that_is_missing_are_named(port, exp, folder, monkeypatch, capsys):
    with refused(f"--port {port}"):
        listen(port)
    with refused("--port 70000"):
        listen(70000)
    monkeypatch.setattr("timbre.stages.serve.find_spec", lambda name: None)
    with pytest.raises(SystemExit):
        main(["serve", "--model", str(exp), "--people", str(folder)])
    assert names(capsys.readouterr().err, "pip install", "timbre[serve]", "waitress")
