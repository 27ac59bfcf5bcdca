"""Our dead letters at work in a process of its own: the daemon's actor, on the leases of one node of several.

    python -m bench.peers.letters_work SOCKET fill COUNT       has so many wait
    python -m bench.peers.letters_work SOCKET work 0 2         the first of two nodes works until it is ended

A letter's work is one INCR at the same server, by the actor's own pipeline. Each is leased, tried and kept as resolved
under its partition's fence.
"""

from gevent import monkey

monkey.patch_all()

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from actors.dead_letters.actor import DeadLetters
from actors.dead_letters.desk import open_letters
from actors.node import Held, Node, StoreAccess
from actors.partition.keys import Keys
from actors.partition.store import SCRIPTS, Store
from actors.pipeline import Pipeline
from actors.redis_connection import connect, unix_url
from actors.settings import load_settings
from bench.deployment import PARTITIONS
from supervision import world as world_module
from supervision.dead_letter_queue import DeadItem

KIND = "bench"
DONE = "bench:letters:done"
PAYLOAD = {"number": "2026-031", "seller": "ACME GmbH", "gross": "1190.00", "text": "x" * 100}


def node_on(socket: str, number: int = 0, of: int = 1) -> Node:
    """The so manieth of some nodes, which share the partitions evenly."""
    world = world_module.current()
    endpoint = connect(unix_url(socket))
    pipeline = Pipeline(endpoint, SCRIPTS.values())
    pipeline.start()
    keys = Keys("unfailing", PARTITIONS)
    store = Store(world, pipeline, keys, shares_blobs=False)
    paths: Any = SimpleNamespace(root=Path(socket).parent)
    node = Node(load_settings({}), paths, f"bench-{number}", "life", world)
    blobs: Any = None
    node.access = StoreAccess(endpoint, store, blobs, 1)
    for partition in range(number, PARTITIONS, of):
        lease = keys.partition(partition).lease
        store.call(lease, "HSET", lease, "f", "1:1:bench")
        node.leases[partition] = Held("1:1:bench")
    node.is_open = True
    return node


def fill(node: Node, count: int) -> None:
    """So many letters that are due."""
    letters = open_letters(node)
    for number in range(count):
        partition = number % PARTITIONS
        item = letters.desk.new_item(KIND, PAYLOAD, None, priority=2, idempotency_key=None, context={})
        letters.store.keep(_in(partition, number, item), "")


def _in(partition: int, number: int, item: DeadItem) -> DeadItem:
    return replace(item, item_id=f"{partition:02d}-{int(item.enqueued_at_s * 1000):013d}-{number:08d}")


def work(node: Node) -> None:
    """Until the process is ended."""

    def done(_item: DeadItem) -> None:
        node.store.call(DONE, "INCR", DONE)

    DeadLetters.start(node)
    letters = node.letters
    assert letters is not None
    letters.desk.register(
        KIND, done, policy=None, service=KIND, breaker=None, check=None, delivery=None, timeout_s=30.0
    )  # fmt: skip
    node.world.sleep(3600.0)


if __name__ == "__main__":
    if sys.argv[2] == "fill":
        fill(node_on(sys.argv[1]), int(sys.argv[3]))
    else:
        work(node_on(sys.argv[1], int(sys.argv[3]), int(sys.argv[4])))
