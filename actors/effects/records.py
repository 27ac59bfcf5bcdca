"""One thing that a turn wants to happen outside, as the outbox, the targets and the dead letters have it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from msgspec import Struct

from messages.codec import Json, record

ID_BYTES = 12


@record(tag=80, version=1)
class Effect(Struct, frozen=True):
    """An effect under its idempotency key.

    effect_id: the same through every repetition, restart and replay; receivers know it as the event's id. key: what it
    is about, whose effects on one target keep their order. at: when the message was accepted, ISO 8601. revision: of
    what the key names; a later effect has a greater one.
    """

    effect_id: str
    target: str
    kind: str
    key: str
    chat_id: str
    user_id: str
    message_id: str
    at: str
    revision: int
    payload: Mapping[str, Json]


def effect_id_of(chat_id: str, message_id: str, entry_id: str, place: int, target: str) -> str:
    """An id that a turn run again arrives at again. place: of the change in its turn, from zero."""
    named = "\n".join((chat_id, message_id, entry_id, str(place), target)).encode()
    return f"evt_{hashlib.blake2b(named, digest_size=ID_BYTES).hexdigest()}"
