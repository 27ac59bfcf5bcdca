"""The recovery ladder for any function: classify, retry within bounds, mind the breaker, set aside, fall back."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar, cast, overload

from messages.protocol import iso_timestamp
from supervision.error_classification import ClassifiedError, error_classifier
from supervision.retry_mechanism import RetryPolicies, async_retry, retry
from supervision.world_library import library_world

if TYPE_CHECKING:
    from supervision.retry_mechanism import RetryBudget
    from supervision.retrying.facade import BreakerPort, Retrying
    from supervision.world_library import LibraryWorld

P = ParamSpec("P")
T = TypeVar("T")

_log: Final = logging.getLogger("actors.self_healing_agent")
_attempts: ContextVar[list[int] | None] = ContextVar("attempts", default=None)

POLICIES: Final[Mapping[str, Callable[[], Mapping[str, Any]]]] = {
    "ai_model": RetryPolicies.ai_model_policy,
    "database": RetryPolicies.database_policy,
    "network": RetryPolicies.network_policy,
    "file_download": RetryPolicies.file_download_policy,
    "webhook": RetryPolicies.webhook_policy,
}


class _Nothing:
    def __repr__(self) -> str:
        return "no fallback"


NOTHING: Final = _Nothing()


@dataclass(frozen=True, slots=True)
class FailedCall:
    """A call that no retry could save, as the dead letter hook gets it.

    function: its module and name. args and kwargs: as they were passed, not copied. attempts: how often it was tried;
    0 when the breaker let nothing through. at: ISO 8601 in UTC, when it was given up.
    """

    function: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    error: Exception
    verdict: ClassifiedError
    attempts: int
    at: str


DeadLetterPort = Callable[[FailedCall], object]
"""Takes what failed, and may keep it to be tried again; for a coroutine function it may be one itself."""


@dataclass(frozen=True, slots=True)
class _Ladder:
    name: str
    fallback: Any
    dead_letter: DeadLetterPort | None
    classify: Callable[[object, Any], ClassifiedError]
    context: Any
    world: LibraryWorld

    def failed(self, error: Exception, args: tuple[Any, ...], kwargs: dict[str, Any], attempts: int) -> FailedCall:
        verdict = self.classify(error, self.context)
        given_up = FailedCall(self.name, args, kwargs, error, verdict, attempts, iso_timestamp(self.world.wall()))
        _log.warning(
            "%s failed after %d attempts (%s, %s); %s", self.name, attempts, verdict.category.value,
            verdict.cause.value, "its error is raised" if self.fallback is NOTHING else "its fallback is used",
        )  # fmt: skip
        return given_up

    def unkept(self, error: Exception) -> None:
        _log.error("what failed in %s could not be set aside", self.name, exc_info=error)


@overload
def self_healing(function: Callable[P, T], /) -> Callable[P, T]: ...
@overload
def self_healing(
    *,
    policy: str | Mapping[str, Any] = ...,
    fallback: Any = ...,
    dead_letter: DeadLetterPort | None = ...,
    breaker: BreakerPort | None = ...,
    deadline_s: float | None = ...,
    service: str | None = ...,
    budget: RetryBudget | None = ...,
    context: Any = ...,
    classify: Callable[[object, Any], ClassifiedError] = ...,
    world: LibraryWorld | None = ...,
) -> Callable[[Callable[P, T]], Callable[P, T]]: ...
def self_healing(  # noqa: PLR0913 - each has its default
    function: Callable[..., Any] | None = None,
    /,
    *,
    policy: str | Mapping[str, Any] = "network",
    fallback: Any = NOTHING,
    dead_letter: DeadLetterPort | None = None,
    breaker: BreakerPort | None = None,
    deadline_s: float | None = None,
    service: str | None = None,
    budget: RetryBudget | None = None,
    context: Any = None,
    classify: Callable[[object, Any], ClassifiedError] = error_classifier.classify,
    world: LibraryWorld | None = None,
) -> Any:
    """Give a function, or a coroutine function, the recovery ladder: `@self_healing` or `@self_healing(policy=...)`.

    policy: one of POLICIES, or a mapping as RetryPolicies gives them. fallback: what to return when nothing helps; a
    callable is called with the same arguments, and awaited if it gives something to await. dead_letter: gets a
    FailedCall first. Without a fallback the error is raised as it was. breaker: sees every attempt; while it is open
    the fallback comes at once. deadline_s: for all attempts and their waits together. service, budget, context,
    classify, world: as `retry` has them.

    Only an Exception is healed: cancellation, interrupts and kills pass through. What a dead letter hook raises is
    logged and changes nothing; what a fallback raises is raised, with the first error as its cause. Raises ValueError
    and TypeError at once for a policy, a fallback or a function that cannot work.
    """
    options = {
        **_policy(policy), "breaker": breaker, "deadline_s": deadline_s, "service": service, "budget": budget,
        "context": context, "classify": classify, "world": world,
    }  # fmt: skip
    if dead_letter is not None and not callable(dead_letter):
        raise TypeError("dead_letter: a callable that takes a FailedCall")

    def decorated(healed: Callable[..., Any]) -> Callable[..., Any]:
        if not callable(healed) or inspect.isasyncgenfunction(healed) or inspect.isgeneratorfunction(healed):
            raise TypeError("self_healing wants a function or a coroutine function; a generator cannot be tried again")
        ladder = _Ladder(
            f"{healed.__module__}.{healed.__qualname__}", fallback, dead_letter, classify, context,
            world or library_world(),
        )  # fmt: skip
        if inspect.iscoroutinefunction(healed):
            return _healed_async(healed, ladder, options)
        return _healed(healed, ladder, options)

    return decorated if function is None else decorated(function)


def _policy(policy: str | Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(policy, str):
        return policy
    if policy not in POLICIES:
        raise ValueError(f"policy: one of {', '.join(POLICIES)}, not {policy!r}")
    return POLICIES[policy]()


def _healed(function: Callable[..., Any], ladder: _Ladder, options: Mapping[str, Any]) -> Callable[..., Any]:
    @wraps(function)
    def counted(*args: Any, **kwargs: Any) -> Any:
        _count()
        return function(*args, **kwargs)

    tried = cast("Retrying[Any, Any]", retry(**options)(counted))

    @wraps(function)
    def healed(*args: Any, **kwargs: Any) -> Any:
        attempts = [0]
        token = _attempts.set(attempts)
        try:
            return tried(*args, **kwargs)
        except Exception as error:
            given_up = ladder.failed(error, args, kwargs, attempts[0])
            _set_aside(ladder, given_up)
            if ladder.fallback is NOTHING:
                raise
            return _fallen_back(ladder, given_up)
        finally:
            _attempts.reset(token)

    healed.statistics = tried.statistics  # type: ignore[attr-defined]
    return healed


def _healed_async(
    function: Callable[..., Awaitable[Any]], ladder: _Ladder, options: Mapping[str, Any]
) -> Callable[..., Any]:
    @wraps(function)
    async def counted(*args: Any, **kwargs: Any) -> Any:
        _count()
        return await function(*args, **kwargs)

    tried = cast("Retrying[Any, Awaitable[Any]]", async_retry(**options)(counted))

    @wraps(function)
    async def healed(*args: Any, **kwargs: Any) -> Any:
        attempts = [0]
        token = _attempts.set(attempts)
        try:
            return await tried(*args, **kwargs)
        except Exception as error:
            given_up = ladder.failed(error, args, kwargs, attempts[0])
            await _set_aside_async(ladder, given_up)
            if ladder.fallback is NOTHING:
                raise
            value = _fallen_back(ladder, given_up)
            return await value if inspect.isawaitable(value) else value
        finally:
            _attempts.reset(token)

    healed.statistics = tried.statistics  # type: ignore[attr-defined]
    return healed


def _count() -> None:
    attempts = _attempts.get()
    if attempts is not None:
        attempts[0] += 1


def _set_aside(ladder: _Ladder, given_up: FailedCall) -> None:
    if ladder.dead_letter is not None:
        try:
            ladder.dead_letter(given_up)
        except Exception as error:  # noqa: BLE001 - the fallback comes all the same
            ladder.unkept(error)


async def _set_aside_async(ladder: _Ladder, given_up: FailedCall) -> None:
    if ladder.dead_letter is not None:
        try:
            kept = ladder.dead_letter(given_up)
            if inspect.isawaitable(kept):
                await kept
        except Exception as error:  # noqa: BLE001 - the fallback comes all the same
            ladder.unkept(error)


def _fallen_back(ladder: _Ladder, given_up: FailedCall) -> Any:
    if not callable(ladder.fallback):
        return ladder.fallback
    return ladder.fallback(*given_up.args, **given_up.kwargs)
