"""The breaker by its promises one by one, and with real threads' worth of calls."""

from __future__ import annotations

from contextvars import Context
from typing import Any

import gevent
import pytest
from gevent import GreenletExit

from recovery.support import StillWorld
from supervision.breaking.facade import _held
from supervision.breaking.settings import BreakerSettings, opening_s
from supervision.circuit_breaker import (
    BreakerEvent,
    CircuitBreaker,
    CircuitBreakerPresets,
    CircuitOpenError,
    CircuitState,
)
from supervision.classification.verdicts import verdict
from supervision.error_classification import Cause, ErrorCategory


@pytest.fixture
def world() -> StillWorld:
    """A clock that stands."""
    return StillWorld()


@pytest.fixture
def breaker(world: StillWorld) -> CircuitBreaker:
    """The preset for models."""
    return CircuitBreaker(CircuitBreakerPresets.ai_model(), name="model", world=world)


def _fail(breaker: CircuitBreaker, times: int = 1, error: object = None) -> None:
    for _ in range(times):
        assert breaker.can_execute()
        breaker.record_failure(error)


@pytest.mark.parametrize(
    ("preset", "failures", "open_s"),
    [
        ("ai_model", 3, 30.0),
        ("database", 5, 10.0),
        ("external_api", 5, 60.0),
        ("file_service", 3, 20.0),
        ("webhook", 10, 120.0),
    ],
)
def test_given_a_preset_when_it_fails_in_a_row_then_it_opens_for_its_time(
    preset: str, failures: int, open_s: float
) -> None:
    """As promised by name."""
    world = StillWorld()
    breaker = CircuitBreaker(getattr(CircuitBreakerPresets, preset)(), world=world)

    _fail(breaker, failures - 1, TimeoutError("x"))
    closed = breaker.state
    _fail(breaker, 1, TimeoutError("x"))

    assert (closed, breaker.state) == (CircuitState.CLOSED, CircuitState.OPEN)
    assert breaker.open_for_s() == pytest.approx(open_s)
    world.advance(open_s - 0.1)
    assert not breaker.can_execute()
    world.advance(0.2)
    assert breaker.can_execute()


def test_given_two_failures_and_a_success_repeated_when_counted_then_the_rate_opens_it(breaker: CircuitBreaker) -> None:
    """No run of three ever, and two thirds fail."""
    for _ in range(4):
        if breaker.state is CircuitState.CLOSED:
            _fail(breaker, 2)
        if breaker.state is CircuitState.CLOSED and breaker.can_execute():
            breaker.record_success()

    assert breaker.state is CircuitState.OPEN


def test_given_calls_that_are_answered_slowly_when_counted_then_slowness_opens_it(
    breaker: CircuitBreaker, world: StillWorld
) -> None:
    """A service that answers after half a minute is as good as none."""
    for _ in range(6):
        if breaker.can_execute():
            world.advance(breaker.settings.slow_call_s)
            breaker.record_success()

    assert breaker.state is CircuitState.OPEN


def test_given_a_probe_that_succeeds_when_half_open_then_it_closes(breaker: CircuitBreaker, world: StillWorld) -> None:
    """And one that fails opens it again."""
    _fail(breaker, 3)
    world.advance(30.0)
    assert breaker.can_execute()
    half = breaker.state
    breaker.record_failure()
    reopened = breaker.state
    world.advance(30.0)
    assert breaker.can_execute()
    breaker.record_success()

    assert (half, reopened, breaker.state) == (CircuitState.HALF_OPEN, CircuitState.OPEN, CircuitState.CLOSED)


def test_given_probes_that_never_report_when_their_lease_ends_then_others_probe(
    breaker: CircuitBreaker, world: StillWorld
) -> None:
    """A lost probe wedges nothing."""
    _fail(breaker, 3)
    world.advance(30.0)

    admitted = sum(breaker.acquire() is not None for _ in range(10))
    waits_s = breaker.open_for_s()
    world.advance(waits_s)

    assert admitted == breaker.settings.probes_max
    assert 0 < waits_s <= breaker.settings.probe_lease_s
    assert breaker.acquire() is not None


def test_given_an_answer_from_before_the_opening_when_it_comes_late_then_it_changes_nothing(
    breaker: CircuitBreaker, world: StillWorld
) -> None:
    """Neither closes nor opens."""
    early = [breaker.acquire() for _ in range(2)]
    _fail(breaker, 3)
    world.advance(30.0)
    probe = breaker.acquire()
    assert probe is not None
    assert early[0] is not None
    assert early[1] is not None

    breaker.failed(early[0], TimeoutError("late"))
    breaker.succeeded(early[1])

    assert breaker.state is CircuitState.HALF_OPEN


@pytest.mark.parametrize(
    ("cause", "hint_s", "seconds"),
    [
        (Cause.QUOTA_EXCEEDED, 7200.0, 7200.0),
        (Cause.QUOTA_EXCEEDED, None, 900.0),
        (Cause.AUTH, None, 300.0),
        (Cause.OVERLOADED, None, 10.0),
        (Cause.RATE_LIMIT, 4.0, 4.0),
        (Cause.TIMEOUT, None, 30.0),
        (None, None, 30.0),
    ],
)
def test_given_a_cause_when_it_opens_then_the_opening_lasts_by_it(
    cause: Cause | None, hint_s: float | None, seconds: float
) -> None:
    """A spent quota until its reset, an overload for seconds."""
    assert opening_s(CircuitBreakerPresets.ai_model(), cause, hint_s) == seconds


def test_given_a_spent_quota_when_it_is_reported_once_then_it_opens_at_once(breaker: CircuitBreaker) -> None:
    """The next call would hear the same."""
    _fail(breaker, 1, verdict(ErrorCategory.AI_MODEL, Cause.QUOTA_EXCEEDED, None, retry_after=3600.0))

    assert breaker.open_for_s() == pytest.approx(3600.0)


@pytest.mark.parametrize(
    "error",
    [GreenletExit(), gevent.Timeout(1), KeyboardInterrupt(), Exception("400 maximum context length is 8192 tokens")],
    ids=["kill", "deadline", "interrupt", "own request"],
)
def test_given_what_is_not_the_services_fault_when_reported_then_it_counts_for_nothing(
    breaker: CircuitBreaker, error: BaseException
) -> None:
    """Cancellation, the caller's deadline, a request that cannot fit."""
    _fail(breaker, 12, error)

    assert breaker.state is CircuitState.CLOSED
    assert breaker.statistics().ignored == 12


def test_given_a_cancelled_probe_when_half_open_then_the_next_may_probe(
    breaker: CircuitBreaker, world: StillWorld
) -> None:
    """A probe that was not made is no result."""
    _fail(breaker, 3)
    world.advance(30.0)
    for _ in range(5):
        with pytest.raises(GreenletExit), breaker:
            raise GreenletExit

    assert breaker.state is CircuitState.HALF_OPEN
    assert breaker.can_execute()


def test_given_a_breaker_as_context_and_decorator_when_used_then_both_guard(breaker: CircuitBreaker) -> None:
    """And refuse without calling while open."""
    called = []

    @breaker
    def work(error: Exception | None) -> str:
        called.append(error)
        if error is not None:
            raise error
        return "done"

    answers = [work(None)]
    with breaker:
        answers.append("inside")
    for _ in range(3):
        with pytest.raises(ConnectionError):
            work(ConnectionError("x"))
    with pytest.raises(CircuitOpenError) as refused:
        work(None)
    with pytest.raises(CircuitOpenError), breaker:
        answers.append("never")

    assert answers == ["done", "inside"]
    assert len(called) == 4
    assert refused.value.breaker == "model"
    assert work.__name__ == "work"


def test_given_eight_calls_of_fifty_milliseconds_when_side_by_side_then_none_waits_for_another() -> None:
    """No lock is held during the guarded call."""
    breaker = CircuitBreaker(CircuitBreakerPresets.ai_model())
    inside, most = [0], [0]

    def work() -> None:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        gevent.sleep(0.01)
        inside[0] -= 1

    gevent.joinall([gevent.spawn(breaker.call, work) for _ in range(8)], timeout=10, raise_error=True)

    assert most[0] == 8
    assert breaker.statistics().successes == 8


def test_given_nested_and_forgotten_permits_when_reported_then_each_finds_its_own() -> None:
    """One context, two breakers, in any order; asking without reporting takes no memory."""
    world = StillWorld()
    outer, inner = (CircuitBreaker(CircuitBreakerPresets.ai_model(), name=name, world=world) for name in ("o", "i"))

    def in_a_context() -> int:
        assert outer.can_execute()
        assert inner.can_execute()
        outer.record_failure()
        inner.record_success()
        for _ in range(1000):
            outer.can_execute()
            inner.can_execute()
        held, depth = _held.get(), 0
        while held is not None:
            held, depth = held[3], depth + 1
        return depth

    depth = Context().run(in_a_context)

    assert (outer.statistics().failures, inner.statistics().successes) == (1, 1)
    assert depth == 2


def test_given_reports_without_permits_when_half_open_then_they_stand_for_the_oldest_probe(
    breaker: CircuitBreaker, world: StillWorld
) -> None:
    """A call admitted in one greenlet may be reported in another."""
    _fail(breaker, 3)
    world.advance(30.0)
    gevent.spawn(breaker.can_execute).get(timeout=5)

    gevent.spawn(breaker.record_success).get(timeout=5)

    assert breaker.state is CircuitState.CLOSED


def test_given_an_operator_when_forcing_then_calls_obey_until_reset(breaker: CircuitBreaker, world: StillWorld) -> None:
    """Outranks every result; a time may be given."""
    breaker.force_open()
    world.advance(1e6)
    refused = breaker.can_execute()
    breaker.force_closed()
    _fail(breaker, 20)
    forced = breaker.state
    breaker.reset()
    _fail(breaker, 3)
    opened = breaker.state
    breaker.force_open(60.0)
    world.advance(60.0)

    assert (refused, forced, opened) == (False, CircuitState.CLOSED, CircuitState.OPEN)
    assert breaker.can_execute()
    assert breaker.state is CircuitState.CLOSED


def test_given_listeners_when_the_state_changes_then_each_hears_it_and_none_can_break_it(
    breaker: CircuitBreaker, world: StillWorld
) -> None:
    """In order, with the cause; outside the lock, so a listener may ask the breaker."""
    heard: list[BreakerEvent] = []

    def bad(_: BreakerEvent) -> None:
        raise RuntimeError("a bad listener")

    breaker.add_listener(bad)
    remove = breaker.add_listener(lambda event: heard.append(event) or breaker.statistics())  # type: ignore[func-returns-value]
    _fail(breaker, 3, TimeoutError("x"))
    world.advance(30.0)
    assert breaker.can_execute()
    remove()
    breaker.record_success()

    assert [(event.before.value, event.after.value) for event in heard] == [("CLOSED", "OPEN"), ("OPEN", "HALF_OPEN")]
    assert heard[0].cause is Cause.TIMEOUT
    assert heard[0].open_for_s == pytest.approx(30.0)


@pytest.mark.parametrize(
    "wrong", [{"failures_max": 0}, {"failure_rate": 0.0}, {"open_s": 0.0}, {"calls_min": 50}, {"probes_max": 0}]
)
def test_given_senseless_settings_when_made_then_they_are_refused(wrong: dict[str, Any]) -> None:
    """At once, not at the first outage."""
    with pytest.raises(ValueError, match=r"settings|rates|times"):
        BreakerSettings(**{"kind": "x", "failures_max": 3, "open_s": 1.0, **wrong})
