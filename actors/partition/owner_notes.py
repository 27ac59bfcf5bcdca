"""What an owner is told, by its reader, by the store's answers, and by the keeper of leases."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from messages.light import light_record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.partition.entries import BadEntry, SeenEntry
    from actors.partition.table import Entry
    from supervision.actor import GeventActorRef


@dataclass(frozen=True, slots=True)
class Follow:
    """Owner to reader: read this partition for me, from its beginning."""

    partition: int
    owner: GeventActorRef[Any]


@light_record
class EntriesSeen:
    """Reader to owner: entries of the stream, in order. ages_s: of each, by the server's clock."""

    entries: Sequence[SeenEntry | BadEntry]
    ages_s: Sequence[float]


@dataclass(frozen=True, slots=True)
class Tick:
    """A deadline may have come."""


@dataclass(frozen=True, slots=True)
class RoundEnds:
    """Owner to itself: whoever was woken with it has had its turn; hand out what is ready now."""


class Purpose(Enum):
    """Why the store is asked about messages: to hand them out, or only to have their records before a commit."""

    HAND_OUT = auto()
    INTERIM = auto()
    STATIC = auto()
    POISON = auto()


@light_record
class HandedOut:
    """The store's answer to a hand-out."""

    entries: tuple[Entry, ...]
    answer: Any
    purpose: Purpose


@light_record
class Fetched:
    """The body of an entry that was not kept."""

    entry: Entry
    answer: Any


@dataclass(frozen=True, slots=True)
class Forget:
    """Operator to owner: forget this chat. The reply is its last version, or None while it has open messages."""

    chat_id: str


@dataclass(frozen=True, slots=True)
class LetGo:
    """Hand out nothing more; the reply to this ask is how many messages are in hand."""
