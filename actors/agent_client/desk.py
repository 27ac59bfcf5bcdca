"""Who waits for what: every letter from its acceptance to its last word, in the order of its chat.

A letter is READY until the store has it. It is SENT from then on, and READY again when the link to the store breaks
before it was answered: the copy costs nothing, because a known message id is taken in once. Of a chat one letter at a
time is on its way, so that no failure can change their order. Its caller is *told* when a static reply was given, and
what comes later for it is a follow-up.

A machine: it knows no clock, no store and no task; `post` does what it says.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from msgspec.structs import replace

if TYPE_CHECKING:
    from messages.records import Reply

NameT = TypeVar("NameT", bound=Hashable)

OPEN_MAX: Final = 20_000
IDLE_CHATS_MAX: Final = 256
REMEMBERED_MAX: Final = 10_000


class Stage(Enum):
    """Where a letter stands."""

    WRITING = auto()
    """Accepted, its attachments are being read; those behind it wait."""
    READY = auto()
    SENDING = auto()
    SENT = auto()
    OWED = auto()
    """The daemon has given its own static reply and owes the work: not to be sent again."""


@dataclass(slots=True, eq=False)
class Letter:
    """One message. body is None while it is being written, and where only the spool has it (row is its number there).

    told: its caller has a static reply, or has gone. shown: that reply, JSON, for the store to record; empty while
    there is none, and where only the spool has the body. gone: it is not to be sent; dropped as soon as it can be.
    may_be_there: the link broke when it was sent or on its way, so that the store may have it.
    """

    number: int
    chat_id: str
    message_id: str
    stage: Stage = Stage.WRITING
    body: bytes | None = None
    size_bytes: int = 0
    row: int | None = None
    told: bool = False
    gone: bool = False
    shown: bytes = b""
    may_be_there: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The final or rejected reply that the letter's caller waits for. owed: a follow-up will come."""

    letter: Letter
    reply: Reply
    owed: bool = False


@dataclass(frozen=True, slots=True)
class Interim:
    """The agent is still at it."""

    letter: Letter
    reply: Reply


@dataclass(frozen=True, slots=True)
class FollowUp:
    """What came after the answer. letter: the one it settles; None when nothing was owed."""

    letter: Letter | None
    reply: Reply


Heard: TypeAlias = Answer | Interim | FollowUp | None


@dataclass(slots=True)
class _Chat:
    """position: id of the last entry read from its reply stream; None before its first letter was to go.

    Invariant: letters are in the order of their numbers. unsent holds those in WRITING and READY in that order; while
    sending is set, none of them goes.
    """

    letters: dict[str, Letter] = field(default_factory=dict)
    unsent: deque[Letter] = field(default_factory=deque)
    sending: Letter | None = None
    position: str | None = None
    unsure: bool = False
    """The link was lost since: the store may have been set back, and the position with it."""


class Desk:
    """All letters of one agent."""

    def __init__(self, open_max: int = OPEN_MAX) -> None:
        """open_max: letters without their last word, those in the spool included."""
        self._open_max = open_max
        self._number = 0
        self._open = 0
        self._chats: dict[str, _Chat] = {}
        self._idle: OrderedDict[str, None] = OrderedDict()
        self._ready: dict[str, None] = {}
        self._ours: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._heard: OrderedDict[str, None] = OrderedDict()

    @property
    def open(self) -> int:
        """Letters without their last word."""
        return self._open

    @property
    def has_ready(self) -> bool:
        """Whether `batch` may have something."""
        return bool(self._ready)

    def accept(self, chat_id: str, message_id: str) -> Letter | None:
        """Give a letter its place behind those of its chat; None when there are too many.

        A message id whose caller was told before is taken up again: then the letter is not in WRITING. Raises
        ValueError for one that somebody waits for.
        """
        known = self._chats[chat_id].letters.get(message_id) if chat_id in self._chats else None
        if known is not None:
            if not known.told:
                raise ValueError(f"message {message_id!r} of this chat is being worked on already")
            known.told = known.gone = False
            return known
        if self._open >= self._open_max:
            return None
        return self._add(chat_id, message_id)

    def restore(self, chat_id: str, message_id: str, row: int, size_bytes: int, position: str | None) -> Letter | None:
        """Take up a letter that an earlier agent has kept; its caller was told. None when it is here already.

        size_bytes: 0 for one that the daemon owes and that is only waited for. position: where its replies are to be
        read from, None when it was never sent.
        """
        if chat_id in self._chats and message_id in self._chats[chat_id].letters:
            return None
        letter = self._add(chat_id, message_id)
        letter.row, letter.size_bytes, letter.told = row, size_bytes, True
        chat = self._chats[chat_id]
        if position is not None and (chat.position is None or _before(position, chat.position)):
            chat.position, chat.unsure = position, True
        if size_bytes:
            self._make_ready(letter)
        else:
            chat.unsent.remove(letter)
            letter.stage = Stage.OWED
        return letter

    def written(self, letter: Letter, body: bytes) -> None:
        """The letter can go."""
        if letter.stage is Stage.WRITING:
            letter.body, letter.size_bytes = body, len(body)
            self._make_ready(letter)

    def batch(self, count_max: int, size_max_bytes: int) -> list[Letter]:
        """Take letters to send now, at most one of a chat, the longest waiting chats first."""
        taken: list[Letter] = []
        size_bytes = 0
        for chat_id in list(self._ready):
            chat = self._chats[chat_id]
            head = chat.unsent[0]
            if taken and (len(taken) >= count_max or size_bytes + head.size_bytes > size_max_bytes):
                break
            del self._ready[chat_id]
            chat.sending = chat.unsent.popleft()
            head.stage = Stage.SENDING
            size_bytes += head.size_bytes
            taken.append(head)
        return taken

    def wants_tail(self, letter: Letter) -> bool:
        """Whether the end of its chat's reply stream has to be looked up before it goes."""
        chat = self._chats.get(letter.chat_id)
        return chat is not None and (chat.position is None or chat.unsure)

    def tail_found(self, chat_id: str, tail: str) -> bool:
        """The reply stream of the chat ends there. Returns whether there is something new to read from."""
        chat = self._chats.get(chat_id)
        if chat is None:
            return False
        moved = chat.position is None or _before(tail, chat.position)
        chat.position = tail if moved else chat.position
        chat.unsure = False
        return moved

    def sent(self, letter: Letter) -> None:
        """The store has the letter."""
        letter.gone = False
        if letter.stage is Stage.SENDING:
            letter.stage = Stage.SENT
            self._free(letter)

    def put_back(self, letter: Letter) -> None:
        """The store does not take it now: it goes again, before those behind it, once its chat is released."""
        if letter.stage is not Stage.SENDING or not self.is_open(letter):
            return
        chat = self._chats[letter.chat_id]
        chat.sending = None
        letter.stage = Stage.READY
        chat.unsent.appendleft(letter)
        if letter.gone:
            self._remove(letter)

    def release(self, chat_id: str) -> None:
        """Let the chat's letters go again."""
        chat = self._chats.get(chat_id)
        if chat is not None:
            self._offer(chat_id, chat)

    def lost(self) -> None:
        """The link broke: whatever has no answer goes again, in its old order."""
        for letter in [one for chat in self._chats.values() for one in chat.letters.values() if one.gone]:
            self._remove(letter)
        for chat_id, chat in self._chats.items():
            chat.sending = None
            chat.unsure = chat.position is not None
            for letter in chat.letters.values():
                if letter.stage in (Stage.SENDING, Stage.SENT):
                    letter.stage, letter.may_be_there = Stage.READY, True
            chat.unsent = deque(letter for letter in chat.letters.values() if letter.stage is not Stage.OWED)
            self._offer(chat_id, chat)

    def withdraw(self, letter: Letter) -> bool:
        """Its caller has gone, and it is not to be sent. Returns whether it is certain that it never was."""
        letter.told = True
        if letter.stage is Stage.SENDING:
            letter.gone = True
        elif letter.stage in (Stage.WRITING, Stage.READY) and letter.row is None and self.is_open(letter):
            if letter.may_be_there:
                return False
            self._remove(letter)
            return True
        return False

    def heard(self, chat_id: str, position: str, reply: Reply) -> Heard:
        """Say what to do with an entry of a chat's reply stream."""
        chat = self._chats.get(chat_id)
        if chat is None or reply.message_id is None:
            return None
        chat.position = position
        letter = chat.letters.get(reply.message_id)
        if reply.kind == "interim":
            return Interim(letter, reply) if letter is not None and not letter.told else None
        if reply.kind == "follow_up":
            return self._followed_up(letter, reply, (chat_id, reply.message_id))
        return self._answered(letter, reply) if letter is not None else None

    def passed(self, chat_id: str, position: str) -> None:
        """An entry that is no reply was passed over."""
        if chat_id in self._chats:
            self._chats[chat_id].position = position

    def unwatch(self, chat_id: str) -> None:
        """The reply stream cannot be read; it is looked up again with the chat's next letter."""
        if chat_id in self._chats:
            self._chats[chat_id].position = None

    def positions(self) -> dict[str, str]:
        """Every chat whose replies are read, and after which entry."""
        return {chat_id: chat.position for chat_id, chat in self._chats.items() if chat.position is not None}

    def position(self, chat_id: str) -> str | None:
        """Where the reading of a chat stands."""
        chat = self._chats.get(chat_id)
        return None if chat is None else chat.position

    def is_open(self, letter: Letter) -> bool:
        """Whether the letter still waits for its last word."""
        chat = self._chats.get(letter.chat_id)
        return chat is not None and chat.letters.get(letter.message_id) is letter

    def settle(self, letter: Letter) -> None:
        """Nothing more is waited for."""
        if self.is_open(letter):
            self._remove(letter)

    def _answered(self, letter: Letter, reply: Reply) -> Heard:
        if not is_owed(reply):
            self._remove(letter)
            return FollowUp(letter, replace(reply, kind="follow_up")) if letter.told else Answer(letter, reply)
        if letter.stage is Stage.OWED:
            return None
        self._take_out(letter)
        letter.stage = Stage.OWED
        was_told, letter.told = letter.told, True
        return None if was_told else Answer(letter, reply, owed=True)

    def _followed_up(self, letter: Letter | None, reply: Reply, name: tuple[str, str]) -> Heard:
        known = reply.reply_id in self._heard
        _remember(self._heard, reply.reply_id)
        if letter is None:
            return FollowUp(None, reply) if name in self._ours and not known else None
        self._remove(letter)
        # Where its static reply was cut off the stream before it could be read, this is the first its caller hears.
        return FollowUp(letter, reply) if letter.told else Answer(letter, replace(reply, kind="final"))

    def _add(self, chat_id: str, message_id: str) -> Letter:
        chat = self._chats.get(chat_id)
        if chat is None:
            chat = self._chats[chat_id] = _Chat()
        self._idle.pop(chat_id, None)
        self._number += 1
        self._open += 1
        letter = Letter(self._number, chat_id, message_id)
        chat.letters[message_id] = letter
        chat.unsent.append(letter)
        _remember(self._ours, (chat_id, message_id))
        return letter

    def _make_ready(self, letter: Letter) -> None:
        letter.stage = Stage.READY
        self._offer(letter.chat_id, self._chats[letter.chat_id])

    def _offer(self, chat_id: str, chat: _Chat) -> None:
        """Put the chat among those that have something to send, or take it from there."""
        if chat.sending is None and chat.unsent and chat.unsent[0].stage is Stage.READY:
            self._ready[chat_id] = None
        else:
            self._ready.pop(chat_id, None)

    def _free(self, letter: Letter) -> None:
        chat = self._chats.get(letter.chat_id)
        if chat is not None and chat.sending is letter:
            chat.sending = None
            self._offer(letter.chat_id, chat)

    def _take_out(self, letter: Letter) -> None:
        """Out of what is to be sent."""
        chat = self._chats[letter.chat_id]
        if letter.stage in (Stage.WRITING, Stage.READY):
            chat.unsent.remove(letter)
            self._offer(letter.chat_id, chat)
        self._free(letter)

    def _remove(self, letter: Letter) -> None:
        """Its last word is said."""
        self._take_out(letter)
        chat = self._chats[letter.chat_id]
        del chat.letters[letter.message_id]
        self._open -= 1
        if not chat.letters:
            self._rest(letter.chat_id, chat)

    def _rest(self, chat_id: str, chat: _Chat) -> None:
        """Nothing is open: its stream is read on for a while, for the sake of follow-ups."""
        self._ready.pop(chat_id, None)
        if chat.position is None:
            del self._chats[chat_id]
            return
        self._idle[chat_id] = None
        if len(self._idle) > IDLE_CHATS_MAX:
            oldest, _ = self._idle.popitem(last=False)
            del self._chats[oldest]


def is_owed(reply: Reply) -> bool:
    """Whether this is the static reply of a daemon that owes the work, not the last word on a poison message."""
    return reply.kind == "final" and reply.answered_by == "static" and "dead_letter" not in reply.recovered_by


def _remember(memory: OrderedDict[NameT, None], name: NameT) -> None:
    memory[name] = None
    memory.move_to_end(name)
    if len(memory) > REMEMBERED_MAX:
        memory.popitem(last=False)


def _before(one: str, other: str) -> bool:
    return _entry(one) < _entry(other)


def _entry(entry_id: str) -> tuple[int, int]:
    milliseconds, _, sequence = entry_id.partition("-")
    return int(milliseconds), int(sequence or 0)
