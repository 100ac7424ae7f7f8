"""A fault of the disk at any call: the old output is there, or the new one, and the same again makes the new."""

from __future__ import annotations

import zlib

import pytest
from faults import try_all
from outputs import OUTPUTS

SLOW = {"ONNX graph", "report.html", "model card"}  # to import, or to make
EVERY = 12
"""In the fast tier one in so many calls fails."""


@pytest.mark.parametrize("name", [name for name in OUTPUTS if name not in SLOW])
def test_a_fault_leaves_the_old_output_or_the_new_one(name, tmp_path):
    first = zlib.crc32(name.encode()) % EVERY
    tally = try_all(OUTPUTS[name], tmp_path / "made", choose=lambda at: at % EVERY == first or at == 4)
    assert tally.faults >= 4 and tally.defects == []


@pytest.mark.all
@pytest.mark.parametrize("name", OUTPUTS)
def test_a_fault_at_each_call(name, tmp_path):
    tally = try_all(OUTPUTS[name], tmp_path / "made")
    assert tally.faults >= 4 * tally.calls > 0 and tally.defects == []
