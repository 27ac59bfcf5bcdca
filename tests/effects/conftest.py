"""Fixtures of the tests of effects."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for sockets."""
    made = Path(tempfile.mkdtemp(prefix="uf-", dir="/tmp"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def person(valkey: Any) -> Iterator[Any]:
    """Who talks to the nodes on the worker's empty server: see `Person`."""
    from turn.real_nodes import Person

    with valkey.client() as client:
        yield Person(client)


@pytest.fixture
def outbox(person: Any) -> Any:
    """The outboxes on the worker's server: see `Outbox`."""
    from effects.places import Outbox

    return Outbox(person)
