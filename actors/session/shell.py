"""The actor of one chat: rehydrates its state, takes one turn at a time, commits it, and goes when it is idle."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from actors.effects.fan_out import Origin, effects_of
from actors.effects.notes import OutboxGrown
from actors.ledger.asking import book_of
from actors.logs import actor_logger, says_debug
from actors.node import LivingSession
from actors.partition.commits import Commit, Committed, Operation, Outcome
from actors.partition.replay_ids import original_id
from actors.partition.replies import reply_id_of
from actors.session.handlers.files import produced
from actors.session.machine import DocumentOutcome, Turn, new_session, take_turn, with_file
from actors.session.memory import Memory, remember
from actors.session.notes import SessionUp, SnapshotWanted, TurnEnded, TurnInHand
from actors.session.state import SessionState, snapshot_of
from actors.session.understanding import Understanding, Understood
from actors.store_errors import StoreAway, StoreBacklog, StoreNotReady
from messages.codec import encode
from messages.records import Reply
from messages.user_messages import UserMessageManager
from supervision.actor import GeventActor
from supervision.supervisor import ChildSpec
from supervision.world import WaitTimeout

if TYPE_CHECKING:
    from actors.node import Node
    from actors.session.documents import DocumentDesk
    from messages.records import RecoveredBy

_OWNER: Final = "owner/{}"
_MESSAGES: Final = UserMessageManager()
_RELAY: Final = "relay"
# How long a session waits before it asks again whether its commit is there, while the store is away.
COMMIT_RETRY_S: Final = 0.25
# A turn that takes longer is redelivered; whoever restarts with the sessions should not wait for it.
SHUTDOWN_S: Final = 0.5
# One file of at most a thousand invoices is made in a second; they are made one after another.
EXPORT_S: Final = 15.0


@dataclass(frozen=True, slots=True)
class IdleCheck:
    """It may be time to go."""


class Session(GeventActor):
    """One conversation. Its mailbox never holds a second message of the person: the owner hands out one at a time."""

    def __init__(self, node: Node, desk: DocumentDesk, chat_id: str) -> None:
        """desk: where documents are read."""
        super().__init__()
        self._node = node
        self._desk = desk
        self._understanding = Understanding(node)
        self._chat_id = chat_id
        self._state: SessionState | None = None
        # Where the state came from, until a turn of this session is committed.
        self._memory = Memory(None)
        self._used_s = 0.0
        self._last_settled = ""

    def on_start(self) -> None:
        """Be found under the chat's id, and tell whoever owns the chat."""
        self._log = actor_logger(self)
        self._used_s = self.world.now()
        self._living = LivingSession(self.actor_ref)
        self._node.sessions[self._chat_id] = self._living
        self._tell_owner(SessionUp(self._chat_id, self.actor_ref))
        self.send_after(self._node.settings.daemon.session_idle_s, IdleCheck())

    def on_stop(self) -> None:
        """Be found no more."""
        self._leave()

    def on_failure(self, *_: Any) -> None:
        """The same, after a crash."""
        self._leave()

    def _leave(self) -> None:
        if self._node.sessions.get(self._chat_id) is self._living:
            del self._node.sessions[self._chat_id]

    def on_receive(self, message: Any) -> Any:
        """A turn, or a look at the clock."""
        match message:
            case TurnInHand():
                self._take(message)
            case IdleCheck():
                self._go_if_idle()
            case _:
                return super().on_receive(message)
        return None

    def _go_if_idle(self) -> None:
        idle_s = self._node.settings.daemon.session_idle_s
        left_s = idle_s - (self.world.now() - self._used_s)
        if left_s > 0:
            self.send_after(left_s, IdleCheck())
            return
        self._leave()
        self.stop()

    def _take(self, turn: TurnInHand) -> None:
        living, entry = self._living, turn.entry
        living.entry_id, living.fence = entry.entry_id, entry.fence
        self._used_s = self.world.now()
        if not self._rehydrate(turn):
            living.entry_id = living.fence = ""
            self._tell_owner(SnapshotWanted(self._chat_id, entry.entry_id), entry.partition)
            return
        state = self._state or new_session(turn.message, turn.accepted_at)
        outcomes = self._desk.read_all(turn)
        said = (state, turn.message, entry.message_id, outcomes, turn.accepted_at, book_of(self._node, self._chat_id))
        by_rules = take_turn(*said)
        understood = self._understanding.answer(turn, state, by_rules, lambda intent: take_turn(*said, intent))
        if understood.turn.file is not None:
            understood = replace(understood, turn=self._with_file(understood.turn))
        computed = understood.turn
        outcome = self._commit(turn, understood, outcomes)
        if outcome in (Outcome.DONE, Outcome.MINE):
            self._state, self._memory = computed.state, Memory(computed.state)
            living.version = turn.version + 1
        living.entry_id = living.fence = ""
        if outcome not in (Outcome.DONE, Outcome.MINE):
            # The store knows better than this memory: go, and be rehydrated by whoever comes next.
            self._leave()
            self.stop()
        self._tell_owner(TurnEnded(self._chat_id, entry.entry_id, outcome), entry.partition)

    def _with_file(self, computed: Turn) -> Turn:
        """Have the reply's file made, in a native thread."""
        wanted = computed.file
        try:
            return with_file(
                computed, self._node.world.run_in_thread(produced, wanted, pool="exports", timeout_s=EXPORT_S)
            )
        except (ValueError, WaitTimeout) as error:
            self._log.warning(
                "a file could not be made", chat_id=self._chat_id, reason=repr(error),
                next="the person is told so",
            )  # fmt: skip
            return with_file(computed, None, is_possible=False)

    def _rehydrate(self, turn: TurnInHand) -> bool:
        """Have the state of turn.version; False when it was not sent along."""
        if turn.snapshot is None:
            return self._living.version == turn.version
        memory = remember(self._node, turn)
        self._state, self._memory = memory.state, memory
        self._living.version = turn.version
        return True

    def _commit(self, turn: TurnInHand, understood: Understood, outcomes: tuple[DocumentOutcome, ...]) -> Outcome:
        helped = _recovered_by(turn, outcomes, self._memory)
        if helped:
            recovered_by = tuple(dict.fromkeys((*helped, *understood.recovered_by)))
            understood = replace(understood, recovered_by=recovered_by)
        made = tuple(digest for each in outcomes for digest in each.made if digest not in turn.entry.blobs)
        if made:
            # What was fetched or converted for the message is let go of with it.
            turn = replace(turn, entry=replace(turn.entry, blobs=(*turn.entry.blobs, *dict.fromkeys(made))))
        nonce = self._node.attempt()
        effects = self._effects(turn, understood)
        if turn.owed:
            return self._settle(turn, understood, nonce, effects)
        reply = self._reply(turn, understood, owed=False)
        commit = Commit(
            Operation.FINAL, turn.entry, nonce, turn.version, snapshot_of(understood.turn.state),
            numbered=reply, effects=effects, dead_letters=self._memory.set_aside,
        )  # fmt: skip
        committed = self._committed(commit)
        if committed.outcome is Outcome.OWED:
            return self._settle(turn, understood, nonce, effects)
        self._log_turn(turn, committed.turn)
        return committed.outcome

    def _effects(self, turn: TurnInHand, understood: Understood) -> tuple[bytes, ...]:
        """What the turn wants to happen outside, as the outbox has it."""
        changes = understood.turn.changes
        if not changes:
            return ()
        entry = turn.entry
        origin = Origin(
            self._chat_id, understood.turn.state.user_id, entry.message_id, entry.entry_id, turn.accepted_at
        )
        return tuple(encode(effect) for effect in effects_of(changes, self._node.targets, origin))

    def _committed(self, commit: Commit) -> Committed:
        """Commit, and wake the relay if there is anything for it."""
        committed = self._commit_until_answered(commit)
        relay = self._node.whereis(_RELAY) if commit.effects else None
        if relay is not None:
            relay.tell(OutboxGrown(commit.entry.partition))
        return committed

    def _commit_until_answered(self, commit: Commit) -> Committed:
        """Commit, however long the store is away: the nonce tells whether an attempt without an answer was there.

        The store is asked for anew each time, as another connection may have taken this one's place.
        Raises StoreRefusal when it refuses for good (a broken key).
        """
        while True:
            try:
                return self._node.store.commit(commit)
            except (StoreAway, StoreNotReady, StoreBacklog):
                self._node.world.sleep(COMMIT_RETRY_S)

    def _settle(self, turn: TurnInHand, understood: Understood, nonce: str, effects: tuple[bytes, ...]) -> Outcome:
        """The static reply was the final: the same turn ends in a follow-up."""
        reply = self._reply(turn, understood, owed=True)
        commit = Commit(
            Operation.SETTLE, turn.entry, nonce, turn.version, snapshot_of(understood.turn.state),
            plain=(reply,), effects=effects, dead_letters=self._memory.set_aside,
        )  # fmt: skip
        committed = self._committed(commit)
        self._log.info(
            "owed work is done",
            chat_id=self._chat_id,
            message_id=turn.entry.message_id,
            outcome=committed.outcome.value,
        )
        return committed.outcome

    def _reply(self, turn: TurnInHand, understood: Understood, *, owed: bool) -> Reply:
        entry, computed = turn.entry, understood.turn
        text = computed.text
        if self._memory.has_gap:
            text = f"{_MESSAGES.for_language(computed.state.language).get_message('memory_gap').text}\n\n{text}"
        return Reply(
            reply_id_of(entry.partition, entry.entry_id, "settled" if owed else "final"),
            original_id(entry.message_id) if owed else entry.message_id, self._chat_id,
            "follow_up" if owed else "final", text, computed.buttons,
            answered_by=understood.answered_by, recovered_by=understood.recovered_by, data=computed.data,
            at=self._node.at(),
        )  # fmt: skip

    def _log_turn(self, turn: TurnInHand, number: int) -> None:
        if says_debug():
            self._log.debug("turn", chat_id=self._chat_id, message_id=turn.entry.message_id, turn=number)

    def _tell_owner(self, note: Any, partition: int | None = None) -> None:
        if partition is None:
            partition = self._node.store.keys.partition_of(self._chat_id)
        owner = self._node.whereis(_OWNER.format(partition))
        if owner is not None:
            owner.tell(note)


def _recovered_by(turn: TurnInHand, outcomes: tuple[DocumentOutcome, ...], memory: Memory) -> tuple[RecoveredBy, ...]:
    recovered: list[RecoveredBy] = []
    if turn.crashes:
        recovered.append("restart")
    if (turn.crashes and turn.snapshot) or memory.was_rebuilt:
        recovered.append("rehydrated")
    if any(outcome.retried for outcome in outcomes):
        recovered.append("retry")
    return tuple(recovered)


def supervised(node: Node, desk: DocumentDesk, chat_id: str) -> ChildSpec:
    """One chat's session: back after a crash, gone after it went by itself."""
    start = partial(Session.start, node, desk, chat_id)
    return ChildSpec(id=chat_id, start=start, restart="transient", shutdown_s=SHUTDOWN_S)
