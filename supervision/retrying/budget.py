"""Retry budgets: retries and hedges together add at most a tenth to the load of a service.

A loop that retries five times multiplies the load of an outage by six. The budget counts, over a sliding window, the
requests that were wanted and the extra ones (retries, hedges), and lets an extra one pass only while extras stay within
`ratio` of the requests, or within `floor` where there is little traffic at all. Source: "retry budgets" of Finagle and
of Google's SRE book, chapter 21, with a window in place of a bucket that fills, so that a quiet hour saves nothing up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

SLOTS: Final = 10


@dataclass(frozen=True, slots=True)
class BudgetPolicy:
    """ratio: extras per request. floor: extras per window that always pass. window_s: seconds that count."""

    ratio: float = 0.1
    floor: int = 10
    window_s: float = 60.0

    def __post_init__(self) -> None:
        if not (0 <= self.ratio <= 1 and self.floor >= 0 and self.window_s > 0):
            raise ValueError(f"not a budget: {self}")

    def allows(self, requests: int, extras: int) -> bool:
        """Whether one more extra request may be sent."""
        return extras + 1 <= max(self.floor, self.ratio * requests)


class RetryBudget(Protocol):
    """The port: whatever counts the load of one service, here or for all nodes together."""

    def note_request(self, now_s: float) -> None:
        """A request that somebody wanted is sent."""

    def take(self, now_s: float) -> bool:
        """Ask for one extra request; True spends it."""


class LocalRetryBudget:
    """The budget of one service in this process. Not thread-safe by itself: the owner holds a lock or is an actor.

    Invariant: `_requests` and `_extras` are the sums over the slots, none of which is older than the window.
    """

    def __init__(self, policy: BudgetPolicy | None = None) -> None:
        self.policy = policy or BudgetPolicy()
        self._slot_s = self.policy.window_s / SLOTS
        self._slots: dict[int, list[int]] = {}
        self._requests = 0
        self._extras = 0

    def note_request(self, now_s: float) -> None:
        """A request that somebody wanted is sent."""
        self._slot(now_s)[0] += 1
        self._requests += 1

    def take(self, now_s: float) -> bool:
        """Ask for one extra request; True spends it."""
        self._slot(now_s)
        if not self.policy.allows(self._requests, self._extras):
            return False
        self.note_extra(now_s)
        return True

    def note_extra(self, now_s: float) -> None:
        """An extra request is sent that was allowed elsewhere."""
        self._slot(now_s)[1] += 1
        self._extras += 1

    def counted(self, now_s: float) -> tuple[int, int]:
        """Requests and extras of the window that ends now."""
        self._slot(now_s)
        return self._requests, self._extras

    def _slot(self, now_s: float) -> list[int]:
        number = int(now_s // self._slot_s)
        slot = self._slots.get(number)
        if slot is None:
            for old in [one for one in self._slots if one <= number - SLOTS]:
                requests, extras = self._slots.pop(old)
                self._requests -= requests
                self._extras -= extras
            slot = self._slots[number] = [0, 0]
        return slot
