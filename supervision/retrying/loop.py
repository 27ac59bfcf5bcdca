"""What to do after a failed attempt: wait and try again, or stop and why. Pure: time and chance come in."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from supervision.classification.verdicts import ClassifiedError
from supervision.retrying.schedule import RetryPolicy, after_hint_s, backoff_s

ATTEMPT_S_MIN: Final = 0.05
"""What an attempt needs at least: a wait that leaves less before the deadline is not begun."""


class StopReason(StrEnum):
    """Why a retry loop ended without success."""

    NOT_RETRYABLE = "not_retryable"
    EXHAUSTED = "exhausted"
    DEADLINE = "deadline"
    HINT_PAST_DEADLINE = "hint_past_deadline"
    BREAKER_OPEN = "breaker_open"
    BUDGET_SPENT = "budget_spent"


@dataclass(frozen=True, slots=True)
class RetryState:
    """Where a loop stands. Invariant: waited_s is the sum of all waits begun."""

    retries: int = 0
    last_wait_s: float = 0.0
    waited_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait delay_s, then try again, in the new state."""

    delay_s: float
    state: RetryState


@dataclass(frozen=True, slots=True)
class Stop:
    """Do not try again."""

    reason: StopReason


def next_step(
    policy: RetryPolicy,
    state: RetryState,
    verdict: ClassifiedError,
    *,
    now_s: float,
    deadline_s: float = math.inf,
    chance: float = 0.5,
    breaker_opens_at_s: float = 0.0,
    take_from_budget: Callable[[], bool] | None = None,
) -> Wait | Stop:
    """Decide after one failed attempt.

    breaker_opens_at_s: when an open breaker next admits a call, 0 for a closed one; a breaker that opens again only
    after the wait ends the loop. take_from_budget: asked last, since asking spends; None for no budget.
    """
    if not verdict.is_retryable:
        return Stop(StopReason.NOT_RETRYABLE)
    if state.retries >= min(policy.max_retries, verdict.max_retries):
        return Stop(StopReason.EXHAUSTED)
    delay_s = _delay_s(policy, state, verdict, chance)
    latest_s = deadline_s - ATTEMPT_S_MIN
    if now_s + delay_s > latest_s:
        clipped = _clipped_s(policy, state, verdict, latest_s - now_s)
        if clipped is None:
            hinted = verdict.retry_after is not None and now_s + verdict.retry_after > latest_s
            return Stop(StopReason.HINT_PAST_DEADLINE if hinted else StopReason.DEADLINE)
        delay_s = clipped
    if breaker_opens_at_s > now_s + delay_s:
        return Stop(StopReason.BREAKER_OPEN)
    if take_from_budget is not None and not take_from_budget():
        return Stop(StopReason.BUDGET_SPENT)
    return Wait(
        delay_s, replace(state, retries=state.retries + 1, last_wait_s=delay_s, waited_s=state.waited_s + delay_s)
    )


def _delay_s(policy: RetryPolicy, state: RetryState, verdict: ClassifiedError, chance: float) -> float:
    """The server's hint is obeyed also where it is longer than the policy would wait."""
    own_s = backoff_s(policy, state.retries + 1, state.last_wait_s, chance)
    if verdict.retry_after is None:
        return own_s
    return max(own_s if verdict.retry_after == 0 else 0.0, after_hint_s(verdict.retry_after, chance))


def _clipped_s(policy: RetryPolicy, state: RetryState, verdict: ClassifiedError, room_s: float) -> float | None:
    """A shorter wait that still fits before the deadline and is long enough; None where there is none."""
    shortest_s = verdict.retry_after or min(max(policy.min_delay_s, state.last_wait_s), policy.max_delay_s)
    return room_s if shortest_s <= room_s else None
