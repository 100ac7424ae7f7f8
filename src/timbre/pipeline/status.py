"""What of a recipe is fresh, stale or missing, as its steps declare themselves; nothing is touched."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator
from pathlib import Path

from timbre.errors import TimbreError
from timbre.pipeline.declaration import Declaration, add_arguments, declaration
from timbre.pipeline.plan import read_names
from timbre.pipeline.state import State, state_of

_WORST = ("fresh", "missing", "stale")


def read_declarations(path: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yields ``(stage, command, declaration)`` as ``utils/step.sh`` writes them, a NUL after each word."""
    words = iter(path.read_bytes().decode().split("\0")[:-1])
    for stage in words:
        yield stage, *([next(words) for _ in range(int(next(words)))] for _ in range(2))


def states(rows: Iterator[tuple[str, list[str], list[str]]]) -> Iterator[tuple[str, list[str], Declaration, State]]:
    """The state of each step in order; what is made of something stale is stale too."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    pending: dict[Path, str] = {}
    for stage, command, words in rows:
        step = declaration(parser.parse_args(words))
        state = state_of(step)
        if behind := next((path for path in step.paths if _is_made_by(path, pending)), None):
            word = "missing" if state.word == "missing" else "stale"
            state = State(word, [f"{behind} is to be made anew"] if word == "stale" else [], there=state.there)
        if state.word != "fresh":
            pending |= dict.fromkeys(step.outputs, state.word)
        yield stage, command, step, state


def _is_made_by(path: Path, pending: dict[Path, str]) -> bool:
    return any(path == made or made in path.parents for made in map(_without_pattern, pending))


def _without_pattern(output: Path) -> Path:
    """``data/folds`` of ``data/folds/*/train/*``."""
    return next((part.parent for part in (*reversed(output.parents), output) if "*" in part.name), output)


def refuse_stale(path: Path) -> None:
    """Refuses to go on from outputs that are stale; those that have no record are taken as they are.

    Raises:
        TimbreError: naming the first, with the stage that makes it anew.
    """
    for stage, _, step, state in states(read_declarations(path)):
        if state.word == "stale" and state.there is not None and not step.aside:
            raise TimbreError(f"{step.title} is {state}; --stage {stage} makes it anew")


def report(path: Path, stages: dict[str, str], commands: bool) -> Iterator[str]:
    """The lines of ``--status``: a line for each stage, and beneath it each step that is not fresh.

    Args:
        path: the steps' declarations.
        stages: ``{number: text}`` of the stages that were asked for.
        commands: say of each step that would run what would be run (``--dry-run``).
    """
    found: dict[str, list[tuple[list[str], Declaration, State]]] = {stage: [] for stage in stages}
    for stage, command, step, state in states(read_declarations(path)):
        found.setdefault(stage, []).append((command, step, state))
    for stage, steps in found.items():
        word = max((state.word for _, _, state in steps), key=_WORST.index, default="missing")
        yield f"stage {stage}  {word:7}  {stages.get(stage, '')}"
        for command, step, state in steps:
            if state.word != "fresh" or state.reasons:
                yield f"    {step.title}: {state}"
            if commands and state.word != "fresh":
                yield f"        {shlex.join(_lasting(word, path.parent / 'plan') for word in command)}"


def _lasting(word: str, temporary: Path) -> str:
    """A word of a command with the plan's place in an experiment, where it was made for this status alone."""
    if not Path(word).is_relative_to(temporary):
        return word
    return str(Path(read_names(temporary)["exp"], "plan", Path(word).relative_to(temporary)))
