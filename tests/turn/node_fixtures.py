"""Fixtures for tests of whole nodes on a real server; a plugin, so that every folder has them."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    made = Path(tempfile.mkdtemp(prefix="ut-", dir="/tmp"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def person(valkey: Any) -> Iterator[Any]:
    """Who talks to the nodes on the worker's empty server: see `Person`."""
    from turn.real_nodes import Person

    with valkey.client() as client:
        yield Person(client)


@pytest.fixture
def start_node(valkey: Any, folder: Path) -> Iterator[Callable[..., Any]]:
    """Starts a node that owns every partition; its sessions obey drills.

    It is stopped with the test, or by leaving `stopping` before.
    """
    from turn.drills import drilling
    from turn.real_nodes import running

    with drilling(), ExitStack() as nodes:
        yield lambda name="n", **daemon: nodes.enter_context(running(valkey.url, folder / name, **daemon))
