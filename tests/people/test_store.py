"""People on disk: whole or not at all, for their user alone, and nothing left of who is forgotten."""

from __future__ import annotations

import json
import shutil
from multiprocessing import get_context

import numpy as np
import pytest
from messages import refused

from timbre.people.store import Enrolled, Recording, changing, forget, read_people, require_name, write_people

NAMES = ["alice", "../../etc/passwd", "Łucja Nowak", "O'Brien; rm -rf /", "李 雷", '"x"\\']


def row(seed):
    return np.random.default_rng(seed).standard_normal(4).astype(np.float32)


def add(folder, name, seed):
    with changing(folder):
        before = read_people(folder) or Enrolled("hash", "/model")
        write_people(folder, before.with_recordings({name: [(Recording(2.0, 1.5), row(seed))]}))


def test_any_text_is_a_name_and_never_a_path(tmp_path):
    folder = tmp_path / "people"
    for seed, name in enumerate(NAMES):
        add(folder, name, seed)
    add(folder, NAMES[0], 99)
    shutil.copytree(folder, tmp_path / "copy")
    there = read_people(tmp_path / "copy")
    assert list(there.people) == NAMES and there.counts.tolist() == [2, 1, 1, 1, 1, 1]
    np.testing.assert_allclose(there.means[0], (row(0) + row(99)) / 2)
    np.testing.assert_array_equal(there.embeddings[there.of(NAMES[3])], row(3)[None])
    assert sorted(path.name[:10] for path in folder.iterdir()) == [".lock", "embeddings", "people.jso"]
    assert {path.name for path in tmp_path.iterdir()} == {"people", "copy"}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_nothing_is_left_of_who_is_forgotten(tmp_path):
    for seed, name in enumerate(("alice", "bob")):
        add(tmp_path, name, seed)
    forget(tmp_path, "alice")
    assert list(read_people(tmp_path).people) == ["bob"]
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"alice" not in left and row(0).tobytes() not in left and row(1).tobytes() in left
    with refused("'alic'", "not enrolled"):
        forget(tmp_path, "alic")
    forget(tmp_path, "bob")
    assert not read_people(tmp_path).people and row(1).tobytes() not in b"".join(
        path.read_bytes() for path in tmp_path.iterdir()
    )


def _add_many(folder, first):
    for seed in range(first, first + 10):
        add(folder, f"person {seed}", seed)


def test_two_processes_lose_nothing(tmp_path):
    context = get_context("spawn")
    workers = [context.Process(target=_add_many, args=(tmp_path, first)) for first in (0, 10)]
    for worker in workers:
        worker.start()
    while any(worker.is_alive() for worker in workers):
        read_people(tmp_path)  # a reader sees all of a change or nothing
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    there = read_people(tmp_path)
    assert set(there.people) == {f"person {seed}" for seed in range(20)}
    for seed in range(20):
        np.testing.assert_array_equal(there.embeddings[there.of(f"person {seed}")], row(seed)[None])


def test_what_is_damaged_is_refused(tmp_path):
    add(tmp_path, "alice", 0)
    path = tmp_path / "people.json"
    whole = path.read_text()
    for damaged in (
        whole[:50],
        "[]",
        whole.replace("alice", "\\u0007"),
        whole.replace('"seconds": 2.0', '"seconds": "x"'),
    ):
        path.write_text(damaged)
        with refused(path):
            read_people(tmp_path)
    path.write_text(whole)
    ark = next(tmp_path.glob("*.ark"))
    ark.write_bytes(ark.read_bytes()[:-4] + b"abcd")
    with refused(ark, path):
        read_people(tmp_path)
    path.write_text(json.dumps(json.loads(whole) | {"embeddings": "../x.ark"}))
    with refused(path):
        read_people(tmp_path)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "\x07", "\u200b"])
def test_what_nobody_could_read_is_no_name(name):
    with refused("a name"):
        require_name(name)
