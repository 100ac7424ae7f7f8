"""How much one request, and all of them together, may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Attributes:
    body: bytes of a request.
    seconds: of audio in a recording.
    line: requests that are with the model or wait for it.
    soon: seconds for which a request waits for a place in that line; then it is sent away (429).
    wait: seconds for which it waits in the line (503).
    name: characters of a name.
    shown: people whose scores are sent.
    threads: that answer; more than ``line``, so the page loads while the model works.
    connections: at a time; further ones wait for one to end.
    idle: seconds after which a connection that says nothing is closed.
    receive: seconds in which a request has to be there.
    """

    body: int = 12 << 20
    seconds: float = 60.0
    line: int = 8
    soon: float = 1.0
    wait: float = 30.0
    name: int = 200
    shown: int = 500
    threads: int = 12
    connections: int = 24
    idle: int = 5
    receive: int = 60
