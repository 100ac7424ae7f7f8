"""Tensors in files of torch: read as data, never as code, and written whole or not at all."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import IO, Any

import torch

from timbre.errors import MachineError, TimbreError, fault, machine_fault
from timbre.kaldi.atomic import atomic_write

_MOST_VALUES, _MOST_LEVELS = 1_000_000, 50
"""Of plain data in a file, at most."""


class DamagedError(TimbreError):
    """A file that was read, and does not hold what was saved in it."""


def load_tensors(file: str | Path, mend: str = "copy it again, or make it again") -> Any:
    """``torch.load`` of tensors and plain data, never of code.

    Args:
        mend: what to do about a damaged file, for the message.

    Raises:
        DamagedError: naming the file, where it is cut short, or its bytes are others than those that were saved.
        TimbreError: naming the file, where it cannot be opened, or holds more than data.
    """
    try:
        with open(file, "rb"):
            pass
    except OSError as error:
        raise TimbreError(f"{file}: cannot be read: {fault(error)}") from None
    whole = False
    try:
        whole = _has_its_checksums(file)
        found = torch.load(file, map_location="cpu", weights_only=True)
        _require_plain(found)
        return found
    except Exception as error:  # torch raises RuntimeError, UnpicklingError, EOFError, KeyError, OSError …
        if isinstance(error, MemoryError | OSError) and (refused := machine_fault(error)):
            said = fault(error) if isinstance(error, OSError) else refused  # no damage: nothing is removed for it
            raise MachineError(f"{file}: cannot be read: {said}") from None
        said = str(error) or type(error).__name__  # of an empty file there is no message
        why = said.splitlines()[0].partition(". ")[0]  # torch goes on with advice that would run code
        if whole or "unsupported GLOBAL" in said:
            raise TimbreError(f"{file}: holds more than saved tensors and plain data ({why}); {mend}") from None
        raise DamagedError(f"{file}: damaged: not readable as saved tensors ({why}); {mend}") from None


def _has_its_checksums(file: str | Path) -> bool:
    """Whether ``file`` is a zip file, as torch writes them, and has the bytes that were written.

    Torch itself reads them without a look at their checksums.
    """
    if not zipfile.is_zipfile(file):
        return False  # cut short, or in torch's form of before 2020, which has no checksums
    with zipfile.ZipFile(file) as archive:
        records, size = archive.infolist(), Path(file).stat().st_size
        if any(one.compress_type != zipfile.ZIP_STORED or one.file_size > size for one in records):
            raise ValueError("a record is compressed, or larger than the file, as torch writes none")
        if len({one.filename for one in records}) < len(records):
            raise ValueError("a record stands there twice")
        if record := archive.testzip():
            raise ValueError(f"the bytes of {record} are others than those that were saved")
    return True


def _require_plain(value: Any) -> None:
    """Refuses what references make larger than a memory, and tensors that are larger than their bytes."""
    pending, seen = [(value, 0)], 0
    while pending:
        one, depth = pending.pop()
        seen += 1
        if seen > _MOST_VALUES or depth > _MOST_LEVELS:
            raise ValueError(f"more than {_MOST_VALUES:,} values, or {_MOST_LEVELS} levels")
        if isinstance(one, torch.Tensor):
            if one.layout != torch.strided or one.is_quantized or one.device.type != "cpu":
                raise ValueError(f"a tensor that is not dense numbers in memory: {one.layout}, on {one.device}")
            if one.numel() * one.element_size() > one.untyped_storage().nbytes():
                raise ValueError(
                    f"a tensor of the shape {list(one.shape)} in {one.untyped_storage().nbytes()} bytes"
                )
        elif isinstance(one, dict):
            pending += [(inner, depth + 1) for pair in one.items() for inner in pair]
        elif isinstance(one, list | tuple | set):
            pending += [(inner, depth + 1) for inner in one]


def save_tensors(file: Path, state: dict[str, Any]) -> None:
    """``torch.save``, whole or not at all."""
    with atomic_write(file, "wb") as out:
        written = _Written(out)
        try:
            torch.save(state, written)
        except RuntimeError as error:  # torch hides why a file could not be written
            raise written.error or error from None


class _Written:
    """A file to write into, which keeps the system's error."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.error = file, None

    def write(self, data: bytes) -> int:
        try:
            return self._file.write(data)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        """Needed by torch; :func:`atomic_write` does it at the end."""
