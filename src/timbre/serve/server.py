"""The server (waitress): 127.0.0.1 only, with bounds on everything that a request can take, and no file for any.

Waitress puts bodies above a size into files; here that size is beyond the largest body, so audio stays in memory.
"""

from __future__ import annotations

import logging
import socket
import time
from typing import Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer, create_server
from waitress.task import ErrorTask

from timbre.errors import TimbreError
from timbre.serve.app import App, error_response
from timbre.serve.guard import secure
from timbre.serve.limits import Limits

HOST = "127.0.0.1"
_BEYOND = 1 << 16  # bytes above the largest body, which are read to answer properly


class _ErrorTask(ErrorTask):
    """What is no HTTP, or too much of it, is answered in JSON as everything is."""

    def execute(self) -> None:
        failed = self.request.error
        response = secure(error_response(failed.code, f"{failed.reason}: {failed.body}"))
        body = response.get_data()
        self.status = f"{failed.code} {failed.reason}"
        self.response_headers.extend(response.headers.to_wsgi_list())
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


def _channel(receive: float) -> type[HTTPChannel]:
    class Channel(HTTPChannel):
        """A connection whose requests have to be there in time, however they trickle."""

        error_task_class = _ErrorTask
        begun = 0.0

        def received(self, data: bytes) -> bool:
            now = time.monotonic()
            if self.request is None:
                self.begun = now
            elif now - self.begun > receive:
                self.will_close = True
                return False
            return super().received(data)

    return Channel


def listen(port: int) -> socket.socket:
    """A socket at a port of 127.0.0.1; 0 takes any that is free.

    Raises:
        TimbreError: for a port that is taken or forbidden.
    """
    if not 0 <= port <= 65535:
        raise TimbreError(f"--port {port}: take 1 to 65535")
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((HOST, port))
        found.listen(256)
    except OSError as error:
        found.close()
        raise TimbreError(f"--port {port}: {error.strerror}; take another, or end what listens there") from None
    return found


def make_server(app: App, at: socket.socket) -> TcpWSGIServer:
    """A server of the application at a socket of :func:`listen`; its ``run()`` ends by Ctrl-C."""
    limits = app.limits
    logging.getLogger("waitress").setLevel(logging.ERROR)  # how many wait is no news
    server = create_server(app, sockets=[at], **settings(limits))
    server.channel_class = _channel(limits.receive)
    return server


def settings(limits: Limits) -> dict[str, Any]:
    """What bounds waitress (:class:`waitress.adjustments.Adjustments`)."""
    most = limits.body + _BEYOND
    found = {
        "threads": limits.threads,
        "connection_limit": limits.connections + 2,  # waitress counts what it listens to
        "channel_timeout": limits.idle,
        "cleanup_interval": 1,
        "max_request_header_size": 16_384,
        "max_request_body_size": most,
        "inbuf_overflow": most + _BEYOND,
        "outbuf_overflow": most + _BEYOND,
        "ident": None,
        "asyncore_use_poll": True,
    }
    assert set(found) <= {name for name, _ in Adjustments._params}
    return found
