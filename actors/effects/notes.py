"""What sessions, the relay and the actors of the targets tell each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from messages.light import light_record

if TYPE_CHECKING:
    from actors.effects.lines import Waiting


@light_record
class OutboxGrown:
    """A commit has written effects to the outbox of this partition."""

    partition: int


@light_record
class Follow:
    """Target to relay: it has begun anew and knows nothing; tell it everything again."""


@light_record
class Found:
    """Relay to target: these stand in an outbox that this node holds, in order. Some may be known."""

    waiting: tuple[Waiting, ...]


@light_record
class Lost:
    """Relay to target: this partition is held no more, or under another fence."""

    partition: int


@light_record
class Ended:
    """Task to target: what became of one attempt (see `Attempted`)."""

    attempted: Any


@light_record
class Left:
    """Store to target: the answer to an effect's leaving of the outbox, or to the note on a failed attempt."""

    waiting: Waiting
    answer: Any
    again: Any
