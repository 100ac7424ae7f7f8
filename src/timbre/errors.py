"""The one kind of failure that a user is meant to read."""

from __future__ import annotations

import contextlib
import difflib
import errno
import os
import re
from collections.abc import Iterable, Iterator


class TimbreError(Exception):
    """A failure with its cause and its mend in the message.

    The message names the utterance or key, the file, the reason and what to do. Command lines print it
    as one line without a traceback and exit 1 (``timbre.__main__``).
    """


class AudioError(TimbreError):
    """Audio that cannot be used; the message says which and why."""


class MachineError(TimbreError):
    """The machine refused, not the data: no space, memory or file handles. No policy skips an utterance for it."""


MACHINE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""Of what the system says on opening a file: no fault of that file."""
_AGAIN = "then run the same command again"
_MENDS = {
    errno.ENOSPC: f"free some (df -h, utils/clean.sh), {_AGAIN}",
    errno.EDQUOT: f"remove files or ask for more, {_AGAIN}",
    errno.EFBIG: f"raise the limit (ulimit -f unlimited) or take another disk, {_AGAIN}",
    errno.EIO: f"the disk or the network drive has failed: look at it (dmesg), {_AGAIN}",
    errno.ESTALE: f"the network drive has lost it: mount it again, {_AGAIN}",
    errno.ETIMEDOUT: f"wait until the network drive answers, {_AGAIN}",
    errno.EPIPE: f"the program that was to read it has ended: look at its own message, {_AGAIN}",
    errno.EACCES: f"change that (ls -ld) or take another folder, {_AGAIN}",
    errno.EPERM: f"change its owner or attributes (ls -ld, lsattr) or take another folder, {_AGAIN}",
    errno.EROFS: f"mount it for writing or take another folder, {_AGAIN}",
    errno.EMFILE: f"raise the limit (ulimit -n 4096) or take fewer processes, {_AGAIN}",
    errno.ENFILE: f"the whole machine has too many: end other programs, {_AGAIN}",
    errno.ENAMETOOLONG: "take a shorter id, folder or name of the experiment (--exp)",
    errno.ENOENT: "look for a mistake in the path, or make it first",
    errno.ENOTDIR: "a part of the path is a file: rename it, or take another path",
    errno.EISDIR: "a folder stands there: rename it, or take another path",
    errno.EEXIST: "rename what stands there, or take another path",
    errno.ENOTEMPTY: f"wait for the run that works there, if there is one, {_AGAIN}",
    errno.EBUSY: f"end the program that uses it, {_AGAIN}",
    errno.ENOMEM: f"end other programs or take a larger machine, {_AGAIN}",
    errno.EAGAIN: f"raise the limit of processes (ulimit -u) or take fewer jobs (--nj), {_AGAIN}",
}
_MEMORY = (
    "shorter audio, smaller batches (train.batch_size), shorter crops (train.crop_frames), fewer jobs (--nj) and "
    "fewer reading processes (train.workers) need less"
)
_ASKED = re.compile(r"[Tt]ried to allocate (\d+ bytes|[\d.]+ [KMGT]iB)|Unable to allocate ([\d.]+ [KMGT]iB)")
_NO_MEMORY = re.compile(
    r"DefaultCPUAllocator|not enough memory|CUDA out of memory|std::bad_alloc|[Cc]annot allocate memory"
)
_NOT_LOADED = re.compile(r"failed to map segment|[Cc]annot allocate memory|Too many open files")
_WORKER = re.compile(r"DataLoader worker .*(?:exited unexpectedly|killed by signal: ([^.]*))")


def fault(error: OSError) -> str:
    """Cause and mend of what the system refused, without the file: ``No space left on device; free some …``."""
    cause = error.strerror or (os.strerror(error.errno) if error.errno else str(error) or type(error).__name__)
    return f"{cause}; {_MENDS[error.errno]}" if error.errno in _MENDS else cause


def machine_fault(error: BaseException) -> str | None:
    """Cause and mend of a failure of the machine, in a line; ``None`` for any other exception.

    It knows OSError with its file, no memory (Python's, numpy's and torch's, also of a GPU), and the death of a
    process that reads batches.
    """
    said = str(error)
    if isinstance(error, OSError) and error.errno in _MENDS:
        files = [error.filename, error.filename2]
        named = " -> ".join(os.fsdecode(file) for file in files if isinstance(file, str | bytes | os.PathLike))
        return f"{named}: {fault(error)}" if named else fault(error)
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and _NO_MEMORY.search(said)):
        asked = _ASKED.search(said)
        where = " on the GPU" if "CUDA" in said else ""
        amount = f" ({asked[1] or asked[2]} asked for)" if asked else ""
        return f"not enough memory{where}{amount}; {_MEMORY}"
    if isinstance(error, ImportError) and _NOT_LOADED.search(said):
        return f"{said}: too little memory or too few file handles; raise the limits (ulimit -v, -n), {_AGAIN}"
    if isinstance(error, RuntimeError) and os.strerror(errno.EMFILE) in said:
        return fault(OSError(errno.EMFILE, os.strerror(errno.EMFILE)))
    if isinstance(error, RuntimeError) and (killed := _WORKER.search(said)):
        by = f" by {killed[1]}" if killed[1] else ""
        return (
            f"a process that reads batches was ended{by}, as a rule for want of memory or of room in /dev/shm; "
            "take train.workers=0, or a larger machine (docker run --shm-size)"
        )
    return None


@contextlib.contextmanager
def named(name: object, *also: type[Exception]) -> Iterator[None]:
    """Errors of audio inside the block, and those of ``also``, are :class:`AudioError`, and begin with ``name``."""
    try:
        yield
    except (AudioError, *also) as error:
        raise AudioError(f"{name}: {error}") from None


@contextlib.contextmanager
def doing(what: object) -> Iterator[None]:
    """A failure of the machine inside the block is a :class:`MachineError` that says what was being done."""
    try:
        yield
    except (OSError, MemoryError, RuntimeError) as error:
        if said := machine_fault(error):
            raise MachineError(f"{what}: {said}") from error
        raise


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``" (did you mean 'x'?)"`` for the known word nearest to ``word``, or the known words, or ``""``."""
    known = sorted(known)
    near = difflib.get_close_matches(word, known, n=1)
    if near:
        return f" (did you mean '{near[0]}'?)"
    return f" (known: {', '.join(known)})" if known else ""


def some(names: Iterable[str], most: int = 5) -> str:
    """The first few of ``names``, and how many more there are: ``a, b, c and 7 more``."""
    names = list(names)
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
