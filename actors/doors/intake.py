"""What every door does with a message: attachments first, then the entry, once per id, in the order of each chat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import structlog

from actors.partition.commits import Commit, Fenced, Operation, TakenIn
from actors.partition.dead_letter import dead_letter
from actors.partition.entries import INLINE_BYTES_MAX
from actors.partition.replies import rejected_reply
from actors.partition.store import Taken
from actors.store_errors import StoreAway, StoreBacklog, StoreError, StoreNotReady
from messages.codec import encode
from messages.errors import InvalidMessage
from messages.protocol import Inbound, content_digest, decode_inbound

if TYPE_CHECKING:
    from actors.node import Node
    from messages.records import InboundMessage

_log = structlog.get_logger(__name__)

# Doors close at this share of the server's memory: what is inside needs the rest to get out.
MEMORY_SHARE_MAX: Final = 0.8
RETRY_S: Final = 0.25
ANSWER_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message at a door. fallback_id: for one that names none; the same at every repetition."""

    raw: bytes
    fallback_id: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that may come in, with its id, digest and the contents of its attachments."""

    message: InboundMessage
    message_id: str
    digest: str
    blobs: Mapping[str, bytes]


def open_arrival(node: Node, arrival: Arrival) -> Letter | InvalidMessage:
    """Decode what came; large bodies in a native thread. Never raises for what is in it."""
    decode = _decoded
    inbound = (
        node.world.run_in_thread(decode, arrival.raw) if len(arrival.raw) > INLINE_BYTES_MAX else decode(arrival.raw)
    )
    if isinstance(inbound, InvalidMessage):
        return inbound
    message_id = inbound.message.message_id or arrival.fallback_id
    message = replace(inbound.message, message_id=message_id)
    return Letter(message, message_id, content_digest(message), inbound.blobs)


def _decoded(raw: bytes) -> Inbound | InvalidMessage:
    try:
        return decode_inbound(raw)
    except InvalidMessage as invalid:
        return invalid


def take_in(node: Node, letters: Sequence[Letter]) -> None:
    """Take letters in, however long the store is away; waits until they are.

    A chat's next letter goes only after its last one is in, so that a lost connection cannot change their order.
    """
    for wave in _waves(letters):
        left = list(wave)
        while left:
            left = _take_in_once(node, left)
            if left:
                node.world.sleep(RETRY_S)


def _waves(letters: Sequence[Letter]) -> list[list[Letter]]:
    """The first of every chat, then the second of every chat, and so on."""
    waves: list[list[Letter]] = []
    depth: dict[str, int] = {}
    for letter in letters:
        number = depth.get(letter.message.chat_id, 0)
        depth[letter.message.chat_id] = number + 1
        if number == len(waves):
            waves.append([])
        waves[number].append(letter)
    return waves


def _take_in_once(node: Node, letters: Sequence[Letter]) -> list[Letter]:
    """Try each once; returns those whose outcome is not known or that could not be sent."""
    pending: list[tuple[Letter, Any]] = []
    again: list[Letter] = []
    for letter in letters:
        try:
            _keep_blobs(node, letter)
            waiter = node.world.waiter()
            node.store.submit_take_in(letter.message, letter.message_id, letter.digest, waiter.wake)
            pending.append((letter, waiter))
        except (StoreError, OSError) as error:
            _log.warning(
                "an attachment could not be kept", chat_id=letter.message.chat_id, reason=str(error), next="tried again"
            )
            again.append(letter)
    for letter, waiter in pending:
        answer = waiter.wait(ANSWER_S)
        if isinstance(answer, StoreAway | StoreNotReady | StoreBacklog):
            again.append(letter)
        elif isinstance(answer, StoreError):
            _log.error(
                "a message could not be taken in", chat_id=letter.message.chat_id, message_id=letter.message_id,
                reason=str(answer), next="it is rejected and set aside",
            )  # fmt: skip
            detail = "what is kept of this conversation cannot be read"
            broken = InvalidMessage("unreadable", detail, letter.message.chat_id, letter.message_id)
            refuse(node, broken, encode(letter.message), letter.message_id)
        elif isinstance(answer, Taken) and answer.how is TakenIn.REUSED:
            _refuse_reuse(node, letter, answer.week)
    return again


def _keep_blobs(node: Node, letter: Letter) -> None:
    partition = node.store.keys.partition_of(letter.message.chat_id)
    for digest, content in letter.blobs.items():
        node.blobs.put(partition, digest, content)


def _refuse_reuse(node: Node, letter: Letter, week: int) -> None:
    detail = "this message id stands for other content"
    invalid = InvalidMessage("id_reused", detail, letter.message.chat_id, letter.message_id)
    refuse(node, invalid, encode(letter.message), f"{letter.message_id}-{letter.digest}", letter.digest, week)


def refuse(node: Node, invalid: InvalidMessage, raw: bytes, reply_key: str, digest: str = "", week: int = 0) -> None:
    """Answer what is not accepted with `rejected` and set it aside. digest: so that it is said once for this content.

    Waits until the store has it.
    """
    at = node.at()
    chat_id, message_id = invalid.chat_id, invalid.message_id
    partition = node.store.keys.partition_of(chat_id) if chat_id else 0
    reply = rejected_reply(invalid.code, invalid.detail, f"r-{reply_key}-rejected"[:200], chat_id, message_id, at)
    letter = dead_letter(invalid.code, invalid.detail, at, chat_id, message_id, raw)
    entry = Fenced(partition, "", chat_id or "", message_id or "", "", digest, week)
    node.store.commit(Commit(Operation.REJECT, entry, node.world.nonce(), plain=(reply,), dead_letters=(letter,)))


def is_overloaded(node: Node) -> bool:
    """Whether the doors are closed because the server's memory is nearly full."""
    return node.memory_share >= MEMORY_SHARE_MAX
