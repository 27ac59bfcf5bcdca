"""The lane of a store that may be asked from where one stands: no thread of its own, everything at once.

For an actor, whose store waits for the network and lets others run meanwhile, and for tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from supervision.world_lane import Done

T = TypeVar("T")


class LaneLike(Protocol):
    """What a desk needs of a lane; see supervision.world_lane.Lane."""

    def call(self, function: Callable[[], T], timeout_s: float) -> T:
        """The function's result."""

    async def call_async(self, function: Callable[[], T], timeout_s: float) -> T:
        """The same for a task."""

    def submit_one_of(self, many: Callable[[Sequence[Any]], Sequence[Any]], item: object, done: Done) -> None:
        """Have many([item, ...]) called, together with others where that is possible."""

    def close(self, timeout_s: float, last: Callable[[], object] | None = None) -> bool:
        """Do `last`, then end."""


class InlineLane:
    """Calls, and has called."""

    def call(self, function: Callable[[], T], timeout_s: float) -> T:
        """The function's result. timeout_s: what it calls has deadlines of its own."""
        del timeout_s
        return function()

    async def call_async(self, function: Callable[[], T], timeout_s: float) -> T:
        """As call."""
        del timeout_s
        return function()

    def submit_one_of(self, many: Callable[[Sequence[Any]], Sequence[Any]], item: object, done: Done) -> None:
        """One call for one item; an error travels to `done`."""
        try:
            answer = many([item])[0]
        except Exception as error:  # noqa: BLE001 - it is the asker's
            answer = error
        done(not isinstance(answer, Exception), answer)

    def close(self, timeout_s: float, last: Callable[[], object] | None = None) -> bool:
        """Do `last`."""
        del timeout_s
        if last is not None:
            last()
        return True
