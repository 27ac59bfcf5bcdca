"""One heap for every deadline of a world: asks, waits, timers.

An entry that is no longer wanted stays in the heap until its time or the next compaction, so that calling off
costs two assignments; nearly every ask is answered long before its deadline. Only the nearest deadline is armed
outside (one hub timer), by the function given as `arm`. Knows no clock: the time is passed in.
"""

from __future__ import annotations

import heapq
import math
from itertools import count
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

# Below this many dead entries a compaction costs more than the memory it gives back.
DEAD_KEPT_MAX: Final = 1024


class Expiring(Protocol):
    """What stands in the heap. Invariant: armed is true while it is in the heap and wanted."""

    armed: bool

    def expire(self) -> None:
        """Its time has come; called on the hub, must neither block nor raise."""


class Deadlines:
    """A heap of (time, order set, entry): nearest first, ties in the order they were set."""

    __slots__ = ("_arm", "_armed_at_s", "_dead", "_heap", "_order")

    def __init__(self, arm: Callable[[float], None]) -> None:
        """arm: called with the time of the nearest deadline whenever that comes nearer."""
        self._heap: list[tuple[float, int, Expiring]] = []
        self._order = count()
        self._arm = arm
        self._armed_at_s = math.inf
        self._dead = 0

    def __len__(self) -> int:
        """How many deadlines are still wanted."""
        return len(self._heap) - self._dead

    def add(self, at_s: float, entry: Expiring) -> None:
        """Have entry.expire() called at at_s."""
        entry.armed = True
        heapq.heappush(self._heap, (at_s, next(self._order), entry))
        if at_s < self._armed_at_s:
            self._armed_at_s = at_s
            self._arm(at_s)

    def call_off(self, entry: Expiring) -> None:
        """Entry is no longer wanted; nothing happens when it is not armed."""
        if entry.armed:
            entry.armed = False
            self._dead += 1
            if self._dead > DEAD_KEPT_MAX and self._dead * 2 > len(self._heap):
                self._heap = [item for item in self._heap if item[2].armed]
                heapq.heapify(self._heap)
                self._dead = 0

    def nearest_s(self) -> float | None:
        """The nearest time at which something is wanted."""
        while self._heap and not self._heap[0][2].armed:
            heapq.heappop(self._heap)
            self._dead -= 1
        return self._heap[0][0] if self._heap else None

    def run_due(self, now_s: float) -> None:
        """Expire everything due at now_s, and arm for what comes next."""
        # While this runs nothing is armed from `add`: it would be armed again below.
        self._armed_at_s = -math.inf
        try:
            while (nearest_s := self.nearest_s()) is not None and nearest_s <= now_s:
                entry = heapq.heappop(self._heap)[2]
                entry.armed = False
                entry.expire()
        finally:  # one that raises must not silence those behind it
            nearest_s = self.nearest_s()
            self._armed_at_s = math.inf if nearest_s is None else nearest_s
            if nearest_s is not None:
                self._arm(nearest_s)
