"""Every decision of a supervisor, as values and pure functions: what an exit means, who restarts, when it is too much.

Source: Erlang/OTP lib/stdlib/src/supervisor.erl (add_restart, do_restart, restart, do_auto_shutdown); cases by number
in the tests. Knows no clock and no chance: both are passed in.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

Strategy = Literal["one_for_one", "one_for_all", "rest_for_one"]
Restart = Literal["permanent", "transient", "temporary"]
AutoShutdown = Literal["never", "any_significant", "all_significant"]
Reason = str | BaseException

STRATEGIES: Final = ("one_for_one", "one_for_all", "rest_for_one")
RESTARTS: Final = ("permanent", "transient", "temporary")
AUTO_SHUTDOWNS: Final = ("never", "any_significant", "all_significant")
ORDERLY: Final = frozenset(("normal", "shutdown"))

# Beyond so many failures in a row the delay has long reached its cap; the exponent must not overflow.
_EXPONENT_MAX: Final = 64


class Verdict(Enum):
    """What an exit means for the child."""

    RESTART = "restart"
    KEEP = "keep"  # the spec stays, without an actor; restart_child brings it back
    REMOVE = "remove"


def is_orderly(reason: Reason) -> bool:
    """Whether an actor ended as it should: its own stop, or one asked for."""
    return isinstance(reason, str) and reason in ORDERLY


def verdict(restart: Restart, reason: Reason) -> Verdict:
    """What becomes of a child that ended for this reason (cases 14 to 16)."""
    if restart == "permanent":
        return Verdict.RESTART
    if restart == "temporary":
        return Verdict.REMOVE
    return Verdict.KEEP if is_orderly(reason) else Verdict.RESTART


@dataclass(frozen=True, slots=True)
class RestartIntensity:
    """A sliding window: how many restarts there were, and how many there may be.

    restarts_max restarts are allowed within period_s seconds; one more is too much.
    """

    restarts_max: int
    period_s: float
    restarts_at_s: tuple[float, ...] = ()  # Invariant: ascending, at most restarts_max + 1, none older than period_s

    def record(self, now_s: float) -> tuple[Self, bool]:
        """Add one restart, and say whether it is still allowed.

        now_s: monotonic seconds. Restarts exactly period_s old still count, and the limit is "more than", as in OTP.
        """
        kept = self.restarts_at_s[bisect_left(self.restarts_at_s, now_s - self.period_s) :]
        window = type(self)(self.restarts_max, self.period_s, (*kept, now_s)[-self.restarts_max - 1 :])
        return window, len(window.restarts_at_s) <= self.restarts_max


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long a child that keeps failing waits for its next start: exponential, jittered, capped.

    The first restart is immediate; after the second failure in a row a child waits first_s, then factor times as
    long each time, at most max_s. Of each delay up to the fraction jitter is taken off by chance. A child that has
    lived for settled_s counts as well again.
    """

    first_s: float = 0.1
    factor: float = 2.0
    max_s: float = 10.0
    jitter: float = 0.3
    settled_s: float = 10.0

    def __post_init__(self) -> None:
        """Check the bounds. Raises ValueError."""
        if not (self.first_s >= 0 and self.factor >= 1 and self.max_s >= 0 and 0 <= self.jitter <= 1):
            message = f"not a backoff: {self}"
            raise ValueError(message)

    @classmethod
    def none(cls) -> Self:
        """No backoff: every restart is immediate, as in OTP."""
        return cls(first_s=0.0, max_s=0.0)

    def delay_s(self, failures: int, chance: float) -> float:
        """Seconds to wait after so many failures in a row (1 for the first); chance in [0, 1)."""
        if failures <= 1:
            return 0.0
        delay_s = min(self.max_s, self.first_s * self.factor ** min(failures - 2, _EXPONENT_MAX))
        return delay_s * (1.0 - self.jitter * chance)


@dataclass(frozen=True, slots=True)
class FailureRun:
    """How often a child has failed in a row, and when last."""

    failures: int = 0
    last_at_s: float = 0.0

    def failed(self, now_s: float, settled_s: float) -> Self:
        """Add a failure at now_s; a child that had lived for settled_s begins a new run."""
        lived_on = self.failures > 0 and now_s - self.last_at_s <= settled_s
        return type(self)(self.failures + 1 if lived_on else 1, now_s)


@dataclass(frozen=True, slots=True)
class Plan:
    """Whom to stop and whom to start, each in this order."""

    stop: tuple[str, ...]
    start: tuple[str, ...]


def plan_restart(strategy: Strategy, order: Sequence[str], failed_id: str) -> Plan:
    """Plan who stops (latest first) and who starts (in order) when failed_id must be restarted (cases 8 to 12).

    order: all ids in start order; failed_id is one of them. A temporary child is in the plan's start too: whoever
    stops it removes its spec, and it is not started again.
    """
    if strategy == "one_for_one":
        return Plan((), (failed_id,))
    if strategy == "one_for_all":
        return Plan(tuple(child_id for child_id in reversed(order) if child_id != failed_id), tuple(order))
    position = order.index(failed_id)
    return Plan(tuple(reversed(order[position + 1 :])), tuple(order[position:]))


def shuts_down(auto_shutdown: AutoShutdown, *, significant: bool, others_active: int) -> bool:
    """Whether a supervisor stops because a child ended for good (cases 38 to 41).

    significant: of the child that ended; others_active: how many other significant children still run.
    """
    if auto_shutdown == "never" or not significant:
        return False
    return auto_shutdown == "any_significant" or others_active == 0
