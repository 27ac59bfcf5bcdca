"""The client's own books: what was said, what was taken in, what was answered, and so what is open now."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from messages_to_send import Message

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Heard:
    """A reply as it stands in its chat's stream. at_s: the server's wall clock when it was committed."""

    stream_id: str
    reply: dict[str, Any]

    @property
    def at_s(self) -> float:
        """When it was committed."""
        return int(self.stream_id.partition("-")[0]) / 1000

    @property
    def key(self) -> Key:
        """The message that it answers."""
        return self.reply["chat_id"], self.reply["message_id"]


class Ledger:
    """Written by the load (what was said and accepted) and by the listener (what was answered)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.messages: dict[Key, Message] = {}
        # In the order in which they go in, for each chat and door.
        self.lanes: dict[tuple[str, str], list[Message]] = defaultdict(list)
        self.finals: dict[Key, Heard] = {}
        self.statics: dict[Key, Heard] = {}
        self.follow_ups: dict[Key, Heard] = {}
        self._open: set[Key] = set()

    def said(self, message: Message) -> None:
        """It is on its way in."""
        self.lanes[message.chat_id, message.door].append(message)

    def accepted(self, message: Message, at_s: float) -> None:
        """The intake has it; at_s: when the try began that was acknowledged."""
        with self._lock:
            message.accepted_s = at_s
            self.messages[message.key] = message
            if message.key not in self.finals:
                self._open.add(message.key)

    def heard(self, heard: Heard) -> None:
        """A reply was seen."""
        with self._lock:
            if heard.reply["kind"] in ("final", "rejected"):
                self.finals.setdefault(heard.key, heard)
                self._open.discard(heard.key)
                if heard.reply["answered_by"] == "static":
                    self.statics.setdefault(heard.key, heard)
            elif heard.reply["kind"] == "follow_up":
                self.follow_ups.setdefault(heard.key, heard)

    def open(self) -> set[Key]:
        """What was accepted and has no final reply yet."""
        with self._lock:
            return set(self._open)

    def owed(self) -> set[Key]:
        """What has its static reply and still waits for its follow-up."""
        with self._lock:
            return {
                key for key, heard in self.statics.items() if "dead_letter" not in heard.reply["recovered_by"]
            } - self.follow_ups.keys()

    def all_said(self) -> list[Message]:
        """Every message, accepted or not."""
        return [message for lane in self.lanes.values() for message in lane]
