"""The application (WSGI): the page, and what it asks for, as JSON.

    GET  /                    the page
    GET  /api/people          who is enrolled, how it is decided, the limits
    POST /api/identify        body: audio → who it is
    POST /api/enrol?name=N    body: audio → N has a recording more
    POST /api/forget          body: {"name": N}

An error is ``{"error": sentence}`` with its status. Audio comes as the body itself: a parser of forms would put
large parts of it on the disk.
"""

from __future__ import annotations

import json
import sys
import threading
import traceback
from collections.abc import Callable
from importlib import resources
from typing import Any

from werkzeug.exceptions import (
    BadRequest,
    Conflict,
    HTTPException,
    MethodNotAllowed,
    NotFound,
    RequestEntityTooLarge,
    UnsupportedMediaType,
)
from werkzeug.wrappers import Request, Response

from timbre.errors import AudioError, MachineError, TimbreError, machine_fault
from timbre.kaldi.foreign import ForeignError
from timbre.people.people import People
from timbre.people.store import require_name
from timbre.serve.guard import policy_of, require_own, secure
from timbre.serve.limits import Limits
from timbre.serve.recognition import Recognition
from timbre.serve.turns import Turns

AUDIO = "application/octet-stream"
JSON = "application/json"
FORGET = 16_384
"""Bytes of a request that has a name in it, and no audio."""


class App:
    """Args:
    people: nobody else in this process may use them.
    port: at which the server is reached; it is part of the name that browsers call it by.
    """

    def __init__(
        self,
        people: People,
        port: int,
        false_accepts: float | None = None,
        prior: float | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.port = port
        self._recognition = Recognition(people, self.limits, false_accepts, prior)
        self._turns = Turns(self.limits.line, self.limits.wait, self.limits.soon)
        self._page = resources.files("timbre.serve").joinpath("page.html").read_text(encoding="utf-8")
        self._policy = policy_of(self._page)
        self._seen: set[str] = set()
        self._seen_lock = threading.Lock()
        self._routes: dict[str, tuple[str, Callable[[Request], Response]]] = {
            "/": ("GET", self._show),
            "/api/people": ("GET", self._list),
            "/api/identify": ("POST", self._identify),
            "/api/enrol": ("POST", self._enrol),
            "/api/forget": ("POST", self._forget),
        }

    def __call__(self, environ: dict[str, Any], start_response: Callable) -> Any:
        """The entry of WSGI."""
        return self.respond(Request(environ))(environ, start_response)

    def respond(self, request: Request) -> Response:
        """The response to a request; whatever happens, it is one."""
        request.max_content_length = self.limits.body
        try:
            require_own(request, self.port)
            response = self._route(request)(request)
        except HTTPException as error:
            response = error_response(error.code or 500, error.description or error.name)
            response.headers.extend(
                (name, value) for name, value in error.get_headers() if name in ("Allow", "Retry-After")
            )
        except ForeignError as error:
            response = error_response(415, f"{error}; send wav, flac, ogg or mp3")
        except AudioError as error:
            response = error_response(400, str(error))
        except MachineError as error:
            response = error_response(503, str(error))
        except TimbreError as error:
            response = error_response(409, str(error))
        except Exception as error:
            response = self._failed(error)
        own = response.headers.get("Content-Security-Policy")
        return secure(response, {"Content-Security-Policy": own} if own else {})

    def _route(self, request: Request) -> Callable[[Request], Response]:
        if request.path not in self._routes:
            raise NotFound(f"nothing is at {request.path[:80]!r}")
        method, action = self._routes[request.path]
        allowed = [method, "HEAD"] if method == "GET" else [method]
        if request.method not in allowed:
            raise MethodNotAllowed(allowed, f"{request.path} takes {method}, not {request.method[:20]}")
        return action

    def _show(self, request: Request) -> Response:
        response = Response(self._page, content_type="text/html; charset=utf-8")
        response.headers["Content-Security-Policy"] = self._policy
        return response

    def _list(self, request: Request) -> Response:
        return json_response(self._turns.run(self._recognition.overview))

    def _identify(self, request: Request) -> Response:
        data = self._audio(request)

        def identify() -> dict[str, Any]:
            if not self._recognition.names:
                raise Conflict("nobody is enrolled yet; enrol somebody first")
            return self._recognition.identify(data)

        return json_response(self._turns.run(identify))

    def _enrol(self, request: Request) -> Response:
        name = self._name(request.args.get("name"))
        data = self._audio(request)
        return json_response(self._turns.run(lambda: self._recognition.enrol(name, data)))

    def _forget(self, request: Request) -> Response:
        if request.mimetype != JSON:
            raise UnsupportedMediaType(f"Content-Type: send {JSON}")
        request.max_content_length = FORGET
        try:
            asked = json.loads(self._body(request))
        except ValueError:
            raise BadRequest("the body is not JSON") from None
        except RecursionError:
            raise BadRequest("the body is nested too deeply") from None
        name = self._name(asked.get("name") if isinstance(asked, dict) else None)

        def forget() -> dict[str, Any]:
            if name not in self._recognition.names:
                raise NotFound(f"{name!r} is not enrolled")
            return self._recognition.forget(name)

        return json_response(self._turns.run(forget))

    def _audio(self, request: Request) -> bytes:
        if request.mimetype != AUDIO and not request.mimetype.startswith("audio/"):
            raise UnsupportedMediaType(f"Content-Type: send audio/wav or {AUDIO}, with the file as the body")
        data = self._body(request)
        if not data:
            raise BadRequest("the body is empty; send an audio file")
        return data

    def _body(self, request: Request) -> bytes:
        try:
            return request.get_data(cache=False)
        except RequestEntityTooLarge:
            raise RequestEntityTooLarge(
                f"larger than the {request.max_content_length:,} bytes that are taken"
            ) from None

    def _name(self, name: object) -> str:
        if not isinstance(name, str):
            raise BadRequest("the name is missing")
        if len(name) > self.limits.name:
            raise BadRequest(f"a name of {len(name)} characters; {self.limits.name} are taken")
        try:
            return require_name(name)
        except TimbreError as error:
            raise BadRequest(str(error)) from None

    def _failed(self, error: Exception) -> Response:
        """What the machine refuses is said; a defect is told to the terminal, once, and never to the page."""
        if said := machine_fault(error):
            return error_response(503, said)
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{type(error).__name__} {frame.filename}:{frame.lineno}"
        with self._seen_lock:
            new = where not in self._seen and len(self._seen) < 100
            if new:
                self._seen.add(where)
        if new:
            traceback.print_exception(error, file=sys.stderr)
        return error_response(500, "a defect of timbre: the terminal of the server has the details")


def json_response(value: dict[str, Any], status: int = 200) -> Response:
    """Plain data as a response."""
    return Response(json.dumps(value, ensure_ascii=False, allow_nan=False), status, content_type=JSON)


def error_response(status: int, message: str) -> Response:
    """An error as the page reads it."""
    return json_response({"error": message}, status)
