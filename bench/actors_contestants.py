"""The contestants of actors_bench.py: the same work on our actors, on Pykka's, on bare gevent, and on Erlang/OTP."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent
import pykka
from gevent.event import AsyncResult
from gevent.queue import SimpleQueue

from supervision import world as world_port
from supervision.actor import GeventActor
from supervision.supervisor import Backoff, ChildSpec, Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable

OTP_SCRIPT = Path(__file__).with_name("actors_bench_otp.escript")


class Counter(GeventActor):
    """Ours."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def on_receive(self, message: Any) -> Any:
        """Count and return."""
        self.count += 1
        return message


class ThreadCounter(pykka.ThreadingActor):
    """Pykka's."""

    use_daemon_thread = True

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def on_receive(self, message: Any) -> Any:
        """Count and return."""
        self.count += 1
        return message


def _seconds(work: Callable[[], object]) -> float:
    gc.collect()
    began_s = time.perf_counter()
    work()
    return time.perf_counter() - began_s


# Tells: so many messages to one actor, until the last has been handled. Returns messages a second.


def tell_ours(count: int) -> float:
    """Tell them all, then ask."""
    ref = Counter.start()

    def work() -> None:
        for number in range(count):
            ref.tell(number)
        ref.ask("last", timeout=60)

    rate = count / _seconds(work)
    ref.stop()
    return rate


def tell_pykka(count: int) -> float:
    """The same on a thread."""
    ref = ThreadCounter.start()

    def work() -> None:
        for number in range(count):
            ref.tell(number)
        ref.ask("last")

    rate = count / _seconds(work)
    ref.stop()
    return rate


def tell_gevent(count: int) -> float:
    """The same into gevent's C queue, read by a greenlet."""
    queue: SimpleQueue[Any] = SimpleQueue()
    handled = 0

    def read() -> None:
        nonlocal handled
        while (message := queue.get()) is not None:
            handled += 1
        del message

    def work() -> None:
        reader = gevent.spawn(read)
        for number in range(count):
            queue.put(number)
        queue.put(None)
        reader.join()

    return count / _seconds(work)


# Asks: one after another, each waits for its reply. Returns asks a second.


def ask_ours(count: int) -> float:
    """Each with its deadline of 5 s."""
    ref = Counter.start()

    def work() -> None:
        for number in range(count):
            ref.ask(number)

    rate = count / _seconds(work)
    ref.stop()
    return rate


def ask_pykka(count: int) -> float:
    """Without a timeout."""
    ref = ThreadCounter.start()

    def work() -> None:
        for number in range(count):
            ref.ask(number)

    rate = count / _seconds(work)
    ref.stop()
    return rate


def ask_gevent(count: int) -> float:
    """A queue there and an AsyncResult back, without a timeout."""
    queue: SimpleQueue[Any] = SimpleQueue()

    def read() -> None:
        while (message := queue.get()) is not None:
            message[1].set(message[0])

    def work() -> None:
        reader = gevent.spawn(read)
        for number in range(count):
            result = AsyncResult()
            queue.put((number, result))
            result.get()
        queue.put(None)
        reader.join()

    return count / _seconds(work)


# Starts: returns actors a second.


def start_ours(count: int) -> float:
    """Start so many; each is registered and has handled its on_start."""
    refs: list[Any] = []
    rate = count / _seconds(lambda: refs.extend(Counter.start() for _ in range(count)))
    for ref in refs:
        ref.tell_stop()
    gevent.sleep(0.01)
    return rate


def start_pykka(count: int) -> float:
    """Start so many threads."""
    refs: list[Any] = []
    rate = count / _seconds(lambda: refs.extend(ThreadCounter.start() for _ in range(count)))
    for ref in refs:
        ref.stop(block=False)
    for ref in refs:
        ref.actor_stopped.wait(10)
    return rate


def start_gevent(count: int) -> float:
    """Start so many greenlets, each waiting on a queue of its own."""
    greenlets: list[gevent.Greenlet] = []

    def work() -> None:
        greenlets.extend(gevent.spawn(SimpleQueue().get) for _ in range(count))
        gevent.sleep(0)

    rate = count / _seconds(work)
    gevent.killall(greenlets)
    return rate


# Crash to answering: returns seconds from the telling of the fatal message to the answer of the successor.


class Fragile(GeventActor):
    """Crashes when told; says when it has started."""

    started: Any = None

    def on_start(self) -> None:
        """Say so."""
        Fragile.started.append(self.actor_ref)
        Fragile.waiter.wake()

    waiter: Any = None

    def on_receive(self, message: Any) -> Any:
        """Crash or answer."""
        if message == "crash":
            raise ValueError(message)
        return message


def crash_ours(count: int) -> float:
    """Under a supervisor, without backoff."""
    world = world_port.current()
    Fragile.started = []
    Fragile.waiter = world.waiter()
    spec = ChildSpec(id="fragile", start=Fragile.start)
    supervisor = Supervisor.start([spec], intensity=count + 1, period_s=0.01, backoff=Backoff.none())

    def work() -> None:
        for _ in range(count):
            Fragile.waiter = world.waiter()
            Fragile.started[-1].tell("crash")
            Fragile.waiter.wait(10)
            assert Fragile.started[-1].ask("there?") == "there?"

    seconds = _seconds(work) / count
    supervisor.stop()
    return seconds


class ThreadSupervisor(pykka.ThreadingActor):
    """The least supervisor one can write with Pykka: an actor that is told of a death and starts a successor."""

    use_daemon_thread = True

    def on_receive(self, message: Any) -> Any:
        """Message: the class of the dead."""
        message.start(self.actor_ref)


class FragileThread(pykka.ThreadingActor):
    """As Fragile; tells its supervisor of its own death, since Pykka has no monitors."""

    use_daemon_thread = True
    started: Any = None
    event = threading.Event()

    def __init__(self, supervisor: Any) -> None:
        super().__init__()
        self.supervisor = supervisor

    def on_start(self) -> None:
        """Say so."""
        FragileThread.started.append(self.actor_ref)
        FragileThread.event.set()

    def on_failure(self, *_error: object) -> None:
        """Tell the supervisor."""
        self.supervisor.tell(FragileThread)

    def on_receive(self, message: Any) -> Any:
        """Crash or answer."""
        if message == "crash":
            raise ValueError(message)
        return message


def crash_pykka(count: int) -> float:
    """Under the least supervisor there can be."""
    FragileThread.started = []
    FragileThread.event.clear()
    supervisor = ThreadSupervisor.start()
    FragileThread.start(supervisor)
    FragileThread.event.wait(10)

    def work() -> None:
        for _ in range(count):
            FragileThread.event.clear()
            FragileThread.started[-1].tell("crash")
            FragileThread.event.wait(10)
            assert FragileThread.started[-1].ask("there?") == "there?"

    seconds = _seconds(work) / count
    FragileThread.started[-1].stop()
    supervisor.stop()
    return seconds


def memory_ours(count: int) -> float:
    """Bytes of resident memory for one of so many idle actors, each of which has handled a message."""
    program = (
        "import gc, os\n"
        "from bench.actors_contestants import Counter\n"
        "def rss(): return int(open('/proc/self/statm').read().split()[1]) * os.sysconf('SC_PAGESIZE')\n"
        f"Counter.start().stop(); gc.collect(); gc.disable(); before = rss(); refs = []\n"
        f"for number in range({count}):\n"
        "    ref = Counter.start(); ref.tell(number); refs.append(ref)\n"
        "    if number % 1000 == 999: ref.ask('so far', timeout=60)\n"
        f"print((rss() - before) / {count})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[1],
        check=True,
        capture_output=True,
        text=True,
        timeout=600,
    )
    return float(done.stdout)


def otp(what: str, count: int) -> float:
    """Ask the same of Erlang/OTP."""
    done = subprocess.run(
        ["escript", str(OTP_SCRIPT), what, str(count)], check=True, capture_output=True, text=True, timeout=600
    )
    return float(done.stdout)
