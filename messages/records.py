"""What is said: the frozen records that travel between the rooms.

A record is data and nothing else: no clock, no runtime, no behaviour. Bytes of attachments never stand in a record;
they live in the blob store under their digest. Tags are given once and never reused; this module has 1 to 15.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta, Struct, field

from messages.codec import Json, record
from messages.errors import RejectionCode

ID_CHARS_MAX: Final = 128
ACTION_CHARS_MAX: Final = 64
TEXT_BYTES_MAX: Final = 16 * 1024
ATTACHMENTS_MAX: Final = 20
ATTACHMENT_BYTES_MAX: Final = 10 * 1024 * 1024
NAME_CHARS_MAX: Final = 200
URL_CHARS_MAX: Final = 2048

Id: TypeAlias = Annotated[str, Meta(min_length=1, max_length=ID_CHARS_MAX)]

ReplyKind: TypeAlias = Literal["interim", "final", "follow_up", "rejected"]
AnsweredBy: TypeAlias = Literal["primary", "secondary", "tertiary", "rules", "static"]
RecoveredBy: TypeAlias = Literal[
    "retry", "repair", "breaker", "fallback", "restart", "rehydrated", "degraded", "dead_letter"
]


@record(tag=1, version=1)
class Attachment(Struct, frozen=True):
    """A file that came with a message.

    digest: sha256 of the content in hexadecimal, under which the blob store has it; empty while only `url` is known.
    name: no path, no control characters. media_type: lower case `type/subtype`, as the sender said, not checked.
    """

    name: Annotated[str, Meta(max_length=NAME_CHARS_MAX)]
    media_type: Annotated[str, Meta(max_length=NAME_CHARS_MAX)]
    digest: Annotated[str, Meta(max_length=64)]
    size_bytes: Annotated[int, Meta(ge=0, le=ATTACHMENT_BYTES_MAX)]
    url: Annotated[str, Meta(max_length=URL_CHARS_MAX)] | None = None


@record(tag=2, version=1)
class InboundMessage(Struct, frozen=True):
    """A message of a person, as it was let in.

    message_id is None until the door derives one. At least one of text, attachments and action is there.
    sent_at is kept for the record and never used for a decision.
    """

    message_id: Id | None
    chat_id: Id
    user_id: Id
    text: Annotated[str, Meta(max_length=TEXT_BYTES_MAX)] | None = None
    attachments: Annotated[tuple[Attachment, ...], Meta(max_length=ATTACHMENTS_MAX)] = ()
    action: Annotated[str, Meta(min_length=1, max_length=ACTION_CHARS_MAX)] | None = None
    reply_id: Id | None = None
    language: Annotated[str, Meta(max_length=ACTION_CHARS_MAX)] | None = None
    sent_at: Annotated[str, Meta(max_length=ACTION_CHARS_MAX)] | None = None


@record(tag=4, version=1)
class Button(Struct, frozen=True):
    """Something the person may press: `action` comes back in a message, with the reply's id."""

    label: str
    action: Annotated[str, Meta(min_length=1, max_length=ACTION_CHARS_MAX)]


@record(tag=5, version=1)
class ErrorInfo(Struct, frozen=True):
    """The `error` of a rejected reply."""

    code: RejectionCode
    detail: str


@record(tag=6, version=1)
class Reply(Struct, frozen=True):
    """One reply to the person.

    turn is spliced in by the commit script and None until then (and in a final given while the store was away).
    at: ISO 8601 in UTC with milliseconds. chat_id and message_id are None only in a rejection that knows neither.
    """

    reply_id: str
    message_id: str | None
    chat_id: str | None
    kind: ReplyKind
    text: str
    buttons: tuple[Button, ...] = ()
    turn: int | None = None
    answered_by: AnsweredBy | None = None
    recovered_by: tuple[RecoveredBy, ...] = ()
    data: Mapping[str, Json] = field(default_factory=dict)
    at: str = ""
    error: ErrorInfo | None = None
