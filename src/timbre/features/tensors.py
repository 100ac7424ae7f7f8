"""Tensors in files of torch: read as data, never as code, and written whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from timbre.errors import TimbreError
from timbre.kaldi.atomic import atomic_write


def load_tensors(file: str | Path) -> Any:
    """``torch.load`` of tensors and plain data, never of code; a damaged file is refused by name."""
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise TimbreError(f"{file}: cannot be read: {error.strerror or error}") from None
    except Exception as error:  # torch raises RuntimeError, UnpicklingError, EOFError, KeyError … for bad files
        why = (str(error) or type(error).__name__).splitlines()[0]  # of an empty file there is no message
        why = why.partition(". ")[0]  # torch goes on with advice that would run code
        raise TimbreError(f"{file}: not readable as saved tensors: {why}; copy it or make it again") from None


def save_tensors(file: Path, state: dict[str, Any]) -> None:
    """``torch.save``, whole or not at all."""
    with atomic_write(file, "wb") as out:
        torch.save(state, out)
