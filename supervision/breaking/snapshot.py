"""A breaker's state as a record: what survives its restart and its node's, and what nodes tell each other.

Times are wall-clock, because monotonic ones mean nothing to another process. A half-open breaker is kept as open until
now: after a restart somebody probes anew.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from messages.codec import record
from supervision.breaking.machine import Breaker, Closed, Forced, HalfOpen, Open, name_of
from supervision.classification.verdicts import Cause


@record(tag=60, version=1)
@dataclass(frozen=True, slots=True)
class BreakerRecord:
    """One breaker's state.

    state: CLOSED, OPEN or HALF_OPEN. until_wall_s: Unix time of an opening's end, None for no end or none open.
    forced: an operator holds it. failures_in_a_row: those of a closed one. at_wall_s: when this was true.
    """

    name: str
    kind: str
    state: str
    at_wall_s: float
    until_wall_s: float | None = None
    cause: str | None = None
    forced: bool = False
    failures_in_a_row: int = 0


def taken(breaker: Breaker, name: str, now_s: float, wall_s: float) -> BreakerRecord:
    """The record of a breaker's state now."""
    state = breaker.state
    until_s = state.until_s if isinstance(state, Open | Forced) else now_s if isinstance(state, HalfOpen) else math.inf
    cause = state.cause if isinstance(state, Open | HalfOpen) else None
    return BreakerRecord(
        name=name,
        kind=breaker.settings.kind,
        state=name_of(state),
        at_wall_s=wall_s,
        until_wall_s=None if math.isinf(until_s) else wall_s + until_s - now_s,
        cause=None if cause is None else cause.value,
        forced=isinstance(state, Forced),
        failures_in_a_row=state.failures_in_a_row if isinstance(state, Closed) else 0,
    )


def restored(breaker: Breaker, kept: BreakerRecord, now_s: float, wall_s: float) -> None:
    """Put a breaker into the recorded state, with the time that remains of it.

    A clock that jumped back is noticed: an opening never lasts longer from now than it did when it was recorded.
    """
    left_s = math.inf
    if kept.until_wall_s is not None:
        left_s = min(kept.until_wall_s - wall_s, max(kept.until_wall_s - kept.at_wall_s, 0.0))
    if kept.forced:
        if left_s > 0:
            breaker.force(is_open=kept.state == "OPEN", until_s=now_s + left_s)
        return
    if kept.state == "CLOSED":
        breaker.reset()
        if isinstance(breaker.state, Closed):
            breaker.state.failures_in_a_row = min(kept.failures_in_a_row, breaker.settings.failures_max - 1)
        return
    cause = Cause(kept.cause) if kept.cause in set(Cause) else None
    breaker.learn_opening(now_s + (0.0 if math.isinf(left_s) else left_s), cause, now_s)
