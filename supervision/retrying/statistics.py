"""What retry loops came to, by function and by policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from weakref import WeakSet

from supervision.retrying.loop import StopReason


@dataclass(slots=True, eq=False, weakref_slot=True)
class Counters:
    """Running counts. Invariant: calls = successes + sum(stopped) + cancelled + calls still running.

    On CPython an increment is not interrupted by another thread, so no lock is taken for it.
    """

    calls: int = 0
    successes: int = 0
    retries: int = 0
    recovered: int = 0
    cancelled: int = 0
    waited_s: float = 0.0
    stopped: dict[StopReason, int] = field(default_factory=dict)

    def copy(self) -> RetryStatistics:
        """The counts at one moment."""
        return RetryStatistics(
            self.calls, self.successes, self.retries, self.recovered, self.cancelled, self.waited_s, dict(self.stopped)
        )


@dataclass(frozen=True, slots=True)
class RetryStatistics:
    """What calls came to.

    calls: how often the function was called. successes: of these, how many were answered; recovered: after a retry.
    retries: further attempts. waited_s: spent between attempts. stopped: calls that ended in failure, by reason.
    """

    calls: int
    successes: int
    retries: int
    recovered: int
    cancelled: int
    waited_s: float
    stopped: dict[StopReason, int]


_by_function: dict[str, WeakSet[Counters]] = {}
_by_policy: dict[str, Counters] = {}


def counters_of_function(name: str) -> Counters:
    """New running counts for a function; they show under its qualified name as long as it lives."""
    counters = Counters()
    _by_function.setdefault(name, WeakSet()).add(counters)
    return counters


def counters_of_policy(name: str) -> Counters:
    """The running counts of all functions under one policy."""
    return _by_policy.setdefault(name, Counters())


def statistics_by_function() -> dict[str, RetryStatistics]:
    """All functions' counts now; those of one name are added up."""
    return {name: _sum(list(alive)) for name, alive in list(_by_function.items()) if alive}


def statistics_by_policy() -> dict[str, RetryStatistics]:
    """All policies' counts now."""
    return {name: counters.copy() for name, counters in list(_by_policy.items())}


def _sum(all_counters: Sequence[Counters]) -> RetryStatistics:
    total = Counters()
    for one in all_counters:
        total.calls += one.calls
        total.successes += one.successes
        total.retries += one.retries
        total.recovered += one.recovered
        total.cancelled += one.cancelled
        total.waited_s += one.waited_s
        for reason, count in one.stopped.items():
            total.stopped[reason] = total.stopped.get(reason, 0) + count
    return total.copy()
