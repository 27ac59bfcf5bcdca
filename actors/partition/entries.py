"""What the reader of a partition's stream makes of an entry, before the owner sees it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from messages.errors import CodecError, InvalidMessage
from messages.light import light_record
from messages.protocol import Inbound, content_digest, decode_entry, iso_timestamp, reply_from_json, reply_to_json
from messages.records import InboundMessage

# Larger bodies are decoded in a native thread: ten megabytes of base64 hold the hub for 20 ms.
INLINE_BYTES_MAX = 128 * 1024
SHOWN_BYTES_MAX = 16 * 1024


@light_record
class SeenEntry:
    """A readable entry. week is 0 for one that came straight into the partition, whose record the owner has made."""

    entry_id: str
    message: InboundMessage
    message_id: str
    digest: str
    week: int
    # The static reply that its person was shown while the store was away, as it is recorded; empty when none was.
    shown: bytes = b""

    @property
    def straight(self) -> bool:
        """No door has seen it."""
        return self.week == 0


@dataclass(frozen=True, slots=True)
class BadEntry:
    """An entry that nobody can read, and why."""

    entry_id: str
    invalid: InvalidMessage
    raw: bytes


def entry_milliseconds(entry_id: str) -> int:
    """When the server took the entry in, by its own clock."""
    return int(entry_id.partition("-")[0])


def accepted_at(entry_id: str) -> str:
    """When the server took the entry in, ISO 8601: the time of its turn, however often the turn is run."""
    return iso_timestamp(entry_milliseconds(entry_id) / 1000)


def derived_message_id(partition: int, entry_id: str) -> str:
    """The id of a message that came without one: the same at every reading and forwarding of its entry."""
    return f"e-{partition:02d}-{entry_id}"


def body_of(fields: Mapping[bytes, bytes]) -> bytes:
    """The message as it stands in the entry; empty when the entry has none."""
    return fields.get(b"m", b"")


def read_entry(
    partition: int, entry_id: str, fields: Mapping[bytes, bytes]
) -> tuple[SeenEntry | BadEntry, Mapping[str, bytes]]:
    """Decode one entry. Returns it, and the contents of its attachments by digest. Never raises."""
    raw = body_of(fields)
    try:
        inbound = decode_entry(raw)
    except InvalidMessage as invalid:
        return BadEntry(entry_id, invalid, raw), {}
    return _seen(partition, entry_id, fields, inbound), inbound.blobs


def _seen(partition: int, entry_id: str, fields: Mapping[bytes, bytes], inbound: Inbound) -> SeenEntry:
    message = inbound.message
    digest, week = fields.get(b"d"), fields.get(b"w", b"")
    message_id = message.message_id or derived_message_id(partition, entry_id)
    if digest is not None and week.isdigit() and fields.get(b"i") == message_id.encode():
        return SeenEntry(entry_id, message, message_id, digest.decode(errors="replace"), int(week))
    shown = _shown(fields.get(b"s"), message, message_id) if b"s" in fields else b""
    return SeenEntry(entry_id, message, message_id, content_digest(message), 0, shown)


def _shown(raw: bytes | None, message: InboundMessage, message_id: str) -> bytes:
    """The static reply that came along, if it is one to this message; anything else is no reply at all."""
    if raw is None or len(raw) > SHOWN_BYTES_MAX:
        return b""
    try:
        reply = reply_from_json(raw)
    except CodecError:
        return b""
    about = (reply.chat_id, reply.message_id, reply.kind, reply.answered_by, reply.turn)
    return reply_to_json(reply) if about == (message.chat_id, message_id, "final", "static", None) else b""
