"""A world of its own time and chance: a virtual clock and a scheduler drawn from a seed.

The same code runs on it as on gevent: workers, tasks and waits are greenlets over a hub. But here the hub takes what
is ready in an order drawn from the seed, and when nothing is ready the clock jumps to the next deadline. So a sleep
costs nothing, every order that may happen does happen under some seed, and the same seed repeats everything.

    with VirtualWorld(seed=7) as world:
        ref = Supervisor.start([...])
        world.advance(30.0)

Whoever makes the world drives it: its own waits let the others run. What would wait outside (a socket, a lock of
another thread) must not be used inside. Weakness: a callback may be overtaken any number of times, where a real loop
keeps their order.
"""

from __future__ import annotations

import random
from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, TypeVar

from greenlet import getcurrent, greenlet

from supervision import world as world_port
from supervision.world_hub import HubTask, HubWorld
from supervision.world_virtual_io import MemoryServer, connect

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from threading import Lock
    from types import TracebackType

    from supervision.world import ByteStream, Process, World

T = TypeVar("T")

# Saturday, 1 January 2000, 12:00 UTC: every simulation begins then.
EPOCH_S: Final = 946_728_000.0
# A look at the turn clock takes up to so long, by chance: turns end after different numbers of messages.
LOOK_S_MAX: Final = 0.0004
# A call in a native thread takes up to so long, by chance.
THREAD_S_MAX: Final = 0.002


class Deadlock(Exception):  # noqa: N818 - named after what is the case
    """Everyone waits and no deadline is set: nothing can ever happen again."""


class NotSimulated(Exception):  # noqa: N818 - named after what is the case
    """The virtual world has no stand-in for this."""


class VirtualWorld(HubWorld):
    """Virtual time, and every choice of the scheduler from a seed."""

    # Busy actors take virtual time, as they take real time: else two that play ping-pong would stop the clock.
    rest_s: ClassVar[float] = 0.001

    def __init__(self, seed: int = 0, *, processes: Callable[..., Process] | None = None) -> None:
        """seed: of all choices; processes: what start_process calls, with its arguments."""
        self.seed = seed
        self.random = random.Random(f"world {seed}")  # noqa: S311 - repeating is the purpose
        self._choices = random.Random(f"schedule {seed}")  # noqa: S311
        self._nonces = random.Random(f"nonces {seed}")  # noqa: S311
        self._processes = processes
        self._now_s = 0.0
        self._wall_ahead_s = EPOCH_S
        self._turn_clock_s = 0.0
        self._ready: list[tuple[Callable[..., object], tuple[Any, ...]]] = []
        self._driver = getcurrent()
        self._before: World | None = None
        self.servers: dict[str, MemoryServer] = {}
        self.hub = greenlet(self._run)
        self.switch_to_hub = self.hub.switch
        self.call_soon = self._call_soon
        self.now = self._read_clock
        self.turn_clock = self._read_turn_clock
        self.thread_id = 0
        self.get_thread_id = _the_only_thread
        super().__init__()

    def __enter__(self) -> Self:
        """Be the current world."""
        self._before = world_port.install(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give its place back to the world before."""
        if self._before is None:
            world_port.uninstall()
        else:
            world_port.install(self._before)

    def wall(self) -> float:
        """Virtual Unix time."""
        return self._now_s + self._wall_ahead_s

    def jump_wall(self, seconds: float) -> None:
        """Set the wall clock forward or back, as an administrator does."""
        self._wall_ahead_s += seconds

    def nonce(self) -> str:
        """16 hex digits from the seed."""
        return f"{self._nonces.getrandbits(64):016x}"

    def advance(self, seconds: float) -> None:
        """Let so much time pass, and everything happen that is due."""
        self.sleep(seconds)

    def _read_clock(self) -> float:
        return self._now_s

    def _read_turn_clock(self) -> float:
        """Seconds that go on a little with each look, by chance."""
        self._turn_clock_s += self._choices.random() * LOOK_S_MAX
        return self._turn_clock_s

    def run_queue(self) -> deque[Any]:
        """Make a queue that gives out what it has in an order drawn from the seed."""
        return ShuffledQueue(self._choices)

    def _call_soon(self, function: Callable[..., object], *args: Any) -> None:
        self._ready.append((function, args))

    def call_soon_threadsafe(self, function: Callable[..., object], *args: Any) -> None:
        """There is one thread."""
        self._ready.append((function, args))

    def _arm(self, at_s: float) -> None:
        """The hub looks by itself."""

    def _run(self) -> None:
        while True:
            try:
                self._step()
            except BaseException as error:  # noqa: BLE001 - a callback's error belongs to whoever runs the test
                self._driver.throw(error)

    def _step(self) -> None:
        ready = self._ready
        if ready:
            chosen = self._choices.randrange(len(ready))
            ready[chosen], ready[-1] = ready[-1], ready[chosen]
            function, args = ready.pop()
            function(*args)
            return
        nearest_s = self.deadlines.nearest_s()
        if nearest_s is None:
            message = f"seed {self.seed}: everyone waits and no deadline is set"
            raise Deadlock(message)
        self._now_s = max(self._now_s, nearest_s)
        self.deadlines.run_due(self._now_s)

    def allocate_lock(self) -> Lock:
        """Raise NotSimulated: there is one thread."""
        raise NotSimulated("locks of native threads")

    def native_sleep(self, seconds: float) -> None:
        """Sleep in what stands in for a native thread."""
        self.sleep(seconds)

    def run_in_thread(
        self, function: Callable[..., T], *args: Any, pool: str = "default", timeout_s: float | None = None
    ) -> T:
        """Call function after a while, in the caller's greenlet; pool and timeout_s mean nothing here."""
        del pool, timeout_s
        self.sleep(self._choices.random() * THREAD_S_MAX)
        return function(*args)

    def native_thread(self, function: Callable[..., object], *args: Any, name: str) -> HubTask:
        """Run function in a task: it must wait through this world only."""
        return self.spawn(function, *args, name=name)

    def start_process(self, argv: Sequence[str], **options: Any) -> Process:
        """Start what the simulation has for this program. Raises NotSimulated when it has nothing."""
        if self._processes is None:
            raise NotSimulated(f"process {argv[0]}")
        return self._processes(argv, **options)

    def open_unix_server(
        self, path: str, serve: Callable[[ByteStream], object], *, mode: int = 0o600, connections_max: int = 64
    ) -> MemoryServer:
        """Listen under a name within this world."""
        del mode
        return MemoryServer(self, path, serve, connections_max)

    def connect_unix(self, path: str, timeout_s: float) -> ByteStream:
        """Connect to a server of this world. Raises ConnectionRefusedError."""
        del timeout_s
        return connect(self, path)


class ShuffledQueue(deque[Any]):
    """A queue whose next item is drawn from the seed."""

    def __init__(self, choices: random.Random) -> None:
        """choices: the scheduler's."""
        super().__init__()
        self._choices = choices

    def popleft(self) -> Any:
        """Take any item out."""
        self.rotate(-self._choices.randrange(len(self)))
        return super().popleft()


def _the_only_thread() -> int:
    return 0
