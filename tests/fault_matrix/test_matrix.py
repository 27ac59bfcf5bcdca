"""A few cells of the matrix, for a few seconds each; `show_matrix.py` runs all of them for a minute each."""

from __future__ import annotations

import pytest
from daemon_under_test import short_folder
from disks import can_mount
from one_cell import run_cell

CELLS = [
    ("process", "killed"),
    ("redis", "killed"),
    ("webhook", "corrupted"),
    pytest.param("ledger", "disk full", marks=pytest.mark.skipif(not can_mount(), reason="may not mount a small disk")),
]


@pytest.mark.parametrize(("part", "fault"), CELLS)
def test_given_load_when_a_part_breaks_then_every_message_is_answered_and_every_effect_happens_once(
    part: str, fault: str
) -> None:
    """No message without its final reply, and ledger, receiver and sheet all have each invoice once."""
    with short_folder("fm-") as folder:
        result = run_cell(folder, part, fault, seconds=9.0, rate=30.0, seed=7, drain_s=60.0)

    assert result.violations == [], result.stories
    assert result.finals == result.messages
    assert result.outside["rows"] > 0
