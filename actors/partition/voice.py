"""What a partition's owner says itself: interim, static, poison and rejected replies, each one commit under its fence.

Nothing here waits: the store's answer comes back to the owner as a `CommitDone`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import structlog

from actors.partition.commits import Commit, Fenced, Operation
from actors.partition.dead_letter import dead_letter
from actors.partition.replies import interim_reply, poison_reply, rejected_reply, reply_id_of, static_reply
from messages.codec import encode

if TYPE_CHECKING:
    from actors.node import Node
    from actors.partition.entries import BadEntry
    from actors.partition.hand_record import HandRecord
    from actors.partition.table import Entry
    from messages.errors import RejectionCode
    from supervision.actor import GeventActorRef

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CommitDone:
    """The store's answer to one of the owner's own commits: a Committed or a StoreError. entry: None for a bad one."""

    commit: Commit
    entry: Entry | None
    answer: Any


class Voice:
    """Speaks for one owner."""

    def __init__(self, node: Node, owner: GeventActorRef[Any], partition: int, fence: str) -> None:
        """owner: gets the answers."""
        self._node = node
        self._owner = owner
        self._partition = partition
        self._fence = fence

    def fenced(self, entry: Entry) -> Fenced:
        """The entry under this owner's authority."""
        return Fenced(
            self._partition, self._fence, entry.chat_id, entry.message_id, entry.entry_id, entry.digest,
            entry.week, blobs_of(entry),
        )  # fmt: skip

    def interim(self, entry: Entry) -> None:
        """At the soft deadline: the agent is still at it."""
        reply = interim_reply(
            self._partition, entry.entry_id, entry.chat_id, entry.message_id, self._node.at(),
            has_files=_has_files(entry),
        )  # fmt: skip
        self._say(Commit(Operation.INTERIM, self.fenced(entry), self._nonce(), plain=(reply,)), entry)

    def static(self, entry: Entry) -> None:
        """Shortly before the hard deadline: what happens next; the work is owed from here on."""
        reply = static_reply(
            self._partition, entry.entry_id, entry.chat_id, entry.message_id, self._node.at(),
            has_files=_has_files(entry),
        )  # fmt: skip
        commit = Commit(Operation.STATIC, self.fenced(entry), self._nonce(), numbered=reply, message=_raw(entry))
        self._say(commit, entry)

    def poison(self, entry: Entry, record: HandRecord) -> None:
        """The message crashed its session too often: a dead letter, and its person is told."""
        at = self._node.at()
        reply = poison_reply(self._partition, entry.entry_id, entry.chat_id, entry.message_id, at, owed=entry.owed)
        letter = dead_letter(
            "poison", f"its session crashed {record.attempts} times with it", at, entry.chat_id, entry.message_id,
            _raw(entry), record.attempts,
        )  # fmt: skip
        _log.error(
            "a message is poison", chat_id=entry.chat_id, message_id=entry.message_id, attempts=record.attempts,
            next="it is a dead letter, and the person is told",
        )  # fmt: skip
        commit = Commit(
            Operation.POISON, self.fenced(entry), self._nonce(), dead_letters=(letter,),
            numbered=None if entry.owed else reply, plain=(reply,) if entry.owed else (),
        )  # fmt: skip
        self._say(commit, entry)

    def reject(self, entry: Entry, code: RejectionCode, detail: str) -> None:
        """An entry that can be read but not accepted."""
        at = self._node.at()
        reply_id = reply_id_of(self._partition, entry.entry_id, "rejected")
        reply = rejected_reply(code, detail, reply_id, entry.chat_id, entry.message_id, at)
        letter = dead_letter(code, detail, at, entry.chat_id, entry.message_id, _raw(entry))
        # A reused id is said once for its content, which is remembered under id and digest.
        fenced = replace(self.fenced(entry), digest=entry.digest if code == "id_reused" else "")
        self._say(Commit(Operation.REJECT, fenced, self._nonce(), plain=(reply,), dead_letters=(letter,)), entry)

    def reject_bad(self, bad: BadEntry) -> None:
        """An entry that nobody can read."""
        at, invalid = self._node.at(), bad.invalid
        reply_id = reply_id_of(self._partition, bad.entry_id, "rejected")
        reply = rejected_reply(invalid.code, invalid.detail, reply_id, invalid.chat_id, invalid.message_id, at)
        letter = dead_letter("invalid", invalid.detail, at, invalid.chat_id, invalid.message_id, bad.raw)
        fenced = Fenced(
            self._partition, self._fence, invalid.chat_id or "", invalid.message_id or "", bad.entry_id, "", 0
        )
        self._say(Commit(Operation.REJECT, fenced, self._nonce(), plain=(reply,), dead_letters=(letter,)), None)

    def set_aside(self, entry: Entry, why: str) -> None:
        """A message whose chat's keys cannot be written: a dead letter, said where those without a chat are told."""
        at = self._node.at()
        reply_id = reply_id_of(self._partition, entry.entry_id, "rejected")
        detail = "what is kept of this conversation cannot be read"
        reply = rejected_reply("unreadable", detail, reply_id, entry.chat_id, entry.message_id, at)
        letter = dead_letter("broken", why, at, entry.chat_id, entry.message_id, _raw(entry))
        fenced = Fenced(self._partition, self._fence, "", entry.message_id, entry.entry_id, "", 0)
        self._say(Commit(Operation.REJECT, fenced, self._nonce(), plain=(reply,), dead_letters=(letter,)), entry)

    def say_again(self, commit: Commit, entry: Entry | None) -> None:
        """Repeat a commit under its nonce, after the store was away."""
        if self._owner.is_alive():
            self._say(commit, entry)

    def _say(self, commit: Commit, entry: Entry | None) -> None:
        owner = self._owner

        def done(answer: Any) -> None:
            if owner.is_alive():
                owner.tell(CommitDone(commit, entry, answer))

        self._node.store.submit_commit(commit, done)

    def _nonce(self) -> str:
        return self._node.attempt()


def blobs_of(entry: Entry) -> tuple[str, ...]:
    """Digests of the attachments that are kept for the entry."""
    if entry.message is None or not entry.message.attachments:
        return ()
    return tuple(attachment.digest for attachment in entry.message.attachments if attachment.digest)


def _has_files(entry: Entry) -> bool:
    return entry.message is not None and bool(entry.message.attachments)


def _raw(entry: Entry) -> bytes:
    return encode(entry.message) if entry.message is not None else b""
