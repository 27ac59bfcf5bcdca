"""The library interface's world: threads and asyncio, for programs that know nothing of greenlets.

Importing this never loads gevent. Under gevent's monkey patching its threads and locks are what gevent makes of them.
The port's own thread, which stands in for a hub, is a daemon thread made on first use.
"""

from __future__ import annotations

import asyncio
import heapq
import random
import secrets
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from itertools import count
from typing import TYPE_CHECKING, Any, Final, TypeVar

from supervision import world_plain_io
from supervision.reports import report_task_failed
from supervision.world import WaitTimeout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from supervision.world import ByteStream, Process, Server

T = TypeVar("T")

DEFAULT_POOL_THREADS: Final = 4


class PlainWorld:
    """Time, waiting, threads and processes with the standard library alone."""

    def __init__(self) -> None:
        """No thread is started until one is needed."""
        self.random = random.Random()  # noqa: S311 - jitter; what must not be guessed is `nonce`
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._lock = threading.Lock()
        self._hub: _HubThread | None = None

    def now(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def wall(self) -> float:
        """Unix time in seconds."""
        return time.time()

    def nonce(self) -> str:
        """16 hex digits from the operating system's randomness."""
        return secrets.token_hex(8)

    def sleep(self, seconds: float) -> None:
        """Let others run for so long."""
        time.sleep(max(0.0, seconds))

    async def sleep_async(self, seconds: float) -> None:
        """Let other coroutines run for so long."""
        await asyncio.sleep(max(0.0, seconds))

    async def run_async(self, function: Callable[..., T], *args: Any) -> T:
        """Run a function that blocks in a thread, and await its result."""
        return await asyncio.to_thread(function, *args)

    def waiter(self) -> PlainWaiter:
        """Make a new meeting point."""
        return PlainWaiter()

    def call_soon(self, function: Callable[..., object], *args: Any) -> None:
        """Call function in the port's own thread soon."""
        self._hub_thread().add(0.0, function, args)

    call_soon_threadsafe = call_soon

    def call_later(self, delay_s: float, function: Callable[..., object], *args: Any) -> PlainTimer:
        """Call function in the port's own thread after delay_s."""
        return self._hub_thread().add(delay_s, function, args)

    def _hub_thread(self) -> _HubThread:
        with self._lock:
            if self._hub is None:
                self._hub = _HubThread()
            return self._hub

    def spawn(self, function: Callable[..., object], *args: Any, name: str = "") -> PlainTask:
        """Run function in a daemon thread."""
        return PlainTask(function, args, name)

    def native_thread(self, function: Callable[..., object], *args: Any, name: str) -> PlainTask:
        """Run function in a daemon thread."""
        return PlainTask(function, args, name)

    def run_in_thread(
        self, function: Callable[..., T], *args: Any, pool: str = "default", timeout_s: float | None = None
    ) -> T:
        """Run function in the pool of that name. Raises WaitTimeout; the function goes on."""
        with self._lock:
            executor = self._pools.get(pool)
            if executor is None:
                threads = DEFAULT_POOL_THREADS if pool == "default" else 1
                executor = self._pools[pool] = ThreadPoolExecutor(threads, thread_name_prefix=pool)
        call: Future[T] = executor.submit(function, *args)
        try:
            return call.result(timeout_s)
        except FutureTimeout as error:
            if call.done():
                raise
            raise WaitTimeout(timeout_s) from error

    def start_process(  # noqa: PLR0913 - a process has that many sides
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        stdin: str = "null",
        stdout: str = "null",
        stderr: str = "inherit",
        new_session: bool = False,
        pass_fds: Sequence[int] = (),
        limits: Mapping[str, int] | None = None,
    ) -> Process:
        """Start a program; see `World.start_process`."""
        return world_plain_io.start_process(
            argv,
            env=env,
            cwd=cwd,
            streams=(stdin, stdout, stderr),
            new_session=new_session,
            pass_fds=pass_fds,
            limits=limits,
        )

    def open_unix_server(
        self, path: str, serve: Callable[[ByteStream], object], *, mode: int = 0o600, connections_max: int = 64
    ) -> Server:
        """Listen on a unix socket; each connection is served by a thread."""
        return world_plain_io.UnixServer(path, serve, mode, connections_max)

    def connect_unix(self, path: str, timeout_s: float) -> ByteStream:
        """Connect to a unix socket. Raises OSError and WaitTimeout."""
        return world_plain_io.connect_unix(path, timeout_s)


_plain_world: PlainWorld | None = None


def plain_world() -> PlainWorld:
    """Return the plain world that library calls share, made on first use; it is not installed as the current one."""
    global _plain_world  # noqa: PLW0603 - one pool of threads is enough
    if _plain_world is None:
        _plain_world = PlainWorld()
    return _plain_world


class PlainWaiter:
    """A meeting point of threads."""

    def __init__(self) -> None:
        """Not woken yet."""
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._value: Any = None

    def wake(self, value: Any = None) -> None:
        """Give the value; the first call counts."""
        with self._lock:
            if not self._event.is_set():
                self._value = value
                self._event.set()

    def wait(self, timeout_s: float | None) -> Any:
        """Wait for the value. Raises WaitTimeout."""
        if not self._event.wait(timeout_s):
            raise WaitTimeout(timeout_s)
        return self._value


class PlainTimer:
    """One call in the future."""

    __slots__ = ("args", "cancelled", "function")

    def __init__(self, function: Callable[..., object], args: tuple[Any, ...]) -> None:
        """The hub's thread makes it."""
        self.function = function
        self.args = args
        self.cancelled = False

    def cancel(self) -> None:
        """Make sure that it does not happen."""
        self.cancelled = True


class _HubThread:
    """One daemon thread that calls what is due."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, PlainTimer]] = []
        self._order = count()
        self._changed = threading.Condition()
        threading.Thread(target=self._run, name="world", daemon=True).start()

    def add(self, delay_s: float, function: Callable[..., object], args: tuple[Any, ...]) -> PlainTimer:
        timer = PlainTimer(function, args)
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + delay_s, next(self._order), timer))
            self._changed.notify()
        return timer

    def _next(self) -> PlainTimer:
        with self._changed:
            while not self._due or self._due[0][0] > time.monotonic():
                self._changed.wait(self._due[0][0] - time.monotonic() if self._due else None)
            return heapq.heappop(self._due)[2]

    def _run(self) -> None:
        while True:
            timer = self._next()
            if not timer.cancelled:
                try:
                    timer.function(*timer.args)
                except Exception as error:  # noqa: BLE001 - others stand behind it
                    report_task_failed(getattr(timer.function, "__qualname__", repr(timer.function)), error)


class PlainTask:
    """A function in a daemon thread. Weakness: kill cannot end a thread; what it returns is dropped all the same."""

    def __init__(self, function: Callable[..., object], args: tuple[Any, ...], name: str) -> None:
        """Begin."""
        self.name = name or getattr(function, "__qualname__", repr(function))
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(function, args), name=self.name, daemon=True)
        self._thread.start()

    def _run(self, function: Callable[..., object], args: tuple[Any, ...]) -> None:
        try:
            function(*args)
        except BaseException as error:  # noqa: BLE001 - the thread ends here; its owner reads the error
            self.error = error
            report_task_failed(self.name, error)

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return not self._thread.is_alive()

    def kill(self) -> None:
        """Do nothing: a thread cannot be ended from outside."""

    def join(self, timeout_s: float | None) -> bool:
        """Wait for its end; say whether it has ended."""
        self._thread.join(timeout_s)
        return self.done
