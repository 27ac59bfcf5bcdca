"""The deadline that goes through everything: set once around some work, seen by every retry and chain within it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

_deadline_s: ContextVar[float] = ContextVar("deadline_s", default=math.inf)


class Clock(Protocol):
    """Whoever knows the time."""

    def now(self) -> float:
        """Monotonic seconds."""


def present_deadline_s() -> float:
    """The monotonic instant by which the work of this context must be done; infinite for none."""
    return _deadline_s.get()


@contextmanager
def deadline(seconds: float, clock: Clock | None = None) -> Iterator[float]:
    """Within the block everything must be done in so many seconds; an outer deadline that is earlier stays in force.

    Yields the instant. Holds for this thread or task and the tasks it starts; a greenlet starts without one.
    """
    if clock is None:
        from supervision.world_library import library_world

        clock = library_world()
    at_s = min(clock.now() + seconds, _deadline_s.get())
    token = _deadline_s.set(at_s)
    try:
        yield at_s
    finally:
        _deadline_s.reset(token)
