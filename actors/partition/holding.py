"""What the parts of a partition's owner share: its lease, its open messages and their history, its way to the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from actors.logs import actor_logger
from actors.partition.commits import Wanted
from actors.partition.deliveries import Deliveries
from actors.partition.hand_record import HandRecord
from actors.partition.owner_notes import HandedOut, Purpose, Tick
from actors.partition.table import Deadlines, Entry, Table
from actors.partition.voice import Voice, blobs_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.node import Held, Node
    from actors.session.roster import Roster
    from supervision.actor import GeventActor

TICK_MIN_S: Final = 0.01
TICK_MAX_S: Final = 1.0
# How often it is looked whether the suspect that runs alone is done.
TICK_SOLO_S: Final = 0.05
STORE_RETRY_S: Final = 0.5


class Holding:
    """One partition in the hand of one owner, who alone changes it."""

    voice: Voice

    def __init__(self, node: Node, roster: Roster, owner: GeventActor, partition: int) -> None:
        """owner: gets the store's answers and the ticks, and watches the sessions."""
        self.node = node
        self.partition = partition
        self.fence = ""
        settings = node.settings.daemon
        self.table = Table(Deadlines(settings.soft_deadline_s, settings.hard_deadline_s))
        self.deliveries = Deliveries(node, roster, owner)
        # Invariant: history of messages that are, or may be, in hand, of those that have one; a chat's record is about
        # its first message.
        self.records: dict[str, HandRecord] = {}
        # Entries that an earlier owner gave their static reply: they wait for work, not for words.
        self.owed: set[str] = set()
        self.is_letting_go = False
        self._owner = owner
        self._paused_until_s = 0.0
        self._tick_at_s = 0.0
        self._tick: Any = None

    def begin(self, lease: Held) -> None:
        """Raise what is suspect in the store, before anything is handed out."""
        self.log = actor_logger(self._owner)
        self.fence = lease.fence
        self.voice = Voice(self.node, self._owner.actor_ref, self.partition, lease.fence)
        self.records = self.node.store.read_hand(self.partition)
        self.owed = self.node.store.read_owed(self.partition)
        if lease.suspects and self.records:
            self.records = {chat: record.after_death() for chat, record in self.records.items()}
            self.node.store.write_hand(self.partition, self.fence, self.records)
            self.log.warning(
                "messages were in hand when their owner died", partition=self.partition, chats=len(self.records),
                next="they are handed out again; who dies with the node again runs alone",
            )  # fmt: skip
        lease.suspects = False

    def history(self, entry: Entry) -> HandRecord | None:
        """What happened when this very message was in hand before."""
        record = self.records.get(entry.chat_id)
        return record if record is not None and record.entry_id == entry.entry_id else None

    def record(self, entry: Entry) -> HandRecord:
        """The history, or the beginning of one."""
        return self.history(entry) or HandRecord(entry.entry_id)

    def ask_for(self, entries: Sequence[Entry], *, purpose: Purpose) -> None:
        """Ask the store about messages; its answer comes to the owner as a HandedOut."""
        wanted = [self._wanted(entry, purpose=purpose) for entry in entries]
        asked = tuple(entries)
        ref = self._owner.actor_ref

        def done(answer: Any) -> None:
            if ref.is_alive():
                ref.tell(HandedOut(asked, answer, purpose))

        self.node.store.submit_hand_out(self.partition, self.fence, wanted, done)

    def _wanted(self, entry: Entry, *, purpose: Purpose) -> Wanted:
        living = self.deliveries.living(entry.chat_id)
        return Wanted(
            not entry.registered, entry.chat_id, entry.entry_id, entry.message_id, entry.digest, entry.week,
            living.version if living is not None else None,
            self.record(entry).handed_out().pack() if purpose is Purpose.HAND_OUT else "",
            blobs_of(entry), entry.shown,
        )  # fmt: skip

    def to_owner(self, kind: type, entry: Entry) -> Any:
        """What to call with the store's answer about an entry, so that the owner gets it as `kind(entry, answer)`."""
        ref = self._owner.actor_ref

        def done(answer: Any) -> None:
            if ref.is_alive():
                ref.tell(kind(entry, answer))

        return done

    def forget(self, entry: Entry) -> None:
        """The message is settled, whoever settled it."""
        self.node.solo.end(self.partition, entry.entry_id, self.node.world.now())
        self.table.settle(entry.entry_id)
        self.deliveries.forget(entry.chat_id)
        if self.history(entry) is not None:
            del self.records[entry.chat_id]

    def lose(self, doing: str) -> None:
        """The lease is another's: this owner has nothing more to say. The keeper of leases starts the next one."""
        self.log.warning("the lease is lost", partition=self.partition, doing=doing, next="this owner stops")
        self.is_letting_go = True
        held = self.node.leases.get(self.partition)
        if held is not None and held.fence == self.fence:
            del self.node.leases[self.partition]
        self._owner.stop()

    @property
    def is_paused(self) -> bool:
        """Whether the store did not answer a moment ago."""
        return self.node.world.now() < self._paused_until_s

    def pause(self) -> None:
        """The store does not answer: ask for nothing for a moment."""
        self._paused_until_s = self.node.world.now() + STORE_RETRY_S
        self.tick_soon(STORE_RETRY_S)

    def ticked(self, _tick: Tick) -> None:
        """The tick came."""
        self._tick = None

    def tick_soon(self, delay_s: float) -> None:
        """Have a tick after so many seconds, or earlier."""
        at_s = self.node.world.now() + delay_s
        if self._tick is not None:
            if self._tick_at_s <= at_s:
                return
            self._tick.cancel()
        self._tick_at_s = at_s
        self._tick = self._owner.send_after(delay_s, Tick())

    def tick_when_due(self) -> None:
        """Have a tick at the next deadline, and while a suspect runs alone or waits for it."""
        solo = self.node.solo
        if solo.running or solo.waiting:
            self.tick_soon(TICK_SOLO_S)
        due_s = self.table.next_due_s()
        if due_s is not None:
            self.tick_soon(min(max(due_s - self.node.world.now(), TICK_MIN_S), TICK_MAX_S))
