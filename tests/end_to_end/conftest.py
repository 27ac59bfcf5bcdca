"""One daemon for the tests that harm nobody; those that kill get one of their own."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from daemon_under_test import DaemonUnderTest, short_folder


@pytest.fixture(scope="module")
def daemon() -> Iterator[DaemonUnderTest]:
    """A daemon that is up; shared by the tests of a module, each with chats of its own."""
    with short_folder() as folder, DaemonUnderTest(folder) as running:
        yield running


@pytest.fixture
def own_folder() -> Iterator[Path]:
    """A data directory that nobody else uses."""
    with short_folder() as folder:
        yield folder
