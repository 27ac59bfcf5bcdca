"""Targets that keep what they were told, one for each way of delivery, and nodes that have them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
from turn.real_nodes import NodeUnderTest, Person, wait_for

from actors.dead_letters.intake import Intake
from actors.effects import services
from actors.effects.notes import OutboxGrown
from actors.effects.records import Effect
from actors.node import Node
from actors.settings import BreakerSettings, BreakersSettings, WebhookSettings
from messages.codec import decode, encode

_numbers = count(1)


class Place:
    """Somewhere outside that keeps the ids of what it was told in `told`, and what is there in `there`.

    fails: called with each effect before it is there; what it raises is raised, after `there` has it where `writes`
    is true, before where it is false.
    """

    breaker_kind = "database"
    policy = "database"

    def __init__(self, name: str = "place", delivery: str = "keyed", at_once_max: int = 8) -> None:
        self.name = self.service = name
        self.delivery = delivery
        self.at_once_max = at_once_max
        self.told: list[str] = []
        self.there: dict[str, Effect] = {}
        self.asked: list[str] = []
        self.begins: Callable[[Effect], object] = lambda _: None
        self.ends: Callable[[Effect], object] = lambda _: None
        self.knows = True

    def perform(self, effect: Effect, deadline_s: float) -> None:
        """Be told."""
        self.told.append(effect.effect_id)
        self.begins(effect)
        self.there[effect.effect_id] = effect
        self.ends(effect)

    def happened(self, effect: Effect) -> bool | None:
        """Be asked."""
        self.asked.append(effect.effect_id)
        return effect.effect_id in self.there if self.knows else None


class NodeWithPlaces(NodeUnderTest):
    """A node with a webhook, and with places beside the targets that are configured."""

    def __init__(
        self, url: str, data_dir: Path, places: tuple[Place, ...] = (), *, reads_letters: bool = False, **settings: Any
    ) -> None:
        """reads_letters: false leaves dead letters in their stream, where the relay has put them.

        settings: sections by name, as structs.
        """
        super().__init__(url, data_dir)
        self.settings = msgspec.structs.replace(self.settings, **settings)
        self._places = places
        self._reads_letters = reads_letters

    def __enter__(self) -> Any:
        plain, self._take_in = services.configured, Intake.take_in
        services.configured = self._configured(plain)
        if not self._reads_letters:
            Intake.take_in = lambda _: 0  # type: ignore[method-assign]
        try:
            return super().__enter__()
        finally:
            services.configured = plain

    def __exit__(self, *why: object) -> None:
        Intake.take_in = self._take_in  # type: ignore[method-assign]
        super().__exit__(*why)  # type: ignore[arg-type]

    def _configured(self, plain: Callable[[Node], Any]) -> Callable[[Node], Any]:
        return lambda node: [*plain(node), *self._places]


@contextmanager
def node_with(url: str, data_dir: Path, *places: Place, **settings: Any) -> Iterator[Node]:
    """A node that owns every partition."""
    with NodeWithPlaces(url, data_dir, places, **settings) as up:
        wait_for(lambda: up.owns(4), "all partitions")
        yield up.node


def quick_breakers(failures_max: int = 3, open_s: float = 0.3) -> BreakersSettings:
    """Breakers that open soon and not for long."""
    one = BreakerSettings(failures_max, open_s)
    return BreakersSettings(one, one, one, one, one)


def hook(url: str, **fields: Any) -> WebhookSettings:
    """A webhook to a receiver on this machine."""
    return WebhookSettings(url, allow_private=True, **fields)


def effect(chat_id: str = "789", target: str = "place", **fields: Any) -> Effect:
    """An effect under an id of its own."""
    number = next(_numbers)
    given = {
        "effect_id": f"evt_{number}", "kind": "invoice.recorded", "key": "inv-1", "user_id": "456",
        "message_id": f"m-{number}", "at": "2026-03-31T10:00:00.000Z", "revision": number,
        "payload": {"invoice_id": "inv-1", "invoice": {"number": "2026-031"}},
    }  # fmt: skip
    return Effect(target=target, chat_id=chat_id, **(given | fields))  # type: ignore[arg-type]


class Outbox:
    """The outboxes of a deployment, written and read from outside the node."""

    def __init__(self, person: Person) -> None:
        self.redis = person.redis
        self.keys = person.keys

    def names(self, chat_id: str) -> Any:
        """The keys of the chat's partition."""
        return self.keys.partition(self.keys.partition_of(chat_id))

    def put(self, node: Node | None, *effects: Effect) -> list[str]:
        """Write effects as a commit does, and wake the relay as a session does; ids of the entries."""
        ids = [
            self.redis.xadd(self.names(one.chat_id).outbox, {"c": one.chat_id, "e": encode(one)}).decode()
            for one in effects
        ]
        relay = node.whereis("relay") if node is not None else None
        if relay is not None:
            for partition in {self.keys.partition_of(one.chat_id) for one in effects}:
                relay.tell(OutboxGrown(partition))
        return ids

    def left(self) -> int:
        """How many effects are in the outboxes."""
        return sum(int(self.redis.xlen(self.keys.partition(n).outbox)) for n in range(self.keys.partitions))

    def attempts(self) -> int:
        """How many records of attempts are kept."""
        return sum(int(self.redis.hlen(self.keys.partition(n).attempts)) for n in range(self.keys.partitions))

    def dead(self) -> list[Any]:
        """The dead letters of all partitions."""
        return [
            decode(fields[b"d"])
            for n in range(self.keys.partitions)
            for _, fields in self.redis.xrange(self.keys.partition(n).dead)
        ]
