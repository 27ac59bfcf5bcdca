"""What retry loops came to, by function and by policy."""

from __future__ import annotations

from dataclasses import dataclass, field

from supervision.retrying.loop import StopReason


@dataclass(slots=True)
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


_by_function: dict[str, Counters] = {}
_by_policy: dict[str, Counters] = {}


def counters_of_function(name: str) -> Counters:
    """The running counts of a function, by its qualified name."""
    return _by_function.setdefault(name, Counters())


def counters_of_policy(name: str) -> Counters:
    """The running counts of all functions under one policy."""
    return _by_policy.setdefault(name, Counters())


def statistics_by_function() -> dict[str, RetryStatistics]:
    """All functions' counts now."""
    return {name: counters.copy() for name, counters in list(_by_function.items())}


def statistics_by_policy() -> dict[str, RetryStatistics]:
    """All policies' counts now."""
    return {name: counters.copy() for name, counters in list(_by_policy.items())}
