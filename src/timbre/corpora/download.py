"""Fetching a corpus: resumed where it broke off, checked, and unpacked whole or not at all."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.client
import os
import shutil
import tarfile
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from timbre.errors import MachineError, TimbreError, doing, fault
from timbre.kaldi.atomic import atomic_write
from timbre.kaldi.trials import sha256

_ATTEMPTS = 5
_WAIT = 5.0  # seconds before the next attempt
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Archive:
    """A tar archive: ``size`` and ``unpacked`` in bytes, the one ``folder`` in it.

    Where nobody publishes a checksum, size and gzip's own check must do. ``inner`` is a pattern of archives
    inside the folder, which are unpacked where they lie.
    """

    url: str
    size: int
    unpacked: int
    folder: str
    sha256: str | None = None
    md5: str | None = None
    inner: str = ""


def download(archive: Archive, directory: Path) -> Path:
    """Downloads and unpacks ``archive`` into ``directory``; what is there already is not done again.

    The archive's SHA-256 is left beside the corpus, in ``<folder>.sha256``; the archive itself is removed.

    Returns:
        The corpus's root folder.
    Raises:
        TimbreError: for too little space, a transfer that keeps failing, another size or checksum, a
            member that would be written outside of the folder.
    """
    corpus = directory / archive.folder
    part = directory / f"{archive.url.rsplit('/', 1)[-1]}.part"
    if not corpus.exists():
        _fetch_and_unpack(archive, part, corpus)
    part.unlink(missing_ok=True)
    if archive.inner:
        _unpack_inner(sorted(corpus.glob(archive.inner)))
    return corpus


def _fetch_and_unpack(archive: Archive, part: Path, corpus: Path) -> None:
    with doing(f"cannot write {part}"):
        part.parent.mkdir(parents=True, exist_ok=True)
    _require_space(archive, part.parent, part)
    _fetch(archive, part)
    digest = _check(archive, part)
    with _extracted(part, corpus.parent) as folder:
        if not (folder / archive.folder).is_dir():
            raise TimbreError(f"{part}: no folder '{archive.folder}' in it; remove it and download again")
        with atomic_write(corpus.with_name(f"{archive.folder}.sha256")) as file:
            file.write(f"{digest}  {part.stem}\n")
        (folder / archive.folder).rename(corpus)  # last: the corpus is not fetched again


def _require_space(archive: Archive, directory: Path, part: Path) -> None:
    have = part.stat().st_size if part.exists() else 0
    needed, free = archive.size - have + archive.unpacked, shutil.disk_usage(directory).free
    if needed > free:
        raise TimbreError(
            f"{directory}: {archive.url} needs {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free; make room, or "
            "give another --dir"
        )


def _fetch(archive: Archive, part: Path) -> None:
    """Appends to ``part`` until it has the archive's size; a broken transfer is taken up again."""
    reason = ""
    for attempt in range(_ATTEMPTS):
        have = part.stat().st_size if part.exists() else 0
        if have >= archive.size:
            return
        if attempt:
            time.sleep(_WAIT)
        try:
            _transfer(archive, part, have)
            reason = "the connection ended early"
        except urllib.error.HTTPError as error:
            if error.code not in (408, 429) and error.code < 500:
                raise TimbreError(f"{archive.url}: {error.code} {error.reason}; has the corpus moved?") from error
            reason = f"{error.code} {error.reason}"
        except (OSError, http.client.HTTPException) as error:
            reason = str(getattr(error, "reason", None) or error or type(error).__name__)
    have = part.stat().st_size if part.exists() else 0
    if have < archive.size:
        raise TimbreError(
            f"{archive.url}: {_ATTEMPTS} attempts failed ({reason}); {part} has {have / 1e6:.0f} of "
            f"{archive.size / 1e6:.0f} MB, and the same command goes on from there"
        )


def _transfer(archive: Archive, part: Path, have: int) -> None:
    """One request for what is missing; a server that ignores ``Range`` (200, not 206) starts over."""
    request = urllib.request.Request(archive.url, headers={"Range": f"bytes={have}-"} if have else {})
    with urllib.request.urlopen(request, timeout=60) as response:
        resumed = response.status == http.client.PARTIAL_CONTENT
        with doing(f"cannot write {part}"):  # a full disk is no broken transfer, and no reason to try again
            file = open(part, "ab" if resumed else "wb")  # noqa: SIM115
        with (
            file,
            tqdm(
                desc=part.stem,
                total=archive.size,
                initial=have if resumed else 0,
                unit="B",
                unit_scale=True,
                mininterval=1,
            ) as bar,
        ):
            while block := response.read(_BLOCK):
                with doing(f"cannot write {part}"):
                    file.write(block)
                    file.flush()
                bar.update(len(block))


def _check(archive: Archive, part: Path) -> str:
    """The SHA-256, right size and checksum granted; a wrong file is removed, since it cannot be mended."""
    size, digest = part.stat().st_size, sha256(part)
    if size != archive.size:
        wrong = f"has {size} bytes instead of {archive.size}"
    elif archive.sha256 not in (None, digest):
        wrong = f"has the SHA-256 {digest} instead of {archive.sha256}"
    elif archive.md5 and archive.md5 != (found := _md5(part)):
        wrong = f"has the MD5 {found} instead of {archive.md5}"
    else:
        return digest
    part.unlink()
    raise TimbreError(
        f"{archive.url}: the download {wrong} and was removed; try again, or report it if it stays so"
    )


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)  # of a damaged transfer, not of a forged one
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _unpack_inner(archives: Sequence[Path]) -> None:
    """Unpacks archives where they lie and removes each once all its files are there."""
    for path in tqdm(archives, desc="unpacking", unit="archive", mininterval=1, disable=not archives):
        with _extracted(path, path.parent) as folder:
            for file in [file for file in folder.rglob("*") if file.is_file()]:
                target = path.parent / file.relative_to(folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                file.replace(target)
        path.unlink()


@contextlib.contextmanager
def _extracted(path: Path, beside: Path) -> Iterator[Path]:
    """A folder with the members of an archive, gone at the end; what is not safe to write is refused."""
    temporary = beside / f".{path.name}.{os.getpid()}.tmp"
    try:
        with gzip.open(path) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            for member in tar:
                _write_member(tar, member, temporary, path)
            while stream.read(_BLOCK):  # gzip compares its checksum only at the very end
                pass
        yield temporary
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise TimbreError(f"{path}: cannot be unpacked ({error}); remove it and download again") from error
    except OSError as error:
        raise MachineError(f"{path}: cannot be unpacked: {fault(error)}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_member(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, part: Path) -> None:
    """One file or folder of an archive; with no link among them, a path that stays inside is safe to write.

    ``extractall(filter="data")`` does the same from Python 3.11.4 on; Debian 12 has 3.11.2.
    """
    path = Path(os.path.normpath(folder / member.name))
    if not path.is_relative_to(folder) or not (member.isreg() or member.isdir()):
        what = "leads outside" if not path.is_relative_to(folder) else "is neither file nor folder"
        raise TimbreError(f"{part}: refused to unpack it: '{member.name}' {what}; do not trust this archive")
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        shutil.copyfileobj(tar.extractfile(member), file)
