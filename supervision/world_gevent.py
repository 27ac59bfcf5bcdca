"""The daemon's world: gevent's hub, native threads beside it, processes and sockets through its loop.

Belongs to the thread that makes it, which must be the process's main one: child processes are waited for through
the default loop. Works with and without monkey patching, and never patches.
"""

from __future__ import annotations

import random
import secrets
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import gevent
from gevent.hub import Hub, get_hub
from gevent.monkey import get_original
from gevent.threadpool import ThreadPool

from supervision import world_gevent_io
from supervision.world import NativeThread, WaitTimeout
from supervision.world_hub import HubWaiter, HubWorld

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from threading import Lock

    from supervision.world import ByteStream, Process, Server

T = TypeVar("T")

# Threads of the pool named "default". Every other pool has one: who asks for a pool of its own (SQLite) wants order.
DEFAULT_POOL_THREADS: Final = 4

_real_allocate_lock = get_original("_thread", "allocate_lock")
_real_get_ident = get_original("_thread", "get_ident")
_real_sleep = get_original("time", "sleep")
_real_start_new_thread = get_original("_thread", "start_new_thread")


def _outcome(function: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Any, Exception | None]:
    """What a call in a native thread comes to. gevent would print an exception as well as hand it on."""
    try:
        return function(*args), None
    except Exception as error:  # noqa: BLE001 - raised again where the result is waited for
        return None, error


class GeventWorld(HubWorld):
    """Time, waiting, threads and processes on gevent's hub. One a process, kept as long as native threads run."""

    hub: Hub

    def __init__(self) -> None:
        """Bind to the hub of the calling thread. Raises RuntimeError in any but the main one."""
        self.hub = get_hub()
        if not self.hub.loop.default:
            message = "the gevent world belongs to the main thread: make it there before other threads need it"
            raise RuntimeError(message)
        self.thread_id = _real_get_ident()
        self.get_thread_id = _real_get_ident
        self.random = random.Random()  # noqa: S311 - jitter; what must not be guessed is `nonce`
        self.switch_to_hub = self.hub.switch
        self.call_soon = self.hub.loop.run_callback
        self._timer = self.hub.loop.timer(0.0)
        self._pools: dict[str, ThreadPool] = {}
        # Calls from other threads. gevent's own run_callback_threadsafe counts up the loop's watchers from the calling
        # thread, while the loop counts them down without the GIL: a count that gets lost ends the loop under everybody
        # (seen: LoopExit after 6,000 tells from native threads). An async watcher is made for other threads.
        self._arrivals: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._arrived = self.hub.loop.async_()
        self._arrived.start(self._run_arrivals)
        super().__init__()

    # Bound without a method around it: every ask and every start reads the clock.
    now = staticmethod(time.monotonic)
    turn_clock = staticmethod(time.monotonic)

    def wall(self) -> float:
        """Unix time in seconds."""
        return time.time()

    def nonce(self) -> str:
        """16 hex digits from the operating system's randomness."""
        return secrets.token_hex(8)

    def call_soon_threadsafe(self, function: Callable[..., object], *args: Any) -> None:
        """Call function on the hub, and wake the hub: a plain callback from another thread came 105 ms late."""
        self._arrivals.append((function, args))
        self._arrived.send()

    def _run_arrivals(self) -> None:
        for _ in range(len(self._arrivals)):
            function, args = self._arrivals.popleft()
            self.call_soon(function, *args)

    def allocate_lock(self) -> Lock:
        """Make a real lock, also under monkey patching."""
        lock: Lock = _real_allocate_lock()
        return lock

    def native_sleep(self, seconds: float) -> None:
        """Sleep without making a hub for this thread."""
        _real_sleep(seconds)

    def _arm(self, at_s: float) -> None:
        # gevent's timers cannot be given another time, so each arming makes one; they are few, since only the
        # nearest deadline of all is armed.
        self._timer.stop()
        self._timer.close()
        self._timer = self.hub.loop.timer(max(0.0, at_s - self.now()))
        self._timer.start(self._run_due, update=True)

    def _run_due(self) -> None:
        self.deadlines.run_due(self.now())

    def thread_pool(self, name: str, threads: int | None = None) -> ThreadPool:
        """Return the native pool of that name, made on first use with so many threads."""
        pool = self._pools.get(name)
        if pool is None:
            size = threads or (DEFAULT_POOL_THREADS if name == "default" else 1)
            pool = self._pools[name] = ThreadPool(size, hub=self.hub)
        return pool

    def run_in_thread(
        self, function: Callable[..., T], *args: Any, pool: str = "default", timeout_s: float | None = None
    ) -> T:
        """Run function in a native thread. Raises what it raises, and WaitTimeout (the function goes on)."""
        call = self.thread_pool(pool).spawn(_outcome, function, args)
        try:
            outcome: Any = call.get(timeout=timeout_s)
        except gevent.Timeout as error:
            if call.ready():
                raise
            raise WaitTimeout(timeout_s) from error
        result, raised = outcome
        if raised is not None:
            raise raised
        return cast("T", result)

    def native_thread(self, function: Callable[..., object], *args: Any, name: str) -> NativeThread:
        """Start a real thread of its own."""
        return _GeventNativeThread(self, function, args, name)

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
        return world_gevent_io.start_process(
            self,
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
        """Listen on a unix socket; see `World.open_unix_server`."""
        return world_gevent_io.UnixServer(self, path, serve, mode, connections_max)

    def connect_unix(self, path: str, timeout_s: float) -> ByteStream:
        """Connect to a unix socket."""
        return world_gevent_io.connect_unix(self, path, timeout_s)


class _GeventNativeThread:
    """A real thread: under monkey patching `threading.Thread` would be a greenlet."""

    def __init__(self, world: GeventWorld, function: Callable[..., object], args: tuple[Any, ...], name: str) -> None:
        self.name = name
        self.error: BaseException | None = None
        self._ended: HubWaiter = world.waiter()
        _real_start_new_thread(self._run, (function, args))

    def _run(self, function: Callable[..., object], args: tuple[Any, ...]) -> None:
        try:
            function(*args)
        except BaseException as error:  # noqa: BLE001 - the thread ends here; its owner reads the error
            self.error = error
        self._ended.wake()

    def join(self, timeout_s: float | None) -> bool:
        """Wait for its end; say whether it has ended."""
        try:
            self._ended.wait(timeout_s)
        except WaitTimeout:
            return False
        return True
