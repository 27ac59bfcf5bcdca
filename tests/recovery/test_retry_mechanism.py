"""The decorators, in a world whose clock moves only when they sleep; for asyncio see plain_usage.py."""

from __future__ import annotations

from typing import Any

import pytest
from gevent import GreenletExit, Timeout

from recovery.support import StillWorld
from supervision.circuit_breaker import CircuitBreaker, CircuitBreakerPresets, CircuitOpenError, CircuitState
from supervision.retry_mechanism import (
    NO_BUDGET,
    BudgetPolicy,
    LocalRetryBudget,
    RetryPolicies,
    StopReason,
    budget_of,
    deadline,
    retry,
    set_budget,
    statistics_by_function,
    statistics_by_policy,
)


class Failing:
    """Fails as often as it is told to, then answers."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        """Fail or answer."""
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def _decorated(failing: Failing, world: StillWorld, **options: Any) -> Any:
    @retry(**{**RetryPolicies.ai_model_policy(), "budget": NO_BUDGET, "world": world, **options})
    def ask() -> str:
        return failing()

    return ask


def test_given_failures_that_pass_when_called_then_it_waits_longer_each_time_and_answers() -> None:
    """Between the minimum and the growing cap."""
    world, failing = StillWorld(), Failing(TimeoutError("a"), ConnectionResetError("b"), TimeoutError("c"))

    answer = _decorated(failing, world)()

    assert (answer, failing.calls) == ("done", 4)
    assert world.slept == sorted(world.slept)
    assert all(1.0 <= slept <= cap for slept, cap in zip(world.slept, (2.0, 4.0, 8.0), strict=True))


def test_given_a_failure_that_stays_when_called_then_it_is_raised_at_once() -> None:
    """A bug, a refused key: the same call fails the same way."""
    world, failing = StillWorld(), Failing(KeyError("total"))

    with pytest.raises(KeyError):
        _decorated(failing, world)()

    assert (failing.calls, world.slept) == (1, [])


def test_given_endless_failures_when_called_then_the_last_is_raised_after_the_policys_retries() -> None:
    """Five retries, six attempts."""
    errors = [TimeoutError(str(number)) for number in range(9)]
    world, failing = StillWorld(), Failing(*errors)

    with pytest.raises(TimeoutError) as raised:
        _decorated(failing, world)()

    assert (raised.value, failing.calls) == (errors[5], 6)


def test_given_a_deadline_when_called_then_no_sleep_crosses_it() -> None:
    """Its own, or one that goes through everything."""
    for options, around in (({"deadline_s": 5.0}, 1e9), ({}, 5.0), ({"deadline_s": 1e9}, 5.0)):
        world, failing = StillWorld(), Failing(*[TimeoutError("x")] * 9)
        begun_s = world.now()

        with deadline(around, world), pytest.raises(TimeoutError):
            _decorated(failing, world, **options)()

        assert world.now() - begun_s <= 5.0
        assert failing.calls > 1


def test_given_a_hint_past_the_deadline_when_called_then_it_gives_up_at_once() -> None:
    """The next recovery is better than waiting in vain."""
    error = Exception("429 too many requests, retry after 60 seconds")
    world, failing = StillWorld(), Failing(error)

    with pytest.raises(Exception, match="429"):
        _decorated(failing, world, deadline_s=20.0)()

    assert world.slept == []


@pytest.mark.parametrize("signal", [GreenletExit(), Timeout(1), KeyboardInterrupt(), SystemExit(), GeneratorExit()])
def test_given_a_cancellation_when_called_then_it_passes_through_and_counts_for_nothing(signal: BaseException) -> None:
    """Also at the breaker."""
    world, failing = StillWorld(), Failing(signal)
    breaker = CircuitBreaker(CircuitBreakerPresets.ai_model(), world=world)

    with pytest.raises(type(signal)):
        _decorated(failing, world, breaker=breaker)()

    assert failing.calls == 1
    assert breaker.statistics().failures == 0


def test_given_a_kill_while_waiting_when_called_then_it_ends_there() -> None:
    """No further attempt."""

    class Killed(StillWorld):
        def sleep(self, seconds: float) -> None:
            """A kill strikes."""
            raise GreenletExit

    failing = Failing(TimeoutError("x"), TimeoutError("y"))

    with pytest.raises(GreenletExit):
        _decorated(failing, Killed())()

    assert failing.calls == 1


def test_given_a_breaker_when_attempts_fail_then_each_is_reported_and_the_opening_ends_the_loop() -> None:
    """Three failures open it; the fourth attempt is not made."""
    world, failing = StillWorld(), Failing(*[TimeoutError("x")] * 9)
    breaker = CircuitBreaker(CircuitBreakerPresets.ai_model(), world=world)
    ask = _decorated(failing, world, breaker=breaker)

    with pytest.raises(TimeoutError):
        ask()
    with pytest.raises(CircuitOpenError) as refused:
        ask()

    assert failing.calls == 3
    assert breaker.state is CircuitState.OPEN
    assert refused.value.retry_after > 20
    assert ask.statistics().stopped == {StopReason.BREAKER_OPEN: 2}


def test_given_a_spent_budget_when_called_then_nothing_is_retried() -> None:
    """Retries of many callers together stay a tenth of the load."""
    budget = LocalRetryBudget(BudgetPolicy(floor=3))
    world, failing = StillWorld(), Failing(*[TimeoutError("x")] * 999)
    ask = _decorated(failing, world, budget=budget, min_delay_s=0.0, max_delay_s=0.01)

    for _ in range(100):
        with pytest.raises(TimeoutError):
            ask()

    assert 100 < failing.calls <= 110


def test_given_functions_of_one_service_when_called_then_they_share_a_budget() -> None:
    """By the service's name; another can be set."""
    set_budget("supplier", LocalRetryBudget(BudgetPolicy(floor=1)))
    world = StillWorld()
    first, second = Failing(*[TimeoutError("x")] * 9), Failing(*[TimeoutError("x")] * 9)

    for failing in (first, second):
        with pytest.raises(TimeoutError):
            _decorated(failing, world, budget=None, service="supplier")()

    assert first.calls + second.calls == 3
    assert budget_of("supplier") is budget_of("supplier")


def test_given_calls_when_counted_then_functions_and_policies_have_statistics() -> None:
    """By function and by policy."""
    world = StillWorld()
    failing = Failing(TimeoutError("x"))
    ask = _decorated(failing, world, policy="counted_here")

    ask()
    ask()

    mine = ask.statistics()
    assert (mine.calls, mine.successes, mine.retries, mine.recovered) == (2, 2, 1, 1)
    assert mine.waited_s == pytest.approx(sum(world.slept))
    assert statistics_by_policy()["counted_here"].calls == 2
    assert any(name.endswith("_decorated.<locals>.ask") for name in statistics_by_function())


def test_given_a_method_when_decorated_then_it_stays_a_method() -> None:
    """With its name, its docstring and its object."""

    class Supplier:
        def __init__(self) -> None:
            self.asked = 0

        @retry
        def ask(self, what: str) -> str:
            """Ask for something."""
            self.asked += 1
            return what.upper()

    supplier = Supplier()

    assert supplier.ask("price") == "PRICE"
    assert (supplier.asked, Supplier.ask.__name__, Supplier.ask.__doc__) == (1, "ask", "Ask for something.")


def test_given_an_unknown_option_when_decorating_then_it_is_refused() -> None:
    """A misspelt bound would be no bound."""
    with pytest.raises(TypeError, match="max_retrys"):
        retry(max_retrys=3)(lambda: None)  # type: ignore[call-overload]


def test_given_a_listener_when_retrying_then_it_sees_each_attempt_before_the_wait() -> None:
    """Number, error, verdict, delay."""
    world, seen = StillWorld(), []
    error = TimeoutError("x")

    _decorated(Failing(error), world, on_retry=seen.append)()

    assert [(one.number, one.error, one.verdict.cause.value) for one in seen] == [(1, error, "timeout")]
    assert world.slept == [seen[0].delay_s]
