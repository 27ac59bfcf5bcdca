"""The commit by which a door, which owns nothing, refuses a message. Pure."""

from __future__ import annotations

from actors.partition.commits import Commit, Fenced, Operation
from actors.partition.dead_letter import dead_letter
from actors.partition.replies import rejected_reply
from messages.codec import encode
from messages.errors import InvalidMessage
from messages.records import InboundMessage

REPLY_ID_CHARS_MAX = 200


def refusal(
    partition: int, invalid: InvalidMessage, raw: bytes, reply_key: str, at: str, nonce: str, said: tuple[str, int]
) -> Commit:
    """Answer with `rejected` and set the bytes aside.

    partition: of the chat, 0 when there is none. reply_key: the same at every repetition. said: digest and week under
    which it is remembered, so that it is said once for this content; ("", 0) when it need not be.
    """
    chat_id, message_id = invalid.chat_id, invalid.message_id
    reply_id = f"r-{reply_key}-rejected"[:REPLY_ID_CHARS_MAX]
    reply = rejected_reply(invalid.code, invalid.detail, reply_id, chat_id, message_id, at)
    letter = dead_letter(invalid.code, invalid.detail, at, chat_id, message_id, raw)
    digest, week = said
    entry = Fenced(partition, "", chat_id or "", message_id or "", "", digest, week)
    return Commit(Operation.REJECT, entry, nonce, plain=(reply,), dead_letters=(letter,))


def refusal_of_reuse(
    partition: int, message: InboundMessage, message_id: str, at: str, nonce: str, said: tuple[str, int]
) -> Commit:
    """The id stands for other content."""
    invalid = InvalidMessage("id_reused", "this message id stands for other content", message.chat_id, message_id)
    return refusal(partition, invalid, encode(message), f"{message_id}-{said[0]}", at, nonce, said)


def refusal_of_broken(partition: int, message: InboundMessage, message_id: str, at: str, nonce: str) -> Commit:
    """What is kept of its chat cannot be read, so it cannot be taken in."""
    detail = "what is kept of this conversation cannot be read"
    invalid = InvalidMessage("unreadable", detail, message.chat_id, message_id)
    return refusal(partition, invalid, encode(message), message_id, at, nonce, ("", 0))
