"""When to start a daemon, and when to end one that has stopped answering. A machine: time and facts are passed in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

# After a daemon of somebody else has gone: its own service manager comes first.
FOREIGN_GONE_S: Final = 5.0
# On a store shared by several machines a daemon elsewhere shows itself every second.
LISTEN_S: Final = 3.0
# A daemon that ended within so long of its start has failed to start.
SETTLED_S: Final = 20.0
BACKOFF_S: Final = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
# A daemon that has answered once and then is silent for so long is wedged; one that has not yet may be loading.
WEDGED_S: Final = 30.0
LOADING_S: Final = 180.0


class Step(Enum):
    """What to do now."""

    NOTHING = auto()
    START = auto()
    KILL = auto()


@dataclass(frozen=True, slots=True)
class Facts:
    """What was seen just now.

    child: whether the daemon that is ours lives; None when there is none. answers: whether the daemon of this data
    directory answers. elsewhere: whether a daemon on another machine works on the same store. store: whether a daemon
    could do anything: the store is there, or is the daemon's own to start. nobody: whether no daemon can be elsewhere,
    as none is on the store's list.
    """

    child: bool | None
    answers: bool
    elsewhere: bool
    store: bool
    nobody: bool = True


class Nursing:
    """What one agent knows of its daemon."""

    def __init__(self, now_s: float, *, listen_s: float) -> None:
        """listen_s: how long to listen for a daemon before the first one is started."""
        self.failures = 0
        """Starts in a row that came to nothing."""
        self.starts = 0
        self._listen_until_s = now_s + listen_s
        self._start_at_s = now_s
        self._started_s = now_s
        self._answered_s = -math.inf
        self._foreign_s = -math.inf

    def look(self, facts: Facts, now_s: float) -> Step:
        """Decide. After START comes `started` or `failed`; after KILL a child that has ended."""
        if facts.answers or facts.elsewhere:
            self._foreign_s = now_s
        if facts.child is None:
            return self._without_child(facts, now_s)
        if not facts.child:
            return Step.NOTHING
        if facts.answers:
            self._answered_s = now_s
            if now_s - self._started_s >= SETTLED_S:
                self.failures = 0
        return Step.KILL if self._is_wedged(now_s) else Step.NOTHING

    def started(self, now_s: float) -> None:
        """A daemon was started, or one that an earlier agent had started was taken over."""
        self.starts += 1
        self._started_s = now_s
        self._answered_s = -math.inf

    def ended(self, now_s: float) -> None:
        """Our daemon has ended, or could not be started."""
        self.failures = self.failures + 1 if now_s - self._started_s < SETTLED_S else 1
        self._foreign_s = -math.inf
        self._start_at_s = now_s + BACKOFF_S[min(self.failures, len(BACKOFF_S)) - 1]

    def _without_child(self, facts: Facts, now_s: float) -> Step:
        if facts.answers or facts.elsewhere:
            self.failures = 0
            return Step.NOTHING
        if not facts.store or now_s < self._start_at_s or now_s - self._foreign_s < FOREIGN_GONE_S:
            return Step.NOTHING
        if not facts.nobody and now_s < self._listen_until_s:
            return Step.NOTHING
        return Step.START

    def _is_wedged(self, now_s: float) -> bool:
        if self._answered_s > -math.inf:
            return now_s - self._answered_s >= WEDGED_S
        return now_s - self._started_s >= LOADING_S
