"""The agent in programs that nothing has patched, and what its import brings along."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.mark.timeout(300)
def test_given_an_unpatched_process_when_the_agent_is_used_then_all_of_it_works() -> None:
    """Without the suite's conftest, hence without gevent."""
    command = [
        sys.executable, "-m", "pytest", "--noconftest", "-p", "no:xdist", "-p", "no:cacheprovider", "-o", "addopts=",
        "-o", f"pythonpath={HERE.parent} {HERE}", "--timeout", "60", "-q", "-x", str(HERE / "plain_usage.py"),
    ]  # fmt: skip

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_given_a_plain_program_when_the_agent_is_imported_then_no_runtime_and_no_client_comes_along() -> None:
    """Nor a thread, nor a word on its streams."""
    program = """
import sys, threading
import actors.self_healing_agent
heavy = sorted({"gevent", "greenlet", "pykka", "redis", "openai", "httpx", "structlog", "lxml"} & set(sys.modules))
sys.exit(f"{heavy} {threading.active_count()}" if heavy or threading.active_count() > 1 else 0)
"""

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
