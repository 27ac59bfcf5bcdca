"""What a breaker tells: its state, its refusals, its changes, its counts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from supervision.classification.verdicts import Cause


class CircuitState(StrEnum):
    """What a breaker does with the next call: pass it, refuse it, or let a few through to find out."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


class CircuitOpenError(Exception):
    """A call was not made, because the breaker before its endpoint is open.

    breaker: its name. retry_after: seconds until a call may pass again.
    """

    def __init__(self, breaker: str, retry_after: float) -> None:
        super().__init__(f"the circuit before {breaker} is open for {retry_after:.1f} s")
        self.breaker = breaker
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.breaker, self.retry_after)


@dataclass(frozen=True, slots=True)
class BreakerStatistics:
    """Counts since the breaker was made, and the rates of the present window."""

    state: CircuitState
    admitted: int
    refused: int
    successes: int
    failures: int
    ignored: int
    openings: int
    failure_rate: float
    slow_rate: float
    failures_in_a_row: int


@dataclass(frozen=True, slots=True)
class BreakerEvent:
    """One change of state, as listeners see it. open_for_s: seconds until a call may pass, 0 unless open."""

    breaker: str
    before: CircuitState
    after: CircuitState
    cause: Cause | None
    open_for_s: float
