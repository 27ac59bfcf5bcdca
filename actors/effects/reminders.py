"""Reminders: kept in the partition until they are due, then said in a follow-up, once.

That one was said or taken back is remembered for two weeks, so that its effect, replayed late, does not say it again.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec

from actors.effects.records import Effect
from actors.effects.target import Misconfigured, NotDone
from actors.logs import actor_logger
from actors.partition.replies import reply_id_of
from actors.partition.store import SCRIPTS
from actors.store_errors import StoreError
from messages.codec import decode, encode
from messages.errors import CodecError
from messages.protocol import reply_to_json
from messages.records import Reply
from supervision.actor import GeventActor
from supervision.supervisor import ChildSpec

if TYPE_CHECKING:
    from actors.node import Node

REMEMBERED_MS: Final = 14 * 86_400_000
# A reminder's own time wakes the actor; this is for partitions that came from another node.
LOOK_S: Final = 30.0
DUE_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Look:
    """See what is due."""


class ReminderTarget:
    """Keeps reminders, by chat and key; `keyed`: a revision that is there stays as it is."""

    name: Final = "reminder"
    delivery: Final = "keyed"
    service: Final = "reminders"
    breaker_kind: Final = "database"
    policy: Final = "database"
    at_once_max: Final = 32

    def __init__(self, node: Node) -> None:
        """Whose store and clock they are."""
        self._node = node

    def perform(self, effect: Effect, deadline_s: float) -> None:
        """Keep it, or take it back. Raises Misconfigured for a time that is none, NotDone or StoreError."""
        store = self._node.store
        keys = store.keys.partition(store.keys.partition_of(effect.chat_id))
        at = effect.payload.get("at")
        try:
            at_ms = _milliseconds(str(at)) if at is not None else int(self._node.world.wall() * 1000) + REMEMBERED_MS
        except ValueError as error:
            raise Misconfigured(f"{at!r} is no time") from error
        record = encode(effect) if at is not None else b""
        arguments = (member_of(effect), effect.revision, at_ms, record)
        names = (keys.reminders, keys.reminder_records)
        try:
            store.call_script(SCRIPTS["reminder_set"], names, arguments, timeout_s=deadline_s)
        except StoreError as error:
            raise NotDone(str(error)) from error
        actor = self._node.whereis("reminders")
        if actor is not None:
            actor.tell(Look())

    def happened(self, effect: Effect) -> None:
        """It need not be asked."""


def member_of(effect: Effect) -> str:
    """What a reminder is found by."""
    return f"{effect.chat_id}\n{effect.key}"


def _milliseconds(at: str) -> int:
    moment = dt.datetime.fromisoformat(at)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return int(moment.timestamp() * 1000)


class Reminders(GeventActor):
    """Says what is due, in the partitions that this node holds."""

    def __init__(self, node: Node) -> None:
        """Whose partitions they are."""
        super().__init__()
        self._node = node
        self._timer: Any = None

    def on_start(self) -> None:
        """Be found, and look."""
        self._log = actor_logger(self)
        self._node.names["reminders"] = self.actor_ref
        self.actor_ref.tell(Look())
        self.send_every(LOOK_S, Look())

    def on_receive(self, message: Any) -> Any:
        """One look, whoever asks for it."""
        if not isinstance(message, Look):
            return super().on_receive(message)
        self.take_waiting(Look, 1000)
        if self._node.access is None or self._node.draining:
            return None
        next_ms: float | None = None
        for partition in list(self._node.leases):
            try:
                due_ms = self._say_due(partition)
            except StoreError as error:
                self._log.warning(
                    "reminders cannot be read", partition=partition, reason=str(error), next=f"again in {LOOK_S:g} s"
                )
                return None
            if due_ms is not None and (next_ms is None or due_ms < next_ms):
                next_ms = due_ms
        self._wake_at(next_ms)
        return None

    def _wake_at(self, due_ms: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due_ms is not None:
            delay_s = due_ms / 1000 - self._node.world.wall()
            if delay_s < LOOK_S:
                self._timer = self.send_after(max(delay_s, 0.0), Look())

    def _say_due(self, partition: int) -> float | None:
        """Say what is due; when the next one will be, in unix milliseconds."""
        held = self._node.leases.get(partition)
        store = self._node.store
        name = store.keys.partition(partition).reminders
        now_ms = int(self._node.world.wall() * 1000)
        due = store.call(name, "ZRANGEBYSCORE", name, "-inf", now_ms, "LIMIT", 0, DUE_MAX)
        for member in due:
            if held is not None:
                self._say(partition, held.fence, member, now_ms)
        nearest = store.call(name, "ZRANGE", name, 0, 0, "WITHSCORES")
        return float(nearest[1] if not isinstance(nearest[0], list) else nearest[0][1]) if nearest else None

    def _say(self, partition: int, fence: str, member: bytes, now_ms: int) -> None:
        store = self._node.store
        keys = store.keys.partition(partition)
        raw = store.call(keys.reminder_records, "HGET", keys.reminder_records, member) or b""
        effect = self._effect(raw)
        chat_id = member.decode(errors="replace").partition("\n")[0]
        reply = b"" if effect is None else reply_to_json(_reply(partition, effect, self._node.at()))
        store.call_script(
            SCRIPTS["reminder_say"], (keys.lease, keys.reminders, keys.reminder_records, keys.replies(chat_id)),
            (fence, member, raw, reply, store.keys.reply_channel(chat_id), now_ms + REMEMBERED_MS),
        )  # fmt: skip
        if effect is not None:
            self._log.info("a reminder was said", chat_id=chat_id, message_id=effect.message_id)

    def _effect(self, raw: bytes) -> Effect | None:
        """The reminder's effect; None for what is left of one, and for what cannot be read."""
        _, _, body = raw.partition(b"|")
        if not body:
            return None
        try:
            effect = decode(body)
        except (CodecError, msgspec.MsgspecError) as error:
            self._log.error("a reminder cannot be read", reason=str(error), next="it is struck")
            return None
        return effect if isinstance(effect, Effect) else None


def _reply(partition: int, effect: Effect, at: str) -> Reply:
    reply_id = reply_id_of(partition, effect.effect_id, "reminder")
    return Reply(
        reply_id, effect.message_id, effect.chat_id, "follow_up", str(effect.payload.get("text") or ""),
        answered_by="rules", at=at,
    )  # fmt: skip


def supervised(node: Node) -> ChildSpec:
    """The node's clock of reminders."""
    return ChildSpec(id="reminders", start=partial(Reminders.start, node))
