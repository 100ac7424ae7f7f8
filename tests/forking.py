"""Runs ``timbre …`` by forking a process that has imported it already.

A recipe starts Python some forty times, and most of that time goes into ``import torch``. :class:`Forks` starts one
process that imports all of timbre, and writes a program ``python3`` for TIMBRE_PYTHON. Called with ``-m timbre``
the program hands its arguments, folder, environment and file descriptors to that process, which forks for it.
Called otherwise it is Python itself. Exit codes, signals, output and files are those of a process of its own.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import selectors
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

# -I -S: without site-packages Python starts in 10 ms. A shell starts it, as a #! line bears no blanks. The socket
# has a relative name, as an address has 108 bytes at most.
CLIENT = """#!/bin/sh
'''exec' '{python}' -IS "$0" "$@" #'''
import os, sys
if sys.argv[1:3] != ["-m", "timbre"]:
    os.execv("{python}", ["{python}", *sys.argv[1:]])
import json, signal, socket
request = json.dumps([sys.argv[3:], os.getcwd(), dict(os.environ)]).encode()
server = socket.socket(socket.AF_UNIX)
os.chdir("{folder}")
server.connect("socket")
socket.send_fds(server, [len(request).to_bytes(4, "big")], [0, 1, 2])
server.sendall(request)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda number, frame: server.send(bytes([number])))
code = int.from_bytes(server.recv(4), "big", signed=True)
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
os._exit(code)
"""


class Forks:
    """The process that forks; ``python`` is the program that asks it to, in ``bin`` as an environment's.

    Args:
        folder: of the program and the socket; empty.
        source: the folder ``src`` that timbre is imported from.
    """

    def __init__(self, folder: Path, source: Path) -> None:
        self.python = folder / "bin/python3"
        self.python.parent.mkdir()
        self.python.write_text(CLIENT.format(python=sys.executable, folder=folder))
        self.python.chmod(0o755)
        self.python.with_name("python").symlink_to(self.python)
        paths = {"PYTHONPATH": os.pathsep.join([str(source), str(Path(__file__).parent)])}
        self._process = subprocess.Popen(
            [sys.executable, "-c", "import forking; forking.serve()"],
            cwd=folder,
            env=os.environ | paths | {"OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout.readline() == b"listening\n"

    def stop(self) -> None:
        """Ends the process, and with it what it has forked."""
        self._process.stdin.write(b"stop")  # its end alone would not do: a fork of the tests may hold the pipe open
        self._process.stdin.close()
        self._process.wait(timeout=60)


def serve() -> None:
    """Forks for every call until standard input says to stop, or ends."""
    _import_all()
    gc.collect()
    gc.freeze()  # what is imported is shared with the children: their collections leave it alone
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("socket")
    listener.listen(64)
    woken, waker = socket.socketpair()
    waker.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
    selector, callers = selectors.DefaultSelector(), {}
    for source in (listener, woken, sys.stdin):
        selector.register(source, selectors.EVENT_READ)
    print("listening", flush=True)
    while True:
        for key, _ in selector.select():
            if key.fileobj is sys.stdin:
                for child in callers:
                    os.killpg(child, signal.SIGKILL)
                os._exit(0)  # taking torch apart takes seconds
            if key.fileobj is listener:
                caller, _ = listener.accept()
                child = _fork(caller)
                callers[child] = caller
                selector.register(caller, selectors.EVENT_READ, child)
            elif key.fileobj is woken:
                woken.recv(4096)
            elif key.data in callers:  # a signal for the child, or its caller has been killed
                number = key.fileobj.recv(1)
                os.killpg(key.data, number[0] if number else signal.SIGKILL)
        for child in list(callers):
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                caller = callers.pop(child)
                selector.unregister(caller)
                with suppress(BrokenPipeError):
                    caller.send(os.waitstatus_to_exitcode(status).to_bytes(4, "big", signed=True))
                caller.close()


def _import_all() -> None:
    """All of timbre, and what its functions import when they are called."""
    import timbre

    names = [module.name for module in pkgutil.walk_packages(timbre.__path__, "timbre.")]
    for name in [*names, "matplotlib.pyplot", "sklearn.discriminant_analysis", "torch.utils.tensorboard"]:
        importlib.import_module(name)


def _fork(caller: socket.socket) -> int:
    """The process id of a child that runs the caller's command, in a group of its own."""
    header, descriptors, _, _ = socket.recv_fds(caller, 4, 3)
    length, request = int.from_bytes(header, "big"), b""
    while len(request) < length:
        request += caller.recv(length - len(request))
    child = os.fork()
    if child:
        for descriptor in descriptors:
            os.close(descriptor)
        os.setpgid(child, child)
        return child
    os.setpgid(0, 0)
    try:
        _run(*json.loads(request), descriptors)
    finally:
        os._exit(70)


def _run(arguments: list[str], folder: str, variables: dict[str, str], descriptors: list[int]) -> None:
    """Runs ``timbre <arguments>`` as the caller's process would, and ends this one."""
    import atexit

    import torch

    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
    os.closerange(3, 4096)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    time.tzset()
    importlib.invalidate_caches()  # tests add modules
    torch.set_num_threads(int(variables.get("OMP_NUM_THREADS", os.cpu_count() or 1)))
    code = 0
    try:
        from timbre.__main__ import main

        sys.argv = ["timbre", *arguments]
        main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
