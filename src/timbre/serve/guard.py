"""Whom the server answers: pages of its own, on this machine, and nobody else's.

It listens on 127.0.0.1, which is no boundary for a browser: any page may send requests there. So

- ``Host`` is 127.0.0.1 or localhost with the port. A name that leads here by DNS rebinding is another.
- ``Origin`` and ``Sec-Fetch-Site``, where a browser sends them, say that a page of this server asks.
- a change needs a header of our own, which a form cannot send, nor another page's script without a preflight,
  which is not answered. No answer has a header of CORS.

Sources: the Fetch standard (forbidden headers, CORS), Fetch Metadata (W3C), OWASP on DNS rebinding and CSRF.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping

from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Request, Response

HEADER = "X-Timbre"
HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
CLOSED = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The content security policy of what is no page."""


def require_own(request: Request, port: int) -> None:
    """Refuses what does not come from a page of this server, or from a program on this machine.

    Raises:
        Forbidden: with the header that speaks against it.
    """
    hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
    if port == 80:
        hosts |= {"127.0.0.1", "localhost"}
    host = request.headers.get("Host", "")
    if host.lower() not in hosts:
        raise Forbidden(f"Host: {host[:80]!r} is not this server; open http://127.0.0.1:{port}")
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"http://{host.lower()}":
        raise Forbidden(f"Origin: {origin[:80]!r}: no other site may ask this server")
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    if site not in ("same-origin", "none") and (request.path != "/" or request.method not in ("GET", "HEAD")):
        raise Forbidden("Sec-Fetch-Site: no other site may ask this server")
    if request.method not in ("GET", "HEAD") and request.headers.get(HEADER) != "1":
        raise Forbidden(f"a change needs the header {HEADER}: 1")


def policy_of(page: str) -> str:
    """The content security policy of a page: its one script and one style by their hashes, and nothing else."""
    hashes = {tag: _hash(re.search(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)[1]) for tag in ("script", "style")}
    return (
        f"{CLOSED}; script-src {hashes['script']}; style-src {hashes['style']}; connect-src 'self'; "
        "img-src data:; media-src blob:"
    )


def secure(response: Response, policies: Mapping[str, str] | None = None) -> Response:
    """The response with all headers that keep other pages away from it."""
    response.headers.update(HEADERS | {"Content-Security-Policy": CLOSED} | dict(policies or {}))
    return response


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
