"""The owner of a partition: hands each chat one message at a time, and speaks when no session can.

It keeps the deadlines and never blocks: what it wants of the store is submitted, and the answers come back as
messages. One owner actor a partition; a restarted one adopts the fence and the living sessions.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from actors.logs import actor_logger
from actors.partition.commits import Committed, Handed, HandOut, Operation, Outcome, Wanted
from actors.partition.deliveries import Deliveries
from actors.partition.entries import BadEntry, accepted_at, read_entry
from actors.partition.hand_record import HandRecord
from actors.partition.owner_notes import (
    EntriesSeen,
    Fetched,
    Follow,
    Forget,
    HandedOut,
    LetGo,
    Purpose,
    RoundEnds,
    Tick,
)
from actors.partition.store import HAND_OUT_MAX
from actors.partition.strays import Strays
from actors.partition.table import Deadlines, Entry, Table
from actors.partition.voice import CommitDone, Voice, blobs_of
from actors.session.notes import SessionUp, SnapshotWanted, TurnEnded, TurnInHand
from actors.store_errors import StoreError, StoreNotReady, StoreRefusal
from supervision.actor import ActorDown, GeventActor
from supervision.supervisor import ChildSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actors.node import Node
    from actors.session.roster import Roster

# Static replies a tick: after an outage thousands may be due at once, and those still in time come first.
STATICS_MAX: Final = 64
TICK_MIN_S: Final = 0.01
TICK_MAX_S: Final = 1.0
STORE_RETRY_S: Final = 0.5
# How often it is looked whether the store is known to be what it was.
TICK_CLOSED_S: Final = 0.05


class Owner(GeventActor):
    """One partition's owner under one fence."""

    def __init__(self, node: Node, roster: Roster, partition: int) -> None:
        """Own the partition under the lease that the node holds."""
        super().__init__()
        self._node = node
        self._roster = roster
        self._partition = partition
        self._fence = ""
        self._voice: Voice
        self._strays: Strays
        settings = node.settings.daemon
        self._max_attempts = settings.max_attempts
        self._table = Table(Deadlines(settings.soft_deadline_s, settings.hard_deadline_s))
        # Invariant: history of messages that are, or may be, in hand, of those that have one; a chat's record is about
        # its first message.
        self._records: dict[str, HandRecord] = {}
        # Entries that an earlier owner gave their static reply: they wait for work, not for words.
        self._owed: set[str] = set()
        self._deliveries = Deliveries(node, roster, self)
        self._letting_go = False
        # Whether a RoundEnds is on its way. Invariant: it is after every step that may have made something ready.
        self._round_asked = False
        self._paused_until_s = 0.0
        self._tick_at_s = 0.0
        self._tick: Any = None

    def on_start(self) -> None:
        """Raise what is suspect in the store, before anything is handed out; then let the reader begin."""
        self._log = actor_logger(self)
        held = self._node.leases.get(self._partition)
        if held is None:
            self.stop()
            return
        self._fence = held.fence
        self._voice = Voice(self._node, self.actor_ref, self._partition, held.fence)
        self._strays = Strays(self._node, self.actor_ref, self._partition)
        self._records = self._node.store.read_hand(self._partition)
        self._owed = self._node.store.read_owed(self._partition)
        if held.suspects and self._records:
            self._records = {chat: record.after_death() for chat, record in self._records.items()}
            self._node.store.write_hand(self._partition, self._fence, self._records)
            self._log.warning(
                "messages were in hand when their owner died", partition=self._partition,
                chats=len(self._records), next="they are handed out again; who dies with the node again runs alone",
            )  # fmt: skip
        held.suspects = False
        self._node.names[f"owner/{self._partition}"] = self.actor_ref
        reader = self._node.whereis("reader")
        if reader is not None:
            reader.tell(Follow(self._partition, self.actor_ref))

    def on_stop(self) -> None:
        """Leave behind what is open, in case the store has lost it: see `Node.left_open`."""
        if not self._node.draining:
            self._node.left_open += self._table.bodies()

    def on_receive(self, message: Any) -> Any:
        """One step. What has become ready is handed out at the end of the hub's round, for all its steps at once."""
        handle = _HANDLERS.get(type(message))
        if handle is None:
            return super().on_receive(message)
        result = handle(self, message)
        if not self._round_asked and type(message) is not RoundEnds:
            self._round_asked = True
            self._node.world.call_soon(self._ask_for_round)
        return result

    def _ask_for_round(self) -> None:
        """On the hub, after all who were woken before: the answers to one batch of commits wake many sessions."""
        if self.actor_ref.is_alive():
            self.actor_ref.tell(RoundEnds())

    def _round_ends(self, _round: RoundEnds) -> None:
        self._speak_for_the_late()
        self._hand_out()
        self._set_tick()
        self._round_asked = False

    def _ticked(self, _tick: Tick) -> None:
        self._tick = None

    def _forget_chat(self, forget: Forget) -> None:
        """Through the session: it goes first, so that no memory of it is left to be written again."""
        reply = self.defer_reply()
        if reply is None or self._table.has_chat(forget.chat_id):
            if reply is not None:
                reply.set(None)
            return
        living = self._node.sessions.pop(forget.chat_id, None)
        if living is not None and living.ref.is_alive():
            living.ref.stop(block=False)

        def done(answer: Any) -> None:
            if isinstance(answer, StoreError):
                reply.fail(answer)
            else:
                reply.set(answer)

        self._node.store.submit_forget(self._partition, self._fence, forget.chat_id, done)

    def _let_go(self, _let_go: LetGo) -> int:
        self._letting_go = True
        at_work = sum(1 for chat in self._deliveries.chats if self._table.in_hand(chat) is not None)
        return at_work + self._deliveries.undelivered

    def _see(self, seen: EntriesSeen) -> None:
        now_s = self._node.world.now()
        keys = self._node.store.keys
        for entry, age_s in zip(seen.entries, seen.ages_s, strict=True):
            if isinstance(entry, BadEntry):
                self._voice.reject_bad(entry)
                continue
            message = entry.message
            partition = keys.partition_of(message.chat_id)
            if partition != self._partition:
                self._strays.forward(entry)
                continue
            taken = self._table.see(
                entry.entry_id, message, entry.message_id, entry.digest,
                week=entry.week, straight=entry.straight, age_s=age_s, now_s=now_s,
            )  # fmt: skip
            if taken is not None and entry.shown:
                # Its person has the static reply: it waits for work, not for words.
                taken.shown = entry.shown
                self._table.is_owed(taken)
            if taken is not None and entry.entry_id in self._owed:
                self._owed.discard(entry.entry_id)
                self._table.is_owed(taken)

    def _hand_out(self) -> None:
        if not self._node.is_open:
            self._tick_soon(TICK_CLOSED_S)
            return
        if self._letting_go or self._node.world.now() < self._paused_until_s or self._others_wait():
            return
        later: list[Entry] = []
        while self._table.has_ready:
            entries = self._table.take_ready(HAND_OUT_MAX)
            whole = [entry for entry in entries if not self._is_at_work(entry, later) and self._may_go(entry)]
            if whole:
                self._ask_for(whole, purpose=Purpose.HAND_OUT)
        for entry in later:
            self._table.put_back(entry)
            self._tick_soon(TICK_MIN_S)

    def _others_wait(self) -> bool:
        """Whether a suspect runs alone on this node, or is about to; begins with it when it is this owner's."""
        solo, now_s = self._node.solo, self._node.world.now()
        if solo.is_running(now_s):
            return True
        while solo.waiting and not self._is_still_there(*solo.waiting[0]):
            solo.waiting.pop(0)
        if not solo.waiting or solo.is_resting(now_s):
            return False
        if solo.must_wait(self._node.in_hand, now_s):
            return True
        partition, entry_id = solo.waiting[0]
        entry = self._table.entry(entry_id)
        if partition == self._partition and entry is not None:
            solo.begin(now_s)
            self._log.warning(
                "a message that was in hand at several deaths runs alone", partition=self._partition,
                chat_id=entry.chat_id, message_id=entry.message_id, next="the others wait for a few seconds",
            )  # fmt: skip
            self._ask_for([entry], purpose=Purpose.HAND_OUT)
        return True

    def _is_still_there(self, partition: int, entry_id: str) -> bool:
        if partition == self._partition:
            return entry_id in self._table
        return self._node.whereis(f"owner/{partition}") is not None

    def _may_go(self, entry: Entry) -> bool:
        if entry.message is None:
            self._node.store.submit_fetch(self._partition, entry.entry_id, self._to_self(Fetched, entry))
            return False
        record = self._history(entry)
        if record is None:
            return True
        if record.attempts >= self._max_attempts:
            if entry.registered:
                self._voice.poison(entry, record)
            else:
                self._ask_for([entry], purpose=Purpose.POISON)
            return False
        if record.runs_alone:
            self._node.solo.wait(self._partition, entry.entry_id)
            return False
        return True

    def _is_at_work(self, entry: Entry, later: list[Entry]) -> bool:
        """Whether the chat's session has work already: of an earlier owner of this lease, or of a lease that was lost.

        later: gets the entry when it has to wait for other work of its session.
        """
        living = self._deliveries.living(entry.chat_id)
        if living is None or not living.entry_id:
            return False
        self._deliveries.watch(entry.chat_id, living)
        if living.fence != self._fence:
            # It works in vain: whatever it commits is stale. Its place is needed.
            living.ref.fence()
            self._node.sessions.pop(entry.chat_id, None)
            return False
        if living.entry_id == entry.entry_id:
            self._table.adopt(entry)
        else:
            later.append(entry)
        return True

    def _history(self, entry: Entry) -> HandRecord | None:
        record = self._records.get(entry.chat_id)
        return record if record is not None and record.entry_id == entry.entry_id else None

    def _record(self, entry: Entry) -> HandRecord:
        return self._history(entry) or HandRecord(entry.entry_id)

    def _ask_for(self, entries: Sequence[Entry], *, purpose: Purpose) -> None:
        wanted = [self._wanted(entry, purpose=purpose) for entry in entries]
        asked = tuple(entries)
        ref = self.actor_ref

        def done(answer: Any) -> None:
            if ref.is_alive():
                ref.tell(HandedOut(asked, answer, purpose))

        self._node.store.submit_hand_out(self._partition, self._fence, wanted, done)

    def _wanted(self, entry: Entry, *, purpose: Purpose) -> Wanted:
        living = self._deliveries.living(entry.chat_id)
        return Wanted(
            not entry.registered, entry.chat_id, entry.entry_id, entry.message_id, entry.digest, entry.week,
            living.version if living is not None else None,
            self._record(entry).handed_out().pack() if purpose is Purpose.HAND_OUT else "",
            blobs_of(entry), entry.shown,
        )  # fmt: skip

    def _handed_out(self, handed: HandedOut) -> None:
        if isinstance(handed.answer, StoreError):
            for entry in handed.entries:
                if handed.purpose is Purpose.STATIC:
                    self._table.static_failed(entry, self._node.world.now() + STORE_RETRY_S)
                elif handed.purpose is not Purpose.INTERIM:
                    self._table.put_back(entry)
            self._pause()
            return
        if handed.answer is Outcome.STALE:
            self._lost("hand out")
            return
        for entry, answer in zip(handed.entries, handed.answer, strict=True):
            self._handed_one(entry, answer, purpose=handed.purpose)

    def _handed_one(self, entry: Entry, handed: Handed, *, purpose: Purpose) -> None:
        if entry.settled:
            return
        match handed.status:
            case HandOut.SETTLED | HandOut.REPEATED:
                self._forget(entry)
            case HandOut.REUSED:
                entry.week = handed.week
                self._voice.reject(entry, "id_reused", "this message id stands for other content")
            case HandOut.BROKEN:
                self._log.error(
                    "a chat's keys cannot be read", partition=self._partition, chat_id=entry.chat_id,
                    message_id=entry.message_id, reason=handed.why, next="its message is rejected and set aside",
                )  # fmt: skip
                self._voice.reject(entry, "unreadable", "what is kept of this conversation cannot be read")
            case HandOut.GO if purpose is not Purpose.HAND_OUT:
                self._table.registered(entry, owed=handed.owed, week=handed.week, interim_sent=handed.interim_sent)
                self._say_as_registered(entry, purpose)
            case HandOut.GO:
                self._table.handed(entry, owed=handed.owed, week=handed.week, interim_sent=handed.interim_sent)
                self._deliver(entry, handed)

    def _say_as_registered(self, entry: Entry, purpose: Purpose) -> None:
        if purpose is Purpose.POISON:
            self._voice.poison(entry, self._record(entry))
        elif not entry.owed and purpose is Purpose.STATIC:
            self._voice.static(entry)
        elif not entry.owed:
            self._voice.interim(entry)

    def _deliver(self, entry: Entry, handed: Handed) -> None:
        living = self._deliveries.living(entry.chat_id)
        known = living is not None and living.version == handed.version
        if entry.message is None or (handed.snapshot is None and not known):
            # The session that stood at that version is gone: ask again, with its snapshot.
            self._table.put_back(entry)
            return
        record = self._record(entry)
        turn = TurnInHand(
            self._voice.fenced(entry), entry.message, handed.version, None if known else handed.snapshot, entry.owed,
            record.crashes, entry.static_at_s, accepted_at(entry.entry_id),
        )  # fmt: skip
        self._deliveries.deliver(turn)

    def _session_up(self, up: SessionUp) -> None:
        turn = self._deliveries.session_up(up.chat_id)
        entry = self._table.entry(turn.entry.entry_id) if turn is not None else None
        if entry is not None:
            self._table.put_back(entry)

    def _snapshot_wanted(self, wanted: SnapshotWanted) -> None:
        entry = self._table.entry(wanted.entry_id)
        if entry is not None:
            self._table.put_back(entry)

    def _turn_ended(self, ended: TurnEnded) -> None:
        self._node.solo.end(self._partition, ended.entry_id, self._node.world.now())
        entry = self._table.entry(ended.entry_id)
        if entry is None:
            return
        if ended.outcome is Outcome.STALE:
            self._table.put_back(entry)
        else:
            self._forget(entry)

    def _session_down(self, down: ActorDown) -> None:
        chat_id = self._deliveries.session_down(down.ref)
        entry = self._table.at_work(chat_id) if chat_id is not None else None
        if chat_id is None or entry is None:
            return
        self._node.solo.end(self._partition, entry.entry_id, self._node.world.now())
        if self._roster.is_guilty(down.reason):
            self._roster.crashed(chat_id)
            record = self._record(entry)
            self._records[chat_id] = replace(record, crashes=record.crashes + 1)
            self._log.warning(
                "a session crashed with a message in hand", chat_id=chat_id, message_id=entry.message_id,
                attempt=record.crashes + 1, of=self._max_attempts, reason=repr(down.reason),
                next="handed out again" if record.crashes + 1 < self._max_attempts else "set aside as poison",
            )  # fmt: skip
        self._table.put_back(entry)

    def _fetched(self, fetched: Fetched) -> None:
        entry = fetched.entry
        if isinstance(fetched.answer, StoreError):
            self._table.put_back(entry)
            self._pause()
        elif fetched.answer is None:
            self._forget(entry)
        else:
            again, _ = read_entry(self._partition, entry.entry_id, fetched.answer)
            if isinstance(again, BadEntry):
                self._forget(entry)
                self._voice.reject_bad(again)
            else:
                self._table.with_body(entry, again.message)
                self._table.put_back(entry)

    def _speak_for_the_late(self) -> None:
        due = self._table.due(self._node.world.now(), STATICS_MAX)
        said = [(entry, Purpose.INTERIM) for entry in due.interims] + [(entry, Purpose.STATIC) for entry in due.statics]
        for entry, purpose in said:
            if entry.registered:
                self._say_as_registered(entry, purpose)
            else:
                self._ask_for([entry], purpose=purpose)

    def _commit_done(self, done: CommitDone) -> None:
        entry, operation = done.entry, done.commit.operation
        if isinstance(done.answer, StoreError):
            self._commit_failed(done, done.answer)
            return
        committed: Committed = done.answer
        if committed.outcome is Outcome.STALE:
            self._lost(operation.value)
            return
        if entry is None or entry.settled:
            return
        if operation is Operation.STATIC and committed.outcome in (Outcome.DONE, Outcome.MINE, Outcome.OWED):
            self._table.is_owed(entry)
            self._log.warning(
                "no session could answer in time: the static reply was given", chat_id=entry.chat_id,
                message_id=entry.message_id, turn=committed.turn, next="the work is owed and ends in a follow-up",
            )  # fmt: skip
        elif committed.outcome is Outcome.OWED:
            # The static reply was given before this owner knew: what takes a turn was refused.
            self._table.is_owed(entry)
            if operation is Operation.POISON:
                self._voice.poison(entry, self._record(entry))
        elif operation is not Operation.INTERIM or committed.outcome is Outcome.ANSWERED:
            self._forget(entry)

    def _commit_failed(self, done: CommitDone, error: StoreError) -> None:
        """The store is away: what has to be said is said again later, under its old nonce.

        What it refuses for good, because a key of the chat is broken, is set aside without the chat's keys.
        """
        entry, operation = done.entry, done.commit.operation
        refused = isinstance(error, StoreRefusal) and not isinstance(error, StoreNotReady)
        if refused and entry is not None and operation is not Operation.REJECT:
            self._log.error(
                "a commit was refused", operation=operation.value, chat_id=entry.chat_id, message_id=entry.message_id,
                reason=str(error), next="the message is set aside",
            )  # fmt: skip
            self._voice.set_aside(entry, str(error))
            return
        if operation is Operation.INTERIM:
            return
        if operation is Operation.STATIC and entry is not None:
            self._table.static_failed(entry, self._node.world.now() + STORE_RETRY_S)
            return
        self._node.world.call_later(STORE_RETRY_S, self._voice.say_again, done.commit, entry)

    def _forget(self, entry: Entry) -> None:
        self._node.solo.end(self._partition, entry.entry_id, self._node.world.now())
        self._table.settle(entry.entry_id)
        self._deliveries.forget(entry.chat_id)
        record = self._records.get(entry.chat_id)
        if record is not None and record.entry_id == entry.entry_id:
            del self._records[entry.chat_id]

    def _lost(self, doing: str) -> None:
        """The lease is another's: this owner has nothing more to say. The keeper of leases starts the next one."""
        self._log.warning("the lease is lost", partition=self._partition, doing=doing, next="this owner stops")
        self._letting_go = True
        held = self._node.leases.get(self._partition)
        if held is not None and held.fence == self._fence:
            del self._node.leases[self._partition]
        self.stop()

    def _to_self(self, kind: type, entry: Entry) -> Any:
        ref = self.actor_ref

        def done(answer: Any) -> None:
            if ref.is_alive():
                ref.tell(kind(entry, answer))

        return done

    def _pause(self) -> None:
        """The store does not answer: ask for nothing for a moment."""
        self._paused_until_s = self._node.world.now() + STORE_RETRY_S
        self._tick_soon(STORE_RETRY_S)

    def _tick_soon(self, delay_s: float) -> None:
        at_s = self._node.world.now() + delay_s
        if self._tick is not None:
            if self._tick_at_s <= at_s:
                return
            self._tick.cancel()
        self._tick_at_s = at_s
        self._tick = self.send_after(delay_s, Tick())

    def _set_tick(self) -> None:
        solo = self._node.solo
        if solo.running or solo.waiting:
            self._tick_soon(0.05)
        due_s = self._table.next_due_s()
        if due_s is not None:
            self._tick_soon(min(max(due_s - self._node.world.now(), TICK_MIN_S), TICK_MAX_S))


# By type, because this is the hot path of every message.
_HANDLERS: Final[dict[type, Callable[[Owner, Any], Any]]] = {
    EntriesSeen: Owner._see,  # noqa: SLF001 - its own
    TurnEnded: Owner._turn_ended,  # noqa: SLF001
    HandedOut: Owner._handed_out,  # noqa: SLF001
    CommitDone: Owner._commit_done,  # noqa: SLF001
    RoundEnds: Owner._round_ends,  # noqa: SLF001
    Tick: Owner._ticked,  # noqa: SLF001
    ActorDown: Owner._session_down,  # noqa: SLF001
    SessionUp: Owner._session_up,  # noqa: SLF001
    SnapshotWanted: Owner._snapshot_wanted,  # noqa: SLF001
    Fetched: Owner._fetched,  # noqa: SLF001
    Forget: Owner._forget_chat,  # noqa: SLF001
    LetGo: Owner._let_go,  # noqa: SLF001
}


def supervised(node: Node, roster: Roster, partition: int) -> ChildSpec:
    """The owner of one partition; it finds the lease that the node holds at each start."""
    return ChildSpec(
        id=f"{partition:02d}", start=partial(Owner.start, node, roster, partition), restart="transient", shutdown_s=2.0
    )
