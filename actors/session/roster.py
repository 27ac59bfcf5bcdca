"""Starts sessions on demand, and knows whose fault a session's end was.

Owners never block: a start runs in a task of its own, and the session tells the owner itself that it is up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import structlog

from actors.drill import Drilled
from actors.session.notes import SessionUp
from actors.session.shell import supervised
from actors.store_errors import StoreAway, StoreBacklog, StoreNotReady
from supervision.errors import Killed
from supervision.supervisor import AlreadyStarted, RestartIntensity, start_child

if TYPE_CHECKING:
    from actors.node import Node
    from actors.session.documents import DocumentDesk
    from supervision.actor import GeventActorRef

_log = structlog.get_logger(__name__)

# A session that is being restarted announces itself; this is only how often one that cannot start is tried again.
TRY_AGAIN_S: Final = 1.0
# A drill, a kill, a store that is away: none of them is the message's fault.
_BLAMELESS: Final = (Drilled, Killed, StoreAway, StoreBacklog, StoreNotReady)
# As the sessions' supervisor has it for each child: who exceeds it rests until the period has passed.
CRASHES_MAX: Final = 6
CRASH_PERIOD_S: Final = 30.0


class Roster:
    """The sessions' supervisor as the owners see it."""

    def __init__(self, node: Node, desk: DocumentDesk) -> None:
        """The supervisor is found by its name, `sessions`."""
        self._node = node
        self._desk = desk
        # Invariant: chats whose start is under way, so that it is under way once.
        self._starting: set[str] = set()
        # Invariant: chats that crashed lately, and those that may not begin anew before their time.
        self._windows: dict[str, RestartIntensity] = {}
        self._resting_until_s: dict[str, float] = {}

    def want(self, chat_id: str, owner: GeventActorRef[Any]) -> None:
        """Have a session for the chat; `owner` gets a SessionUp when there is one. Returns at once."""
        if chat_id not in self._starting:
            self._starting.add(chat_id)
            self._node.world.spawn(self._start, chat_id, owner, name=f"start session {chat_id}")

    def _start(self, chat_id: str, owner: GeventActorRef[Any]) -> None:
        try:
            up = self._try(chat_id)
        except Exception as error:  # noqa: BLE001 - whatever it is, the message waits and has its deadline
            _log.warning("a session could not be started", chat_id=chat_id, reason=repr(error), next="tried again")
            up = False
        finally:
            self._starting.discard(chat_id)
        living = self._node.sessions.get(chat_id)
        if up and living is not None and living.ref.is_alive():
            self._tell(owner, SessionUp(chat_id, living.ref))
        elif owner.is_alive():
            self._node.world.call_later(TRY_AGAIN_S, self.want, chat_id, owner)

    def _try(self, chat_id: str) -> bool:
        living = self._node.sessions.get(chat_id)
        if living is not None and living.ref.is_alive():
            return True
        supervisor = self._node.whereis("sessions")
        if supervisor is None:
            return False
        if self._rests(chat_id):
            return False
        try:
            start_child(supervisor, supervised(self._node, self._desk, chat_id))
        except AlreadyStarted:
            return chat_id in self._node.sessions
        return True

    def _rests(self, chat_id: str) -> bool:
        until_s = self._resting_until_s.get(chat_id)
        if until_s is None or self._node.world.now() < until_s:
            return until_s is not None
        del self._resting_until_s[chat_id]
        self._windows.pop(chat_id, None)
        return False

    def crashed(self, chat_id: str) -> None:
        """Count a crash of the chat's session; one too many, and it rests: its messages get static replies."""
        now_s = self._node.world.now()
        window, allowed = self._windows.get(chat_id, RestartIntensity(CRASHES_MAX, CRASH_PERIOD_S)).record(now_s)
        self._windows[chat_id] = window
        if not allowed:
            self._resting_until_s[chat_id] = now_s + CRASH_PERIOD_S
            _log.error(
                "a session keeps crashing", chat_id=chat_id,
                next=f"it rests for {CRASH_PERIOD_S:g} s; its messages get static replies meanwhile",
            )  # fmt: skip

    def _tell(self, owner: GeventActorRef[Any], note: Any) -> None:
        if owner.is_alive():
            owner.tell(note)

    @staticmethod
    def is_guilty(reason: object) -> bool:
        """Whether an end counts against the message in hand: its own exception, not a kill, a drill or a stop."""
        return isinstance(reason, Exception) and not isinstance(reason, _BLAMELESS)
