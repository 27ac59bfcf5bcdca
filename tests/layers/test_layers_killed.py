"""`kill -9` anywhere in save, backup, compaction and replay; the whole of it is `kill_points.py --points 1000`."""

import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).with_name("kill_points.py")


def test_given_a_writer_of_the_file_layer_when_killed_anywhere_then_every_acknowledged_write_is_there() -> None:
    """Whole, and no torn one is read; every backup that has its name reads to its end."""
    done = subprocess.run(
        [sys.executable, str(PROGRAM), "--points", "40"], capture_output=True, text=True, timeout=110, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 points with losses" in done.stdout
