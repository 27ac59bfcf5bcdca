"""A breaker that is kept: its record, and what another node learns from it."""

from __future__ import annotations

import math

import pytest

from messages import codec
from recovery.support import StillWorld
from supervision.circuit_breaker import (
    BreakerRecord,
    CircuitBreaker,
    CircuitBreakerPresets,
    CircuitState,
)
from supervision.error_classification import Cause


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


def test_given_an_open_breaker_when_restored_elsewhere_then_it_is_open_for_the_remaining_time(
    breaker: CircuitBreaker, world: StillWorld
) -> None:
    """Through the codec, into another process with another monotonic clock."""
    _fail(breaker, 3, TimeoutError("x"))
    world.advance(10.0)
    kept = codec.decode(codec.encode(breaker.snapshot()))
    there = StillWorld()
    there.at_s, there.wall_s = 7.0, world.wall() + 5.0 + 993.0
    again = CircuitBreaker(CircuitBreakerPresets.ai_model(), name="model", world=there)

    again.restore(kept)

    assert isinstance(kept, BreakerRecord)
    assert again.state is CircuitState.OPEN
    assert again.open_for_s() == pytest.approx(15.0)
    there.advance(15.0)
    assert again.can_execute()


def test_given_a_clock_that_jumped_back_when_restored_then_the_opening_lasts_no_longer_than_it_did() -> None:
    """An hour back does not add an hour."""
    world = StillWorld()
    breaker = CircuitBreaker(CircuitBreakerPresets.ai_model(), world=world)
    kept = BreakerRecord("m", "ai_model", "OPEN", at_wall_s=world.wall() + 3600, until_wall_s=world.wall() + 3620)

    breaker.restore(kept)

    assert breaker.open_for_s() == pytest.approx(20.0)


@pytest.mark.parametrize("state", ["CLOSED", "HALF_OPEN", "forced open", "forced closed"])
def test_given_any_state_when_restored_then_it_goes_on_from_there(state: str) -> None:
    """Also the run of failures, and the operator's word."""
    world = StillWorld()
    breaker, again = (CircuitBreaker(CircuitBreakerPresets.ai_model(), world=world) for _ in range(2))
    if state == "CLOSED":
        _fail(breaker, 2)
    elif state == "HALF_OPEN":
        _fail(breaker, 3)
        world.advance(30.0)
        assert breaker.can_execute()
    elif state == "forced open":
        breaker.force_open()
    else:
        breaker.force_closed()

    again.restore(breaker.snapshot())

    if state == "CLOSED":
        _fail(again, 1)
        assert again.state is CircuitState.OPEN
    elif state == "HALF_OPEN":
        assert again.can_execute()
    else:
        assert again.snapshot().forced
        assert again.can_execute() is (state == "forced closed")


def test_given_another_nodes_opening_when_learned_then_it_opens_here_and_a_shorter_one_changes_nothing(
    breaker: CircuitBreaker,
) -> None:
    """Nodes tell each other."""
    breaker.learn_opening(25.0, Cause.OVERLOADED)
    breaker.learn_opening(5.0)
    breaker.learn_opening(-1.0)

    assert breaker.state is CircuitState.OPEN
    assert breaker.open_for_s() == pytest.approx(25.0)


def test_given_an_infinite_opening_when_snapshotted_then_the_record_has_no_end() -> None:
    """Infinity is no number of the codec."""
    breaker = CircuitBreaker(CircuitBreakerPresets.webhook(), world=StillWorld())
    breaker.force_open()

    kept = breaker.snapshot()

    assert (kept.until_wall_s, kept.forced, breaker.open_for_s()) == (None, True, math.inf)
