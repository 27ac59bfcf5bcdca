"""kill -9 at random points of the queue's file; the script runs more of them by itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("kill_points.py")


@pytest.mark.timeout(110)
def test_given_forty_kills_when_the_file_is_opened_then_all_that_was_acknowledged_is_there() -> None:
    """In a process that nothing has patched, since it forks the ones that are killed."""
    command = [sys.executable, str(SCRIPT), "--points", "40", "--seed", "5"]

    done = subprocess.run(command, cwd=SCRIPT.parents[2], capture_output=True, text=True, timeout=100, check=False)

    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    report = json.loads(done.stdout)
    assert (report["points"], report["problem_count"]) == (40, 0)
    assert sum(report["killed_during"].values()) == 40
