"""Dead letters of a partition wherever they stand: still in their stream, or kept beside it by a running daemon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from actors.dead_letters.letters import MESSAGE, Origin, raw_in
from actors.effects.records import Effect
from actors.partition.dead_letter import DeadLetter
from messages.codec import decode, encode
from messages.records import InboundMessage
from supervision.dead_letter_queue import DeadItem
from supervision.dead_letters.sqlite_rows import opened

if TYPE_CHECKING:
    from actors.partition.keys import PartitionKeys


def dead_letters_in(client: Any, partition: int, names: PartitionKeys) -> list[Any]:
    """All of them, the oldest first, as they were written to the stream. client: a plain one of redis-py."""
    found: dict[str, Any] = {}
    # The stream first: what moves meanwhile is seen twice, under one id, and never missed.
    for entry_id, fields in client.xrange(names.dead):
        found[Origin(partition, entry_id.decode()).item_id] = decode(fields[b"d"])
    for item_id, raw in client.hgetall(f"{names.base}dlq:letters").items():
        found[item_id.decode()] = letter_of(opened(item_id.decode(), raw))
    return [found[item_id] for item_id in sorted(found)]


def letter_of(item: DeadItem) -> DeadLetter:
    """The letter that an item was made of."""
    reason, _, detail = item.attempts[0].detail.partition(": ")
    if item.operation_type == MESSAGE:
        raw = encode(msgspec.convert(item.payload["message"], InboundMessage))
    elif item.operation_type.startswith("effect."):
        raw = encode(msgspec.convert(item.payload, Effect))
        reason, detail = "effect", item.attempts[0].detail
    else:
        raw = raw_in(item.payload)
    return DeadLetter(
        reason, detail, "", item.context.get("chat_id"), item.context.get("message_id"), raw, item.attempts_made
    )
