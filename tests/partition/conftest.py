"""Fixtures of the partition's tests."""

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture
def shop(valkey: Any) -> Iterator[Any]:
    """An empty store on the worker's server, its partition owned: see `RealStore`."""
    from real_store import open_store

    with open_store(valkey.url, valkey.client()) as store:
        store.own()
        yield store
