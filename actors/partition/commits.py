"""What a turn writes, and what the store answered: the records between sessions, owners and the store."""

from dataclasses import field
from enum import StrEnum

from messages.light import light_record
from messages.protocol import reply_to_json, reply_to_json_parts
from messages.records import Reply


class Operation(StrEnum):
    """What a commit does; `scripts/commit.lua` has the table of what each one writes."""

    FINAL = "final"
    INTERIM = "interim"
    STATIC = "static"
    SETTLE = "settle"
    FOLLOW_UP = "follow_up"
    POISON = "poison"
    REJECT = "reject"


class Outcome(StrEnum):
    """What became of a commit."""

    DONE = "done"
    # This very attempt is there already: its answer was lost on the way.
    MINE = "mine"
    # Another attempt has settled the message.
    ANSWERED = "answered"
    # The static reply was given: the same turn is committed as `settle`.
    OWED = "owed"
    # The fence or the version has moved on: the session's memory is ahead of the store, and is dropped.
    STALE = "stale"


@light_record
class Fenced:
    """An entry and the authority under which it is worked on.

    week: of the server's clock, under which the entry's record is kept. blobs: digests of its attachments.
    """

    partition: int
    fence: str
    chat_id: str
    message_id: str
    entry_id: str
    digest: str
    week: int
    blobs: tuple[str, ...] = ()


@light_record
class Commit:
    """All writes of a turn. `plain` replies are written as they stand; the `numbered` one gets the next turn.

    message: the record itself where its work is owed from here on; kept in the file layer, not sent to the script.
    """

    operation: Operation
    entry: Fenced
    nonce: str
    version: int = 0
    snapshot: bytes = b""
    numbered: Reply | None = None
    plain: tuple[Reply, ...] = ()
    effects: tuple[bytes, ...] = ()
    dead_letters: tuple[bytes, ...] = field(default=())
    message: bytes = b""

    def arguments(self, reply_channel: str) -> list[str | bytes | int]:
        """The script's ARGV, in the order its head comment gives."""
        entry = self.entry
        replies: list[str | bytes] = []
        for reply in self.plain:
            replies += ("p", reply_to_json(reply), b"")
        if self.numbered is not None:
            replies += ("t", *reply_to_json_parts(self.numbered))
        return [
            self.operation.value,
            entry.fence,
            entry.chat_id,
            entry.message_id,
            entry.entry_id,
            self.nonce,
            self.version,
            self.snapshot,
            reply_channel,
            entry.digest,
            len(replies) // 3,
            len(self.effects),
            len(self.dead_letters),
            len(entry.blobs),
            *replies,
            *self.effects,
            *self.dead_letters,
            *entry.blobs,
        ]


@light_record
class Committed:
    """The store's answer to a commit. turn: the session's turn number now; freed: blobs nobody refers to any more."""

    outcome: Outcome
    turn: int = 0
    freed: tuple[str, ...] = ()


@light_record
class Wanted:
    """One message to hand out, or (hand is empty) only to register because its static reply is due.

    straight: it came straight into the partition and its record may not exist yet. known_version: of the living
    session, whose snapshot then need not be sent; None when there is none. hand: the record written to `hand`.
    shown: the static reply that its person has seen already, JSON; empty when none.
    """

    straight: bool
    chat_id: str
    entry_id: str
    message_id: str
    digest: str
    week: int
    known_version: int | None
    hand: str
    blobs: tuple[str, ...] = ()
    shown: bytes = b""


class HandOut(StrEnum):
    """What became of a message that was to be handed out."""

    GO = "go"
    SETTLED = "settled"
    REPEATED = "repeated"
    REUSED = "reused"
    BROKEN = "broken"


@light_record
class Handed:
    """The store's answer for one wanted message; all but `status` are about `go` alone (`why` about `broken`).

    snapshot: None when the session was said to stand at `version`, so that it was not sent; empty when there is none.
    """

    status: HandOut
    owed: bool = False
    week: int = 0
    version: int = 0
    interim_sent: bool = False
    snapshot: bytes | None = b""
    turn: int = 0
    why: str = ""


class TakenIn(StrEnum):
    """What became of a message at a door."""

    NEW = "new"
    OPEN = "open"
    AGAIN = "again"
    REUSED = "reused"
