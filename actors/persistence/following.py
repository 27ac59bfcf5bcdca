"""Rows of the file layer, made of commits that are done. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from actors.partition.commits import Commit, Operation
from actors.persistence.records import KeptSession, KeptTurn
from actors.persistence.session_files import SessionRow, TurnRow
from messages.light import light_record
from supervision.keeping.sealed import Position

# What these write is to be there again after the store was lost; an interim reply or a refusal is not.
KEPT: Final = frozenset((Operation.FINAL, Operation.SETTLE, Operation.STATIC, Operation.POISON))
# Where replies begin among the script's arguments, and where their count stands.
_REPLIES_AT, _REPLY_COUNT_AT = 14, 10


@light_record
class Note:
    """A commit that is done. arguments: those of the script, which hold the replies as they were published."""

    commit: Commit
    arguments: Sequence[str | bytes | int]
    turn: int

    @property
    def size_bytes(self) -> int:
        """About what it weighs while it waits."""
        commit = self.commit
        return 1024 + len(commit.snapshot) + len(commit.message) + sum(map(len, commit.effects))


def rows_of(note: Note, at_s: float) -> tuple[SessionRow | None, TurnRow]:
    """The rows of one commit; a session's only where the commit has moved its version."""
    commit, entry = note.commit, note.commit.entry
    takes_turn = commit.numbered is not None
    turn = KeptTurn(
        entry.message_id, "w" if commit.operation is Operation.STATIC else "s", entry.entry_id, entry.week,
        entry.digest, commit.nonce, note.turn if takes_turn else 0, replies_of(note), commit.effects, commit.message,
        entry.blobs,
    )  # fmt: skip
    turn_row = TurnRow(entry.chat_id, at_s, turn)
    if commit.operation not in (Operation.FINAL, Operation.SETTLE):
        return None, turn_row
    position = position_under(entry.fence, commit.version + 1)
    return SessionRow(entry.chat_id, position, at_s, KeptSession(note.turn, commit.snapshot)), turn_row


def replies_of(note: Note) -> tuple[bytes, ...]:
    """The replies of a commit as the script has published them, the turn's number in its place."""
    arguments = note.arguments
    count = int(arguments[_REPLY_COUNT_AT])
    replies: list[bytes] = []
    for at in range(_REPLIES_AT, _REPLIES_AT + 3 * count, 3):
        kind, before, after = arguments[at : at + 3]
        text = _as_bytes(before)
        replies.append(text + str(note.turn).encode() + _as_bytes(after) if kind == "t" else text)
    return tuple(replies)


def position_under(fence: str, version: int) -> Position:
    """The place of a version that was committed under a fence."""
    generation, _, rest = fence.partition(":")
    epoch, _, _ = rest.partition(":")
    return Position(_number(generation), _number(epoch), version)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


def _as_bytes(value: str | bytes | int) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
