"""The state of a model as ``final.pt`` holds it, for tests that need a part of it alone."""

from __future__ import annotations

from typing import Any

from timbre.features.published import FORMAT


def model_state(task: str = "verification", **parts: Any) -> dict[str, Any]:
    """A state that is whole, of a task, with these parts in it."""
    conf = {"task": task, "features": {"kind": "fbank"}, "input": {}, "encoder": {"kind": "xvector"}}
    return {"format": FORMAT, "conf": conf, "classes": [], "backend": {}, "encoder": {}} | parts
