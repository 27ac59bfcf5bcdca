"""Answers that are on their way: the envelope of a blocking ask, and `GeventFuture` for all others."""

from __future__ import annotations

import contextlib
import math
import queue
import sys
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pykka

from supervision import world as world_port

if TYPE_CHECKING:
    from types import TracebackType

    from greenlet import greenlet
    from pykka._future import GetHookFunc

    from supervision.world import Waiter
    from supervision.world_hub import HubWorld

    OptExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]

T = TypeVar("T")

# What ask(timeout=None) and get(timeout=None) mean, as OTP's call: no wait is for ever by default.
ASK_TIMEOUT_S: Final = 5.0

PENDING, ANSWERED, FAILED, EXPIRED = range(4)


class Ask:
    """A blocking ask from a greenlet: envelope, meeting point and deadline in one object, since all three are hot.

    Invariants: state leaves PENDING once; greenlet is set only while its owner waits, so that a late wake-up or a
    throw at the waiting greenlet finds nobody.
    """

    __slots__ = ("armed", "deferred", "error", "greenlet", "message", "state", "value", "world")

    def __init__(self, world: HubWorld, message: Any) -> None:
        """Put it into a mailbox, then wait."""
        self.world = world
        self.message = message
        self.state = PENDING
        self.deferred = False
        self.armed = False
        self.greenlet: greenlet | None = None

    def wait(self, timeout_s: float) -> Any:
        """Return the answer or raise it. Raises pykka.Timeout after timeout_s; inf: bounded by the actor's life."""
        world = self.world
        self.greenlet = world.getcurrent()
        if self.greenlet is world.hub:
            world.refuse_on_hub()
        if timeout_s != math.inf:
            world.deadlines.add(world.now() + timeout_s, self)
        try:
            while self.state == PENDING:
                world.switch_to_hub()
        finally:
            self.greenlet = None
            if self.armed:
                world.deadlines.call_off(self)
        if self.state == ANSWERED:
            return self.value
        if self.state == FAILED:
            raise self.error
        message = f"{timeout_s} seconds"
        raise pykka.Timeout(message)

    def reply(self, value: Any) -> None:
        """Answer, unless that has been done or the asker has gone."""
        if self.state == PENDING:
            self.value = value
            self.state = ANSWERED
            if self.greenlet is not None:
                self.world.call_soon(self._resume)

    def fail(self, error: BaseException) -> None:
        """Have the asker raise error, unless it has been answered or has gone."""
        if self.state == PENDING:
            self.error = error
            self.state = FAILED
            if self.greenlet is not None:
                self.world.call_soon(self._resume)

    def expire(self) -> None:
        """The deadline has come; a later reply never reaches the asker."""
        if self.state == PENDING:
            self.state = EXPIRED
            self._resume()

    def _resume(self) -> None:
        if self.greenlet is not None:
            self.greenlet.switch()


class AskLater:
    """An ask whose answer goes into a future: from `ask(block=False)`, proxies and native threads."""

    __slots__ = ("deferred", "future", "message")

    def __init__(self, future: pykka.Future[Any], message: Any) -> None:
        """Put it into a mailbox; the asker has the future."""
        self.future = future
        self.message = message
        self.deferred = False

    def reply(self, value: Any) -> None:
        """Answer, unless that has been done."""
        with contextlib.suppress(queue.Full):
            self.future.set(value)

    def fail(self, error: BaseException) -> None:
        """Have the future raise error, unless it has been answered."""
        with contextlib.suppress(queue.Full):
            self.future.set_exception((type(error), error, error.__traceback__))


class GeventFuture(pykka.Future[T]):
    """A value that comes later; set and read from greenlets and native threads alike.

    Differs from Pykka's in one point: `get(timeout=None)` waits ASK_TIMEOUT_S, not for ever.
    """

    def __init__(self) -> None:
        """Belongs to the world that is current now."""
        super().__init__()
        self._world = world_port.current()
        self._state = PENDING
        self._value: Any = None
        self._waiters: list[Waiter] = []

    @property
    def is_set(self) -> bool:
        """Whether there is a value or an exception."""
        return self._state != PENDING

    def get(self, *, timeout: float | None = None) -> Any:
        """Return the value or raise the exception. Raises pykka.Timeout after timeout (None: ASK_TIMEOUT_S)."""
        if self._get_hook is not None:
            return super().get(timeout=timeout)
        if self._state == PENDING:
            self._wait(ASK_TIMEOUT_S if timeout is None else timeout)
        if self._state == ANSWERED:
            return self._value
        _, error, traceback = self._value
        if error.__traceback__ is not traceback:
            raise error.with_traceback(traceback)
        raise error

    def _wait(self, timeout_s: float) -> None:
        waiter = self._world.waiter()
        self._waiters.append(waiter)
        if self._state != PENDING:  # a native thread waits here while the hub's sets it
            return
        try:
            waiter.wait(None if timeout_s == math.inf else timeout_s)
        except world_port.WaitTimeout:
            if self._state == PENDING:
                message = f"{timeout_s} seconds"
                raise pykka.Timeout(message) from None

    def set(self, value: Any = None) -> None:
        """Give the value. Raises queue.Full when there is one, or a hook, as Pykka does."""
        self._settle(ANSWERED, value)

    def set_exception(self, exc_info: OptExcInfo | None = None) -> None:
        """Give an exception (None: the one being handled). Raises queue.Full when there is a value or a hook."""
        kind, error, traceback = exc_info if exc_info is not None else sys.exc_info()
        if error is None:
            error = (kind or RuntimeError)()
        self._settle(FAILED, (kind, error, traceback))

    def set_get_hook(self, func: GetHookFunc[T]) -> None:
        """Have get() call func(timeout) once. Raises queue.Full when there is a value."""
        if self._state != PENDING:
            raise queue.Full
        super().set_get_hook(func)

    def _settle(self, state: int, value: Any) -> None:
        if self._state != PENDING or self._get_hook is not None:
            raise queue.Full
        self._value = value
        self._state = state
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.wake()
