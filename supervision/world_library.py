"""The library's way to the world: clock, chance, sleep, a lock, and calls that a deadline can leave behind.

For plain and asyncio programs, without gevent and without monkey-patching (and inside a patched one too, since nothing
is taken from `threading` before it is needed). Tests bring a world of their own with the same few methods.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import random
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar, cast

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

    async def call_in_thread(self, function: Callable[[], T], timeout_s: float) -> T:
        """As call, without blocking the event loop: the function runs in a thread."""

    def call_coroutine(self, make: Callable[[], Awaitable[T]], timeout_s: float) -> T:
        """As call, for what can be awaited: it runs on an event loop of its own."""

    def race(self) -> Race:
        """For calls that run side by side in threads."""

    def race_async(self) -> AsyncRace:
        """For calls that run side by side as tasks."""


class Race(Protocol):
    """Calls side by side, each with its own time."""

    def start(self, key: int, function: Callable[[], Any], timeout_s: float) -> None:
        """Start one."""

    def first(self, timeout_s: float) -> list[tuple[int, Any]]:
        """Those that ended, with a result or an exception (CallTimeout at their time); none after timeout_s."""

    def leave(self, key: int) -> None:
        """Nobody waits for this one any more."""


class AsyncRace(Protocol):
    """As Race, for coroutines; those left are cancelled."""

    def start(self, key: int, make: Callable[[], Awaitable[Any]], timeout_s: float) -> None:
        """Start one."""

    async def first(self, timeout_s: float) -> list[tuple[int, Any]]:
        """Those that ended, with a result or an exception (CallTimeout at their time); none after timeout_s."""

    def leave(self, key: int) -> None:
        """Cancel this one."""


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
        answered = _Answered()
        _workers.run(_Job(function, answered.put))
        returned, value = answered.get(timeout_s)
        if returned:
            return cast("T", value)
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

    async def call_in_thread(self, function: Callable[[], T], timeout_s: float) -> T:
        """As call, without blocking the event loop: the function runs in a thread."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def answered(returned: bool, value: Any) -> None:  # noqa: FBT001 - a worker's answer
            if not future.done():
                future.set_result(value) if returned else future.set_exception(_carried(value))

        def tell(returned: bool, value: Any) -> None:  # noqa: FBT001 - a worker's answer
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(answered, returned, value)

        _workers.run(_Job(function, tell))
        return await self.call_async(lambda: future, timeout_s)

    def call_coroutine(self, make: Callable[[], Awaitable[T]], timeout_s: float) -> T:
        """As call, for what can be awaited: it runs on an event loop of its own, in a thread kept for that."""

        async def run() -> T:
            return await make()

        future = asyncio.run_coroutine_threadsafe(run(), _loop_thread.loop())
        try:
            return future.result(timeout_s)
        except FutureTimeout:
            if future.done():
                raise
            future.cancel()
            raise CallTimeout from None

    def race(self) -> ThreadRace:
        """For calls that run side by side in threads."""
        return ThreadRace(self.now)

    def race_async(self) -> TaskRace:
        """For calls that run side by side as tasks."""
        return TaskRace(self.call_async)


class ThreadRace:
    """Calls side by side in threads. Invariant: `_until_s` holds the keys that somebody waits for."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._ended: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        self._until_s: dict[int, float] = {}

    def start(self, key: int, function: Callable[[], Any], timeout_s: float) -> None:
        """Start one."""
        self._until_s[key] = self._now() + timeout_s
        _workers.run(
            _Job(function, lambda returned, value: self._ended.put((key, value if returned else _carried(value))))
        )

    def first(self, timeout_s: float) -> list[tuple[int, Any]]:
        """Those that ended; those whose time is over end with CallTimeout."""
        until_s = min([self._now() + max(timeout_s, 0.0), *self._until_s.values()])
        try:
            key, value = self._ended.get(timeout=max(until_s - self._now(), 0.0))
        except queue.Empty:
            now_s = self._now()
            late = [key for key, at_s in self._until_s.items() if at_s <= now_s]
            for key in late:
                del self._until_s[key]
            return [(key, CallTimeout()) for key in late]
        return [(key, value)] if self._until_s.pop(key, None) is not None else []

    def leave(self, key: int) -> None:
        """Nobody waits for this one any more; its thread ends when its call does."""
        self._until_s.pop(key, None)


class TaskRace:
    """Calls side by side as tasks of the running loop."""

    def __init__(self, call: Callable[[Callable[[], Awaitable[Any]], float], Awaitable[Any]]) -> None:
        self._call = call
        self._tasks: dict[int, asyncio.Task[Any]] = {}

    def start(self, key: int, make: Callable[[], Awaitable[Any]], timeout_s: float) -> None:
        """Start one."""

        async def run() -> Any:
            return await self._call(make, timeout_s)

        self._tasks[key] = asyncio.get_running_loop().create_task(run())

    async def first(self, timeout_s: float) -> list[tuple[int, Any]]:
        """Those that ended, with what they returned or raised."""
        if not self._tasks:
            await asyncio.sleep(max(timeout_s, 0.0))
            return []
        await asyncio.wait(self._tasks.values(), timeout=max(timeout_s, 0.0), return_when=asyncio.FIRST_COMPLETED)
        ended = [(key, _outcome(task)) for key, task in self._tasks.items() if task.done()]
        for key, _ in ended:
            del self._tasks[key]
        return ended

    def leave(self, key: int) -> None:
        """Cancel this one."""
        task = self._tasks.pop(key, None)
        if task is not None:
            task.cancel()


def _outcome(task: asyncio.Task[Any]) -> Any:
    if task.cancelled():
        return CallTimeout()
    error = task.exception()
    return task.result() if error is None else error


def _carried(error: BaseException) -> Exception:
    """What a future or another thread can carry: signals of the interpreter stay with the thread they struck."""
    return error if isinstance(error, Exception) else CallAborted(repr(error))


class CallAborted(Exception):  # noqa: N818 - named after what happened
    """A call in another thread was ended by something that is no Exception: an exit, a kill."""


class _Answered:
    """A one-place mailbox between a worker and its caller."""

    __slots__ = ("_items",)

    def __init__(self) -> None:
        self._items: queue.SimpleQueue[tuple[bool, Any]] = queue.SimpleQueue()

    def put(self, returned: bool, value: Any) -> None:  # noqa: FBT001 - a worker's answer
        self._items.put((returned, value))

    def get(self, timeout_s: float) -> tuple[bool, Any]:
        try:
            return self._items.get(timeout=max(timeout_s, 0.0))
        except queue.Empty:
            raise CallTimeout from None


class _Job:
    __slots__ = ("_function", "_tell")

    def __init__(self, function: Callable[[], object], tell: Callable[[bool, Any], object]) -> None:
        self._function = function
        self._tell = tell

    def run(self) -> None:
        try:
            value = self._function()
        except BaseException as error:  # noqa: BLE001 - it travels to the caller, whatever it is
            self._tell(False, error)  # noqa: FBT003 - a worker's answer
        else:
            self._tell(True, value)  # noqa: FBT003 - a worker's answer


class _LoopThread:
    """An event loop in a daemon thread, for plain programs that use an asyncio client. Made when first needed."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    def loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="unfailing-loop", daemon=True).start()
            return self._loop

    def forget(self) -> None:
        """In a forked child the thread does not exist any more."""
        self._loop = None


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
_loop_thread = _LoopThread()
os.register_at_fork(after_in_child=_workers.forget)
os.register_at_fork(after_in_child=_loop_thread.forget)
_plain: PlainLibraryWorld | None = None


def library_world() -> PlainLibraryWorld:
    """The one plain world of this process, made when first asked for."""
    global _plain  # noqa: PLW0603 - the process has one clock
    if _plain is None:
        _plain = PlainLibraryWorld()
    return _plain
