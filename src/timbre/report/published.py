"""Figures of somebody else's, to stand beside ours."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, model_validator

from timbre import plain_yaml
from timbre.conf import Section, build
from timbre.errors import TimbreError


class Published(Section):
    """A figure of somebody else's."""

    system: str
    list: str = Field("", description="the trial list, as our table is called; nothing where there is but one")
    eer: float | None = Field(None, ge=0, le=100, description="%, of verification")
    min_dcf: float | None = Field(None, ge=0, description="at the prior 0.01")
    accuracy: float | None = Field(None, ge=0, le=100, description="%, of classification")
    recall: float | None = Field(None, ge=0, le=100, description="%, of classification: the mean over classes (UA)")
    source: str

    @model_validator(mode="after")
    def _of_one_task(self) -> Published:
        if (self.eer is None) == (self.accuracy is None and self.recall is None):
            raise ValueError("give either eer or accuracy or recall (%)")
        return self


def read_published(path: str | Path) -> list[Published]:
    """Published figures from a YAML list; an entry that is not one is named."""
    entries = plain_yaml.read(path)
    if not isinstance(entries, list):
        raise TimbreError(
            f"{path}: expected a list of entries with system, list, eer and min_dcf or accuracy and recall, source"
        )
    found = []
    for number, entry in enumerate(entries, start=1):
        try:
            found.append(build(Published, entry))
        except TimbreError as error:
            raise TimbreError(f"{path}: entry {number}: {error}") from None
    return found
