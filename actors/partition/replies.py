"""The replies that a partition's owner gives when no session can: interim, static, poison, rejected. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actors.partition.replay_ids import original_id
from messages.records import ErrorInfo, Reply
from messages.user_messages import UserMessageManager

if TYPE_CHECKING:
    from messages.errors import RejectionCode
    from messages.records import AnsweredBy, RecoveredBy, ReplyKind

_MESSAGES: Final = UserMessageManager()


def reply_id_of(partition: int, entry_id: str, what: str) -> str:
    """A reply's id: the same however often the same reply is made, so that receivers can drop what they know."""
    return f"r-{partition:02d}-{entry_id}-{what}"


def _said(
    key: str,
    kind: ReplyKind,
    reply_id: str,
    chat_id: str,
    message_id: str,
    at: str,
    *,
    recovered_by: tuple[RecoveredBy, ...] = (),
    answered_by: AnsweredBy = "static",
) -> Reply:
    said = _MESSAGES.get_message(key)
    return Reply(
        reply_id, message_id, chat_id, kind, said.text, said.buttons,
        answered_by=answered_by, recovered_by=recovered_by, at=at,
    )  # fmt: skip


def interim_reply(
    partition: int, entry_id: str, chat_id: str, message_id: str, at: str, *, has_files: bool = False
) -> Reply:
    """At the soft deadline: the agent is still at it, or still reading what was sent."""
    key = "interim_reading" if has_files else "interim"
    return _said(key, "interim", reply_id_of(partition, entry_id, "interim"), chat_id, message_id, at)


def static_reply(
    partition: int, entry_id: str, chat_id: str, message_id: str, at: str, *, has_files: bool = False
) -> Reply:
    """Shortly before the hard deadline: what happens next. The work is owed and ends in a follow-up."""
    key = "static_final_reading" if has_files else "static_final"
    return _said(
        key, "final", reply_id_of(partition, entry_id, "final"), chat_id, message_id, at,
        recovered_by=("degraded",),
    )  # fmt: skip


def poison_reply(partition: int, entry_id: str, chat_id: str, message_id: str, at: str, *, owed: bool) -> Reply:
    """For a message that crashed its session too often; a follow-up when its final was given before."""
    kind: ReplyKind = "follow_up" if owed else "final"
    what = "settled" if owed else "final"
    return _said(
        "poison", kind, reply_id_of(partition, entry_id, what), chat_id,
        original_id(message_id) if owed else message_id, at, recovered_by=("restart", "dead_letter"),
    )  # fmt: skip


def rejected_reply(
    code: RejectionCode, detail: str, reply_id: str, chat_id: str | None, message_id: str | None, at: str
) -> Reply:
    """For what was not accepted; the detail says what was wrong with it."""
    said = _MESSAGES.get_message(f"rejected_{code}")
    return Reply(
        reply_id, message_id, chat_id, "rejected", said.text, said.buttons, at=at, error=ErrorInfo(code, detail)
    )
