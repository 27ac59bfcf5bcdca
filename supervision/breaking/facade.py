"""The breaker for plain and asyncio programs: thread-safe, no lock held during a call, about a microsecond each way."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from functools import wraps
from types import TracebackType
from typing import Any, Final, ParamSpec, Protocol, Self, TypeVar, cast

from supervision.breaking.events import BreakerEvent, BreakerStatistics, CircuitOpenError, CircuitState
from supervision.breaking.machine import Breaker, Closed, HalfOpen, Permit, Transition, name_of
from supervision.breaking.settings import NOT_ITS_FAULT, BreakerSettings, CircuitBreakerPresets
from supervision.breaking.snapshot import BreakerRecord, restored, taken
from supervision.breaking.window import Counts
from supervision.classification.verdicts import Cause, ClassifiedError
from supervision.error_classification import error_classifier

P = ParamSpec("P")
T = TypeVar("T")


class BreakerWorld(Protocol):
    """What the breaker needs of the world."""

    def now(self) -> float:
        """Monotonic seconds."""

    def wall(self) -> float:
        """Unix seconds."""

    def lock(self) -> AbstractContextManager[Any]:
        """A lock between threads."""


HELD_MAX: Final = 64

# What this thread, task or greenlet holds of `can_execute` and `with`: (breaker, start, permit or era, what it held
# before). A tuple, since it is made for every call.
_Held = tuple["CircuitBreaker", float, "Permit | int", Any]
_held: ContextVar[_Held | None] = ContextVar("held_permits", default=None)
_get_held: Final = _held.get
_set_held: Final = _held.set


class CircuitBreaker:
    """One breaker before one endpoint.

        breaker = CircuitBreaker(CircuitBreakerPresets.ai_model(), name="openai/gpt-4o")
        if breaker.can_execute():
            try: ...; breaker.record_success()
            except Exception as error: breaker.record_failure(error); raise

    or `with breaker:`, `async with breaker:`, `@breaker`, `breaker.call(function, ...)`; these raise CircuitOpenError
    where no call may pass. Errors that are the request's own fault, and cancellation, are not counted as failures.
    """

    def __init__(
        self,
        settings: BreakerSettings | None = None,
        *,
        name: str = "",
        world: BreakerWorld | None = None,
        classify: Callable[[object], ClassifiedError] = error_classifier.classify,
    ) -> None:
        chosen = settings if settings is not None else CircuitBreakerPresets.external_api()
        self.name = name or chosen.kind
        self._machine = Breaker(chosen)
        self._world = world if world is not None else _plain_world()
        self._now = self._world.now
        self._lock = self._world.lock()
        self._classify = classify
        self._listeners: tuple[Callable[[BreakerEvent], object], ...] = ()
        self._admitted = self._refused = self._successes = self._failures = self._ignored = self._openings = 0
        self._slow_call_s = chosen.slow_call_s
        self._era = 0
        # While nothing is wrong: how to count a good result without the lock; None as soon as anything is. Counting
        # then is free of calls between reading and writing, so CPython switches no thread within it.
        self._good: Callable[[float], None] | None = None
        self._refresh()

    @property
    def settings(self) -> BreakerSettings:
        """What it goes by."""
        return self._machine.settings

    @property
    def state(self) -> CircuitState:
        """Its state; an opening whose time is over shows as OPEN until a call asks."""
        return CircuitState(name_of(self._machine.state))

    def acquire(self) -> Permit | None:
        """A permit for one call, to be given back by `succeeded`, `failed` or `release`; None: fail fast."""
        with self._lock:
            permit = self._machine.admit(self._now())
            if permit is None:
                self._refused += 1
            else:
                self._admitted += 1
        if self._machine.changes:
            self._tell()
        return permit

    def succeeded(self, permit: Permit) -> None:
        """The call of this permit was answered."""
        with self._lock:
            self._successes += 1
            self._machine.succeeded(permit, self._now())
            self._refresh()
        if self._machine.changes:
            self._tell()

    def failed(self, permit: Permit, error: object = None) -> None:
        """The call of this permit failed; error: the exception, a ClassifiedError, or nothing."""
        if isinstance(error, BaseException) and not isinstance(error, Exception):
            self.release(permit)
            return
        verdict = None if error is None else error if isinstance(error, ClassifiedError) else self._classify(error)
        if verdict is not None and verdict.cause in NOT_ITS_FAULT:
            self.release(permit)
            return
        cause, wait_s = (None, None) if verdict is None else (verdict.cause, verdict.retry_after)
        with self._lock:
            self._failures += 1
            self._machine.failed(permit, self._now(), cause, wait_s)
            self._refresh()
        if self._machine.changes:
            self._tell()

    def release(self, permit: Permit) -> None:
        """The call was not made, or was cancelled, or was at fault itself."""
        with self._lock:
            self._ignored += 1
            self._machine.returned(permit)

    def can_execute(self) -> bool:
        """Whether a call may be made now. A True is to be followed by one record_success or record_failure."""
        if self._good is not None:
            held = _get_held()
            if held is not None:
                held = self._others(held)
            self._admitted += 1
            _set_held((self, self._now(), self._era, held))
            return True
        permit = self.acquire()
        if permit is None:
            return False
        held = _get_held()
        _set_held((self, permit.started_at_s, permit, None if held is None else self._others(held)))
        return True

    def record_success(self) -> None:
        """The call that can_execute admitted was answered."""
        held = _get_held()
        good = self._good
        if good is not None and held is not None and held[0] is self:
            now_s = self._now()
            if now_s - held[1] < self._slow_call_s:
                _set_held(held[3])
                self._successes += 1
                good(now_s)
                return
        self.succeeded(self._claim())

    def record_failure(self, error: object = None) -> None:
        """The call that can_execute admitted failed; the error tells whose fault it was and for how long."""
        self.failed(self._claim(), error)

    def _claim(self) -> Permit:
        """The permit of this thread, task or greenlet; else the oldest probe; else one that only counts."""
        held = one = _get_held()
        while one is not None and one[0] is not self:
            one = one[3]
        if held is not None and one is not None:
            _set_held(self._others(held))
            _, started_at_s, permit, _ = one
            return permit if isinstance(permit, Permit) else Permit(permit, started_at_s, started_at_s)
        with self._lock:
            state = self._machine.state
            if isinstance(state, HalfOpen) and state.probes:
                return state.probes[0]
            now_s = self._now()
            return Permit(self._machine.era if isinstance(state, Closed) else -1, now_s, now_s)

    def _others(self, held: _Held) -> _Held | None:
        """What is held of other breakers.

        Of one breaker a thread or task holds one permit at a time, so asking without ever reporting takes no memory.
        """
        kept: list[_Held] = []
        one: _Held | None = held
        while one is not None and len(kept) < HELD_MAX:
            if one[0] is not self:
                kept.append(one)
            one = one[3]
        rest: _Held | None = None
        for breaker, started_at_s, permit, _ in reversed(kept):
            rest = (breaker, started_at_s, permit, rest)
        return rest

    def _refresh(self) -> None:
        """See, after every change and under the lock, whether anything is wrong."""
        self._era = self._machine.era
        closed = self._machine.untroubled
        self._good = None if closed is None else closed.window.results.append

    def __enter__(self) -> Self:
        if not self.can_execute():
            raise self.refusal()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.record_success()
        else:
            self.record_failure(error)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def __call__(self, function: Callable[P, T]) -> Callable[P, T]:
        """Put this breaker before a function or a coroutine function."""
        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def guarded_async(*args: P.args, **kwargs: P.kwargs) -> Any:
                return await self.call_async(cast("Callable[..., Awaitable[Any]]", function), *args, **kwargs)

            return cast("Callable[P, T]", guarded_async)

        @wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
            return self.call(function, *args, **kwargs)

        return guarded

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The function's result; raises CircuitOpenError instead of calling while open."""
        permit = self.acquire()
        if permit is None:
            raise self.refusal()
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            self.failed(permit, error)
            raise
        self.succeeded(permit)
        return result

    async def call_async(self, function: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """As call, for a coroutine function."""
        permit = self.acquire()
        if permit is None:
            raise self.refusal()
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            self.failed(permit, error)
            raise
        self.succeeded(permit)
        return result

    def refusal(self) -> CircuitOpenError:
        """The error to raise instead of a call that may not be made now."""
        return CircuitOpenError(self.name, self.open_for_s())

    def open_for_s(self) -> float:
        """Seconds until a call may pass, as far as is known; 0.0 where one may now."""
        now_s = self._now()
        with self._lock:
            return max(self._machine.opens_at_s(now_s) - now_s, 0.0)

    def force_open(self, seconds: float | None = None) -> None:
        """Refuse all calls, until `reset` or for so many seconds."""
        until_s = float("inf") if seconds is None else self._now() + seconds
        self._change(lambda: self._machine.force(is_open=True, until_s=until_s))

    def force_closed(self, seconds: float | None = None) -> None:
        """Pass all calls whatever they come to, until `reset` or for so many seconds."""
        until_s = float("inf") if seconds is None else self._now() + seconds
        self._change(lambda: self._machine.force(is_open=False, until_s=until_s))

    def reset(self) -> None:
        """Closed, with nothing remembered."""
        self._change(self._machine.reset)

    def learn_opening(self, seconds: float, cause: Cause | None = None) -> None:
        """Somebody else found the endpoint failing: open for so many seconds, unless open for longer already."""
        now_s = self._now()
        self._change(lambda: self._machine.learn_opening(now_s + seconds, cause, now_s))

    def snapshot(self) -> BreakerRecord:
        """Its state as a record that another process can restore."""
        with self._lock:
            return taken(self._machine, self.name, self._now(), self._world.wall())

    def restore(self, kept: BreakerRecord) -> None:
        """Take over a recorded state, with the time that remains of it."""
        self._change(lambda: restored(self._machine, kept, self._now(), self._world.wall()))

    def statistics(self) -> BreakerStatistics:
        """Counts and rates, read at one moment."""
        with self._lock:
            state = self._machine.state
            counts = state.window.counts(self._now()) if isinstance(state, Closed) else Counts(0, 0, 0)
            return BreakerStatistics(
                state=CircuitState(name_of(state)),
                admitted=self._admitted,
                refused=self._refused,
                successes=self._successes,
                failures=self._failures,
                ignored=self._ignored,
                openings=self._openings,
                failure_rate=counts.failure_rate,
                slow_rate=counts.slow_rate,
                failures_in_a_row=state.failures_in_a_row if isinstance(state, Closed) else 0,
            )

    def add_listener(self, listener: Callable[[BreakerEvent], object]) -> Callable[[], None]:
        """Call listener(event) after every change of state, outside the lock; returns what removes it again."""
        self._listeners = (*self._listeners, listener)

        def remove() -> None:
            self._listeners = tuple(one for one in self._listeners if one is not listener)

        return remove

    def _change(self, change: Callable[[], object]) -> None:
        with self._lock:
            change()
            self._refresh()
        self._tell()

    def _tell(self) -> None:
        with self._lock:
            changes, self._machine.changes = self._machine.changes, []
            self._refresh()
            self._openings += sum(change.after == "OPEN" for change in changes)
        for change in changes:
            event = self._event(change)
            for listener in self._listeners:
                try:
                    listener(event)
                except Exception:  # noqa: BLE001, S112 - a listener's failure is not the caller's
                    continue

    def _event(self, change: Transition) -> BreakerEvent:
        open_for_s = max(change.until_s - self._now(), 0.0) if change.after == "OPEN" else 0.0
        return BreakerEvent(
            self.name, CircuitState(change.before), CircuitState(change.after), change.cause, open_for_s
        )


def _plain_world() -> BreakerWorld:
    from supervision.world_library import library_world

    return library_world()
