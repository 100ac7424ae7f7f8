"""What a step does with utterances that it cannot use: ``fail`` at the first, or ``skip`` up to a fraction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from timbre.errors import MachineError, TimbreError, doing, some
from timbre.kaldi.text import write_table


class SharedError(TimbreError):
    """What is wrong with something that many utterances share; no policy leaves an utterance out for it."""


class BadAudio:
    """Collects what went wrong, by utterance.

    >>> bad = BadAudio("skip")
    >>> for utterance in reader.utterances:
    ...     with bad.caught(utterance):
    ...         samples = reader.read(utterance)
    """

    def __init__(self, policy: str = "fail", to_skip: str = "--bad-audio skip") -> None:
        """``policy``: ``fail``: the first error ends the step, which says ``to_skip``; ``skip``: it is noted."""
        self._policy, self._to_skip = policy, to_skip
        self.skipped: dict[str, str] = {}

    @contextmanager
    def caught(self, utterance: str) -> Iterator[None]:
        """Runs the block; notes what it throws under ``skip``, throws it with the utterance's name under ``fail``.

        What a decoder, a number or a table throws is the utterance's fault. No memory, no more files and a full
        disk are the machine's, and pass under both.
        """
        try:
            with doing(utterance):
                yield
        except (OSError, MachineError, SharedError):
            raise
        except Exception as error:
            said = str(error).removeprefix(f"{utterance}: ")
            if not isinstance(error, TimbreError):
                said = f"cannot be used: {type(error).__name__}: {said}"
            if self._policy == "fail":
                raise TimbreError(f"{utterance}: {said} ({self._to_skip} would leave it out)") from error
            self.skipped[utterance] = " ".join(said.split())

    def write(self, path: str | Path) -> None:
        """Writes ``<utterance> <reason>`` lines (an empty file where nothing was skipped)."""
        write_table(path, self.skipped)


def check_skipped(skipped: dict[str, str], total: int, most: float, where: str | Path) -> None:
    """Refuses a step that skipped more than the fraction ``most`` of ``total`` utterances."""
    if len(skipped) > most * total:
        raise TimbreError(
            f"{len(skipped)} of {total} utterances are unusable, more than --max-skipped {most:g} allows: "
            f"{some(f'{utterance} ({why})' for utterance, why in skipped.items())}; all in {where}"
        )
