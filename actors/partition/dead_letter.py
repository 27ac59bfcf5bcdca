"""A message set aside, with the reason and its bytes."""

from __future__ import annotations

from dataclasses import dataclass

from messages.codec import encode, record

RAW_BYTES_MAX = 64 * 1024


@record(tag=30, version=1)
@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Why a message was given up, when, and the message itself (its record, or what came from outside, clipped)."""

    reason: str
    detail: str
    at: str
    chat_id: str | None
    message_id: str | None
    raw: bytes
    attempts: int = 0


def dead_letter(
    reason: str, detail: str, at: str, chat_id: str | None, message_id: str | None, raw: bytes, attempts: int = 0
) -> bytes:
    """The bytes kept in the dead letter stream."""
    return encode(DeadLetter(reason, detail, at, chat_id, message_id, raw[:RAW_BYTES_MAX], attempts))
