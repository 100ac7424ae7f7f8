"""Files that appear whole or not at all, alone and together; what the system's refusals say."""

from __future__ import annotations

import errno
import os

import pytest
from messages import names, refused

from timbre.errors import MachineError, TimbreError, doing, machine_fault
from timbre.kaldi import atomic
from timbre.kaldi.atomic import atomic_write, remove, together
from timbre.kaldi.policy import BadAudio


def files(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def put(path, text):
    with atomic_write(path) as file:
        file.write(text)


def test_files_that_belong_together_are_all_replaced_or_none(tmp_path, monkeypatch):
    for name in ("a", "b", "c"):
        put(tmp_path / name, "old")
    rename, before = os.replace, files(tmp_path)

    def third_fails(source, target):
        if str(target).endswith("d"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        rename(source, target)

    def change():
        with together():
            put(tmp_path / "a", "new")
            remove(tmp_path / "b")
            put(tmp_path / "d", "new")
            put(tmp_path / "c", "new")
            assert files(tmp_path)["a"] == "old"

    with monkeypatch.context() as patch:
        patch.setattr(atomic.os, "replace", third_fails)
        with refused(f"{tmp_path}/d", "No space left", error=MachineError):
            change()
    assert files(tmp_path) == before
    change()
    assert files(tmp_path) == {"a": "new", "c": "new", "d": "new"}


def test_a_file_system_without_hard_links_will_do(tmp_path, monkeypatch):
    put(tmp_path / "a", "old")

    def unknown(*_, **__):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(atomic.os, "link", unknown)
    with together():
        put(tmp_path / "a", "new")
        put(tmp_path / "b", "new")
    assert files(tmp_path) == {"a": "new", "b": "new"}


def test_an_error_inside_leaves_what_was_there(tmp_path):
    put(tmp_path / "a", "old")
    with pytest.raises(ZeroDivisionError), together():
        put(tmp_path / "a", "new")
        put(tmp_path / "b", f"{1 / 0}")
    assert files(tmp_path) == {"a": "old"}


def test_the_file_that_cannot_be_read_is_named_not_the_one_to_be_written(tmp_path):
    with pytest.raises(FileNotFoundError, match="gone"), atomic_write(tmp_path / "out") as file:
        file.write((tmp_path / "gone").read_text())
    assert files(tmp_path) == {}


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, errno.EACCES, errno.EROFS, errno.EMFILE, errno.EFBIG, errno.EDQUOT]
)
def test_a_refusal_names_file_cause_and_mend(tmp_path, monkeypatch, number):
    def refuse(_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(atomic.os, "fsync", refuse)
    with refused(f"{tmp_path}/x: ", os.strerror(number), "run the same command again", error=MachineError):
        put(tmp_path / "x", "text")


def test_what_stands_in_the_way_is_said(tmp_path):
    put(tmp_path / "file", "text")
    with refused(tmp_path / "file/x", f"{tmp_path}/file: File exists", "rename"):
        put(tmp_path / "file/x", "text")
    (tmp_path / "folder/inside").mkdir(parents=True)
    with refused(tmp_path / "folder", "Is a directory", "rename"):
        put(tmp_path / "folder", "text")
    with refused("File name too long", "shorter"):
        put(tmp_path / ("x" * 250), "text")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


MEMORY = [
    (MemoryError(), ()),
    (MemoryError("Unable to allocate 29.1 GiB for an array with shape (1, 2)"), ("29.1 GiB",)),
    (
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried "
            "to allocate 29000000000 bytes. Error code 12 (Cannot allocate memory)"
        ),
        ("29000000000 bytes",),
    ),
    (RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has"), ("20.00 MiB", "GPU")),
]


def test_a_library_that_finds_no_memory_is_no_defect():
    error = ImportError("libtorch_cpu.so: failed to map segment from shared object")
    assert names(machine_fault(error), "libtorch_cpu.so", "memory", "ulimit -v")
    assert machine_fault(ImportError("No module named 'torch'")) is None


@pytest.mark.parametrize("error,wanted", MEMORY)
def test_too_little_memory_says_how_much_and_what_needs_less(error, wanted):
    with (
        refused("embedding u1", "memory", "train.batch_size", "--nj", *wanted, error=MachineError),
        doing("embedding u1"),
    ):
        raise error


def test_the_death_of_a_reading_process_says_what_to_do():
    said = "DataLoader worker (pid 77) is killed by signal: Bus error. It is possible that dataloader's workers are"
    assert names(machine_fault(RuntimeError(said)), "Bus error", "/dev/shm", "train.workers=0")
    assert names(
        machine_fault(RuntimeError("DataLoader worker (pid(s) 7, 8) exited unexpectedly")), "train.workers=0"
    )


@pytest.mark.parametrize("error", [ValueError("x"), RuntimeError("x"), KeyError("x"), OSError("x")])
def test_a_defect_is_no_failure_of_the_machine(error):
    assert machine_fault(error) is None


def test_no_policy_skips_an_utterance_for_a_full_disk():
    bad = BadAudio("skip")
    with bad.caught("u1"):
        raise TimbreError("u1: empty")
    with pytest.raises(MachineError), bad.caught("u2"):
        raise MachineError("cannot write x: No space left on device")
    assert bad.skipped == {"u1": "empty"}
