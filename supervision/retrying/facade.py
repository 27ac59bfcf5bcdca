"""The decorators: a thin shell that calls, classifies, asks the loop what to do, and does it."""

from __future__ import annotations

import inspect
import math
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final, ParamSpec, Protocol, TypeVar, cast, overload

from supervision.breaking.machine import Permit
from supervision.classification.verdicts import Cause, ClassifiedError
from supervision.error_classification import error_classifier
from supervision.retrying.ambient import present_deadline_s
from supervision.retrying.budget import BudgetPolicy, LocalRetryBudget, RetryBudget
from supervision.retrying.loop import RetryState, Stop, StopReason, Wait, next_step
from supervision.retrying.schedule import RetryPolicy
from supervision.retrying.statistics import Counters, RetryStatistics, counters_of_function, counters_of_policy
from supervision.world_library import CallTimeout, LibraryWorld, library_world

P = ParamSpec("P")
T = TypeVar("T")
R_co = TypeVar("R_co", covariant=True)

FLOOR: Final = 50
"""Extras a minute that a service gets however little it is used: a program that calls once may still try again."""


class DeadlinePassed(TimeoutError):  # noqa: N818 - named after what happened
    """An attempt was cut off at the deadline of its call."""


class BreakerPort(Protocol):
    """What a loop needs of a breaker; CircuitBreaker has it."""

    def acquire(self) -> Permit | None:
        """A permit for one call, or None."""

    def succeeded(self, permit: Permit) -> None:
        """It was answered."""

    def failed(self, permit: Permit, error: object = None) -> None:
        """It failed."""

    def open_for_s(self) -> float:
        """Seconds until a call may pass."""

    def refusal(self) -> Exception:
        """The error for a call that may not be made."""


class _Unlimited:
    def note_request(self, now_s: float) -> None:
        """Nothing is counted."""

    def take(self, now_s: float) -> bool:  # noqa: ARG002 - the port's shape
        """Always."""
        return True


NO_BUDGET: Final[RetryBudget] = _Unlimited()
_budgets: dict[str, RetryBudget] = {}


def budget_of(service: str) -> RetryBudget:
    """The retry budget that all functions of a service share in this process."""
    budget = _budgets.get(service)
    if budget is None:
        budget = _budgets.setdefault(service, LocalRetryBudget(BudgetPolicy(floor=FLOOR)))
    return budget


def set_budget(service: str, budget: RetryBudget) -> None:
    """Use this budget for a service, e.g. one that all nodes share through Redis."""
    _budgets[service] = budget


@dataclass(frozen=True, slots=True)
class Attempt:
    """One failed attempt, as `on_retry` sees it before the wait. number: from 1."""

    number: int
    error: Exception
    verdict: ClassifiedError
    delay_s: float


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a decorated function goes by."""

    policy: RetryPolicy
    deadline_s: float | None
    service: str
    budget: RetryBudget | None
    breaker: BreakerPort | None
    classify: Callable[[object, Any], ClassifiedError]
    context: Any
    on_retry: Callable[[Attempt], object] | None
    world: LibraryWorld


class _Run:
    """One call of a decorated function: what happened so far, and what to do after a failure."""

    __slots__ = ("budget", "counters", "deadline_s", "permit", "settings", "state")

    def __init__(self, settings: Settings, counters: tuple[Counters, Counters]) -> None:
        self.settings = settings
        self.counters = counters
        self.state = RetryState()
        self.permit: Permit | None = None
        now_s = settings.world.now()
        own_s = math.inf if settings.deadline_s is None else now_s + settings.deadline_s
        self.deadline_s = min(own_s, present_deadline_s())
        self.budget = settings.budget if settings.budget is not None else budget_of(settings.service)
        self.budget.note_request(now_s)
        for one in counters:
            one.calls += 1

    def begin(self) -> None:
        """Before each attempt: a permit of the breaker. Raises its refusal."""
        breaker = self.settings.breaker
        if breaker is not None:
            self.permit = breaker.acquire()
            if self.permit is None:
                self._count_stop(StopReason.BREAKER_OPEN)
                raise breaker.refusal()

    def succeeded(self) -> None:
        """After the attempt that was answered."""
        if self.permit is not None and self.settings.breaker is not None:
            self.settings.breaker.succeeded(self.permit)
        for one in self.counters:
            one.successes += 1
            if self.state.retries:
                one.recovered += 1

    def cancelled(self, signal: BaseException) -> None:
        """Somebody else ended the call: kill, cancellation, interrupt, or a deadline around it."""
        if self.permit is not None and self.settings.breaker is not None:
            self.settings.breaker.failed(self.permit, signal)
        for one in self.counters:
            one.cancelled += 1

    def failed(self, error: Exception) -> float:
        """After a failed attempt: seconds to wait before the next. Raises the error where there is none."""
        settings = self.settings
        verdict = settings.classify(error, settings.context)
        if self.permit is not None and settings.breaker is not None:
            settings.breaker.failed(self.permit, _breaker_view(error, verdict))
        now_s = settings.world.now()
        step = next_step(
            settings.policy, self.state, verdict, now_s=now_s, deadline_s=self.deadline_s,
            chance=settings.world.random.random(),
            breaker_opens_at_s=now_s + settings.breaker.open_for_s() if settings.breaker is not None else 0.0,
            take_from_budget=lambda: self.budget.take(now_s),
        )  # fmt: skip
        if isinstance(step, Stop):
            self._count_stop(step.reason)
            raise error
        self._begin_wait(step, error, verdict)
        return step.delay_s

    def wait(self, delay_s: float) -> None:
        """Sleep between attempts; being killed or cancelled meanwhile ends the call."""
        self.permit = None
        try:
            self.settings.world.sleep(delay_s)
        except BaseException as signal:
            self.cancelled(signal)
            raise

    async def wait_async(self, delay_s: float) -> None:
        """As wait, without blocking."""
        self.permit = None
        try:
            await self.settings.world.sleep_async(delay_s)
        except BaseException as signal:
            self.cancelled(signal)
            raise

    def _begin_wait(self, step: Wait, error: Exception, verdict: ClassifiedError) -> None:
        self.state = step.state
        for one in self.counters:
            one.retries += 1
            one.waited_s += step.delay_s
        if self.settings.on_retry is not None:
            self.settings.on_retry(Attempt(step.state.retries, error, verdict, step.delay_s))

    def _count_stop(self, reason: StopReason) -> None:
        for one in self.counters:
            one.stopped[reason] = one.stopped.get(reason, 0) + 1


def _breaker_view(error: Exception, verdict: ClassifiedError) -> object:
    """The breaker judges an unknown error as a failure, not by a verdict that says "unknown"."""
    return error if verdict.cause is Cause.UNKNOWN else verdict


class Retrying(Protocol[P, R_co]):
    """A function under a retry loop: called like the function itself."""

    statistics: Callable[[], RetryStatistics]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Call it, again where that can help."""


def _decorated(function: Callable[P, T], options: dict[str, Any]) -> Retrying[P, T]:
    if inspect.iscoroutinefunction(function):
        return cast("Retrying[P, T]", _decorated_async(function, options))
    settings, counters = _prepared(function, options)

    @wraps(function)
    def retrying(*args: P.args, **kwargs: P.kwargs) -> T:
        run = _Run(settings, counters)
        while True:
            run.begin()
            try:
                result = function(*args, **kwargs)
            except Exception as error:  # noqa: BLE001 - classification decides what is retried
                delay_s = run.failed(error)
            except BaseException as signal:
                run.cancelled(signal)
                raise
            else:
                run.succeeded()
                return result
            run.wait(delay_s)

    retrying.statistics = counters[0].copy  # type: ignore[attr-defined]
    return cast("Retrying[P, T]", retrying)


def _decorated_async(
    function: Callable[P, Awaitable[T]], options: dict[str, Any]
) -> Retrying[P, Coroutine[Any, Any, T]]:
    settings, counters = _prepared(function, options)

    @wraps(function)
    async def retrying(*args: P.args, **kwargs: P.kwargs) -> T:
        run = _Run(settings, counters)
        while True:
            run.begin()
            try:
                result = await _attempt(run, lambda: function(*args, **kwargs))
            except Exception as error:  # noqa: BLE001 - classification decides what is retried
                delay_s = run.failed(error)
            except BaseException as signal:
                run.cancelled(signal)
                raise
            else:
                run.succeeded()
                return result
            await run.wait_async(delay_s)

    retrying.statistics = counters[0].copy  # type: ignore[attr-defined]
    return cast("Retrying[P, Coroutine[Any, Any, T]]", retrying)


async def _attempt(run: _Run, call: Callable[[], Awaitable[T]]) -> T:
    """One attempt, cut off at the deadline."""
    if math.isinf(run.deadline_s):
        return await call()
    world = run.settings.world
    try:
        return await world.call_async(call, run.deadline_s - world.now())
    except CallTimeout:
        raise DeadlinePassed(f"cut off at the deadline after {run.state.retries} retries") from None


def _prepared(function: Callable[..., Any], options: dict[str, Any]) -> tuple[Settings, tuple[Counters, Counters]]:
    name = f"{function.__module__}.{function.__qualname__}"
    given = {**_DEFAULTS, **options}
    unknown = set(given) - set(_DEFAULTS)
    if unknown:
        raise TypeError(f"retry knows no {', '.join(sorted(unknown))}")
    policy = RetryPolicy(
        given["policy"], given["max_retries"], given["min_delay_s"], given["max_delay_s"], given["multiplier"]
    )
    settings = Settings(
        policy=policy, deadline_s=given["deadline_s"], service=given["service"] or name, budget=given["budget"],
        breaker=given["breaker"], classify=given["classify"], context=given["context"], on_retry=given["on_retry"],
        world=given["world"] or library_world(),
    )  # fmt: skip
    return settings, (counters_of_function(name), counters_of_policy(policy.name))


_DEFAULTS: Final[dict[str, Any]] = {
    "policy": "default", "max_retries": 3, "min_delay_s": 1.0, "max_delay_s": 30.0, "multiplier": 2.0,
    "deadline_s": None,
    "service": None, "budget": None, "breaker": None, "classify": error_classifier.classify, "context": None,
    "on_retry": None, "world": None,
}  # fmt: skip


@overload
def retry(function: Callable[P, T], /) -> Retrying[P, T]: ...
@overload
def retry(
    *,
    policy: str = ...,
    max_retries: int = ...,
    min_delay_s: float = ...,
    max_delay_s: float = ...,
    multiplier: float = ...,
    deadline_s: float | None = ...,
    service: str | None = ...,
    budget: RetryBudget | None = ...,
    breaker: BreakerPort | None = ...,
    classify: Callable[[object, Any], ClassifiedError] = ...,
    context: Any = ...,
    on_retry: Callable[[Attempt], object] | None = ...,
    world: LibraryWorld | None = ...,
) -> Callable[[Callable[P, T]], Retrying[P, T]]: ...
def retry(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Call again what failed in passing: `@retry`, `@retry(max_retries=2)`, `@retry(**RetryPolicies.webhook_policy())`.

    policy: a name for statistics. max_retries, min_delay_s, max_delay_s, multiplier: the upper bounds. deadline_s: for
    the whole call with its waits. service: whose retry budget it draws on (its own name by default); budget: one of
    one's own, NO_BUDGET for none. breaker: a CircuitBreaker that every attempt is reported to. context: for the
    classifier, e.g. "openai". on_retry(attempt): before each wait.

    What finally fails is raised as it was. A coroutine function becomes one that waits without blocking; there an
    attempt is cut off at the deadline, which a plain function cannot be.
    """
    if function is not None:
        return _decorated(function, {})
    return lambda later: _decorated(later, options)


@overload
def async_retry(function: Callable[P, Awaitable[T]], /) -> Retrying[P, Coroutine[Any, Any, T]]: ...
@overload
def async_retry(
    *,
    policy: str = ...,
    max_retries: int = ...,
    min_delay_s: float = ...,
    max_delay_s: float = ...,
    multiplier: float = ...,
    deadline_s: float | None = ...,
    service: str | None = ...,
    budget: RetryBudget | None = ...,
    breaker: BreakerPort | None = ...,
    classify: Callable[[object, Any], ClassifiedError] = ...,
    context: Any = ...,
    on_retry: Callable[[Attempt], object] | None = ...,
    world: LibraryWorld | None = ...,
) -> Callable[[Callable[P, Awaitable[T]]], Retrying[P, Coroutine[Any, Any, T]]]: ...
def async_retry(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """As retry, for coroutine functions and for functions that return something to await."""
    if function is not None:
        return _decorated_async(function, {})
    return lambda later: _decorated_async(later, options)
