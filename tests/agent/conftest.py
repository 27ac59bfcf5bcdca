"""Folders short enough for sockets, whose processes end with the test."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_under_test import end_all

# Real servers and slow documents are made by the helpers of the rooms beside this one.
sys.path += [str(Path(__file__).parents[1] / room) for room in ("actors", "chaos")]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data directory that does not exist yet, in a folder of its own; nothing that lives on it outlives the test."""
    home = Path(tempfile.mkdtemp(prefix="ua-", dir="/tmp"))
    yield home / "d"
    end_all(home)
    shutil.rmtree(home, ignore_errors=True)
