"""The library's way to the world: clock, chance, sleep, a lock, and calls that a deadline can leave behind.

For plain and asyncio programs, without gevent and without monkey-patching (and inside a patched one too, since nothing
is taken from `threading` before it is needed). Tests bring a world of their own with the same few methods.
"""

from __future__ import annotations

import asyncio
import os
import queue
import random
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class CallTimeout(Exception):  # noqa: N818 - named after what happened
    """A call was left behind at its deadline; its result, if it ever comes, is dropped."""


class LibraryWorld(Protocol):
    """What the library interface may know of the outside. Times are seconds."""

    random: random.Random

    def now(self) -> float:
        """Monotonic seconds; only differences mean anything."""

    def wall(self) -> float:
        """Unix time in seconds; may jump."""

    def sleep(self, seconds: float) -> None:
        """Block this thread for so long."""

    async def sleep_async(self, seconds: float) -> None:
        """Suspend this task for so long."""

    def lock(self) -> AbstractContextManager[Any]:
        """A new lock between threads; held for microseconds, never over a call."""

    def call(self, function: Callable[[], T], timeout_s: float) -> T:
        """The function's result or exception; CallTimeout after timeout_s, when it is left behind."""

    async def call_async(self, make: Callable[[], Awaitable[T]], timeout_s: float) -> T:
        """As call, for what can be awaited; it is cancelled at the deadline."""

    def start(self, function: Callable[[], object]) -> None:
        """Run function beside the caller, in a thread; whatever it raises is dropped."""

    def mailbox(self) -> Mailbox:
        """A new queue between threads."""


class Mailbox(Protocol):
    """Where answers of calls that run beside each other arrive."""

    def put(self, item: Any) -> None:
        """Add an item; never blocks."""

    def get(self, timeout_s: float) -> Any:
        """The oldest item. Raises CallTimeout when none comes within timeout_s."""


class PlainLibraryWorld:
    """Threads, asyncio and the machine's clocks."""

    def __init__(self, seed: int | None = None) -> None:
        self.random = random.Random(seed)  # noqa: S311 - jitter, not secrets
        self.now = time.monotonic
        self.wall = time.time

    def sleep(self, seconds: float) -> None:
        """Block this thread for so long."""
        time.sleep(seconds)

    async def sleep_async(self, seconds: float) -> None:
        """Suspend this task for so long."""
        await asyncio.sleep(seconds)

    def lock(self) -> AbstractContextManager[Any]:
        """A new lock between threads."""
        return threading.Lock()

    def call(self, function: Callable[[], T], timeout_s: float) -> T:
        """The function's result or exception; CallTimeout after timeout_s, when its thread is left behind."""
        if timeout_s <= 0:
            raise CallTimeout
        answers = _Mailbox()
        _workers.run(_Job(function, answers))
        returned, value = answers.get(timeout_s)
        if returned:
            return value
        raise value

    async def call_async(self, make: Callable[[], Awaitable[T]], timeout_s: float) -> T:
        """As call, for what can be awaited; it is cancelled at the deadline."""
        if timeout_s <= 0:
            raise CallTimeout
        deadline = asyncio.timeout(timeout_s)
        try:
            async with deadline:
                return await make()
        except TimeoutError:
            if deadline.expired():
                raise CallTimeout from None
            raise

    def start(self, function: Callable[[], object]) -> None:
        """Run function beside the caller, in a thread; whatever it raises is dropped."""
        _workers.run(_Job(function, None))

    def mailbox(self) -> Mailbox:
        """A new queue between threads."""
        return _Mailbox()


class _Mailbox:
    def __init__(self) -> None:
        self._items: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def put(self, item: Any) -> None:
        self._items.put(item)

    def get(self, timeout_s: float) -> Any:
        try:
            return self._items.get(timeout=max(timeout_s, 0.0))
        except queue.Empty:
            raise CallTimeout from None


class _Job:
    __slots__ = ("_answers", "_function")

    def __init__(self, function: Callable[[], object], answers: _Mailbox | None) -> None:
        self._function = function
        self._answers = answers

    def run(self) -> None:
        try:
            answer = (True, self._function())
        except BaseException as error:  # noqa: BLE001 - it travels to the caller, whatever it is
            answer = (False, error)  # type: ignore[assignment]
        if self._answers is not None:
            self._answers.put(answer)


class _Workers:
    """Threads that are kept for the next call. Daemon threads: one stuck in a call never holds up the program's end.

    Invariant: a worker stands in `_idle` exactly while it waits for a job.
    """

    def __init__(self) -> None:
        self._idle: deque[queue.SimpleQueue[_Job]] = deque()

    def run(self, job: _Job) -> None:
        try:
            inbox = self._idle.pop()
        except IndexError:
            inbox = queue.SimpleQueue()
            threading.Thread(target=self._work, args=(inbox,), name="unfailing-call", daemon=True).start()
        inbox.put(job)

    def _work(self, inbox: queue.SimpleQueue[_Job]) -> None:
        while True:
            inbox.get().run()
            self._idle.append(inbox)

    def forget(self) -> None:
        """In a forked child none of the threads exists any more."""
        self._idle.clear()


_workers = _Workers()
os.register_at_fork(after_in_child=_workers.forget)
_plain: PlainLibraryWorld | None = None


def library_world() -> PlainLibraryWorld:
    """The one plain world of this process, made when first asked for."""
    global _plain  # noqa: PLW0603 - the process has one clock
    if _plain is None:
        _plain = PlainLibraryWorld()
    return _plain
