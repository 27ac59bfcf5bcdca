"""What the calls of all have in common: parked accounts, waits of models, allowances of the day, latencies."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from supervision.breaking.settings import QUOTA_OPEN_S, REFUSED_OPEN_S
from supervision.classification.verdicts import Cause
from supervision.tiers.config import ModelConfig, Usage

DAY_S: Final = 86400.0
LATENCIES_MAX: Final = 200
LATENCIES_TELLING_MIN: Final = 20
HEDGE_COST_SHARE: Final = Decimal("0.1")
"""Hedges may cost this share of what the day's calls cost."""

_PARKING: Final = {
    Cause.QUOTA_EXCEEDED: QUOTA_OPEN_S,
    Cause.BANNED_FOR_NOW: QUOTA_OPEN_S,
    Cause.AUTH: REFUSED_OPEN_S,
}


@dataclass(frozen=True, slots=True)
class Parked:
    """An account that is not used until until_s (monotonic)."""

    until_s: float
    cause: Cause


class Accounts:
    """Which accounts are parked."""

    def __init__(self) -> None:
        self._parked: dict[str, Parked] = {}

    def note(self, account: str, cause: Cause, retry_after_s: float | None, now_s: float) -> bool:
        """A failure at an account; whether it parks it: a spent quota until its reset, a refused key for minutes."""
        if cause not in _PARKING:
            return False
        wait_s = _PARKING[cause] if retry_after_s is None else retry_after_s
        known = self._parked.get(account)
        if known is None or known.until_s < now_s + wait_s:
            self._parked[account] = Parked(now_s + wait_s, cause)
        return True

    def parked(self, account: str, now_s: float) -> Parked | None:
        """Its parking, None for an account in use."""
        known = self._parked.get(account)
        if known is not None and known.until_s <= now_s:
            del self._parked[account]
            return None
        return known

    def release(self, account: str) -> None:
        """Use it again: the key was renewed, the bill paid."""
        self._parked.pop(account, None)

    def all(self, now_s: float) -> dict[str, Parked]:
        """All parked accounts."""
        return {account: parked for account, parked in list(self._parked.items()) if parked.until_s > now_s}


class Spending:
    """Tokens and money of one model today (UTC), for its allowances. Invariant: the counts belong to day `_day`."""

    def __init__(self) -> None:
        self._day = -1
        self.tokens = 0
        self.cost = Decimal(0)
        self.hedge_cost = Decimal(0)
        self.calls = 0

    def add(self, usage: Usage, cost: Decimal, wall_s: float, *, hedge: bool = False) -> None:
        """Count one call."""
        self._turn(wall_s)
        self.tokens += usage.total_tokens
        self.cost += cost
        self.calls += 1
        if hedge:
            self.hedge_cost += cost

    def spent(self, config: ModelConfig, wall_s: float) -> bool:
        """Whether an allowance of the day is used up."""
        self._turn(wall_s)
        if config.tokens_a_day_max is not None and self.tokens >= config.tokens_a_day_max:
            return True
        return config.cost_a_day_max is not None and self.cost >= config.cost_a_day_max

    def hedge_allowed(self, wall_s: float) -> bool:
        """Whether one more hedge of average cost stays within the hedges' share."""
        self._turn(wall_s)
        average = self.cost / self.calls if self.calls else Decimal(0)
        return self.hedge_cost + average <= HEDGE_COST_SHARE * self.cost or average == 0

    def _turn(self, wall_s: float) -> None:
        day = int(wall_s // DAY_S)
        if day != self._day:
            self._day = day
            self.tokens = self.calls = 0
            self.cost = self.hedge_cost = Decimal(0)


class Latencies:
    """The latest latencies of answered calls."""

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=LATENCIES_MAX)

    def add(self, seconds: float) -> None:
        """Count one."""
        self._seconds.append(seconds)

    def percentile(self, share: float) -> float | None:
        """The latency that this share of calls did not exceed; None while too few are known to tell."""
        if len(self._seconds) < LATENCIES_TELLING_MIN:
            return None
        return nearest_rank(sorted(self._seconds), share)

    def summary(self) -> dict[str, float]:
        """p50, p95 and p99 in seconds, of however few there are; empty without any."""
        ordered = sorted(self._seconds)
        return {f"p{share}": nearest_rank(ordered, share / 100) for share in (50, 95, 99)} if ordered else {}


def nearest_rank(ordered: Sequence[float], share: float) -> float:
    """The nearest-rank percentile of sorted values, of which there is at least one."""
    return ordered[min(max(math.ceil(share * len(ordered)), 1), len(ordered)) - 1]
