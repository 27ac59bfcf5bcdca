"""The post office of one agent: takes letters, has them sent, answers their callers, and keeps what cannot be sent.

What there is to decide it asks the desk; the courier carries. Nothing here raises for what befalls the store, the disk
or the daemon.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from actors.agent_client.courier import Courier
from actors.agent_client.desk import Answer, Desk, FollowUp, Interim, Letter, Stage
from actors.agent_client.keeping import CannotKeep, Keeper
from actors.agent_client.letter import write
from actors.agent_client.spool import Kept
from actors.agent_client.words import overloaded, rejected_reply, static_reply
from messages.errors import CodecError, InvalidMessage
from messages.protocol import reply_from_json, reply_to_json
from supervision.world import WaitTimeout

if TYPE_CHECKING:
    from actors.agent_client.follow_ups import FollowUps
    from actors.agent_client.letter import Draft
    from actors.agent_client.link import Link
    from actors.agent_client.spool import Row
    from messages.records import Reply
    from supervision.world_asyncio import AsyncioWorld, AsyncTask, Event, Promise

_log: Final = logging.getLogger("actors.self_healing_agent")

# What the disk gets to take a message that could not be sent.
KEEP_S: Final = 1.0
SWEEP_S: Final = 5.0
# A store knows its messages for a week at least, and its replies for two: an older one that was sent is only waited
# for, and then not even that.
SEND_AGAIN_S: Final = 6 * 86_400.0
FORGET_S: Final = 15 * 86_400.0
STOP_S: Final = 3.0
STOP_LOOK_S: Final = 0.01


@dataclass(slots=True)
class _Call:
    """A program's wait for a reply. woken: the reply is here, or (reply is None) there is no more time."""

    woken: Event
    reply: Reply | None = None


class Post:
    """Everything between a call of the program and the store."""

    def __init__(
        self,
        world: AsyncioWorld,
        open_link: Callable[[], Awaitable[Link]],
        keeper: Keeper,
        follow_ups: FollowUps,
        on_interim: Callable[[Reply], Awaitable[object] | object] | None,
    ) -> None:
        """open_link: makes a link that is open, or raises LinkLost."""
        self._world = world
        self._keeper = keeper
        self._follow_ups = follow_ups
        self._on_interim = on_interim
        self._desk = Desk()
        self._calls: dict[int, _Call] = {}
        self._asides: set[AsyncTask] = set()
        self._sweeper: AsyncTask | None = None
        self._spool_is_bad = False
        self.courier = Courier(world, self._desk, open_link, self._body, self._hear)

    @property
    def open(self) -> int:
        """Messages without their last word."""
        return self._desk.open

    @property
    def waiting(self) -> int:
        """Calls that wait for their reply."""
        return len(self._calls)

    async def start(self) -> None:
        """Begin: first with what an earlier agent has left. Never raises for the store or the disk."""
        await self._open_spool()
        self.courier.start()
        self._sweeper = self._world.spawn(self._sweep(), "unfailing sweep")

    async def exchange(self, draft: Draft, give_up_at_s: float) -> Reply:
        """Send a message and return its reply: the daemon's, or after give_up_at_s, within KEEP_S, one of our own.

        Raises ValueError for a message id that is being worked on.
        """
        letter = self._desk.accept(draft.chat_id, draft.message_id)
        if letter is None:
            return self._rejected(draft, overloaded(draft, f"{self._desk.open} messages are open already"))
        call = self._calls[letter.number] = _Call(self._world.event())
        self.courier.somebody_waits = True
        try:
            return await self._answered(letter, draft, call, give_up_at_s)
        except InvalidMessage as invalid:
            self._withdraw(letter)
            return self._rejected(draft, invalid)
        except Exception:  # noqa: BLE001 - whatever it is, it is no fault of the caller's
            _log.exception("message %s could not be worked on", draft.message_id)
            self._withdraw(letter)
            return self._rejected(draft, overloaded(draft, "an unexpected failure"))
        except BaseException:
            self._withdraw(letter)
            raise
        finally:
            del self._calls[letter.number]
            self.courier.somebody_waits = bool(self._calls)

    def hurry(self) -> None:
        """There is no more time: every call gets its static reply now."""
        for call in self._calls.values():
            call.woken.set()

    async def stop(self) -> None:
        """Wait a moment for the calls that `hurry` has woken, hang up, and keep nothing running."""
        until_s = self._world.now() + STOP_S
        while (self._calls or any(not task.done for task in self._asides)) and self._world.now() < until_s:
            await self._world.sleep(STOP_LOOK_S)
        for task in (self._sweeper, *self._asides):
            if task is not None:
                await task.stop()
        await self.courier.stop()

    async def _answered(self, letter: Letter, draft: Draft, call: _Call, give_up_at_s: float) -> Reply:
        """Raises InvalidMessage when the message can neither be sent nor kept."""
        if letter.stage is Stage.WRITING:
            await self._write(letter, draft, give_up_at_s)
        await self._world.wait_set(call.woken, give_up_at_s - self._world.now())
        if call.reply is not None:
            return call.reply
        store_away = letter.stage is not Stage.SENT or not self.courier.is_up
        static = static_reply(draft, self._world.wall(), store_away=store_away)
        # From here on it travels with the message, wherever that is: the store records it as the final that was given.
        letter.shown = reply_to_json(static)
        try:
            await self._kept(letter)
        except (CannotKeep, WaitTimeout) as error:
            if letter.stage is not Stage.SENT and call.reply is None:
                raise overloaded(draft, f"it could neither be sent nor kept: {error}") from error
            # The store has it: a follow-up is missed only if this process ends before it comes.
            _log.warning("message %s is sent and not kept: %s", draft.message_id, error)
        if call.reply is not None:
            return call.reply
        letter.told = True
        return static

    async def _write(self, letter: Letter, draft: Draft, give_up_at_s: float) -> None:
        """Raises InvalidMessage, also when a file cannot be read in time."""
        if draft.is_light:
            body = write(draft)
        else:
            left_s = give_up_at_s - self._world.now()
            try:
                body = await self._world.within(left_s, self._world.in_thread(write, draft))
            except WaitTimeout:
                raise overloaded(draft, "its attachments could not be read in time") from None
        self._desk.written(letter, body)
        self.courier.look()

    async def _kept(self, letter: Letter) -> None:
        """Have the letter in the spool. Raises CannotKeep and WaitTimeout."""
        if letter.row is None and letter.body is not None:
            why_not = await self._world.within(KEEP_S, self._keep(letter, letter.body).wait())
            if why_not is not None:
                raise why_not

    def _keep(self, letter: Letter, body: bytes) -> Promise[CannotKeep | None]:
        """Goes on when nobody waits for it any more: a letter that is in the spool has to know it."""

        def done(row: int) -> None:
            letter.row = row
            # From here on the disk has the body: a long outage must not fill the memory.
            letter.body = None
            if not self._desk.is_open(letter):
                self._forget(letter)

        return self._keeper.keep(self._as_kept(letter, body), done)

    def _as_kept(self, letter: Letter, body: bytes) -> Kept:
        position = self._desk.position(letter.chat_id)
        sent = letter.stage in (Stage.SENT, Stage.OWED)
        return Kept(
            letter.number, letter.chat_id, letter.message_id, position, body, sent, self._world.wall(), letter.shown
        )

    def _withdraw(self, letter: Letter) -> None:
        self._desk.withdraw(letter)
        # Those behind it may go now.
        self.courier.look()

    def _rejected(self, draft: Draft, invalid: InvalidMessage) -> Reply:
        return rejected_reply(draft, invalid, self._world.wall())

    def _forget(self, letter: Letter) -> None:
        if letter.row is not None:
            self._keeper.drop(letter.row)
            letter.row = None

    async def _open_spool(self) -> None:
        try:
            await self._keeper.open()
        except CannotKeep as error:
            if not self._spool_is_bad:
                _log.error("messages cannot be kept on this machine: %s; tried again", error)
            self._spool_is_bad = True
            return
        self._spool_is_bad = False
        await self._keeper.take_over()
        rows = self._keeper.found()
        for row in rows:
            self._restore(row)
        if rows:
            _log.info("%d messages of an earlier agent are taken up", len(rows))
            self.courier.look(new_streams=True)

    def _restore(self, row: Row) -> None:
        age_s = self._world.wall() - row.at_s
        if row.sent and age_s > FORGET_S:
            _log.warning("message %s of chat %s was never answered; it is forgotten", row.message_id, row.chat_id)
            self._keeper.drop(row.row)
            return
        size_bytes = 0 if row.sent and age_s > SEND_AGAIN_S else row.size_bytes
        self._desk.restore(row.chat_id, row.message_id, row.row, size_bytes, row.position)

    async def _sweep(self) -> None:
        """See from time to time whether the disk is back, and whether an agent has died and left something."""
        while True:
            await self._world.sleep(SWEEP_S)
            try:
                await self._open_spool()
            except Exception:  # noqa: BLE001 - it is tried again
                _log.exception("the spools could not be looked after")

    async def _body(self, letter: Letter) -> tuple[bytes, bytes] | None:
        """The letter's body with the static reply shown, from memory or disk; a letter without a body is given up."""
        if letter.body is not None:
            return letter.body, letter.shown
        kept = None if letter.row is None else await self._keeper.body(letter.row)
        if kept is None and letter.body is None:
            self._desk.settle(letter)
            return None
        return kept if kept is not None else (letter.body or b"", letter.shown)

    def _hear(self, chat_id: str, entry_id: str, raw: bytes) -> None:
        try:
            reply = reply_from_json(raw)
        except CodecError as error:
            _log.warning("an entry of the replies of chat %s cannot be read: %s", chat_id, error)
            self._desk.passed(chat_id, entry_id)
            return
        heard = self._desk.heard(chat_id, entry_id, reply)
        self.courier.look()
        match heard:
            case Answer(letter, answer, owed):
                self._answer(letter, answer, owed=owed)
            case Interim(_, interim):
                self._tell_interim(interim)
            case FollowUp(letter, follow_up):
                row = None if letter is None else letter.row
                self._follow_ups.add(follow_up, row)

    def _answer(self, letter: Letter, reply: Reply, *, owed: bool) -> None:
        call = self._calls.get(letter.number)
        if call is not None:
            call.reply = reply
            call.woken.set()
        if not owed:
            self._forget(letter)
        elif letter.row is None:
            # The next agent shall wait for the follow-up too; without a spool it is this one's alone.
            self._keep(letter, b"")

    def _tell_interim(self, reply: Reply) -> None:
        if self._on_interim is not None:
            self._aside(self._call_interim(self._on_interim, reply))

    async def _call_interim(self, callback: Callable[[Reply], Awaitable[object] | object], reply: Reply) -> None:
        try:
            result = callback(reply)
            if inspect.isawaitable(result):
                await result
        except Exception:  # noqa: BLE001 - the program's own failure
            _log.exception("an interim reply was refused by its callback; it is dropped")

    def _aside(self, coroutine: Any) -> None:
        """Run something beside; the post owns it."""
        self._asides = {task for task in self._asides if not task.done}
        self._asides.add(self._world.spawn(coroutine, "unfailing aside"))
