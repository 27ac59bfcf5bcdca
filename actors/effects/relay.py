"""Reads the outboxes of the partitions that this node holds, and tells each target's actor what waits for it.

It takes nothing away: what was told twice is known by its id, and what has left the outbox is not begun. After a
restart of its own, or of a target's actor, it reads from the beginning.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from actors.effects import outbox
from actors.effects.lines import Waiting
from actors.effects.notes import Follow, Found, Lost, OutboxGrown
from actors.effects.records import Effect
from actors.effects.reminders import Look as LookForDue
from actors.logs import actor_logger
from actors.partition.dead_letter import DeadLetter
from actors.store_errors import StoreError
from messages.codec import decode
from messages.errors import CodecError
from supervision.actor import GeventActor
from supervision.supervisor import ChildSpec

if TYPE_CHECKING:
    from actors.node import Node

# How often it looks which partitions are held: a dictionary of this process.
LOOK_S: Final = 1.0
# Everything is told; this is for what was written by nobody of this node, and for what was told into a restart.
SWEEP_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Look:
    """See which partitions are held."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Read on in all of them."""


@dataclass(frozen=True, slots=True)
class Page:
    """The store's answer to a reading that began after this id: entries, or a StoreError."""

    partition: int
    fence: str
    after_id: str
    answer: Any


@dataclass(slots=True)
class _Reading:
    """Where the reading of one outbox stands, under which fence."""

    fence: str
    last_id: str = "0-0"
    under_way: bool = False
    again: bool = False


class Relay(GeventActor):
    """The node's relay."""

    def __init__(self, node: Node) -> None:
        """Whose outboxes and targets they are."""
        super().__init__()
        self._node = node
        self._readings: dict[int, _Reading] = {}

    def on_start(self) -> None:
        """Be found, and read everything."""
        self._log = actor_logger(self)
        self._node.names["relay"] = self.actor_ref
        self.actor_ref.tell(Look())
        self.send_every(LOOK_S, Look())
        self.send_every(SWEEP_S, Sweep())

    def on_receive(self, message: Any) -> Any:
        """A wake-up, or what was read."""
        match message:
            case OutboxGrown():
                self._see_leases()
                self._read(message.partition)
            case Page():
                self._page(message)
            case Look():
                self._see_leases()
            case Sweep():
                for partition in self._readings:
                    self._read(partition)
            case Follow():
                for partition in list(self._readings):
                    self._readings[partition] = _Reading(self._readings[partition].fence)
                    self._read(partition)
            case _:
                return super().on_receive(message)
        return None

    def _see_leases(self) -> None:
        if self._node.access is None:
            return
        leases = self._node.leases
        for partition in [number for number, one in self._readings.items() if self._fence_of(number) != one.fence]:
            del self._readings[partition]
            self._tell_all(Lost(partition))
        taken = [partition for partition in leases if partition not in self._readings]
        for partition in taken:
            self._readings[partition] = _Reading(leases[partition].fence)
            self._clean(partition)
            self._read(partition)
        clock = self._node.whereis("reminders") if taken else None
        if clock is not None:
            clock.tell(LookForDue())

    def _fence_of(self, partition: int) -> str:
        held = self._node.leases.get(partition)
        return held.fence if held is not None else ""

    def _read(self, partition: int) -> None:
        reading = self._readings.get(partition)
        if reading is None:
            return
        if reading.under_way:
            reading.again = True
            return
        reading.under_way = True
        ref, fence, after_id = self.actor_ref, reading.fence, reading.last_id

        def done(answer: Any) -> None:
            if ref.is_alive():
                ref.tell(Page(partition, fence, after_id, answer))

        outbox.submit_page(self._node, partition, after_id, done)

    def _page(self, page: Page) -> None:
        reading = self._readings.get(page.partition)
        if reading is None or not reading.under_way or (reading.fence, reading.last_id) != (page.fence, page.after_id):
            return
        reading.under_way = False
        if isinstance(page.answer, StoreError):
            # The next look at the leases, or the sweep, reads on; a store that comes back is swept at once.
            self.send_after(LOOK_S, OutboxGrown(page.partition))
            return
        if page.answer:
            reading.last_id = page.answer[-1][0]
            self._hand_on(page.partition, page.answer)
        if reading.again or len(page.answer) >= outbox.PAGE_MAX:
            reading.again = False
            self._read(page.partition)

    def _hand_on(self, partition: int, entries: tuple[tuple[str, dict[bytes, bytes]], ...]) -> None:
        found: dict[str, list[Waiting]] = {}
        for entry_id, fields in entries:
            raw, chat_id = fields.get(b"e", b""), fields.get(b"c", b"").decode(errors="replace")
            waiting = Waiting(partition, chat_id, entry_id)
            try:
                effect = decode(raw)
            except CodecError as error:
                self._set_aside(waiting, DeadLetter("effect", str(error), self._node.at(), chat_id, None, raw))
                continue
            if not isinstance(effect, Effect) or effect.target not in self._node.targets:
                name = effect.target if isinstance(effect, Effect) else type(effect).__qualname__
                message_id = effect.message_id if isinstance(effect, Effect) else None
                detail = f"no {name} is configured here"
                self._set_aside(waiting, DeadLetter("effect", detail, self._node.at(), chat_id, message_id, raw))
                continue
            found.setdefault(effect.target, []).append(waiting)
        for name, those in found.items():
            actor = self._node.whereis(f"effects/{name}")
            if actor is not None:
                actor.tell(Found(tuple(those)))

    def _set_aside(self, waiting: Waiting, letter: DeadLetter) -> None:
        self._log.error(
            "an effect cannot be done", chat_id=waiting.chat_id, reason=letter.detail, next="it is a dead letter"
        )
        outbox.submit_end(self._node, waiting, self._fence_of(waiting.partition), letter, lambda _: None)

    def _clean(self, partition: int) -> None:
        """Strike records of attempts at effects that are gone: a forgotten chat's. Read before the outbox is."""
        keys, store = self._node.store.keys.partition(partition), self._node.store

        def known(answer: Any) -> None:
            if isinstance(answer, StoreError):
                return
            for entry_id in answer:
                store.submit(
                    keys.outbox, ("XRANGE", keys.outbox, entry_id, entry_id), partial(struck_if_gone, entry_id)
                )

        def struck_if_gone(entry_id: bytes, answer: Any) -> None:
            if not isinstance(answer, StoreError) and not answer:
                store.submit(keys.attempts, ("HDEL", keys.attempts, entry_id), lambda _: None)

        store.submit(keys.attempts, ("HKEYS", keys.attempts), known)

    def _tell_all(self, note: Any) -> None:
        for name in self._node.targets:
            actor = self._node.whereis(f"effects/{name}")
            if actor is not None:
                actor.tell(note)


def supervised(node: Node) -> ChildSpec:
    """The node's relay."""
    return ChildSpec(id="relay", start=partial(Relay.start, node))
