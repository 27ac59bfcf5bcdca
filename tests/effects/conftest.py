"""Fixtures of the tests of effects."""

from typing import Any

import pytest


@pytest.fixture
def outbox(person: Any) -> Any:
    """The outboxes on the worker's server: see `Outbox`."""
    from effects.places import Outbox

    return Outbox(person)
