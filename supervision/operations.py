"""Operations of a supervisor, one after another, without a greenlet of their own.

An operation is a generator. What takes time it yields as a step: a function that begins it and is given what to call
with its outcome, once, from wherever that comes. So nothing is ever blocked while a child starts or stops, and an
operation that is given up is closed where it stands.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from supervision.world_hub import HubWorld

T = TypeVar("T")
Done = Callable[[Any], object]
Step = Callable[[Done], object]
Operation = Generator[Step, Any, T]


class Operations:
    """A queue of operations, of which the first is under way."""

    __slots__ = ("_closed", "_crashed", "_outcome", "_queue", "_running")

    def __init__(self, crashed: Callable[[BaseException], object]) -> None:
        """crashed: hears of an exception that an operation did not handle."""
        self._crashed = crashed
        self._queue: deque[Operation[None]] = deque()
        self._running: Operation[None] | None = None
        self._outcome: Outcome | None = None
        self._closed = False

    @property
    def idle(self) -> bool:
        """Whether nothing is under way or waits."""
        return self._running is None and not self._queue

    def add(self, operation: Operation[None]) -> None:
        """Do it when all before it are done."""
        if self._closed:
            operation.close()
            return
        self._queue.append(operation)
        if self._running is None:
            self._running = self._queue.popleft()
            self.go_on(None)

    def close(self) -> None:
        """Give up what is under way and what waits; nothing is done from now on. May be called from within one."""
        self._closed = True
        self._queue.clear()
        if self._outcome is not None:
            self._outcome.operations = None
        running, self._running = self._running, None
        if running is not None and not _executes(running):
            running.close()

    def go_on(self, value: Any) -> None:
        """Let the running operation have the outcome of its step, and do what can be done at once."""
        while (running := self._running) is not None:
            try:
                step = running.send(value)
            except StopIteration:
                value = None
                self._running = self._queue.popleft() if self._queue else None
                continue
            except Exception as error:  # noqa: BLE001 - a fault here is its owner's own crash
                self._running = None
                self._crashed(error)
                return
            if self._closed:
                running.close()
                return
            outcome = self._outcome = Outcome(self)
            step(outcome)
            if not outcome.came:
                outcome.is_late = True
                return
            value = outcome.value


def _executes(operation: Operation[None]) -> bool:
    return inspect.getgeneratorstate(operation) == inspect.GEN_RUNNING


class Outcome:
    """Where a step's outcome goes: remembered when it comes at once, else it lets the operation go on."""

    __slots__ = ("came", "is_late", "operations", "value")

    def __init__(self, operations: Operations) -> None:
        """Nothing has come yet."""
        self.operations: Operations | None = operations
        self.came = False
        self.is_late = False
        self.value: Any = None

    def __call__(self, value: Any = None) -> None:
        """Be the outcome; later calls, and those after the operation was given up, do nothing."""
        if self.came or self.operations is None:
            return
        self.came = True
        self.value = value
        if self.is_late:
            self.operations.go_on(value)


def run_blocking(world: HubWorld, operation: Operation[T]) -> T:
    """Do an operation in the calling greenlet, waiting for each step; whatever hits the caller closes it."""
    value: Any = None
    try:
        while True:
            step = operation.send(value)
            waiter = world.waiter()
            step(waiter.wake)
            value = waiter.wait(None)
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        operation.close()
