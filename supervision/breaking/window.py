"""The results of the latest calls, bounded in number and in age.

Good results are mere times, so that adding one is a single append, which CPython does atomically: a healthy breaker
counts them without its lock. What they amount to is added up only when something went wrong.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple


class Trouble(NamedTuple):
    """A call that failed, or was slow, or both."""

    at_s: float
    failed: bool
    slow: bool


class Counts(NamedTuple):
    """What a window amounts to."""

    calls: int
    failed: int
    slow: int

    @property
    def failure_rate(self) -> float:
        """Share of failed calls, 0.0 without any."""
        return self.failed / self.calls if self.calls else 0.0

    @property
    def slow_rate(self) -> float:
        """Share of slow calls, 0.0 without any."""
        return self.slow / self.calls if self.calls else 0.0


class Window:
    """The last results; the oldest falls out by itself when there are too many."""

    __slots__ = ("_age_s", "results")

    def __init__(self, size: int, age_s: float) -> None:
        self._age_s = age_s
        self.results: deque[float | Trouble] = deque(maxlen=size)

    def add_good(self, now_s: float) -> None:
        """A call was answered in time."""
        self.results.append(now_s)

    def add_trouble(self, now_s: float, *, failed: bool, slow: bool) -> None:
        """A call failed or was slow."""
        self.results.append(Trouble(now_s, failed, slow))

    def counts(self, now_s: float) -> Counts:
        """Add up what is not too old."""
        oldest_s = now_s - self._age_s
        calls = failed = slow = 0
        for result in tuple(self.results):
            if isinstance(result, Trouble):
                if result.at_s >= oldest_s:
                    calls += 1
                    failed += result.failed
                    slow += result.slow
            elif result >= oldest_s:
                calls += 1
        return Counts(calls, failed, slow)
