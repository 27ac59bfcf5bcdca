"""From a message whose turn it is to the session that works on it: what may go, and what the store answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actors.partition.commits import Handed, HandOut, Outcome
from actors.partition.entries import BadEntry, accepted_at, read_entry
from actors.partition.holding import STORE_RETRY_S, TICK_MIN_S
from actors.partition.owner_notes import Fetched, HandedOut, Purpose
from actors.partition.store import HAND_OUT_MAX
from actors.session.notes import TurnInHand
from actors.store_errors import StoreError

if TYPE_CHECKING:
    from actors.partition.holding import Holding
    from actors.partition.speaking import Speaking
    from actors.partition.table import Entry

# How often it is looked whether the store is known to be what it was.
TICK_CLOSED_S: Final = 0.05


class HandingOut:
    """Hands the messages of one holding out, each chat's one at a time."""

    def __init__(self, holding: Holding, speaking: Speaking) -> None:
        """speaking: says what the store was only asked for in order to say it."""
        self._holding = holding
        self._speaking = speaking
        self._max_attempts = holding.node.settings.daemon.max_attempts

    def hand_out(self) -> None:
        """Ask the store for everything that is ready, unless the store or a suspect has to be waited for."""
        holding = self._holding
        if not holding.node.is_open:
            holding.tick_soon(TICK_CLOSED_S)
            return
        if holding.is_letting_go or holding.is_paused or self._others_wait():
            return
        later: list[Entry] = []
        while holding.table.has_ready:
            entries = holding.table.take_ready(HAND_OUT_MAX)
            whole = [entry for entry in entries if not self._is_at_work(entry, later) and self._may_go(entry)]
            if whole:
                holding.ask_for(whole, purpose=Purpose.HAND_OUT)
        for entry in later:
            holding.table.put_back(entry)
            holding.tick_soon(TICK_MIN_S)

    def _others_wait(self) -> bool:
        """Whether a suspect runs alone on this node, or is about to; begins with it when it is this owner's."""
        holding = self._holding
        solo, now_s = holding.node.solo, holding.node.world.now()
        if solo.is_running(now_s):
            return True
        while solo.waiting and not self._is_still_there(*solo.waiting[0]):
            solo.waiting.pop(0)
        if not solo.waiting or solo.is_resting(now_s):
            return False
        if solo.must_wait(holding.node.in_hand, now_s):
            return True
        partition, entry_id = solo.waiting[0]
        entry = holding.table.entry(entry_id)
        if partition == holding.partition and entry is not None:
            solo.begin(now_s)
            holding.log.warning(
                "a message that was in hand at several deaths runs alone", partition=partition,
                chat_id=entry.chat_id, message_id=entry.message_id, next="the others wait for a few seconds",
            )  # fmt: skip
            holding.ask_for([entry], purpose=Purpose.HAND_OUT)
        return True

    def _is_still_there(self, partition: int, entry_id: str) -> bool:
        if partition == self._holding.partition:
            return entry_id in self._holding.table
        return self._holding.node.whereis(f"owner/{partition}") is not None

    def _may_go(self, entry: Entry) -> bool:
        holding = self._holding
        if entry.message is None:
            holding.node.store.submit_fetch(holding.partition, entry.entry_id, holding.to_owner(Fetched, entry))
            return False
        record = holding.history(entry)
        if record is None:
            return True
        if record.attempts >= self._max_attempts:
            if entry.registered:
                holding.voice.poison(entry, record)
            else:
                holding.ask_for([entry], purpose=Purpose.POISON)
            return False
        if record.runs_alone:
            holding.node.solo.wait(holding.partition, entry.entry_id)
            return False
        return True

    def _is_at_work(self, entry: Entry, later: list[Entry]) -> bool:
        """Whether the chat's session has work already: of an earlier owner of this lease, or of a lease that was lost.

        later: gets the entry when it has to wait for other work of its session.
        """
        holding = self._holding
        living = holding.deliveries.living(entry.chat_id)
        if living is None or not living.entry_id:
            return False
        holding.deliveries.watch(entry.chat_id, living)
        if living.fence != holding.fence:
            # It works in vain: whatever it commits is stale. Its place is needed.
            living.ref.fence()
            holding.node.sessions.pop(entry.chat_id, None)
            return False
        if living.entry_id == entry.entry_id:
            holding.table.adopt(entry)
        else:
            later.append(entry)
        return True

    def handed_out(self, handed: HandedOut) -> None:
        """The store has answered about several messages."""
        if isinstance(handed.answer, StoreError):
            self._not_handed_out(handed)
        elif handed.answer is Outcome.STALE:
            self._holding.lose("hand out")
        else:
            for entry, answer in zip(handed.entries, handed.answer, strict=True):
                self._handed_one(entry, answer, purpose=handed.purpose)

    def _not_handed_out(self, handed: HandedOut) -> None:
        holding = self._holding
        for entry in handed.entries:
            if handed.purpose is Purpose.STATIC:
                holding.table.static_failed(entry, holding.node.world.now() + STORE_RETRY_S)
            elif handed.purpose is not Purpose.INTERIM:
                holding.table.put_back(entry)
        holding.pause()

    def _handed_one(self, entry: Entry, handed: Handed, *, purpose: Purpose) -> None:
        holding = self._holding
        if entry.settled:
            return
        match handed.status:
            case HandOut.SETTLED | HandOut.REPEATED:
                holding.forget(entry)
            case HandOut.REUSED:
                entry.week = handed.week
                holding.voice.reject(entry, "id_reused", "this message id stands for other content")
            case HandOut.BROKEN:
                holding.log.error(
                    "a chat's keys cannot be read", partition=holding.partition, chat_id=entry.chat_id,
                    message_id=entry.message_id, reason=handed.why, next="its message is rejected and set aside",
                )  # fmt: skip
                holding.voice.reject(entry, "unreadable", "what is kept of this conversation cannot be read")
            case HandOut.GO if purpose is not Purpose.HAND_OUT:
                holding.table.registered(entry, owed=handed.owed, week=handed.week, interim_sent=handed.interim_sent)
                self._speaking.say_as_registered(entry, purpose)
            case HandOut.GO:
                holding.table.handed(entry, owed=handed.owed, week=handed.week, interim_sent=handed.interim_sent)
                self._deliver(entry, handed)

    def _deliver(self, entry: Entry, handed: Handed) -> None:
        holding = self._holding
        living = holding.deliveries.living(entry.chat_id)
        known = living is not None and living.version == handed.version
        if entry.message is None or (handed.snapshot is None and not known):
            # The session that stood at that version is gone: ask again, with its snapshot.
            holding.table.put_back(entry)
            return
        turn = TurnInHand(
            holding.voice.fenced(entry), entry.message, handed.version, None if known else handed.snapshot, entry.owed,
            holding.record(entry).crashes, entry.static_at_s, accepted_at(entry.entry_id),
        )  # fmt: skip
        holding.deliveries.deliver(turn)

    def fetched(self, fetched: Fetched) -> None:
        """The body of a message has come that was not kept."""
        holding, entry = self._holding, fetched.entry
        if isinstance(fetched.answer, StoreError):
            holding.table.put_back(entry)
            holding.pause()
        elif fetched.answer is None:
            holding.forget(entry)
        else:
            again, _ = read_entry(holding.partition, entry.entry_id, fetched.answer)
            if isinstance(again, BadEntry):
                holding.forget(entry)
                holding.voice.reject_bad(again)
            else:
                holding.table.with_body(entry, again.message)
                holding.table.put_back(entry)
