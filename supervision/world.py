"""The one seam to the world: time, chance, ids, waiting, threads and processes, as small ports.

Everything in `supervision/` and `actors/` that needs one of them asks `current()`. The implementations stand
beside this file and are loaded only when they are chosen:

- `world_gevent`: the daemon's, on gevent's hub (made on first use when nothing was installed);
- `world_virtual`: a virtual clock and a seeded scheduler; the same trace twice from the same seed;
- `world_plain`: threads and asyncio, for the library interface; never loads gevent.

Importing this module loads none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping, Sequence

T = TypeVar("T")


class WaitTimeout(Exception):  # noqa: N818 - named after what happened, as pykka.Timeout
    """A wait ended by its timeout, with nothing to show."""


class Timer(Protocol):
    """Something that will happen once, unless it is cancelled before."""

    def cancel(self) -> None:
        """Make sure that it does not happen; never raises, also when it has happened already."""


class Waiter(Protocol):
    """A meeting point of one who waits and one who wakes; once woken it stays so."""

    def wake(self, value: Any = None) -> None:
        """Give value to whoever waits, now or later. From any thread; the first call counts, others do nothing."""

    def wait(self, timeout_s: float | None) -> Any:
        """Wait for the value, at most timeout_s (None: for ever). Raises WaitTimeout."""


class Task(Protocol):
    """A function that runs beside its starter, which owns it."""

    @property
    def done(self) -> bool:
        """True once the function has returned or raised."""

    @property
    def error(self) -> BaseException | None:
        """What the function raised, if it did."""

    def kill(self) -> None:
        """Ask it to end: GreenletExit at its present or next wait. Cooperative; returns at once."""

    def join(self, timeout_s: float | None) -> bool:
        """Wait for its end, at most timeout_s (None: for ever); say whether it has ended."""


class NativeThread(Protocol):
    """A real thread of the operating system, also under monkey patching."""

    def join(self, timeout_s: float | None) -> bool:
        """Wait for its end, at most timeout_s (None: for ever); say whether it has ended."""


class ByteStream(Protocol):
    """Bytes in and out of a pipe or a socket; every wait has a deadline."""

    def read(self, size_max: int, timeout_s: float | None) -> bytes:
        """Between 1 and size_max bytes; b"" at the end. Raises WaitTimeout and OSError."""

    def read_exactly(self, size: int, timeout_s: float | None) -> bytes:
        """Size bytes. Raises EOFError when the stream ends before, WaitTimeout and OSError."""

    def read_line(self, size_max: int, timeout_s: float | None) -> bytes:
        """Bytes up to and including the next newline; b"" at the end. Raises ValueError beyond size_max."""

    def write(self, data: bytes, timeout_s: float | None) -> None:
        """All of data, or an error: WaitTimeout, BrokenPipeError or another OSError."""

    def close(self) -> None:
        """Give the descriptors back; never raises."""


class Process(Protocol):
    """A child process: a fresh program, never a fork of this one that goes on running."""

    @property
    def pid(self) -> int:
        """Its process id; valid until `wait` has returned its exit code."""

    @property
    def stdin(self) -> ByteStream | None:
        """Where to write to it, when started with stdin="pipe"."""

    @property
    def stdout(self) -> ByteStream | None:
        """Where to read from it, when started with stdout="pipe"."""

    @property
    def stderr(self) -> ByteStream | None:
        """Where to read its errors, when started with stderr="pipe"."""

    @property
    def exit_code(self) -> int | None:
        """None while it runs; minus the signal's number when a signal ended it."""

    def send_signal(self, number: int) -> None:
        """Send it a signal; does nothing when it has ended."""

    def kill(self, *, group: bool = False) -> None:
        """SIGKILL to it, or to its whole process group."""

    def wait(self, timeout_s: float | None) -> int:
        """Its exit code. Raises WaitTimeout when it still runs."""

    def close(self) -> None:
        """Close its streams; it goes on."""


class Server(Protocol):
    """A listening socket and the tasks that serve its connections."""

    def close(self) -> None:
        """Stop listening, end the open connections, remove the socket's file."""


class World(Protocol):
    """All that code may know of the outside. Times are seconds; timeout None means for ever."""

    random: random.Random

    def now(self) -> float:
        """Monotonic seconds; only differences mean anything."""

    def wall(self) -> float:
        """Unix time in seconds; may jump."""

    def nonce(self) -> str:
        """A short unguessable hex string, new each time."""

    def call_soon(self, function: Callable[..., object], *args: Any) -> object:
        """Call function on the hub soon; it must not block. From the world's own thread only."""

    def call_soon_threadsafe(self, function: Callable[..., object], *args: Any) -> None:
        """As call_soon, from any thread; wakes the hub at once."""

    def call_later(self, delay_s: float, function: Callable[..., object], *args: Any) -> Timer:
        """Call function on the hub after delay_s; it must not block."""

    def waiter(self) -> Waiter:
        """Make a new meeting point."""

    def spawn(self, function: Callable[..., object], *args: Any, name: str = "") -> Task:
        """Run function beside the caller, who owns the task."""

    def sleep(self, seconds: float) -> None:
        """Let others run for so long."""

    def run_in_thread(
        self, function: Callable[..., T], *args: Any, pool: str = "default", timeout_s: float | None = None
    ) -> T:
        """Run function in the native thread pool of that name and return its result or raise its exception.

        "default" has four threads, every other pool one, so that its calls run one after another. Raises
        WaitTimeout after timeout_s; the function itself goes on, its result is dropped.
        """

    def native_thread(self, function: Callable[..., object], *args: Any, name: str) -> NativeThread:
        """Run function in a long-lived native thread of its own."""

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
        """Start a program. Streams: "pipe", "null" or "inherit"; stderr also "stdout".

        limits: names of `resource` limits ("RLIMIT_AS": bytes, "RLIMIT_CPU": seconds), set on the child from
        outside before this returns; give it nothing hostile before. Raises OSError when it cannot be started.
        """

    def open_unix_server(
        self, path: str, serve: Callable[[ByteStream], object], *, mode: int = 0o600, connections_max: int = 64
    ) -> Server:
        """Listen on a unix socket; each connection is served by a task of its own and closed after it."""

    def connect_unix(self, path: str, timeout_s: float) -> ByteStream:
        """Connect to a unix socket. Raises OSError and WaitTimeout."""


_installed: World | None = None


def install(world: World) -> World | None:
    """Make world the process's own, and return the one before. Actors stay with the world they were started in."""
    global _installed  # noqa: PLW0603 - the process has one world, as it has one clock
    before = _installed
    _installed = world
    return before


def uninstall() -> None:
    """Forget the installed world; the next `current` makes a new one on gevent."""
    global _installed  # noqa: PLW0603
    _installed = None


def current() -> World:
    """The installed world; gevent's, made now, when there is none."""
    global _installed  # noqa: PLW0603
    if _installed is None:
        from supervision.world_gevent import GeventWorld

        _installed = GeventWorld()
    return _installed
