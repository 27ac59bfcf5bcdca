"""A node's dead letters on a real server: real scripts, a lease of its own, and a clock that is pushed by hand."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import redis
from dead_letters.bench_world import BEGAN_S, HandWorld

from actors.dead_letters.desk import Letters, open_letters
from actors.dead_letters.intake import Intake
from actors.node import Held
from actors.partition.dead_letter import dead_letter
from actors.partition.keys import Keys
from actors.partition.store import SCRIPTS, Store
from actors.pipeline import Pipeline
from actors.redis_connection import connect
from supervision import world

PARTITIONS = 2


class PushedWorld(HandWorld):
    """The hub's world with a clock pushed by hand."""

    def run_in_thread(self, function: Any, *_: Any, **__: Any) -> Any:
        """At once; files are small here."""
        return function()


@dataclass
class NodeLike:
    """What the letters ask of a node."""

    store: Store
    paths: Any
    world: PushedWorld
    node_id: str = "n-1"
    incarnation: str = "i-1"
    access: Any = True
    leases: dict[int, Held] = field(default_factory=dict)
    targets: dict[str, Any] = field(default_factory=dict)
    effect_breakers: dict[str, Any] = field(default_factory=dict)
    attempts: int = 0
    letters: Any = None

    def attempt(self) -> str:
        """One more."""
        self.attempts += 1
        return f"a{self.attempts}"


class LettersAtWork:
    """The letters of one node that holds all partitions; `again` is a later life of it."""

    def __init__(self, pipeline: Pipeline, client: redis.Redis, folder: Path) -> None:
        self.redis = client
        self.keys = Keys("unfailing", PARTITIONS)
        self.folder = folder
        self.world = PushedWorld()
        self.node: Any = NodeLike(
            Store(world.current(), pipeline, self.keys, shares_blobs=False), SimpleNamespace(root=folder), self.world
        )
        for number in range(PARTITIONS):
            self.lease(number)
        self.again()

    def lease(self, number: int, node: str = "n-1") -> None:
        """Take a partition anew, which makes every older fence void."""
        fence = f"1:{self.node.attempt()}:x"
        self.redis.hset(self.keys.partition(number).lease, mapping={"f": fence, "n": node})
        if node == "n-1":
            self.node.leases[number] = Held(fence)

    letters: Letters

    def again(self) -> Letters:
        """A new life of the actor."""
        self.letters = self.node.letters = open_letters(self.node)
        self.intake = Intake(self.node, self.letters)
        return self.letters

    def register(self, kind: str, **options: Any) -> None:
        """See Desk.register."""
        given: dict[str, Any] = {
            "policy": {"max_retries": 2, "min_delay_s": 1.0, "max_delay_s": 10.0}, "service": kind, "breaker": None,
            "check": None, "delivery": None, "timeout_s": 30.0, **options,
        }  # fmt: skip
        self.letters.desk.register(kind, lambda item: None, **given)
        self.letters.rules[kind] = self.letters.desk.registration(kind).rules

    def write(self, reason: str, raw: bytes, chat_id: str = "7", message_id: str = "m-1", **how: Any) -> str:
        """Have a dead letter in the stream of the chat's partition, as a commit writes it."""
        letter = dead_letter(reason, how.get("detail", "why"), "2026-11-24T00:00:00.000Z", chat_id, message_id, raw, 3)
        stream = self.keys.partition(self.keys.partition_of(chat_id)).dead
        # Unix times by hand, since the world's clock stands far from the server's.
        number = int(self.world.wall() * 1000)
        for sequence in range(1, 1_000_000):
            with contextlib.suppress(redis.ResponseError):
                entry: bytes = self.redis.xadd(stream, {"c": chat_id, "d": letter}, id=f"{number}-{sequence}")
                return entry.decode()
        raise AssertionError("no id was free")


@contextlib.contextmanager
def letters_at_work(url: str, client: redis.Redis, folder: Path) -> Iterator[LettersAtWork]:
    """On the server at url, for the length of a test."""
    pipeline = Pipeline(connect(url), SCRIPTS.values())
    pipeline.start()
    try:
        yield LettersAtWork(pipeline, client, folder)
    finally:
        pipeline.stop()
        client.close()


__all__ = ["BEGAN_S", "LettersAtWork", "letters_at_work"]
