"""When a partition's owner speaks itself, and what the store's answers to its commits come to.

The words are those of `Voice`; here are their moments: a deadline that comes, a message that nobody may work on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actors.partition.commits import Committed, Operation, Outcome
from actors.partition.holding import STORE_RETRY_S
from actors.partition.owner_notes import Purpose
from actors.store_errors import StoreError, StoreNotReady, StoreRefusal

if TYPE_CHECKING:
    from actors.partition.holding import Holding
    from actors.partition.table import Entry
    from actors.partition.voice import CommitDone

# Static replies a tick: after an outage thousands may be due at once, and those still in time come first.
STATICS_MAX: Final = 64


class Speaking:
    """Speaks about the messages of one holding when no session can."""

    def __init__(self, holding: Holding) -> None:
        """Speak with the holding's voice."""
        self._holding = holding

    def speak_for_the_late(self) -> None:
        """Give the interim and static replies that are due."""
        holding = self._holding
        due = holding.table.due(holding.node.world.now(), STATICS_MAX)
        said = [(entry, Purpose.INTERIM) for entry in due.interims] + [(entry, Purpose.STATIC) for entry in due.statics]
        for entry, purpose in said:
            if entry.registered:
                self.say_as_registered(entry, purpose)
            else:
                holding.ask_for([entry], purpose=purpose)

    def say_as_registered(self, entry: Entry, purpose: Purpose) -> None:
        """Say what the store was asked for, now that it has a record of the message."""
        holding = self._holding
        if purpose is Purpose.POISON:
            holding.voice.poison(entry, holding.record(entry))
        elif not entry.owed and purpose is Purpose.STATIC:
            holding.voice.static(entry)
        elif not entry.owed:
            holding.voice.interim(entry)

    def commit_done(self, done: CommitDone) -> None:
        """The store has answered one of the owner's own commits."""
        holding = self._holding
        entry, operation = done.entry, done.commit.operation
        if isinstance(done.answer, StoreError):
            self._commit_failed(done, done.answer)
            return
        committed: Committed = done.answer
        if committed.outcome is Outcome.STALE:
            holding.lose(operation.value)
            return
        if entry is None or entry.settled:
            return
        if operation is Operation.STATIC and committed.outcome in (Outcome.DONE, Outcome.MINE, Outcome.OWED):
            holding.table.is_owed(entry)
            holding.log.warning(
                "no session could answer in time: the static reply was given", chat_id=entry.chat_id,
                message_id=entry.message_id, turn=committed.turn, next="the work is owed and ends in a follow-up",
            )  # fmt: skip
        elif committed.outcome is Outcome.OWED:
            # The static reply was given before this owner knew: what takes a turn was refused.
            holding.table.is_owed(entry)
            if operation is Operation.POISON:
                holding.voice.poison(entry, holding.record(entry))
        elif operation is not Operation.INTERIM or committed.outcome is Outcome.ANSWERED:
            holding.forget(entry)

    def _commit_failed(self, done: CommitDone, error: StoreError) -> None:
        """The store is away: what has to be said is said again later, under its old nonce.

        What it refuses for good, because a key of the chat is broken, is set aside without the chat's keys.
        """
        holding = self._holding
        entry, operation = done.entry, done.commit.operation
        refused = isinstance(error, StoreRefusal) and not isinstance(error, StoreNotReady)
        if refused and entry is not None and operation is not Operation.REJECT:
            holding.log.error(
                "a commit was refused", operation=operation.value, chat_id=entry.chat_id, message_id=entry.message_id,
                reason=str(error), next="the message is set aside",
            )  # fmt: skip
            holding.voice.set_aside(entry, str(error))
            return
        if operation is Operation.INTERIM:
            return
        if operation is Operation.STATIC and entry is not None:
            holding.table.static_failed(entry, holding.node.world.now() + STORE_RETRY_S)
            return
        holding.node.world.call_later(STORE_RETRY_S, holding.voice.say_again, done.commit, entry)
