"""What is due when: a queue by time for entries that nearly all come in order. Pure.

Deadlines of messages seen one after another are one after another, so they stand in a line, which costs a fifth of a
heap; the few that come out of order have the heap. Nothing is taken out early: a message that is settled is dropped
when it comes to the front.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors.partition.table import Entry


class DueLine:
    """Entries with the times they are due at; the earliest first, and of one time the one that came first."""

    def __init__(self) -> None:
        """Nothing is due."""
        self._line: deque[tuple[float, int, Entry]] = deque()  # Invariant: in order
        self._heap: list[tuple[float, int, Entry]] = []
        self._count = 0

    def add(self, at_s: float, entry: Entry) -> None:
        """Have the entry due at that time; it may be in the line for other times as well."""
        self._count += 1
        if not self._line or at_s >= self._line[-1][0]:
            self._line.append((at_s, self._count, entry))
        else:
            heappush(self._heap, (at_s, self._count, entry))

    def next_s(self) -> float | None:
        """The next time at which an entry that is not settled is due."""
        line, heap = self._line, self._heap
        while line and line[0][2].settled:
            line.popleft()
        while heap and heap[0][2].settled:
            heappop(heap)
        if line and heap:
            return min(line[0][0], heap[0][0])
        return line[0][0] if line else heap[0][0] if heap else None

    def pop(self) -> Entry:
        """Take the entry that is due next out; there is one."""
        if not self._heap or (self._line and self._line[0] < self._heap[0]):
            return self._line.popleft()[2]
        return heappop(self._heap)[2]
