"""Downloads against a server on this machine: broken off and resumed, refused when wrong, unpacked safely."""

from __future__ import annotations

import hashlib
import http.server
import io
import tarfile
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from messages import refused

from timbre.corpora import download as module
from timbre.corpora.download import Archive, download


def tar(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


NOISE = np.random.default_rng(0).bytes(200_000)  # does not compress
GOOD = tar({"corpus/README": b"here", "corpus/wav/a.wav": NOISE})


class Server(http.server.ThreadingHTTPServer):
    """Serves ``content``; the first ``breaks`` answers end after half of what was asked for."""

    content = GOOD
    breaks = 0
    ranges = True
    status = 0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str | None] = []
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        asked = self.headers["Range"]
        server.asked.append(asked)
        if server.status:
            self.send_error(server.status)
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and server.ranges else 0
        body = server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if server.breaks:
            server.breaks -= 1
            body = body[: len(body) // 2]
        self.wfile.write(body)

    def log_message(self, *_) -> None:
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(module, "_WAIT", 0.0)
    monkeypatch.setattr(module, "_BLOCK", 1 << 12)
    monkeypatch.setenv("no_proxy", "*")
    server = Server()
    yield server
    server.shutdown()
    server.server_close()


def archive(server: Server, content: bytes = GOOD) -> Archive:
    server.content = content
    url = f"http://127.0.0.1:{server.server_port}/corpus.tar.gz"
    return Archive(url, len(content), 1_000_000, "corpus", hashlib.sha256(content).hexdigest())


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_fetched_unpacked_and_not_fetched_again(server, tmp_path):
    wanted = archive(server)
    corpus = download(wanted, tmp_path)
    assert corpus == tmp_path / "corpus"
    assert (corpus / "wav/a.wav").read_bytes() == NOISE
    assert (tmp_path / "corpus.sha256").read_text() == f"{wanted.sha256}  corpus.tar.gz\n"
    assert files(tmp_path) == {"corpus", "corpus.sha256"}
    download(wanted, tmp_path)
    assert server.asked == [None]


def test_a_broken_transfer_is_resumed(server, tmp_path):
    server.breaks = 2
    corpus = download(archive(server), tmp_path)
    half = len(GOOD) // 2
    assert server.asked == [None, f"bytes={half}-", f"bytes={half + (len(GOOD) - half) // 2}-"]
    assert (corpus / "wav/a.wav").read_bytes() == NOISE


def test_a_later_run_goes_on_where_the_first_one_gave_up(server, tmp_path):
    server.breaks = 5
    with refused("/corpus.tar.gz", "5 attempts", tmp_path / "corpus.tar.gz.part"):
        download(archive(server), tmp_path)
    assert files(tmp_path) == {"corpus.tar.gz.part"}
    have = (tmp_path / "corpus.tar.gz.part").stat().st_size
    download(archive(server), tmp_path)
    assert server.asked[-1] == f"bytes={have}-"
    assert files(tmp_path) == {"corpus", "corpus.sha256"}


def test_a_server_without_ranges_starts_over(server, tmp_path):
    server.breaks, server.ranges = 1, False
    corpus = download(archive(server), tmp_path)
    assert (corpus / "wav/a.wav").read_bytes() == NOISE


def test_a_page_that_is_not_there_is_not_asked_for_again(server, tmp_path):
    server.status = 404
    with refused("/corpus.tar.gz", "404"):
        download(archive(server), tmp_path)
    assert len(server.asked) == 1


def test_wrong_checksum_and_size_are_refused(server, tmp_path):
    wanted = archive(server)
    with refused("/corpus.tar.gz", "SHA-256", wanted.sha256, "0" * 64):
        download(replace(wanted, sha256="0" * 64), tmp_path)
    assert files(tmp_path) == set()
    with refused("/corpus.tar.gz", "MD5", hashlib.md5(GOOD).hexdigest(), "0" * 32):
        download(replace(wanted, sha256=None, md5="0" * 32), tmp_path)
    assert files(tmp_path) == set()
    with refused("/corpus.tar.gz", f"{len(GOOD)} bytes", len(GOOD) - 1):
        download(replace(wanted, size=len(GOOD) - 1), tmp_path)
    assert files(tmp_path) == set()


def test_without_a_checksum_gzip_finds_what_changed(server, tmp_path):
    """The last bytes but the length are gzip's own checksum, which a reader of tar members never comes to."""
    damaged = GOOD[:-8] + bytes([GOOD[-8] ^ 1]) + GOOD[-7:]
    with refused(tmp_path / "corpus.tar.gz.part", "CRC", "download again"):
        download(replace(archive(server, damaged), sha256=None), tmp_path)
    assert files(tmp_path) == {"corpus.tar.gz.part"}


@pytest.mark.parametrize("name", ["../outside", "corpus/../../outside"])
def test_a_member_that_leads_outside_is_refused(server, tmp_path, name):
    directory = tmp_path / "corpora"
    with refused("corpus.tar.gz.part", f"'{name}'"):
        download(archive(server, tar({"corpus/README": b"", name: b"bad"})), directory)
    assert files(tmp_path) == {"corpora"}
    assert files(directory) == {"corpus.tar.gz.part"}


def test_an_archive_of_something_else_is_refused(server, tmp_path):
    with refused("corpus.tar.gz.part", "'corpus'"):
        download(archive(server, tar({"other/README": b""})), tmp_path)
    assert files(tmp_path) == {"corpus.tar.gz.part"}


def test_too_little_space_is_said_before_the_transfer(server, tmp_path):
    with refused(tmp_path, "/corpus.tar.gz", "1000000000.0 GB", "--dir"):
        download(replace(archive(server), unpacked=10**18), tmp_path)
    assert server.asked == []


def test_a_link_is_refused(server, tmp_path):
    folder = io.BytesIO()
    with tarfile.open(fileobj=folder, mode="w:gz") as tar:
        link = tarfile.TarInfo("corpus/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with refused("corpus.tar.gz.part", "'corpus/link'"):
        download(archive(server, folder.getvalue()), tmp_path)


INNER = {f"corpus/wav/S{i}.tar.gz": tar({f"train/S{i}/{i}.wav": bytes([i])}) for i in (1, 2)}


def test_archives_inside_are_unpacked_where_they_lie(server, tmp_path):
    wanted = replace(archive(server, tar(INNER)), inner="wav/*.tar.gz")
    corpus = download(wanted, tmp_path)
    assert {str(path.relative_to(corpus)) for path in corpus.rglob("*.*")} == {
        "wav/train/S1/1.wav",
        "wav/train/S2/2.wav",
    }


def test_unpacking_goes_on_where_it_was_interrupted(server, tmp_path):
    """A damaged inner archive stays, and what was unpacked before it is not done again."""
    damaged = INNER | {"corpus/wav/S2.tar.gz": INNER["corpus/wav/S2.tar.gz"][:-20]}
    wanted = replace(archive(server, tar(damaged)), inner="wav/*.tar.gz")
    with refused("wav/S2.tar.gz", "download again"):
        download(wanted, tmp_path)
    assert files(tmp_path / "corpus/wav") == {"train", "S2.tar.gz"}
    (tmp_path / "corpus/wav/S2.tar.gz").write_bytes(INNER["corpus/wav/S2.tar.gz"])
    download(wanted, tmp_path)
    assert (tmp_path / "corpus/wav/train/S2/2.wav").read_bytes() == bytes([2])
    assert files(tmp_path / "corpus/wav") == {"train"}
    assert len(server.asked) == 1


def test_an_inner_archive_cannot_write_outside(server, tmp_path):
    wanted = replace(archive(server, tar({"corpus/a.tar.gz": tar({"../../bad": b"x"})})), inner="*.tar.gz")
    with refused("corpus/a.tar.gz", "'../../bad'"):
        download(wanted, tmp_path)
    assert not list(tmp_path.rglob("bad"))
