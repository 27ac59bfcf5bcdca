"""What owners and sessions tell each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from messages.light import light_record

if TYPE_CHECKING:
    from actors.partition.commits import Fenced, Outcome
    from messages.records import InboundMessage
    from supervision.actor import GeventActorRef


@light_record
class TurnInHand:
    """Owner to session: this message is yours now.

    version: of the store's head. snapshot: None when the session said it stands at that version already. owed: its
    static reply was given, the turn ends in a follow-up. crashes: of earlier sessions with it. by_s: monotonic time
    by which the reply should be there; what takes longer goes on as owed work. accepted_at: ISO 8601.
    """

    entry: Fenced
    message: InboundMessage
    version: int
    snapshot: bytes | None
    owed: bool
    crashes: int
    by_s: float
    accepted_at: str

    @property
    def chat_id(self) -> str:
        """For reports, which name the chat of the message in hand."""
        return self.entry.chat_id

    @property
    def message_id(self) -> str:
        """For reports, which name the message in hand."""
        return self.entry.message_id


@light_record
class TurnEnded:
    """Session to owner: the store has the turn, or has refused it (`stale`: to be handed out again)."""

    chat_id: str
    entry_id: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class SnapshotWanted:
    """Session to owner: it was handed a message without the state it needs."""

    chat_id: str
    entry_id: str


@dataclass(frozen=True, slots=True)
class SessionUp:
    """Session to owner: started, for the first time or again."""

    chat_id: str
    ref: GeventActorRef[Any]
