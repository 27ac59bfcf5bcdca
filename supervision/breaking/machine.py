"""The breaker's machine: closed, open, half-open, or forced. It has no clock and no lock: its owner gives both.

Every admitted call gets a permit and every permit comes back, once: with success, with failure, or unused. A permit
says in which state it was given; what comes back from an earlier state is counted and changes nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from supervision.breaking.settings import DECISIVE, BreakerSettings, opening_s
from supervision.breaking.window import Window
from supervision.classification.verdicts import Cause


class Permit:
    """The right to make one call. Invariant: settled once; era is the machine's era when it was given."""

    __slots__ = ("era", "expires_at_s", "settled", "started_at_s")

    def __init__(self, era: int, started_at_s: float, expires_at_s: float) -> None:
        self.era = era
        self.started_at_s = started_at_s
        self.expires_at_s = expires_at_s
        self.settled = False


class Closed:
    """Calls pass; the window and the run of failures are watched.

    Invariant: troubled while a failure or a slow call may be in the window.
    """

    __slots__ = ("failures_in_a_row", "troubled", "window")

    def __init__(self, settings: BreakerSettings) -> None:
        self.failures_in_a_row = 0
        self.troubled = False
        self.window = Window(settings.window_calls, settings.window_s)


@dataclass(frozen=True, slots=True)
class Open:
    """Calls fail fast until until_s (monotonic)."""

    until_s: float
    cause: Cause | None


class HalfOpen:
    """A bounded number of probes pass, each a lease.

    Invariant: no permit in `probes` was settled or expired when they were last looked at.
    """

    __slots__ = ("cause", "probes", "successes")

    def __init__(self, cause: Cause | None) -> None:
        self.cause = cause
        self.probes: list[Permit] = []
        self.successes = 0


@dataclass(frozen=True, slots=True)
class Forced:
    """Held by an operator: opened or closed, until reset or until_s."""

    open: bool
    until_s: float = math.inf


State = Closed | Open | HalfOpen | Forced

NAMES: Final[dict[type, str]] = {Closed: "CLOSED", Open: "OPEN", HalfOpen: "HALF_OPEN"}


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of state, for listeners. until_s: end of an opening, monotonic, infinite for none."""

    before: str
    after: str
    cause: Cause | None
    until_s: float


def name_of(state: State) -> str:
    """CLOSED, OPEN or HALF_OPEN."""
    if isinstance(state, Forced):
        return "OPEN" if state.open else "CLOSED"
    return NAMES[type(state)]


class Breaker:
    """One endpoint's breaker. Not thread-safe: an actor owns it, or a façade with a lock."""

    __slots__ = ("changes", "era", "settings", "state")

    def __init__(self, settings: BreakerSettings) -> None:
        self.settings = settings
        self.state: State = Closed(settings)
        self.era = 0
        self.changes: list[Transition] = []
        """Transitions not yet collected by the owner, who empties it."""

    def admit(self, now_s: float) -> Permit | None:
        """A permit for a call that starts now, or None: fail fast."""
        state = self.state
        if type(state) is Closed:
            return Permit(self.era, now_s, math.inf)
        if isinstance(state, Open):
            if now_s < state.until_s:
                return None
            state = self._become(HalfOpen(state.cause))
        if isinstance(state, HalfOpen):
            return self._lend_probe(state, now_s)
        if isinstance(state, Forced) and now_s >= state.until_s:
            self._become(Closed(self.settings))
            return self.admit(now_s)
        return None if isinstance(state, Forced) and state.open else Permit(self.era, now_s, math.inf)

    def _lend_probe(self, state: HalfOpen, now_s: float) -> Permit | None:
        state.probes = [probe for probe in state.probes if probe.expires_at_s > now_s and not probe.settled]
        if len(state.probes) >= self.settings.probes_max:
            return None
        probe = Permit(self.era, now_s, now_s + self.settings.probe_lease_s)
        state.probes.append(probe)
        return probe

    def succeeded(self, permit: Permit, now_s: float) -> None:
        """The call of this permit was answered."""
        if permit.settled or permit.era != self.era:
            permit.settled = True
            return
        permit.settled = True
        state = self.state
        slow = now_s - permit.started_at_s >= self.settings.slow_call_s
        if type(state) is Closed:
            state.failures_in_a_row = 0
            if slow:
                state.troubled = True
                state.window.add_trouble(now_s, failed=False, slow=True)
            else:
                state.window.add_good(now_s)
            if state.troubled:
                self._open_if_due(state, now_s, None, None)
        elif isinstance(state, HalfOpen):
            if permit in state.probes:
                state.probes.remove(permit)
            state.successes += not slow
            if slow:
                self._open(now_s, Cause.TIMEOUT, None)
            elif state.successes >= self.settings.successes_to_close:
                self._become(Closed(self.settings))

    def failed(
        self, permit: Permit, now_s: float, cause: Cause | None = None, retry_after_s: float | None = None
    ) -> None:
        """The call of this permit failed by the endpoint's fault."""
        if permit.settled or permit.era != self.era:
            permit.settled = True
            return
        permit.settled = True
        state = self.state
        if type(state) is Closed:
            state.failures_in_a_row += 1
            slow = now_s - permit.started_at_s >= self.settings.slow_call_s
            state.troubled = True
            state.window.add_trouble(now_s, failed=True, slow=slow)
            self._open_if_due(state, now_s, cause, retry_after_s)
        elif isinstance(state, HalfOpen):
            self._open(now_s, cause, retry_after_s)

    def returned(self, permit: Permit) -> None:
        """The call was not made, was cancelled, or was at fault itself: it says nothing about the endpoint."""
        permit.settled = True
        if isinstance(self.state, HalfOpen) and permit in self.state.probes:
            self.state.probes.remove(permit)

    def _open_if_due(self, state: Closed, now_s: float, cause: Cause | None, retry_after_s: float | None) -> None:
        settings = self.settings
        if state.failures_in_a_row >= settings.failures_max or cause in DECISIVE:
            self._open(now_s, cause, retry_after_s)
            return
        calls, failed, slow = state.window.counts(now_s)
        if calls >= settings.calls_min:
            if failed >= settings.failure_rate * calls:
                self._open(now_s, cause, retry_after_s)
            elif slow >= settings.slow_rate * calls:
                self._open(now_s, Cause.TIMEOUT, None)
        state.troubled = failed > 0 or slow > 0

    @property
    def untroubled(self) -> Closed | None:
        """The closed state while nothing at all is wrong: a good result then is one `window.add_good`, no more."""
        state = self.state
        return state if type(state) is Closed and not state.troubled and not state.failures_in_a_row else None

    def _open(self, now_s: float, cause: Cause | None, retry_after_s: float | None) -> None:
        self._become(Open(now_s + opening_s(self.settings, cause, retry_after_s), cause))

    def opens_at_s(self, now_s: float) -> float:
        """When a call is next admitted, as far as is known: now or earlier for a breaker that admits one."""
        match self.state:
            case Open(until_s=until_s):
                return until_s
            case Forced(open=True, until_s=until_s):
                return until_s
            case HalfOpen(probes=probes):
                waiting = [probe.expires_at_s for probe in probes if not probe.settled and probe.expires_at_s > now_s]
                return min(waiting) if len(waiting) >= self.settings.probes_max else now_s
            case _:
                return now_s

    def learn_opening(self, until_s: float, cause: Cause | None, now_s: float) -> None:
        """Another node found the endpoint failing: open here too, until then, if that is later than what is known."""
        if until_s <= now_s or isinstance(self.state, Forced):
            return
        if isinstance(self.state, Open) and self.state.until_s >= until_s:
            return
        self._become(Open(until_s, cause))

    def force(self, *, is_open: bool, until_s: float = math.inf) -> None:
        """An operator's word, which outranks all calls until it is taken back or until_s."""
        self._become(Forced(is_open, until_s))

    def reset(self) -> None:
        """Closed, with an empty window, forgetting whatever was."""
        self._become(Closed(self.settings))

    def _become(self, state: State) -> State:
        before = name_of(self.state)
        cause = state.cause if isinstance(state, Open | HalfOpen) else None
        until_s = state.until_s if isinstance(state, Open | Forced) else math.inf
        self.changes.append(Transition(before, name_of(state), cause, until_s))
        self.state = state
        self.era += 1
        return state
