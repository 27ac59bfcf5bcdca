"""Whatever an owner is told, in any order, against a model of what its table may say. No clock runs."""

from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from seen_entries import HARD_S, SOFT_S, STATICS_MAX, handed_out, seen

from actors.partition.table import Deadlines, Entry, Table


class Owners(RuleBasedStateMachine):
    """Whatever an owner is told, in any order: the table's sentences hold."""

    CHATS = ("a", "b", "c")

    def __init__(self) -> None:
        super().__init__()
        self.table = Table(Deadlines(SOFT_S, HARD_S), bodies_max=5, bodies_per_chat_max=2)
        self.now_s = 1000.0
        self.ids = count(1)
        # The model: open entries of each chat in order, and what was done with each.
        self.queues: dict[str, list[Entry]] = {chat: [] for chat in self.CHATS}
        self.asked: dict[str, Entry] = {}
        self.at_work: dict[str, Entry] = {}
        self.statics_asked: list[Entry] = []
        self.interims: list[Entry] = []
        self.statics_given: list[Entry] = []

    @rule(chat=st.sampled_from(CHATS), age_s=st.sampled_from([0.0, 0.5, 7.5, 20.0, 27.5, 29.0, 600.0]))
    def arrives(self, chat: str, age_s: float) -> None:
        """The reader brings an entry."""
        entry_id = f"{next(self.ids)}-0"
        entry = seen(self.table, entry_id, chat, age_s=age_s, now_s=self.now_s)
        self.queues[chat].append(entry)

    @rule(count_max=st.integers(1, 3))
    def asks(self, count_max: int) -> None:
        """The owner asks the store to hand out what is ready."""
        for entry in self.table.take_ready(count_max):
            assert entry is self.queues[entry.chat_id][0]
            assert entry.chat_id not in self.asked
            assert entry.chat_id not in self.at_work
            self.asked[entry.chat_id] = entry

    @rule(chat=st.sampled_from(CHATS), goes=st.booleans(), owed=st.booleans())
    def store_answers(self, chat: str, goes: bool, owed: bool) -> None:  # noqa: FBT001 - drawn
        """It goes to its session, or the store was away."""
        entry = self.asked.pop(chat, None)
        if entry is None:
            return
        if goes and entry is self.queues[chat][0]:
            self.table.handed(
                entry, owed=entry.owed or (owed and entry in self.statics_given), week=1, interim_sent=False
            )
            self.at_work[chat] = entry
        else:
            self.table.put_back(entry)

    @rule(chat=st.sampled_from(CHATS))
    def session_ends(self, chat: str) -> None:
        """The turn is committed."""
        entry = self.at_work.pop(chat, None)
        if entry is not None:
            self._settled(entry)

    @rule(chat=st.sampled_from(CHATS))
    def session_dies(self, chat: str) -> None:
        """The message goes back."""
        entry = self.at_work.pop(chat, None)
        if entry is not None:
            assert self.table.at_work(chat) is entry
            self.table.put_back(entry)

    @precondition(lambda self: any(self.queues.values()))
    @rule(data=st.data())
    def settled_by_somebody(self, data: st.DataObject) -> None:
        """A repetition, a rejection: any of them, in hand or not."""
        entry = data.draw(st.sampled_from([entry for queue in self.queues.values() for entry in queue]))
        if self.asked.get(entry.chat_id) is entry:
            del self.asked[entry.chat_id]
        if self.at_work.get(entry.chat_id) is entry:
            del self.at_work[entry.chat_id]
        self._settled(entry)

    def _settled(self, entry: Entry) -> None:
        assert self.table.settle(entry.entry_id) is entry
        assert self.table.settle(entry.entry_id) is None
        self.queues[entry.chat_id].remove(entry)
        if entry in self.statics_asked:
            self.statics_asked.remove(entry)

    @rule(seconds=st.sampled_from([0.1, 1.0, 4.0, 8.0, 30.0]), statics_max=st.integers(1, 4))
    def time_passes(self, seconds: float, statics_max: int) -> None:
        """And brings deadlines: each interim once, each static after those of the chat before it."""
        self.now_s += seconds
        due = self.table.due(self.now_s, statics_max)
        assert len(due.statics) <= statics_max
        for entry in due.interims:
            assert entry not in self.interims
            assert entry.soft_at_s is not None
            assert entry.soft_at_s <= self.now_s
            assert not entry.settled
            self.interims.append(entry)
        for entry in due.statics:
            queue = self.queues[entry.chat_id]
            assert entry not in self.statics_asked
            assert entry.static_at_s <= self.now_s
            assert all(before.owed for before in queue[: queue.index(entry)])
            self.statics_asked.append(entry)

    @precondition(lambda self: self.statics_asked)
    @rule(succeeds=st.booleans(), data=st.data())
    def static_is_answered(self, succeeds: bool, data: st.DataObject) -> None:  # noqa: FBT001 - drawn
        """The store took it, or was away."""
        entry = data.draw(st.sampled_from(self.statics_asked))
        self.statics_asked.remove(entry)
        if succeeds:
            self.table.is_owed(entry)
            self.statics_given.append(entry)
        else:
            self.table.static_failed(entry, self.now_s + 0.5)

    @rule()
    def everybody_is_spoken_for(self) -> None:
        """However it stands now: when time passes and the store answers, every open message has had its static."""
        self.now_s += 60.0
        for entry in self.statics_asked:
            self.table.is_owed(entry)
        self.statics_asked.clear()
        while statics := self.table.due(self.now_s, STATICS_MAX).statics:
            for entry in statics:
                self.table.is_owed(entry)
        assert all(entry.owed for queue in self.queues.values() for entry in queue)

    @invariant()
    def the_table_holds_what_is_open(self) -> None:
        """Nothing is lost and nothing stays."""
        assert len(self.table) == sum(len(queue) for queue in self.queues.values())
        assert all(entry.entry_id in self.table for queue in self.queues.values() for entry in queue)

    @invariant()
    def a_chat_has_one_in_hand_and_it_is_its_first(self) -> None:
        """Asked for or at work."""
        for chat, queue in self.queues.items():
            in_hand = self.table.in_hand(chat)
            assert in_hand is (self.asked.get(chat) or self.at_work.get(chat))
            assert in_hand is None or in_hand is queue[0]

    @invariant()
    def who_waits_has_a_next_moment(self) -> None:
        """No message is forgotten by the clock."""
        silent = [
            entry
            for queue in self.queues.values()
            for entry in queue
            if not entry.owed and entry not in self.statics_asked and (entry.before is None or entry.before.owed)
        ]
        assert not silent or self.table.next_due_s() is not None

    def teardown(self) -> None:
        """When all sessions end, every message is handed out in turn and nothing is left."""
        for chat in self.CHATS:
            entry = self.asked.pop(chat, None)
            if entry is not None:
                self.table.put_back(entry)
            self.session_ends(chat)
        while entries := handed_out(self.table):
            for entry in entries:
                self._settled(entry)
        assert len(self.table) == 0
        assert not self.table.has_ready
        assert self.table._chats == {}
        assert self.table._bodies == 0


Owners.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestOwners = pytest.mark.rule("T2", "T3", "T4")(Owners.TestCase)
