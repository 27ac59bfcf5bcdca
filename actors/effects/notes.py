"""What sessions, the relay and the actors of the targets tell each other."""

from __future__ import annotations

from messages.light import light_record


@light_record
class OutboxGrown:
    """A commit has written effects to the outbox of this partition."""

    partition: int
