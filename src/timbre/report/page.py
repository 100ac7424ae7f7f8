"""What all pages have: one file with its style and its script inside, which may load nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from timbre.report.columns import speakers
from timbre.scoring.evaluation import bounded, percent

_FOLDER = Path(__file__).parent
_BOUNDED = re.compile(r"([+-]?[\d.]+) (\[[^][]+\])(.*)")


def render(template: str, **values: Any) -> str:
    """The page of a template that extends ``page.html``; texts in it never become markup.

    The browser is told to run the page's own script alone, known by its hash.
    """
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        finalize=_whole,
    )
    environment.filters |= {"percent": percent, "bounded": bounded, "speakers": speakers, "breakable": _breakable}
    script = (_FOLDER / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template(template).render(script=Markup(script), script_sha256=digest, **values)


def _whole(value: Any) -> Any:
    """A number with its interval breaks before the bracket, where the screen is narrow, and not within."""
    if not isinstance(value, str) or isinstance(value, Markup) or not (found := _BOUNDED.fullmatch(value)):
        return value
    return Markup('{} <span class="interval">{}</span>{}').format(*found.groups())


def _breakable(name: str) -> Markup:
    """A name that may go on in the next line after a dot or an underscore."""
    return Markup(re.sub(r"([._])", r"\1<wbr>", str(escape(name))))
