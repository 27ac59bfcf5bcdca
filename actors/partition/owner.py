"""The owner of a partition: hands each chat one message at a time, and speaks when no session can.

It keeps the deadlines and never blocks: what it wants of the store is submitted, and the answers come back as
messages. One owner actor a partition; a restarted one adopts the fence and the living sessions.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from actors.partition.commits import Outcome
from actors.partition.entries import BadEntry
from actors.partition.handing_out import HandingOut
from actors.partition.holding import Holding
from actors.partition.owner_notes import EntriesSeen, Fetched, Follow, Forget, HandedOut, LetGo, RoundEnds, Tick
from actors.partition.speaking import Speaking
from actors.partition.strays import Strays
from actors.partition.voice import CommitDone
from actors.session.notes import SessionUp, SnapshotWanted, TurnEnded
from actors.store_errors import StoreError
from supervision.actor import ActorDown, GeventActor
from supervision.supervisor import ChildSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.node import Node
    from actors.partition.entries import SeenEntry
    from actors.session.roster import Roster


class Owner(GeventActor):
    """One partition's owner under one fence: hears of its entries and of its sessions."""

    def __init__(self, node: Node, roster: Roster, partition: int) -> None:
        """Own the partition under the lease that the node holds."""
        super().__init__()
        self._node = node
        self._roster = roster
        self._partition = partition
        self._max_attempts = node.settings.daemon.max_attempts
        self._holding = Holding(node, roster, self, partition)
        self._speaking = Speaking(self._holding)
        self._handing_out = HandingOut(self._holding, self._speaking)
        self._strays: Strays
        # Whether a RoundEnds is on its way. Invariant: it is after every step that may have made something ready.
        self._round_asked = False
        # By type, because this is the hot path of every message.
        self._handlers: dict[type, Callable[[Any], Any]] = {
            EntriesSeen: self._see,
            TurnEnded: self._turn_ended,
            HandedOut: self._handing_out.handed_out,
            CommitDone: self._speaking.commit_done,
            RoundEnds: self._round_ends,
            Tick: self._holding.ticked,
            ActorDown: self._session_down,
            SessionUp: self._session_up,
            SnapshotWanted: self._snapshot_wanted,
            Fetched: self._handing_out.fetched,
            Forget: self._forget_chat,
            LetGo: self._let_go,
        }

    def on_start(self) -> None:
        """Take up the lease, then let the reader begin."""
        held = self._node.leases.get(self._partition)
        if held is None:
            self.stop()
            return
        self._strays = Strays(self._node, self.actor_ref, self._partition)
        self._holding.begin(held)
        self._node.names[f"owner/{self._partition}"] = self.actor_ref
        reader = self._node.whereis("reader")
        if reader is not None:
            reader.tell(Follow(self._partition, self.actor_ref))

    def on_stop(self) -> None:
        """Leave behind what is open, in case the store has lost it: see `Node.left_open`."""
        if not self._node.draining:
            self._node.left_open += self._holding.table.bodies()

    def on_receive(self, message: Any) -> Any:
        """One step. What has become ready is handed out at the end of the hub's round, for all its steps at once."""
        handle = self._handlers.get(type(message))
        if handle is None:
            return super().on_receive(message)
        result = handle(message)
        if not self._round_asked and type(message) is not RoundEnds:
            self._round_asked = True
            self._node.world.call_soon(self._ask_for_round)
        return result

    def _ask_for_round(self) -> None:
        """On the hub, after all who were woken before: the answers to one batch of commits wake many sessions."""
        if self.actor_ref.is_alive():
            self.actor_ref.tell(RoundEnds())

    def _round_ends(self, _round: RoundEnds) -> None:
        self._speaking.speak_for_the_late()
        self._handing_out.hand_out()
        self._holding.tick_when_due()
        self._round_asked = False

    def _see(self, seen: EntriesSeen) -> None:
        now_s = self._node.world.now()
        keys = self._node.store.keys
        for entry, age_s in zip(seen.entries, seen.ages_s, strict=True):
            if isinstance(entry, BadEntry):
                self._holding.voice.reject_bad(entry)
            elif keys.partition_of(entry.message.chat_id) != self._partition:
                self._strays.forward(entry)
            else:
                self._see_own(entry, age_s, now_s)

    def _see_own(self, entry: SeenEntry, age_s: float, now_s: float) -> None:
        table, owed = self._holding.table, self._holding.owed
        taken = table.see(
            entry.entry_id, entry.message, entry.message_id, entry.digest,
            week=entry.week, straight=entry.straight, age_s=age_s, now_s=now_s,
        )  # fmt: skip
        if taken is not None and entry.shown:
            # Its person has the static reply: it waits for work, not for words.
            taken.shown = entry.shown
            table.is_owed(taken)
        if taken is not None and entry.entry_id in owed:
            owed.discard(entry.entry_id)
            table.is_owed(taken)

    def _session_up(self, up: SessionUp) -> None:
        turn = self._holding.deliveries.session_up(up.chat_id)
        if turn is not None:
            self._put_back(turn.entry.entry_id)

    def _snapshot_wanted(self, wanted: SnapshotWanted) -> None:
        self._put_back(wanted.entry_id)

    def _put_back(self, entry_id: str) -> None:
        entry = self._holding.table.entry(entry_id)
        if entry is not None:
            self._holding.table.put_back(entry)

    def _turn_ended(self, ended: TurnEnded) -> None:
        self._node.solo.end(self._partition, ended.entry_id, self._node.world.now())
        entry = self._holding.table.entry(ended.entry_id)
        if entry is None:
            return
        if ended.outcome is Outcome.STALE:
            self._holding.table.put_back(entry)
        else:
            self._holding.forget(entry)

    def _session_down(self, down: ActorDown) -> None:
        holding = self._holding
        chat_id = holding.deliveries.session_down(down.ref)
        entry = holding.table.at_work(chat_id) if chat_id is not None else None
        if chat_id is None or entry is None:
            return
        self._node.solo.end(self._partition, entry.entry_id, self._node.world.now())
        if self._roster.is_guilty(down.reason):
            self._roster.crashed(chat_id)
            record = holding.record(entry)
            holding.records[chat_id] = replace(record, crashes=record.crashes + 1)
            holding.log.warning(
                "a session crashed with a message in hand", chat_id=chat_id, message_id=entry.message_id,
                attempt=record.crashes + 1, of=self._max_attempts, reason=repr(down.reason),
                next="handed out again" if record.crashes + 1 < self._max_attempts else "set aside as poison",
            )  # fmt: skip
        holding.table.put_back(entry)

    def _let_go(self, _let_go: LetGo) -> int:
        holding = self._holding
        holding.is_letting_go = True
        at_work = sum(1 for chat in holding.deliveries.chats if holding.table.in_hand(chat) is not None)
        return at_work + holding.deliveries.undelivered

    def _forget_chat(self, forget: Forget) -> None:
        """Through the session: it goes first, so that no memory of it is left to be written again."""
        reply = self.defer_reply()
        if reply is None or self._holding.table.has_chat(forget.chat_id):
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

        self._node.store.submit_forget(self._partition, self._holding.fence, forget.chat_id, done)


def supervised(node: Node, roster: Roster, partition: int) -> ChildSpec:
    """The owner of one partition; it finds the lease that the node holds at each start."""
    return ChildSpec(
        id=f"{partition:02d}", start=partial(Owner.start, node, roster, partition), restart="transient", shutdown_s=2.0
    )
