"""Where a session's memory comes from: the store's snapshot, or what the file layer has when that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from actors.partition.dead_letter import dead_letter
from actors.session.state import SessionState, state_from
from messages.errors import CodecError

if TYPE_CHECKING:
    from actors.node import Node
    from actors.session.notes import TurnInHand

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Memory:
    """What a session remembers at the beginning of a turn.

    set_aside: dead letters with bytes that could not be read, for the turn that replaces them. has_gap: something may
    be missing that the person knows of. was_rebuilt: the store's own copy was of no use.
    """

    state: SessionState | None
    set_aside: tuple[bytes, ...] = ()
    has_gap: bool = False
    was_rebuilt: bool = False


def remember(node: Node, turn: TurnInHand) -> Memory:
    """Read the snapshot that came with a turn; never raises for what is in it. Waits for the file layer if it must.

    Head stays where it is, whatever is found: the next commit goes on from the store's own version.
    """
    if not turn.snapshot:
        return Memory(None)
    try:
        return Memory(state_from(turn.snapshot))
    except CodecError as error:
        return _rebuilt(node, turn, turn.snapshot, str(error))


def _rebuilt(node: Node, turn: TurnInHand, raw: bytes, reason: str) -> Memory:
    chat_id = turn.entry.chat_id
    state, is_whole = _from_file(node, turn)
    letter = dead_letter("snapshot", reason, node.at(), chat_id, turn.entry.message_id, raw)
    what = "is rebuilt from the file layer" if is_whole else "goes on with an older memory" if state else "begins anew"
    _log.error(
        "a snapshot cannot be read", chat_id=chat_id, version=turn.version, reason=reason,
        next=f"the conversation {what}; the bytes become a dead letter with this turn",
    )  # fmt: skip
    return Memory(state, (letter,), has_gap=not is_whole, was_rebuilt=True)


def _from_file(node: Node, turn: TurnInHand) -> tuple[SessionState | None, bool]:
    """The newest state that the file has, and whether it is of this very version."""
    found = node.files.find(turn.entry.chat_id)
    if found is None or found.session is None or not found.session.snapshot:
        return None, False
    try:
        state = state_from(found.session.snapshot)
    except CodecError:
        return None, False
    return state, (found.position.generation, found.position.version) == (node.generation, turn.version)
