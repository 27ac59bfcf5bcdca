"""Ids under which a dead letter's message is done again: `message#rN`, which its person knows as `message`. Pure."""

from __future__ import annotations

import re
from typing import Final

from messages.records import ID_CHARS_MAX

_REPLAY: Final = re.compile(r"#r\d{1,6}$")


def original_id(message_id: str) -> str:
    """The id of the person's message, of which `message_id` may be a replay."""
    return _REPLAY.sub("", message_id)


def replay_id(message_id: str, number: int) -> str:
    """The id under which a message is done again, for the so manieth time."""
    suffix = f"#r{number}"
    return f"{original_id(message_id)[: ID_CHARS_MAX - len(suffix)]}{suffix}"
