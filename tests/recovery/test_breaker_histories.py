"""The breaker against a model of itself: any order of calls, answers, failures, losses and time."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from supervision.breaking.machine import Breaker, Closed, HalfOpen, Open, Permit
from supervision.breaking.settings import BreakerSettings
from supervision.error_classification import Cause

SETTINGS = BreakerSettings("test", 3, 30.0, calls_min=6, window_calls=10, window_s=100.0, slow_call_s=5.0, probes_max=2,
                           probe_lease_s=20.0)  # fmt: skip


class BreakerMachine(RuleBasedStateMachine):
    """Any order of calls, answers, failures, losses and time."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker(SETTINGS)
        self.now_s = 0.0
        self.out: list[Permit] = []

    @rule(count=st.integers(1, 4))
    def call(self, count: int) -> None:
        """Callers come."""
        for _ in range(count):
            state = self.breaker.state
            permit = self.breaker.admit(self.now_s)
            if isinstance(state, Closed):
                assert permit is not None
            if isinstance(state, Open) and self.now_s < state.until_s:
                assert permit is None
            if permit is not None:
                self.out.append(permit)

    @precondition(lambda self: self.out)
    @rule(which=st.integers(0, 99))
    def succeed(self, which: int) -> None:
        """One is answered."""
        self.breaker.succeeded(self.out.pop(which % len(self.out)), self.now_s)

    @precondition(lambda self: self.out)
    @rule(
        which=st.integers(0, 99), cause=st.sampled_from([None, Cause.TIMEOUT, Cause.OVERLOADED, Cause.QUOTA_EXCEEDED])
    )
    def fail(self, which: int, cause: Cause | None) -> None:
        """One fails."""
        permit = self.out.pop(which % len(self.out))
        mine = permit.era == self.breaker.era
        self.breaker.failed(permit, self.now_s, cause)
        if mine and cause is Cause.QUOTA_EXCEEDED:
            assert isinstance(self.breaker.state, Open)

    @precondition(lambda self: self.out)
    @rule(which=st.integers(0, 99), twice=st.booleans())
    def give_back(self, which: int, *, twice: bool) -> None:
        """One is cancelled, perhaps reported again afterwards."""
        permit = self.out.pop(which % len(self.out))
        self.breaker.returned(permit)
        if twice:
            era, state = self.breaker.era, self.breaker.state
            self.breaker.failed(permit, self.now_s)
            assert (self.breaker.era, self.breaker.state) == (era, state)

    @precondition(lambda self: self.out)
    @rule()
    def lose(self) -> None:
        """One never reports back."""
        self.out.pop()

    @rule(seconds=st.floats(0, 60))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now_s += seconds

    @invariant()
    def probes_are_bounded(self) -> None:
        """However many callers there are."""
        state = self.breaker.state
        if isinstance(state, HalfOpen):
            alive = [probe for probe in state.probes if probe.expires_at_s > self.now_s and not probe.settled]
            assert len(alive) <= SETTINGS.probes_max

    @invariant()
    def it_is_never_wedged(self) -> None:
        """However many probes were lost, after an opening and a lease a caller gets through."""
        state = self.breaker.state
        opens_s = self.breaker.opens_at_s(self.now_s)
        assert opens_s <= self.now_s + max(SETTINGS.probe_lease_s, 900.0)
        if isinstance(state, HalfOpen):
            assert opens_s <= self.now_s + SETTINGS.probe_lease_s

    @invariant()
    def a_run_of_failures_has_opened_it(self) -> None:
        """Closed means fewer failures in a row than allowed, and a rate below the limit."""
        state = self.breaker.state
        if isinstance(state, Closed):
            assert state.failures_in_a_row < SETTINGS.failures_max


TestBreakerMachine = BreakerMachine.TestCase
TestBreakerMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
