"""What is known of one session, as a record that is copied to be changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from messages.codec import Json, record

UTTERANCES_MAX: Final = 200
SESSION_ID_CHARS_MAX: Final = 256


@record(tag=61, version=1)
@dataclass(frozen=True, slots=True)
class Utterance:
    """One thing that was said. role: who said it, such as "user" or "assistant"."""

    role: str
    text: str
    at: datetime | None = None


@record(tag=62, version=1)
@dataclass(frozen=True, slots=True)
class SessionState:
    """One session. Copy it to change it; saving it gives it a version and its times, and returns the new copy.

    session_id: 1 to 256 characters. domain: the application's own plain data. version: how often it was saved, 0 for
    one that never was. created_at, updated_at: set when it is saved.
    """

    session_id: str
    user_id: str = ""
    chat_id: str = ""
    conversation: tuple[Utterance, ...] = ()
    preferences: Mapping[str, Json] = field(default_factory=dict)
    counters: Mapping[str, int] = field(default_factory=dict)
    domain: Mapping[str, Json] = field(default_factory=dict)
    created_at: datetime | None = None
    updated_at: datetime | None = None
    version: int = 0

    def __post_init__(self) -> None:
        if not 1 <= len(self.session_id) <= SESSION_ID_CHARS_MAX:
            raise ValueError(f"a session id has 1 to {SESSION_ID_CHARS_MAX} characters")

    def with_message(
        self, role: str, text: str, at: datetime | None = None, keep_max: int = UTTERANCES_MAX
    ) -> SessionState:
        """A copy in which this was said last; the oldest beyond keep_max are dropped."""
        said = (*self.conversation, Utterance(role, text, at))
        return replace(self, conversation=said[-keep_max:])

    def with_preferences(self, **changed: Any) -> SessionState:
        """A copy with these preferences; None takes one away."""
        return replace(self, preferences=_merged(self.preferences, changed))

    def with_domain(self, **changed: Any) -> SessionState:
        """A copy with these entries of the application's own data; None takes one away."""
        return replace(self, domain=_merged(self.domain, changed))

    def counted(self, name: str, by: int = 1) -> SessionState:
        """A copy in which a counter is higher."""
        return replace(self, counters={**self.counters, name: self.counters.get(name, 0) + by})


def _merged(kept: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**kept, **changed}.items() if value is not None}
