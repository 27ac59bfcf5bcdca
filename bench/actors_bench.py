"""What an actor costs: GeventActor against Pykka's ThreadingActor, a bare gevent queue, and Erlang/OTP if there is one.

    python bench/actors_bench.py [--rounds N] [--quick] [--json FILE]

All contestants take turns in one run, because this kind of machine drifts by a factor of 2 to 4: only the ratios
within a round mean anything. Printed are the medians over the rounds, and the smallest and largest in brackets.
Every ask of ours has its deadline of 5 s; Pykka's and gevent's have none, which is their faster way. A crash is
reported in full on both sides, and the report is dropped at the last moment.
"""

from __future__ import annotations

import argparse
import functools
import gc
import json
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent
import pykka
import structlog
from gevent.event import AsyncResult
from gevent.queue import SimpleQueue

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.measuring import ratios, setting, spread
from supervision import world as world_port
from supervision.actor import GeventActor
from supervision.supervisor import Backoff, ChildSpec, Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable

OTP_SCRIPT = Path(__file__).with_name("actors_bench_otp.escript")


def _unwritten(_logger: object, _name: str, event: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Let every report be made, and hand it to a logger that writes nothing."""
    return (event,), {}


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
        "from bench.actors_bench import Counter\n"
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


def _contest(name: str, contestants: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Let all take turns; who begins changes with each round."""
    figures: dict[str, list[float]] = {contestant: [] for contestant in contestants}
    order = list(contestants)
    for number in range(rounds):
        print(f"\r{name}: round {number + 1} of {rounds}   ", end="", file=sys.stderr, flush=True)
        turn = number % len(order)
        for contestant in order[turn:] + order[:turn]:
            figures[contestant].append(contestants[contestant]())
    return figures


UNITS = {
    "tell": "messages a second until the last is handled",
    "ask": "asks a second, one after another",
    "start": "actors a second",
    "crash": "microseconds from crash to the successor's answer",
    "memory": "bytes of an idle actor",
}
# How many times as good ours is to be.
GOALS = {
    ("tell", "pykka"): 8.0,
    ("tell", "gevent"): 0.5,
    ("ask", "pykka"): 3.0,
    ("start", "pykka"): 100.0,
    ("crash", "pykka"): 10.0,
    ("start", "otp"): 1.0,
    ("crash", "otp"): 0.5,
    ("memory", "otp"): 2.0,
}


def main() -> None:
    """Run all contests and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="a tenth of the work")
    parser.add_argument("--json", type=Path, help="write all figures there")
    options = parser.parse_args()
    structlog.configure(
        processors=[_unwritten], logger_factory=structlog.ReturnLoggerFactory(), cache_logger_on_first_use=True
    )
    size = 0.1 if options.quick else 1
    has_otp = shutil.which("escript") is not None

    def many(count: int) -> int:
        return max(10, int(count * size))

    plan: dict[str, dict[str, Callable[[], float]]] = {
        "tell": {
            "ours": functools.partial(tell_ours, many(200_000)),
            "pykka": functools.partial(tell_pykka, many(50_000)),
            "gevent": functools.partial(tell_gevent, many(200_000)),
            "otp": functools.partial(otp, "tell", many(1_000_000)),
        },
        "ask": {
            "ours": functools.partial(ask_ours, many(50_000)),
            "pykka": functools.partial(ask_pykka, many(10_000)),
            "gevent": functools.partial(ask_gevent, many(50_000)),
            "otp": functools.partial(otp, "ask", many(200_000)),
        },
        "start": {
            "ours": functools.partial(start_ours, many(10_000)),
            "pykka": functools.partial(start_pykka, many(2_000)),
            "gevent": functools.partial(start_gevent, many(10_000)),
            "otp": functools.partial(otp, "start", many(10_000)),
        },
        "crash": {
            "ours": functools.partial(crash_ours, many(2_000)),
            "pykka": functools.partial(crash_pykka, many(500)),
            "otp": functools.partial(otp, "crash", many(2_000)),
        },
        "memory": {
            "ours": functools.partial(memory_ours, many(1_000_000)),
            "otp": functools.partial(otp, "memory", many(200_000)),
        },
    }
    figures = {
        what: _contest(
            what,
            {name: run for name, run in contestants.items() if has_otp or name != "otp"},
            1 if what == "memory" else options.rounds,
        )
        for what, contestants in plan.items()
    }
    _print(figures, options.rounds)
    if options.json:
        options.json.write_text(json.dumps(figures))


def _print(figures: dict[str, dict[str, list[float]]], rounds: int) -> None:
    print("\r" + setting(["pykka", "gevent", "greenlet"]))
    print(f"{rounds} rounds; figures are medians (least to greatest)")
    for what, contest in figures.items():
        print(f"\n{what}, {UNITS[what]}")
        less_is_better = what in {"crash", "memory"}
        scale = 1e6 if what == "crash" else 1
        for name, values in contest.items():
            line = f"  {name:7} {spread([value * scale for value in values])!s:45}"
            if name != "ours":
                better, worse = (values, contest["ours"]) if less_is_better else (contest["ours"], values)
                line += f" ours is {ratios(better, worse)} times as good"
                goal = GOALS.get((what, name))
                line += f"; goal {goal:g}" if goal else ""
            print(line)
    print(f"\nA million idle actors: goal 2,000 bytes each; measured {figures['memory']['ours'][0]:,.0f}.")


if __name__ == "__main__":
    main()
