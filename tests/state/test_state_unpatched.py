"""The library interface in plain and asyncio programs: its tests run in processes that nothing has patched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("program", ["plain_state.py", "plain_queue.py"])
def test_given_an_unpatched_process_when_the_interface_is_used_then_all_of_it_works(program: str) -> None:
    """Without the suite's conftest, hence without gevent."""
    command = [
        sys.executable, "-m", "pytest", "--noconftest", "-p", "no:xdist", "-p", "no:cacheprovider", "-o", "addopts=",
        "--timeout", "60", "-q", "-x", str(HERE / program),
    ]  # fmt: skip

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
