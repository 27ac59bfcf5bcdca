"""What every door does with a message: attachments first, then the entry, once per id, in the order of each chat."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import structlog
from msgspec.structs import replace

from actors.partition.commits import Commit, TakenIn
from actors.partition.entries import INLINE_BYTES_MAX
from actors.partition.refusals import refusal, refusal_of_broken, refusal_of_reuse
from actors.partition.store import Taken
from actors.store_errors import StoreAway, StoreBacklog, StoreError, StoreNotReady
from messages.errors import InvalidMessage
from messages.light import light_record
from messages.protocol import Inbound, content_digest, decode_inbound
from supervision.world import WaitTimeout

if TYPE_CHECKING:
    from actors.node import Node
    from messages.records import InboundMessage
    from supervision.world import Waiter

_log = structlog.get_logger(__name__)

# Doors close at this share of the server's memory: what is inside needs the rest to get out.
MEMORY_SHARE_MAX: Final = 0.8
RETRY_S: Final = 0.25
ANSWER_S: Final = 15.0


@light_record
class Arrival:
    """A message at a door. fallback_id: for one that names none; the same at every repetition."""

    raw: bytes
    fallback_id: str


@light_record
class Letter:
    """A message that may come in, with its id, digest and the contents of its attachments."""

    message: InboundMessage
    message_id: str
    digest: str
    blobs: Mapping[str, bytes]


# What a door puts to the store: a letter to be taken in, or the refusal of what may not come in.
Item: TypeAlias = Letter | Commit


def open_arrival(node: Node, arrival: Arrival) -> Letter | InvalidMessage:
    """Decode what came; large bodies in a native thread. Never raises for what is in it."""
    decode = _decoded
    inbound = (
        node.world.run_in_thread(decode, arrival.raw) if len(arrival.raw) > INLINE_BYTES_MAX else decode(arrival.raw)
    )
    if isinstance(inbound, InvalidMessage):
        return inbound
    message = inbound.message
    if message.message_id is None:
        message = replace(message, message_id=arrival.fallback_id)
    return Letter(message, message.message_id or "", content_digest(message), inbound.blobs)


def _decoded(raw: bytes) -> Inbound | InvalidMessage:
    try:
        return decode_inbound(raw)
    except InvalidMessage as invalid:
        return invalid


def refusal_at(node: Node, invalid: InvalidMessage, raw: bytes, reply_key: str) -> Commit:
    """The answer `rejected` to what is not accepted, and its dead letter."""
    partition = node.store.keys.partition_of(invalid.chat_id) if invalid.chat_id else 0
    return refusal(partition, invalid, raw, reply_key, node.at(), node.world.nonce(), ("", 0))


def take_in_where_possible(node: Node, items: Sequence[Item]) -> set[int]:
    """Try each item once, and stop each partition at its first failure; returns the partitions that were stopped."""
    stopped: set[int] = set()
    for wave in waves_of(items):
        left = take_in_once(node, [item for item in wave if home_of(node, item) not in stopped])
        # A letter that may not come in leaves its refusal.
        failed = take_in_once(node, [item for item in left if isinstance(item, Commit)])
        stopped |= {home_of(node, item) for item in left if isinstance(item, Letter)}
        stopped |= {home_of(node, item) for item in failed}
    return stopped


def home_of(node: Node, item: Item) -> int:
    """The partition that an item goes to."""
    return item.entry.partition if isinstance(item, Commit) else node.store.keys.partition_of(item.message.chat_id)


def waves_of(items: Sequence[Item]) -> deque[list[Item]]:
    """The first of every chat, then the second of every chat, and so on.

    A chat's next letter goes only after its last one is in, so that a lost connection cannot change their order.
    """
    waves: deque[list[Item]] = deque()
    depth: dict[str, int] = {}
    for item in items:
        chat_id = _chat_of(item)
        # What names no chat has no order.
        number = depth.get(chat_id, 0) if chat_id else 0
        depth[chat_id] = number + 1
        if number == len(waves):
            waves.append([])
        waves[number].append(item)
    return waves


def _chat_of(item: Item) -> str:
    return item.message.chat_id if isinstance(item, Letter) else item.entry.chat_id


def take_in_once(node: Node, items: Sequence[Item]) -> list[Item]:
    """Try each once; returns what has to be tried again, and the refusals of letters that may not come in."""
    asked = [(item, _ask(node, item)) for item in items]
    return [left for item, waiter in asked if (left := _left_of(node, item, waiter)) is not None]


def _ask(node: Node, item: Item) -> Waiter | None:
    """Put it to the store; None when an attachment could not be kept."""
    try:
        waiter = node.world.waiter()
        if isinstance(item, Letter):
            _keep_blobs(node, item)
            node.store.submit_take_in(item.message, item.message_id, item.digest, waiter.wake)
        else:
            node.store.submit_commit(item, waiter.wake)
    except (StoreError, OSError) as error:
        _log.warning("an attachment could not be kept", chat_id=_chat_of(item), reason=str(error), next="tried again")
        return None
    return waiter


def _left_of(node: Node, item: Item, waiter: Waiter | None) -> Item | None:
    """What is left to do for an item after the store's answer, or without one."""
    try:
        answer = waiter.wait(ANSWER_S) if waiter is not None else None
    except WaitTimeout:
        return item
    if answer is None or isinstance(answer, StoreAway | StoreNotReady | StoreBacklog):
        return item
    if isinstance(item, Letter):
        return _refusal_of(node, item, answer)
    if isinstance(answer, StoreError):
        _log.error("a refusal could not be kept", chat_id=_chat_of(item), reason=str(answer), next="it is dropped")
    return None


def _refusal_of(node: Node, letter: Letter, answer: Any) -> Commit | None:
    """The refusal of a letter whose id stands for other content, or whose chat cannot be read; None when it is in."""
    partition = node.store.keys.partition_of(letter.message.chat_id)
    about = (partition, letter.message, letter.message_id, node.at(), node.world.nonce())
    if isinstance(answer, Taken):
        return refusal_of_reuse(*about, (letter.digest, answer.week)) if answer.how is TakenIn.REUSED else None
    _log.error(
        "a message could not be taken in", chat_id=letter.message.chat_id, message_id=letter.message_id,
        reason=str(answer), next="it is rejected and set aside",
    )  # fmt: skip
    return refusal_of_broken(*about)


def _keep_blobs(node: Node, letter: Letter) -> None:
    partition = node.store.keys.partition_of(letter.message.chat_id)
    for digest, content in letter.blobs.items():
        node.blobs.put(partition, digest, content)


def is_overloaded(node: Node) -> bool:
    """Whether the doors are closed because the server's memory is nearly full."""
    return node.memory_share >= MEMORY_SHARE_MAX
