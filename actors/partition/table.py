"""The owner's table: every open message of a partition with its deadlines, and whose turn it is in each chat.

A pure state machine: it is told what was seen, handed out, answered and how late it is, and says what to do next. It
keeps the deadlines, not the session: a session that waits for a model cannot hear its own timer, and a message that
waits behind another has no session yet.

Invariants: a chat has at most one message in hand; messages of a chat are handed out in the order of the stream; a hard
deadline is never before that of the chat's message before it; a static reply is asked for only when every open message
of the chat before it has had its own; an entry is in the table until it is settled.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto

from actors.partition.due_line import DueLine
from messages.light import light_record
from messages.records import InboundMessage

# The static reply goes out this long before the hard deadline, so that it is there by the deadline.
STATIC_MARGIN_S = 2.0
# What a message that comes too late to be answered in time gets before its static reply: enough for the rules.
LATE_BUDGET_S = 5.0
# Nobody is told to wait within the first second of being seen.
INTERIM_MIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds from the acceptance of a message to its interim and to its final reply."""

    soft_s: float = 8.0
    hard_s: float = 30.0


class Phase(Enum):
    """Where a chat's first message is."""

    WAITING = auto()  # nothing of the chat is in hand
    ASKED = auto()  # the store is being asked to hand it out
    IN_HAND = auto()  # its session has it


@dataclass(slots=True, eq=False)
class Entry:
    """One open message.

    message is None while its body is not held here (`body_dropped` then) and has to be fetched before it is handed out.
    straight: it came straight into the partition, so its record may not exist yet. attempts: crashes of its session.
    """

    entry_id: str
    chat_id: str
    message_id: str
    digest: str
    week: int
    straight: bool
    message: InboundMessage | None
    first_seen_s: float
    soft_at_s: float | None
    hard_at_s: float
    late: bool
    # The static reply that its person was shown while the store was away; empty when none was.
    shown: bytes = b""
    registered: bool = False
    owed: bool = False
    interim_sent: bool = False
    static_asked: bool = False
    settled: bool = False
    # The chat's open messages before and after it: its static reply comes after the one's and before the other's.
    before: Entry | None = None
    after: Entry | None = None
    held_back: bool = False

    @property
    def static_at_s(self) -> float:
        """When the static reply is due."""
        return self.hard_at_s - (0.0 if self.late else STATIC_MARGIN_S)


@dataclass(slots=True)
class Chat:
    """The open messages of one chat, the oldest first."""

    queue: deque[Entry] = field(default_factory=deque)
    phase: Phase = Phase.WAITING
    held: bool = False  # its session is not to be had: nothing is handed out until `release`
    listed: bool = False  # it stands in the table's list of chats that may go on


@light_record
class Due:
    """What the passing of time asks for."""

    interims: tuple[Entry, ...] = ()
    statics: tuple[Entry, ...] = ()


class Table:
    """Every open entry of a partition; all times are monotonic seconds passed in."""

    def __init__(self, deadlines: Deadlines, bodies_max: int = 1024, bodies_per_chat_max: int = 64) -> None:
        """Start empty; at most bodies_max messages are held with their bodies, and few of one chat."""
        self._deadlines = deadlines
        self._bodies_max = bodies_max
        self._bodies_per_chat_max = bodies_per_chat_max
        self._bodies = 0
        self._entries: dict[str, Entry] = {}
        self._chats: dict[str, Chat] = {}
        self._ready: deque[str] = deque()
        self._due = DueLine()

    def __len__(self) -> int:
        """How many messages are open."""
        return len(self._entries)

    def __contains__(self, entry_id: str) -> bool:
        """Whether the entry is open here."""
        return entry_id in self._entries

    def bodies(self) -> list[tuple[InboundMessage, str, str]]:
        """Every open message whose body is held here and whose final reply was not given, with its id and digest."""
        return [
            (entry.message, entry.message_id, entry.digest)
            for entry in self._entries.values()
            if entry.message is not None and not entry.owed
        ]

    def in_hand(self, chat_id: str) -> Entry | None:
        """The message that the chat's session has, or that the store is being asked for."""
        chat = self._chats.get(chat_id)
        return chat.queue[0] if chat is not None and chat.phase is not Phase.WAITING else None

    def at_work(self, chat_id: str) -> Entry | None:
        """The message that the chat's session has."""
        chat = self._chats.get(chat_id)
        return chat.queue[0] if chat is not None and chat.phase is Phase.IN_HAND else None

    def has_chat(self, chat_id: str) -> bool:
        """Whether the chat has open messages."""
        chat = self._chats.get(chat_id)
        return chat is not None and bool(chat.queue)

    def entry(self, entry_id: str) -> Entry | None:
        """The open entry of that id."""
        return self._entries.get(entry_id)

    def see(
        self,
        entry_id: str,
        message: InboundMessage,
        message_id: str,
        digest: str,
        *,
        week: int,
        straight: bool,
        age_s: float,
        now_s: float,
    ) -> Entry | None:
        """Take an entry of the stream into the table; None when it is there already.

        age_s: how old it is, by the server's clock, taken once; from here on it grows by now_s alone.
        """
        if entry_id in self._entries:
            return None
        chat_id = message.chat_id
        chat = self._chats.get(chat_id)
        if chat is None:
            chat = self._chats[chat_id] = Chat()
        soft_at_s, hard_at_s, late = self._times(age_s, now_s)
        before = chat.queue[-1] if chat.queue else None
        if before is not None:
            margin_s = 0.0 if late else STATIC_MARGIN_S
            hard_at_s = max(hard_at_s, before.hard_at_s, before.static_at_s + margin_s)
            if hard_at_s - margin_s < before.static_at_s:
                # The sum was rounded down: the next number is enough.
                hard_at_s = math.nextafter(hard_at_s, math.inf)
        keeps_body = self._bodies < self._bodies_max and len(chat.queue) < self._bodies_per_chat_max
        entry = Entry(
            entry_id, chat_id, message_id, digest, week, straight, message if keeps_body else None,
            now_s, soft_at_s, hard_at_s, late, registered=not straight, before=before,
        )  # fmt: skip
        if before is not None:
            before.after = entry
        self._bodies += keeps_body
        self._entries[entry_id] = entry
        chat.queue.append(entry)
        self._list(chat_id, chat)
        self._due.add(soft_at_s if soft_at_s is not None else entry.static_at_s, entry)
        return entry

    def _times(self, age_s: float, now_s: float) -> tuple[float | None, float, bool]:
        age_s = max(age_s, 0.0)
        left_s = self._deadlines.hard_s - age_s
        if left_s <= STATIC_MARGIN_S:
            return None, now_s + LATE_BUDGET_S, True
        soft_at_s = now_s + max(self._deadlines.soft_s - age_s, INTERIM_MIN_S)
        hard_at_s = now_s + left_s
        return (soft_at_s if soft_at_s < hard_at_s - STATIC_MARGIN_S else None), hard_at_s, False

    def take_ready(self, count_max: int) -> list[Entry]:
        """The messages to hand out now, oldest chat first; they are asked for from here on. Bodies may be missing."""
        taken: list[Entry] = []
        while self._ready and len(taken) < count_max:
            chat_id = self._ready.popleft()
            chat = self._chats.get(chat_id)
            if chat is None:
                continue
            chat.listed = False
            if chat.held or not chat.queue or chat.phase is not Phase.WAITING:
                continue
            chat.phase = Phase.ASKED
            taken.append(chat.queue[0])
        return taken

    @property
    def has_ready(self) -> bool:
        """Whether `take_ready` may have something."""
        return bool(self._ready)

    def put_back(self, entry: Entry) -> None:
        """The entry could not be handed out; it is the chat's next again."""
        chat = self._chats.get(entry.chat_id)
        if chat is not None and chat.queue and chat.queue[0] is entry:
            chat.phase = Phase.WAITING
            self._list(entry.chat_id, chat)

    def handed(self, entry: Entry, *, owed: bool, week: int, interim_sent: bool) -> None:
        """The store has handed the entry out: its session has it now."""
        self.registered(entry, owed=owed, week=week, interim_sent=interim_sent)
        chat = self._chats.get(entry.chat_id)
        if chat is not None and chat.queue and chat.queue[0] is entry:
            chat.phase = Phase.IN_HAND

    def adopt(self, entry: Entry) -> None:
        """The chat's session has the entry already, from an earlier owner."""
        chat = self._chats.get(entry.chat_id)
        if chat is not None and chat.queue and chat.queue[0] is entry:
            chat.phase = Phase.IN_HAND

    def registered(self, entry: Entry, *, owed: bool, week: int, interim_sent: bool) -> None:
        """What the store knows of the entry."""
        entry.registered, entry.week = True, week
        if owed:
            self.is_owed(entry)
        entry.interim_sent = entry.interim_sent or interim_sent

    def is_owed(self, entry: Entry) -> None:
        """Its static reply was given: the chat's next one may get its own, should it be due."""
        entry.owed = True
        self._let_speak(entry)

    def with_body(self, entry: Entry, message: InboundMessage) -> None:
        """The body of an entry was fetched again."""
        if entry.message is None:
            entry.message = message
            self._bodies += 1

    def settle(self, entry_id: str) -> Entry | None:
        """Nothing more happens to the entry; the chat's next one may go on."""
        entry = self._entries.pop(entry_id, None)
        if entry is None:
            return None
        entry.settled = True
        if entry.message is not None:
            self._bodies -= 1
            entry.message = None  # the line of what is due may hold the entry for a while
        chat = self._chats[entry.chat_id]
        was_first = chat.queue[0] is entry
        chat.queue.remove(entry)
        self._unlink(entry)
        if was_first:
            chat.phase = Phase.WAITING
        if not chat.queue:
            if not chat.held:
                del self._chats[entry.chat_id]
        elif was_first:
            self._list(entry.chat_id, chat)
        return entry

    def hold(self, chat_id: str) -> None:
        """The chat's session is not to be had; what was in hand is the chat's next again."""
        chat = self._chats.get(chat_id)
        if chat is not None:
            chat.held = True
            chat.phase = Phase.WAITING

    def release(self, chat_id: str) -> None:
        """The chat's session can be had again."""
        chat = self._chats.get(chat_id)
        if chat is None:
            return
        chat.held = False
        if chat.queue:
            self._list(chat_id, chat)
        else:
            del self._chats[chat_id]

    def due(self, now_s: float, statics_max: int) -> Due:
        """Whose soft or hard deadline has come. At most statics_max static replies; the rest stay due."""
        interims: list[Entry] = []
        statics: list[Entry] = []
        while self._is_due(now_s) and len(statics) < statics_max:
            entry = self._due.pop()
            if entry.owed or entry.static_asked:
                continue
            if entry.static_at_s <= now_s:
                entry.held_back = entry.before is not None and not entry.before.owed
                if not entry.held_back:
                    entry.static_asked = True
                    statics.append(entry)
                continue
            if entry.soft_at_s is not None and entry.soft_at_s <= now_s and not entry.interim_sent:
                entry.interim_sent = True
                interims.append(entry)
            self._due.add(entry.static_at_s, entry)
        return Due(tuple(interims), tuple(statics))

    def static_failed(self, entry: Entry, retry_at_s: float) -> None:
        """The static reply could not be committed: it is due again at that time."""
        entry.static_asked = False
        self._due.add(retry_at_s, entry)

    def next_due_s(self) -> float | None:
        """The next moment at which `due` may have something."""
        return self._due.next_s()

    def _is_due(self, now_s: float) -> bool:
        due_s = self._due.next_s()
        return due_s is not None and due_s <= now_s

    def _unlink(self, entry: Entry) -> None:
        before, after = entry.before, entry.after
        if before is not None:
            before.after = after
        if after is not None:
            after.before = before
        if before is None or before.owed:
            self._let_speak(entry)

    def _let_speak(self, entry: Entry) -> None:
        """The message after this one need not hold back its static reply any more."""
        after = entry.after
        if after is not None and after.held_back:
            after.held_back = False
            self._due.add(after.static_at_s, after)

    def _list(self, chat_id: str, chat: Chat) -> None:
        if not chat.listed and chat.phase is Phase.WAITING and not chat.held:
            chat.listed = True
            self._ready.append(chat_id)
