"""Doing again what a dead letter stands for: an effect through its target, a message as owed work of its session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from actors.dead_letters.letters import effect_in, message_in, raw_in
from actors.effects.performing import perform
from actors.partition.commits import Commit, Fenced, Operation
from actors.partition.replay_ids import replay_id
from actors.partition.store import SCRIPTS, WEEK_S, WEEK_TRIES_MAX
from actors.session.state import state_from
from actors.store_errors import StoreAway
from messages.codec import encode
from messages.errors import CodecError
from messages.protocol import content_digest, decode_entry
from messages.records import Reply
from messages.user_messages import UserMessageManager

if TYPE_CHECKING:
    from actors.node import Node
    from messages.records import InboundMessage
    from supervision.dead_letter_queue import DeadItem

_MESSAGES: Final = UserMessageManager()
# What is said once the matter is settled stands with the words that told of it.
_SETTLED_KEYS: Final = {
    "webhook": "webhook_failed", "sheet": "google_sheets_failed", "ledger": "database_connection"
}  # fmt: skip


class NothingToDo(Exception):  # noqa: N818 - what is the case
    """A letter that can only be looked at."""

    status_code = 400


def redo_effect(node: Node, item: DeadItem) -> None:
    """Do it outside; raises what actors.effects.performing.perform raises.

    A person who replays what nobody can ask about takes the risk of a second time; nobody else may.
    """
    effect = effect_in(item.payload)
    a_person_says_so = item.round > 0 and (not item.attempts or item.attempts[-1].round != item.round)
    target = node.targets.get(effect.target)
    repeated = not (a_person_says_so and target is not None and target.delivery == "neither")
    perform(node, effect, repeated=repeated)


def redo_message(node: Node, item: DeadItem) -> None:
    """Hand it to its session again, as owed work whose outcome is a follow-up. Raises StoreError."""
    message, message_id = message_in(item.payload)
    take_in_again(node, message, replay_id(message_id or item.item_id, max(item.round, 1)))


def redo_input(node: Node, item: DeadItem) -> None:
    """Read it again: it may be readable by now. Raises InvalidMessage while it is not."""
    inbound = decode_entry(raw_in(item.payload))
    message = inbound.message
    partition = node.store.keys.partition_of(message.chat_id)
    for digest, content in inbound.blobs.items():
        node.blobs.put(partition, digest, content)
    take_in_again(node, message, replay_id(message.message_id or item.item_id, max(item.round, 1)))


def redo_nothing(_node: Node, item: DeadItem) -> None:
    """Raises NothingToDo."""
    raise NothingToDo(f"400 Bad Request: a {item.operation_type} is kept to be looked at, and cannot be done again")


def take_in_again(node: Node, message: InboundMessage, message_id: str) -> bool:
    """Owed work under an id of its own; False when it was taken in before. Raises StoreError."""
    partition = node.store.keys.partition_of(message.chat_id)
    held = node.leases.get(partition)
    if held is None:
        raise StoreAway(f"partition {partition} is another node's", sent=False)
    keys, chat = node.store.keys.partition(partition), message.chat_id
    body = encode(replace(message, message_id=message_id))
    digests = [attachment.digest for attachment in message.attachments if attachment.digest]
    week = int(node.world.wall()) // WEEK_S
    for _ in range(WEEK_TRIES_MAX):
        names = (keys.lease, keys.intake, keys.owed, keys.entries(chat, week), keys.entries(chat, week - 1), keys.blobs)
        arguments = (held.fence, week, chat, message_id, content_digest(message), body, *digests)
        answer = node.store.call_script(SCRIPTS["letter_replay"], names, arguments)
        if answer[0] != b"week":
            break
        week = int(answer[1])
    if answer[0] == b"stale":
        raise StoreAway(f"partition {partition} is another node's", sent=False)
    return bool(answer[0] == b"done")


def say_settled(node: Node, item: DeadItem) -> None:
    """Tell the person that what was open is done. Raises StoreError.

    Weakness: it is said before the letter is marked as resolved, so a crash between repeats it, under its old id.
    """
    effect = effect_in(item.payload)
    if effect.target not in _SETTLED_KEYS:
        return  # a reminder is itself what the person is told
    partition = node.store.keys.partition_of(effect.chat_id)
    held = node.leases.get(partition)
    if held is None:
        return
    words = _MESSAGES.for_language(_language_of(node, partition, effect.chat_id))
    said = words.get_message(_SETTLED_KEYS[effect.target])
    reply = Reply(
        f"r-{item.item_id}-resolved", effect.message_id, effect.chat_id, "follow_up", said.follow_up or said.text,
        answered_by="static", recovered_by=("dead_letter",), at=node.at(),
    )  # fmt: skip
    entry = Fenced(partition, held.fence, effect.chat_id, effect.message_id, "", "", int(node.world.wall()) // WEEK_S)
    node.store.commit(Commit(Operation.FOLLOW_UP, entry, node.attempt(), plain=(reply,)))


def _language_of(node: Node, partition: int, chat_id: str) -> str | None:
    head = node.store.keys.partition(partition).head(chat_id)
    snapshot = node.store.call(head, "HGET", head, "s")
    try:
        return state_from(snapshot).language if snapshot else None
    except CodecError:
        return None
