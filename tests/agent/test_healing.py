"""The recovery ladder around any function: retries, breaker, dead letter, fallback, and what passes through."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Never

import pytest

from actors.self_healing_agent import FailedCall, self_healing
from supervision.circuit_breaker import CircuitBreaker, CircuitBreakerPresets
from supervision.error_classification import Cause
from supervision.retry_mechanism import NO_BUDGET, RetryPolicies
from supervision.world_library import PlainLibraryWorld


class Still(PlainLibraryWorld):
    """A world whose clock moves by sleeping only."""

    def __init__(self) -> None:
        super().__init__(seed=1)
        self.slept: list[float] = []
        self.at_s = 100.0
        self.now = lambda: self.at_s

    def sleep(self, seconds: float) -> None:
        """Move on."""
        self.slept.append(seconds)
        self.at_s += seconds

    async def sleep_async(self, seconds: float) -> None:
        """Move on."""
        self.sleep(seconds)


class Flaky:
    """Fails so often, then works."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.failures = failures
        self.calls = 0
        self.error = error or ConnectionResetError("reset by peer")

    def __call__(self) -> str:
        """Once more."""
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error
        return "done"


@pytest.fixture
def world() -> Still:
    """A clock of one's own."""
    return Still()


def test_given_a_bare_decorator_when_the_function_works_then_it_is_the_function() -> None:
    """Its name, its words, its result, its arguments; and its statistics beside."""

    @self_healing
    def add(one: int, other: int = 2) -> int:
        """Add."""
        return one + other

    assert add(1) == 3
    assert add(1, other=5) == 6
    assert (add.__name__, add.__doc__) == ("add", "Add.")
    assert add.statistics().successes == 2  # type: ignore[attr-defined]


def test_given_a_failure_in_passing_when_called_then_it_is_tried_again(world: Still) -> None:
    """With the waits of the policy."""
    flaky = Flaky(2)

    @self_healing(policy="network", world=world, budget=NO_BUDGET)
    def fetch() -> str:
        return flaky()

    assert fetch() == "done"
    assert flaky.calls == 3
    assert len(world.slept) == 2
    assert all(1.0 <= slept <= 60.0 for slept in world.slept)


def test_given_a_coroutine_function_when_it_fails_then_the_whole_ladder_can_be_awaited(world: Still) -> None:
    """Retries, an awaited dead letter, an awaited fallback."""
    letters: list[FailedCall] = []

    async def keep(letter: FailedCall) -> None:
        await asyncio.sleep(0)
        letters.append(letter)

    async def instead(name: str) -> str:
        await asyncio.sleep(0)
        return f"no {name}"

    @self_healing(policy="webhook", fallback=instead, dead_letter=keep, world=world, budget=NO_BUDGET)
    async def fetch(name: str) -> str:
        await asyncio.sleep(0)
        raise ConnectionRefusedError(name)

    assert asyncio.run(fetch("invoice")) == "no invoice"
    assert [(letter.args, letter.attempts) for letter in letters] == [(("invoice",), 4)]


def test_given_a_failure_for_good_when_called_then_it_is_set_aside_once_and_the_fallback_returned(world: Still) -> None:
    """What no retry can help is not tried again."""
    letters: list[FailedCall] = []

    @self_healing(fallback="a value", dead_letter=letters.append, world=world)
    def divide(one: int, by: int) -> Any:
        return one / by

    result = divide(1, by=0)

    assert result == "a value"
    assert world.slept == []
    (letter,) = letters
    assert letter.function.endswith("divide")
    assert (letter.args, letter.kwargs, letter.attempts) == ((1,), {"by": 0}, 1)
    assert isinstance(letter.error, ZeroDivisionError)
    assert not letter.verdict.is_retryable
    assert letter.at.endswith("Z")


@pytest.mark.parametrize("fallback", [None, 0, "", (), [1]])
def test_given_any_value_as_fallback_when_everything_fails_then_it_is_returned(fallback: object) -> None:
    """None is a fallback too."""

    @self_healing(fallback=fallback)
    def fail() -> object:
        raise ValueError

    assert fail() == fallback


def test_given_no_fallback_when_everything_fails_then_the_error_is_raised_as_it_was() -> None:
    """And it was set aside before."""
    letters: list[FailedCall] = []
    error = ValueError("once")

    @self_healing(dead_letter=letters.append)
    def fail() -> Never:
        raise error

    with pytest.raises(ValueError, match="once") as caught:
        fail()

    assert caught.value is error
    assert letters[0].error is error


def test_given_a_dead_letter_hook_that_fails_when_it_is_needed_then_the_fallback_comes_all_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its failure is logged."""

    def broken(_: FailedCall) -> None:
        raise OSError("the disk is full")

    @self_healing(fallback=1, dead_letter=broken)
    def fail() -> int:
        raise ValueError

    @self_healing(fallback=1, dead_letter=broken)
    async def fail_later() -> int:
        raise ValueError

    with caplog.at_level(logging.ERROR):
        results = [fail(), asyncio.run(fail_later())]

    assert results == [1, 1]
    assert len([record for record in caplog.records if "set aside" in record.message]) == 2


def test_given_a_fallback_that_fails_when_it_is_needed_then_its_error_names_the_first_as_cause() -> None:
    """Nothing is hidden."""

    def instead() -> Never:
        raise LookupError("nothing there either")

    @self_healing(fallback=instead)
    def fail() -> int:
        raise ValueError("first")

    with pytest.raises(LookupError) as caught:
        fail()

    assert isinstance(caught.value.__context__, ValueError)


def test_given_a_breaker_when_failures_open_it_then_the_fallback_comes_without_a_call(world: Still) -> None:
    """Every attempt is reported to it; while it is open nothing is tried."""
    breaker = CircuitBreaker(CircuitBreakerPresets.file_service(), name="files", world=world)
    flaky = Flaky(100)
    letters: list[FailedCall] = []

    @self_healing(
        policy="file_download", fallback="none", breaker=breaker, dead_letter=letters.append, world=world,
        budget=NO_BUDGET,
    )  # fmt: skip
    def fetch() -> str:
        return flaky()

    results = [fetch(), fetch()]

    assert results == ["none", "none"]
    assert flaky.calls == 3
    assert [letter.attempts for letter in letters] == [3, 0]


def test_given_a_deadline_when_waits_would_cross_it_then_the_fallback_comes_before(world: Still) -> None:
    """No sleep crosses it; a coroutine is cut off at it."""

    @self_healing(policy="network", deadline_s=5.0, fallback="late", world=world, budget=NO_BUDGET)
    def fetch() -> str:
        raise ConnectionResetError

    @self_healing(deadline_s=0.05, fallback="cut off")
    async def hang() -> str:
        await asyncio.sleep(60)
        return "never"

    assert fetch() == "late"
    assert world.at_s <= 105.0
    assert asyncio.run(hang()) == "cut off"


def test_given_cancellation_when_it_comes_then_it_passes_through_and_nothing_is_set_aside() -> None:
    """Also interrupts and kills: they are no failures."""
    letters: list[FailedCall] = []

    @self_healing(fallback=1, dead_letter=letters.append)
    async def hang() -> int:
        await asyncio.sleep(60)
        return 0

    @self_healing(fallback=1, dead_letter=letters.append)
    def interrupted() -> int:
        raise KeyboardInterrupt

    async def cancelled() -> None:
        async with asyncio.timeout(0.01):
            await hang()

    with pytest.raises(TimeoutError):
        asyncio.run(cancelled())
    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert letters == []


def test_given_a_ladder_within_a_ladder_when_the_inner_fails_then_each_counts_its_own_attempts(world: Still) -> None:
    """No attempt is counted twice."""
    letters: list[FailedCall] = []
    options: dict[str, Any] = {"dead_letter": letters.append, "world": world, "budget": NO_BUDGET}

    @self_healing(policy={**RetryPolicies.network_policy(), "max_retries": 2}, **options)
    def inner() -> Never:
        raise ConnectionResetError

    @self_healing(policy={**RetryPolicies.network_policy(), "max_retries": 1}, fallback="outer", **options)
    def outer() -> str:
        inner()

    assert outer() == "outer"
    assert [(letter.function.rpartition(".")[2], letter.attempts) for letter in letters] == [
        ("inner", 3), ("inner", 3), ("outer", 2),
    ]  # fmt: skip


def test_given_a_method_when_decorated_then_it_heals_like_any_function(world: Still) -> None:
    """The instance is its first argument, for the fallback too."""

    class Ledger:
        name = "ledger"

        def instead(self) -> str:
            """Say who could not."""
            return f"no {self.name}"

        @self_healing(policy="database", fallback=instead, world=world, budget=NO_BUDGET)
        def read(self) -> str:
            """Read."""
            raise TimeoutError

    assert Ledger().read() == "no ledger"
    assert len(world.slept) > 0


def test_given_what_cannot_work_when_decorated_then_it_is_said_at_once() -> None:
    """Not at the first failure."""

    def generate() -> Any:
        yield 1

    with pytest.raises(ValueError, match="policy"):
        self_healing(policy="unheard of")
    with pytest.raises(TypeError, match="dead_letter"):
        self_healing(dead_letter="queue")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="generator"):
        self_healing(generate)


def test_given_a_context_when_an_error_is_classified_then_it_is_classified_as_such() -> None:
    """The same error means something else of another service."""
    letters: list[FailedCall] = []

    @self_healing(fallback=None, dead_letter=letters.append, context="openai", deadline_s=0.01)
    def ask() -> Any:
        raise TimeoutError("timed out")

    ask()

    assert letters[0].verdict.cause is Cause.TIMEOUT
    assert letters[0].verdict.category.value == "AI_MODEL"
