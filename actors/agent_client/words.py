"""The replies that the agent gives by itself, when no daemon can. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from messages.errors import InvalidMessage
from messages.protocol import iso_timestamp
from messages.records import ErrorInfo, Reply
from messages.user_messages import UserMessageManager

if TYPE_CHECKING:
    from actors.agent_client.letter import Draft

_MESSAGES: Final = UserMessageManager()


def static_reply(draft: Draft, wall_s: float, *, store_away: bool) -> Reply:
    """The final reply to a message that is safe and not yet answered; its turn is not known.

    store_away: it waits on this machine's disk; otherwise the store has it and the daemon is late.
    """
    said = _MESSAGES.for_language(draft.language).get_message("static_store_away" if store_away else "static_final")
    return Reply(
        reply_id=f"s-{draft.message_id}"[:128], message_id=draft.message_id, chat_id=draft.chat_id, kind="final",
        text=said.text, buttons=said.buttons, turn=None, answered_by="static", recovered_by=("degraded",),
        at=iso_timestamp(wall_s),
    )  # fmt: skip


def rejected_reply(draft: Draft, invalid: InvalidMessage, wall_s: float) -> Reply:
    """The reply to a message that was not accepted, and is not kept."""
    said = _MESSAGES.for_language(draft.language).get_message(f"rejected_{invalid.code}")
    return Reply(
        reply_id=f"x-{draft.message_id}"[:128], message_id=draft.message_id, chat_id=draft.chat_id, kind="rejected",
        text=said.text, buttons=said.buttons, at=iso_timestamp(wall_s), error=ErrorInfo(invalid.code, invalid.detail),
    )  # fmt: skip


def overloaded(draft: Draft, why: str) -> InvalidMessage:
    """Why a message can neither be sent nor kept."""
    return InvalidMessage("overloaded", why, draft.chat_id, draft.message_id)
