"""Brings messages that were handed out to their sessions, and knows who works on what. Used by one owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actors.node import LivingSession, Node
    from actors.session.notes import TurnInHand
    from actors.session.roster import Roster
    from supervision.actor import GeventActor, GeventActorRef


class Deliveries:
    """The owner's side of its sessions.

    Invariants: a chat has at most one undelivered turn; every session that was given one is watched by the owner.
    """

    def __init__(self, node: Node, roster: Roster, owner: GeventActor) -> None:
        """owner: watches the sessions, and hears of those that were started for it."""
        self._node = node
        self._roster = roster
        self._owner = owner
        self._undelivered: dict[str, TurnInHand] = {}
        self._watched: dict[GeventActorRef[Any], str] = {}

    def living(self, chat_id: str) -> LivingSession | None:
        """The chat's session, when it can be told."""
        living = self._node.sessions.get(chat_id)
        return living if living is not None and living.ref.is_alive() else None

    def deliver(self, turn: TurnInHand) -> None:
        """Tell the chat's session, or have one started and tell it then."""
        living = self.living(turn.chat_id)
        if living is None:
            self._undelivered[turn.chat_id] = turn
            self._roster.want(turn.chat_id, self._owner.actor_ref)
        else:
            self._tell(living, turn)

    def _tell(self, living: LivingSession, turn: TurnInHand) -> None:
        self.watch(turn.chat_id, living)
        living.entry_id, living.fence = turn.entry.entry_id, turn.entry.fence
        try:
            living.ref.tell(turn)
        except Exception:  # noqa: BLE001 - it died between the look and the word
            living.entry_id = living.fence = ""
            self._undelivered[turn.chat_id] = turn
            self._roster.want(turn.chat_id, self._owner.actor_ref)

    def watch(self, chat_id: str, living: LivingSession) -> None:
        """Hear of the session's end."""
        if living.ref not in self._watched:
            self._watched[living.ref] = chat_id
            self._owner.monitor(living.ref)

    def session_up(self, chat_id: str) -> TurnInHand | None:
        """A session was started: deliver what waits for it. Returns the turn if it lacks the state for it."""
        turn = self._undelivered.pop(chat_id, None)
        living = self.living(chat_id)
        if turn is None:
            return None
        if living is None or (turn.snapshot is None and living.version != turn.version):
            return turn
        self._tell(living, turn)
        return None

    def session_down(self, ref: GeventActorRef[Any]) -> str | None:
        """A watched session has ended; its chat, unless its message is yet to be delivered to the next one."""
        chat_id = self._watched.pop(ref, None)
        return None if chat_id in self._undelivered else chat_id

    def forget(self, chat_id: str) -> None:
        """The chat's message is settled, whoever settled it."""
        self._undelivered.pop(chat_id, None)

    @property
    def undelivered(self) -> int:
        """How many turns wait for their session to start."""
        return len(self._undelivered)

    @property
    def chats(self) -> list[str]:
        """Chats whose sessions are watched."""
        return list(self._watched.values())
