"""A lane: one native thread that owns a store, does what it is asked in order, and many things at once where it can.

Works in plain, asyncio and gevent programs: the thread and its inbox are the operating system's also under monkey
patching, so nothing that blocks in C runs on a hub. Answers come back through a callback, or by the three ways to wait.
"""

from __future__ import annotations

import _thread
import asyncio
import contextlib
import sys
import time
from _queue import Empty, SimpleQueue
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar, cast

from supervision.world import WaitTimeout

T = TypeVar("T")
Done = Callable[[bool, Any], object]
"""Called once, in the lane's thread: True and the result, or False and the exception."""

WAITING_MAX: Final = 65_536
BATCH_MAX: Final = 256


class LaneFull(Exception):  # noqa: N818 - named after what is the case
    """More work waits than a lane takes; whoever asks slows down."""


class LaneClosed(Exception):  # noqa: N818 - named after what is the case
    """The lane has ended, and does nothing any more."""


class Job:
    """One thing to do. items: None for a call without arguments; else it may share a call with its neighbours."""

    __slots__ = ("done", "function", "is_read", "item")

    def __init__(self, function: Callable[..., Any], item: object, done: Done, *, is_read: bool) -> None:
        self.function = function
        self.item = item
        self.done = done
        self.is_read = is_read


ALONE: Final = object()


class Lane:
    """A native thread and its inbox.

    Jobs that were submitted with the same `many` and stand beside each other share one call of it: that is the group
    commit. In one round reads come after all writes, which no caller can tell, since none had an answer yet; writes
    keep their order. tick: called in the lane's thread when nothing came for tick_s, and says when it is due again.
    """

    def __init__(self, name: str, tick: Callable[[], float] | None = None, tick_s: float = 1.0) -> None:
        self.name = name
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._tick = tick
        self._tick_s = tick_s
        self._is_closed = False
        self._ended = SimpleQueue[None]()
        _original("start_new_thread")(self._run, ())

    def submit(self, function: Callable[[], Any], done: Done, *, is_read: bool = False) -> None:
        """Have function called in the thread. Raises LaneFull and LaneClosed."""
        self._put(Job(function, ALONE, done, is_read=is_read))

    def submit_one_of(
        self, many: Callable[[Sequence[Any]], Sequence[Any]], item: object, done: Done, *, is_read: bool = False
    ) -> None:
        """Have many([item, ...]) called; it returns an answer for each, where an exception fails that one alone."""
        self._put(Job(many, item, done, is_read=is_read))

    def call(self, function: Callable[[], T], timeout_s: float, *, is_read: bool = False) -> T:
        """The function's result, from plain code or a greenlet. Raises what it raises, and WaitTimeout."""
        answer = Answer[T]()
        self.submit(function, answer.done, is_read=is_read)
        return answer.wait(timeout_s)

    async def call_async(self, function: Callable[[], T], timeout_s: float, *, is_read: bool = False) -> T:
        """As call, without blocking the event loop."""
        answer = AsyncAnswer[T]()
        self.submit(function, answer.done, is_read=is_read)
        return await answer.wait(timeout_s)

    def close(self, timeout_s: float, last: Callable[[], object] | None = None) -> bool:
        """Do what is waiting, then `last`, then end; say whether it has ended. Idempotent."""
        if not self._is_closed:
            if last is not None:
                with contextlib.suppress(LaneFull):
                    self.submit(last, lambda _ok, _value: None)
            self._is_closed = True
            self._jobs.put(None)
        return self._has_ended(timeout_s)

    def _has_ended(self, timeout_s: float) -> bool:
        until_s = time.monotonic() + timeout_s
        while self._ended.empty():
            if time.monotonic() >= until_s:
                return False
            time.sleep(0.001)
        return True

    def _put(self, job: Job) -> None:
        if self._is_closed:
            raise LaneClosed(self.name)
        if self._jobs.qsize() >= WAITING_MAX:
            raise LaneFull(f"{WAITING_MAX} jobs wait for {self.name}")
        self._jobs.put(job)

    def _run(self) -> None:
        is_open = True
        due_s = time.monotonic() + self._tick_s
        while is_open:
            batch, is_open = self._take(None if self._tick is None else due_s - time.monotonic())
            for group in grouped(batch):
                _run_group(group)
            if self._tick is not None and is_open and time.monotonic() >= due_s:
                due_s = time.monotonic() + self._tick()
        self._ended.put(None)

    def _take(self, timeout_s: float | None) -> tuple[list[Job], bool]:
        """What waits, at most a batch; and whether more may come."""
        batch: list[Job] = []
        try:
            job = self._jobs.get(timeout=None if timeout_s is None else max(timeout_s, 0.0))
            while job is not None:
                batch.append(job)
                if len(batch) == BATCH_MAX:
                    return batch, True
                job = self._jobs.get_nowait()
        except Empty:
            return batch, True
        return batch, False


def grouped(batch: Sequence[Job]) -> list[list[Job]]:
    """Jobs of one round in the order in which they run, those that share a call together. Pure."""
    ordered = [job for job in batch if not job.is_read] + [job for job in batch if job.is_read]
    groups: list[list[Job]] = []
    for job in ordered:
        if job.item is not ALONE and groups and groups[-1][0].function == job.function:
            groups[-1].append(job)
        else:
            groups.append([job])
    return groups


def _run_group(group: list[Job]) -> None:
    first = group[0]
    try:
        answers = [first.function()] if first.item is ALONE else first.function([job.item for job in group])
    except BaseException as error:  # noqa: BLE001 - it travels to whoever asked; the lane goes on
        answers = [error] * len(group)
    for job, answer in zip(group, answers, strict=True):
        with contextlib.suppress(Exception):  # the asker has gone, a closed loop for one
            job.done(not isinstance(answer, BaseException), answer)


class Answer(Generic[T]):
    """What a thread or a greenlet waits for."""

    def __init__(self) -> None:
        self._waiter: Any = None
        if _is_patched():
            from supervision import world

            self._waiter = world.current().waiter()
            self.done: Done = lambda ok, value: self._waiter.wake((ok, value))
        else:
            self._queue: SimpleQueue[tuple[bool, Any]] = SimpleQueue()
            self.done = lambda ok, value: self._queue.put((ok, value))

    def wait(self, timeout_s: float) -> T:
        """The result, or what it raised. Raises WaitTimeout."""
        if self._waiter is not None:
            ok, value = self._waiter.wait(timeout_s)
        else:
            try:
                ok, value = self._queue.get(timeout=max(timeout_s, 0.0))
            except Empty:
                raise WaitTimeout(timeout_s) from None
        if ok:
            return cast("T", value)
        raise value


class AsyncAnswer(Generic[T]):
    """What a task waits for. Answers for one loop that come at once wake it once."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[T] = self._loop.create_future()

    def done(self, ok: bool, value: Any) -> None:  # noqa: FBT001 - a lane's answer
        """Give the answer, from any thread."""
        with _arrived_lock:
            arrived = _arrived.setdefault(self._loop, [])
            arrived.append((self._future, ok, value))
            is_first = len(arrived) == 1
        if is_first:
            try:
                self._loop.call_soon_threadsafe(_hand_over, self._loop)
            except RuntimeError:  # the loop was closed meanwhile
                _taken(self._loop)

    async def wait(self, timeout_s: float) -> T:
        """The result, or what it raised. Raises WaitTimeout."""
        if self._future.done():
            return self._future.result()
        timer = self._loop.call_later(max(timeout_s, 0.0), _expire, self._future, timeout_s)
        try:
            return await self._future
        finally:
            timer.cancel()


_Arrived = list[tuple[asyncio.Future[Any], bool, Any]]


def _taken(loop: asyncio.AbstractEventLoop) -> _Arrived:
    with _arrived_lock:
        return _arrived.pop(loop, [])


def _hand_over(loop: asyncio.AbstractEventLoop) -> None:
    for future, ok, value in _taken(loop):
        if not future.done():
            future.set_result(value) if ok else future.set_exception(value)


def _expire(future: asyncio.Future[Any], timeout_s: float) -> None:
    if not future.done():
        future.set_exception(WaitTimeout(timeout_s))


def _is_patched() -> bool:
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("threading"))


def _original(name: str) -> Callable[..., Any]:
    """A function of `_thread` as the operating system means it."""
    monkey = sys.modules.get("gevent.monkey")
    found = getattr(_thread, name) if monkey is None else monkey.get_original("_thread", name)
    return cast("Callable[..., Any]", found)


_arrived: Final[dict[asyncio.AbstractEventLoop, _Arrived]] = {}
_arrived_lock: Final = _original("allocate_lock")()
