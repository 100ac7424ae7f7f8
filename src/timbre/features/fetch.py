"""Published weights that lie in a package of PyPI: its wheel by pip, and of it one file as data, checked.

Nothing of the package is installed or imported. The file appears whole and with the right SHA-256, or not at all.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from timbre.errors import TimbreError
from timbre.kaldi.atomic import atomic_write
from timbre.kaldi.trials import sha256


@dataclass(frozen=True)
class Weights:
    """A file in a wheel.

    Attributes:
        package: of PyPI, ``name==version``.
        member: the file's path in the wheel.
        size: in bytes.
    """

    package: str
    member: str
    size: int
    sha256: str
    licence: str


WEIGHTS = {
    "resemblyzer": Weights(
        package="resemblyzer==0.1.4",
        member="resemblyzer/pretrained.pt",
        size=17_090_379,
        sha256="39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e",
        licence="Apache-2.0 (Resemble AI)",
    )
}


def fetch(name: str, directory: Path, wheel: Path | None = None) -> str:
    """Makes ``<directory>/<name>.pt`` of :data:`WEIGHTS`, unless it is there; returns a line about it.

    Args:
        wheel: a wheel that is there already, for a machine that does not reach the package index.

    Raises:
        TimbreError: for a file of that name that holds something else, a wheel that cannot be had or read, and one
            whose file is another.
    """
    weights, file = WEIGHTS[name], directory / f"{name}.pt"
    about = f"{weights.member} of {weights.package}, {weights.size / 1e6:.1f} MB, licence: {weights.licence}"
    about += f", SHA-256 {weights.sha256}"
    if file.exists():
        if (found := sha256(file) if file.is_file() else "none") != weights.sha256:
            raise TimbreError(
                f"{file}: its SHA-256 is {found}, that of {weights.member} of {weights.package} {weights.sha256}; "
                "move it away and run this again, or take another folder"
            )
        return f"{file}: is there; {about}"
    with tempfile.TemporaryDirectory() as folder:
        data = _read(wheel or _download(weights, Path(folder)), weights)
    with atomic_write(file, "wb") as out:
        out.write(data)
    return f"{file}: {about}"


def _download(weights: Weights, folder: Path) -> Path:
    """The wheel, in ``folder``."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input"]
    command += ["--disable-pip-version-check", "--retries=1", f"--dest={folder}", weights.package]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode == 0 and len(wheels) == 1:
        return wheels[0]
    said = [line for line in done.stderr.splitlines() if line.strip()]
    reason = next((line for line in said if line.startswith("ERROR: ")), said[-1] if said else "it said nothing")
    network = "after connection errors: is the package index reachable? " if "connection" in done.stderr else ""
    raise TimbreError(
        f"pip could not download {weights.package} ({network}{reason.removeprefix('ERROR: ')}); where there is "
        f"no network, run 'pip download --no-deps {weights.package}' on another machine, and give the wheel with "
        "--wheel"
    )


def _read(wheel: Path, weights: Weights) -> bytes:
    """The file in the wheel, of the right size and hash."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            size = archive.getinfo(weights.member).file_size
            data = archive.read(weights.member) if size == weights.size else b""
    except FileNotFoundError:
        raise TimbreError(f"--wheel {wheel}: no such file") from None
    except KeyError:
        raise TimbreError(f"{wheel}: no {weights.member} in it; is it the wheel of {weights.package}?") from None
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        # damaged, its data damaged, a compression that Python has not, a password: all that zipfile raises
        raise TimbreError(f"{wheel}: cannot be unpacked ({error}); download it again") from error
    found = hashlib.sha256(data).hexdigest()
    if found != weights.sha256:
        wrong = f"the SHA-256 {found}" if data else f"{size} bytes"
        right = f"{weights.sha256}" if data else f"{weights.size}"
        raise TimbreError(
            f"{wheel}: {weights.member} in it has {wrong} instead of {right}; it was changed: do not trust that "
            f"wheel, and download that of {weights.package} again"
        )
    return data
