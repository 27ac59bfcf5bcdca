"""Tests of the library in a plain process: the suite's own is patched, and a library has to work where nothing is."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def passes_unpatched(program: Path, timeout_s: float) -> None:
    """Run a file of tests without the suite's conftest, hence without gevent. Fails with its output."""
    command = [
        sys.executable, "-m", "pytest", "--noconftest", "-p", "no:xdist", "-p", "no:cacheprovider", "-o", "addopts=",
        "--timeout", "60", "-q", "-x", str(program),
    ]  # fmt: skip

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout_s, check=False)

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
