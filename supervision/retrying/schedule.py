"""The waits between attempts: exponential, jittered between the policy's minimum and the growing cap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

GROWTH_MIN: Final = 1.25
"""A wait is at least this much longer than the one before, until the cap: a client whose waits shrink in an outage
adds load just when there is most of it."""

HINT_SPREAD: Final = 0.1
HINT_SPREAD_S_MAX: Final = 1.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Upper bounds of a retry loop; the deadline, the breaker and the budget end it earlier.

    max_retries: attempts after the first. Delays in seconds; the cap of the n-th wait is min_delay_s * multiplier**n,
    at most max_delay_s.
    """

    name: str
    max_retries: int
    min_delay_s: float
    max_delay_s: float
    multiplier: float = 2.0

    def __post_init__(self) -> None:
        if self.max_retries < 0:
            raise ValueError(f"max_retries must not be negative: {self.max_retries}")
        if not 0 <= self.min_delay_s <= self.max_delay_s:
            raise ValueError(f"delays must rise from 0: {self.min_delay_s} to {self.max_delay_s}")
        if self.multiplier < 1:
            raise ValueError(f"multiplier must be at least 1: {self.multiplier}")

    def cap_s(self, retry: int) -> float:
        """The longest wait before retry number `retry` (from 1)."""
        try:
            grown = self.min_delay_s * self.multiplier**retry
        except OverflowError:
            return self.max_delay_s
        return min(grown, self.max_delay_s)


def backoff_s(policy: RetryPolicy, retry: int, previous_s: float, chance: float) -> float:
    """The wait before retry number `retry` (from 1). previous_s: the wait before it, 0 for none; chance: in [0, 1).

    Uniform between the minimum (or a quarter above the previous wait) and the cap. Source of the shape: Brooker,
    "Exponential Backoff And Jitter" (AWS, 2015), with a floor that rises instead of one at zero.
    """
    cap_s = policy.cap_s(retry)
    floor_s = min(max(policy.min_delay_s, previous_s * GROWTH_MIN), cap_s)
    return floor_s + chance * (cap_s - floor_s)


def after_hint_s(hint_s: float, chance: float) -> float:
    """A wait the server asked for, and a little more, so that all who were told the same do not return together."""
    return hint_s + chance * min(hint_s * HINT_SPREAD, HINT_SPREAD_S_MAX)
