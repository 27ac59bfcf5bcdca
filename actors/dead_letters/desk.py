"""The library's queue over the store: made anew with each life of the actor, and asked by operators beside it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from actors.dead_letters.redis_store import RedisLetterStore
from supervision.dead_letter_queue import Desk, DeskLimits, Office
from supervision.dead_letters.inline import InlineLane
from supervision.keeping.archive_file import ArchiveFacts, write_archive
from supervision.keeping.events import log_event

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path
    from random import Random

    from actors.node import Node
    from supervision.dead_letters.machine import Rules
    from supervision.world import World

# Of one partition: what does not fit stays in its dead stream, and an alarm says so.
ITEMS_MAX: Final = 20_000
SIZE_BYTES_MAX: Final = 64 << 20
ARCHIVE_S: Final = 300.0


@dataclass(slots=True)
class Letters:
    """What this node knows of its dead letters. rules: how each type is treated; token: names this life's leases."""

    store: RedisLetterStore
    desk: Desk
    office: Office
    token: str
    rules: dict[str, Rules] = field(default_factory=dict)


class _HubWorld:
    """The world as the desk wants it: on the hub nothing comes between two steps, so its lock is none."""

    def __init__(self, world: World) -> None:
        self.random: Random = world.random
        self.now: Callable[[], float] = world.now
        self.wall: Callable[[], float] = world.wall

    def lock(self) -> AbstractContextManager[Any]:
        return contextlib.nullcontext()


def open_letters(node: Node) -> Letters:
    """A new desk over the partitions that the node holds, now and later."""
    limits = DeskLimits(items_max=ITEMS_MAX, size_bytes_max=SIZE_BYTES_MAX)
    store = RedisLetterStore(node, ITEMS_MAX, SIZE_BYTES_MAX)
    desk = Desk(store, limits, _HubWorld(node.world), log_event, InlineLane())

    def write(path: Path, items: Iterable[bytes]) -> ArchiveFacts:
        collected = list(items)  # read from the store here, written where nothing waits for the disk
        return node.world.run_in_thread(lambda: write_archive(path, collected), timeout_s=ARCHIVE_S)

    office = Office(desk, node.paths.root / "archive", write)
    return Letters(store, desk, office, f"{node.node_id}:{node.incarnation}:{node.attempt()}")
