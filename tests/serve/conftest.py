"""A server's application on a model that was never trained, with four people, and audio as bytes."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from people.conftest import RATE, exp, own, voice  # noqa: F401
from werkzeug.test import Client, TestResponse

import timbre
from timbre.serve.app import App
from timbre.serve.limits import Limits

PORT = 8000
OWN = {"X-Timbre": "1", "Host": f"127.0.0.1:{PORT}", "Content-Type": "audio/wav"}


def wav(samples: np.ndarray, rate: int = RATE, kind: str = "WAV") -> bytes:
    """An audio file."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind)
    return file.getvalue()


@pytest.fixture(scope="session")
def enrolled(exp, own, tmp_path_factory) -> Path:  # noqa: F811
    """A folder of four voices by two recordings each."""
    folder = tmp_path_factory.mktemp("enrolled") / "people"
    people = timbre.People(folder, exp, calibration=own)
    people.enrol_many([(f"voice {s}", voice(s, r)) for s in range(4) for r in range(2)], RATE)
    return folder


@pytest.fixture
def folder(enrolled, tmp_path) -> Path:
    """The same, to be changed."""
    return Path(shutil.copytree(enrolled, tmp_path / "people"))


@pytest.fixture
def make_app(folder, exp, own):  # noqa: F811
    """``make_app(port, **limits)``."""

    def make(port: int = PORT, **limits) -> App:
        return App(timbre.People(folder, exp, calibration=own), port, 0.05, limits=Limits(**limits))

    return make


@pytest.fixture
def ask(make_app):
    """``ask(method, path, data, limits=…, **headers)`` of a page of the server's own, with ``_`` for ``-``."""

    def ask(method: str, path: str, data: bytes = b"", limits: dict | None = None, **headers) -> TestResponse:
        given = OWN | {name.replace("_", "-"): value for name, value in headers.items()}
        kept = {name: value for name, value in given.items() if value is not None}
        return Client(make_app(**(limits or {}))).open(path, method=method, data=data, headers=kept)

    return ask
