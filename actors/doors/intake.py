"""What every door does with a message: attachments first, then the entry, once per id, in the order of each chat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import structlog

from actors.partition.commits import TakenIn
from actors.partition.entries import INLINE_BYTES_MAX
from actors.partition.refusals import refusal, refusal_of_broken, refusal_of_reuse
from actors.partition.store import Taken
from actors.store_errors import StoreAway, StoreBacklog, StoreError, StoreNotReady
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
            _refuse_letter(node, letter, None)
        elif isinstance(answer, Taken) and answer.how is TakenIn.REUSED:
            _refuse_letter(node, letter, answer)
    return again


def _keep_blobs(node: Node, letter: Letter) -> None:
    partition = node.store.keys.partition_of(letter.message.chat_id)
    for digest, content in letter.blobs.items():
        node.blobs.put(partition, digest, content)


def refuse(node: Node, invalid: InvalidMessage, raw: bytes, reply_key: str) -> None:
    """Answer what is not accepted with `rejected` and set it aside. Waits until the store has it."""
    partition = node.store.keys.partition_of(invalid.chat_id) if invalid.chat_id else 0
    node.store.commit(refusal(partition, invalid, raw, reply_key, node.at(), node.world.nonce(), ("", 0)))


def _refuse_letter(node: Node, letter: Letter, reused: Taken | None) -> None:
    """Its id stands for other content, or (reused is None) its chat cannot be read."""
    partition = node.store.keys.partition_of(letter.message.chat_id)
    about = (partition, letter.message, letter.message_id, node.at(), node.world.nonce())
    if reused is None:
        node.store.commit(refusal_of_broken(*about))
    else:
        node.store.commit(refusal_of_reuse(*about, (letter.digest, reused.week)))


def is_overloaded(node: Node) -> bool:
    """Whether the doors are closed because the server's memory is nearly full."""
    return node.memory_share >= MEMORY_SHARE_MAX
