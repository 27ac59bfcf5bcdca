"""What can go wrong with what is said.

    UnfailingError
    ├── CodecError        bytes that are no record, or a record that cannot become bytes
    ├── InvalidMessage    a message from outside that is not accepted, with its code
    └── SettingsError     a configuration that cannot be used, naming the key

Every error is built once, at the edge, with a sentence a person can act on; no part of it is a secret.
"""

from typing import Literal, TypeAlias

RejectionCode: TypeAlias = Literal["invalid_message", "too_large", "id_reused", "unreadable", "overloaded"]


class UnfailingError(Exception):
    """The root of every error the project raises on purpose."""

    exit_status: int = 1
    """Of the command line, when this is what ends it."""


class CodecError(UnfailingError):
    """Bytes that are no record (`raw` holds them, for the dead letter), or a record that cannot be encoded."""

    def __init__(self, detail: str, raw: bytes = b"") -> None:
        super().__init__(detail)
        self.detail = detail
        self.raw = raw


class InvalidMessage(UnfailingError):  # noqa: N818 - what it is; "Error" would say no more
    """A message from outside that is not accepted.

    code is one of the protocol's (section 2); chat_id and message_id are there when the message held usable ones,
    so that the `rejected` reply can be addressed.
    """

    def __init__(
        self,
        code: RejectionCode,
        detail: str,
        chat_id: str | None = None,
        message_id: str | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code: RejectionCode = code
        self.detail = detail
        self.chat_id = chat_id
        self.message_id = message_id


class SettingsError(UnfailingError):
    """A configuration that cannot be used; the text names the key, what is wrong and what would do."""
