"""The world of an asyncio program: time, chance, tasks, threads and child processes, without gevent or patching.

For what lives inside somebody else's event loop. Nothing is started by importing it or by making one.
"""

from __future__ import annotations

import asyncio
import os
import queue
import random
import secrets
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeVar

from supervision.world import WaitTimeout

T = TypeVar("T")

THREADS_MAX: Final = 8


class Event(Protocol):
    """A flag that tasks wait for."""

    def set(self) -> None:
        """Wake whoever waits, and whoever will, until it is cleared."""

    def clear(self) -> None:
        """Make the next wait wait."""

    def is_set(self) -> bool:
        """Whether it is set."""

    async def wait(self) -> object:
        """Return when it is set."""


class AsyncTask:
    """A coroutine that runs beside its starter, which owns it."""

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self._task = task

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._task.done()

    @property
    def error(self) -> BaseException | None:
        """What it raised, if it has ended so; a cancelled one has raised nothing."""
        if not self._task.done() or self._task.cancelled():
            return None
        return self._task.exception()

    async def stop(self) -> None:
        """Cancel it and wait for its end, whatever that brings; the caller's own cancellation passes through."""
        self._task.cancel()
        await asyncio.wait((self._task,))
        if not self._task.cancelled():
            self._task.exception()


class Promise(Generic[T]):
    """A value that comes later; the first one counts."""

    def __init__(self) -> None:
        self._future: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    @property
    def kept(self) -> bool:
        """Whether the value is here."""
        return self._future.done()

    def keep(self, value: T) -> None:
        """Give the value."""
        if not self._future.done():
            self._future.set_result(value)

    def value(self) -> T:
        """The value, which is here."""
        return self._future.result()

    async def wait(self) -> T:
        """Return the value when it is here. Who waits may be cancelled; the promise goes on."""
        return await asyncio.shield(self._future)


class ChildProgram:
    """A process that is looked after: one that was started here, or one that another program had started."""

    def __init__(self, pid: int, popen: subprocess.Popen[bytes] | None) -> None:
        """popen: None for a process that is not a child of this one. Raises OSError when that is gone already."""
        self.pid = pid
        self._popen = popen
        # A number may be given to somebody else once its process is gone; this descriptor never is.
        self._pidfd = os.pidfd_open(pid)

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        if self._popen is not None:
            return self._popen.poll() is None
        poll = select.poll()
        poll.register(self._pidfd, select.POLLIN)
        return not poll.poll(0)

    @property
    def exit_code(self) -> int | None:
        """Of a child that has ended; minus the signal's number when a signal ended it."""
        return None if self._popen is None else self._popen.poll()

    def send_signal(self, number: int) -> None:
        """Send it a signal; does nothing when it has ended."""
        with suppress(OSError):
            signal.pidfd_send_signal(self._pidfd, number)

    def kill_group(self) -> None:
        """SIGKILL to it and to whoever shares its process group, which it leads; does nothing when it has ended."""
        if self.alive:
            with suppress(OSError):
                os.killpg(self.pid, signal.SIGKILL)

    async def wait(self, timeout_s: float) -> bool:
        """Wait for its end, at most timeout_s; say whether it has ended."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._pidfd, ended.set)
        try:
            async with asyncio.timeout(timeout_s):
                await ended.wait()
        except TimeoutError:
            return not self.alive
        finally:
            loop.remove_reader(self._pidfd)
        return not self.alive

    def close(self) -> None:
        """Let go of it, once; it goes on."""
        os.close(self._pidfd)


class _Job:
    """A function on its way through a thread, back to the loop that waits for it."""

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...], answer: asyncio.Future[Any]) -> None:
        self._function = function
        self._args = args
        self._answer = answer

    def __call__(self) -> None:
        try:
            result = self._function(*self._args)
        except BaseException as error:  # noqa: BLE001 - it travels to the caller, whatever it is
            self._settle(self._answer.set_exception, error)
        else:
            self._settle(self._answer.set_result, result)

    def _settle(self, settle: Callable[[Any], None], value: Any) -> None:
        def settle_if_wanted() -> None:
            if not self._answer.done():
                settle(value)

        # A loop that is closed waits for nothing any more.
        with suppress(RuntimeError):
            self._answer.get_loop().call_soon_threadsafe(settle_if_wanted)


class _Line:
    """A daemon thread that does one job after another; None ends it."""

    def __init__(self, name: str) -> None:
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def put(self, job: _Job | None) -> None:
        self._jobs.put(job)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


class AsyncioWorld:
    """What a part that lives in an event loop may know of the outside. Times are seconds."""

    def __init__(self) -> None:
        self.random = random.Random()  # noqa: S311 - jitter; what must not be guessed is `nonce`
        self.now = time.monotonic
        self.wall = time.time
        self._lines: dict[str, _Line] = {}
        self._room = asyncio.Semaphore(THREADS_MAX)

    def nonce(self) -> str:
        """16 hex digits from the operating system's randomness."""
        return secrets.token_hex(8)

    async def sleep(self, seconds: float) -> None:
        """Let others run for so long."""
        await asyncio.sleep(max(0.0, seconds))

    def event(self) -> Event:
        """A new flag, not set."""
        return asyncio.Event()

    def promise(self) -> Promise[Any]:
        """A new promise."""
        return Promise()

    def loop(self) -> object:
        """The running event loop, to tell it from another."""
        return asyncio.get_running_loop()

    def spawn(self, coroutine: Coroutine[Any, Any, object], name: str) -> AsyncTask:
        """Run a coroutine beside the caller, who owns it."""
        return AsyncTask(asyncio.create_task(coroutine, name=name))

    async def within(self, timeout_s: float, coroutine: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result. Raises WaitTimeout after timeout_s, when it has been cancelled."""
        deadline = asyncio.timeout(max(0.0, timeout_s))
        try:
            async with deadline:
                return await coroutine
        except TimeoutError:
            if deadline.expired():
                raise WaitTimeout(timeout_s) from None
            raise

    async def wait_set(self, event: Event, timeout_s: float) -> bool:
        """Wait until the event is set, at most timeout_s; say whether it is."""
        try:
            async with asyncio.timeout(max(0.0, timeout_s)):
                await event.wait()
        except TimeoutError:
            return event.is_set()
        return True

    async def first_end(self, *tasks: AsyncTask) -> None:
        """Wait until one of the tasks has ended."""
        await asyncio.wait([task._task for task in tasks], return_when=asyncio.FIRST_COMPLETED)  # noqa: SLF001

    async def in_thread(self, function: Callable[..., T], *args: Any, pool: str = "") -> T:
        """The function's result, from a daemon thread: one that hangs never holds up the program's end.

        pool: the calls of one name run one after another, in the order of the calls; those without a name run side by
        side, THREADS_MAX at most. A caller that is cancelled leaves the function behind, which goes on.
        """
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        job = _Job(function, args, answer)
        if pool:
            line = self._lines.get(pool)
            if line is None:
                line = self._lines[pool] = _Line(f"unfailing-{pool}")
            line.put(job)
            return await answer
        async with self._room:
            threading.Thread(target=job, name="unfailing-call", daemon=True).start()
            return await answer

    def start_program(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: str, log: Path) -> ChildProgram:
        """Start a program in a session of its own, its output appended to the log. Raises OSError."""
        with log.open("ab") as output:
            popen = subprocess.Popen(  # noqa: S603 - the caller names the program
                list(argv), env=dict(env), cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )  # fmt: skip
        return ChildProgram(popen.pid, popen)

    def program(self, pid: int) -> ChildProgram | None:
        """A running process that is not a child of this one; None when there is none of that number."""
        try:
            return ChildProgram(pid, None)
        except OSError:
            return None

    async def ask_unix(self, path: str, line: bytes, timeout_s: float) -> bytes:
        """Send a line to a unix socket and return the line that is answered. Raises OSError and WaitTimeout."""
        return await self.within(timeout_s, _ask_unix(path, line))

    def close(self) -> None:
        """Let the threads end as soon as they have nothing to do."""
        for line in self._lines.values():
            line.put(None)
        self._lines.clear()


async def _ask_unix(path: str, line: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path, limit=1 << 22)
    try:
        writer.write(line)
        await writer.drain()
        return await reader.readline()
    finally:
        writer.close()
