"""Carries letters to the store and replies back, over a link that it opens anew whenever it breaks.

Three tasks: one keeps the link open, and under it one sends and one reads. What goes, in which order, and what a reply
means is the desk's and the post's to say. Nothing here raises for what befalls the store.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from actors.agent_client.desk import Desk, Letter
    from actors.agent_client.link import Link
    from supervision.world_asyncio import AsyncioWorld, AsyncTask

_log: Final = logging.getLogger("actors.self_healing_agent")

BATCH_MAX: Final = 64
BATCH_MAX_BYTES: Final = 8 * 1024 * 1024
RECONNECT_S: Final = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
REFUSED_S: Final = 0.5
NUDGE_S: Final = 0.005
PING_S: Final = 1.0


class Courier:
    """One agent's traffic with the store."""

    def __init__(
        self,
        world: AsyncioWorld,
        desk: Desk,
        open_link: Callable[[], Awaitable[Link]],
        body_of: Callable[[Letter], Awaitable[tuple[bytes, bytes] | None]],
        heard: Callable[[str, str, bytes], object],
    ) -> None:
        """open_link: makes a link that is open, or raises LinkLost.

        body_of: a letter's body and the static reply that was shown for it, None for a letter given up.
        heard: gets every entry of a reply stream (chat id, entry id, reply); it must not raise.
        """
        self._world = world
        self._desk = desk
        self._open_link = open_link
        self._body_of = body_of
        self._heard = heard
        self._task: AsyncTask | None = None
        self._work = world.event()
        self._snapshot = world.event()
        self._watched = world.event()
        # The reader has seen all streams when the numbers are the same.
        self._streams = 0
        self._streams_read = 0
        self._refusal = ""
        self.link: Link | None = None
        self.store_answers = False
        """Whether the store was there when it was last looked for, also one that no daemon has run on."""
        self.why_away = "it was not looked for yet"
        self.away_since_s = world.now()
        self.somebody_waits = False
        """Whether a call waits for its reply: a store that cannot be waited at is asked more often."""

    @property
    def is_up(self) -> bool:
        """Whether the link is open."""
        return self.link is not None

    def start(self) -> None:
        """Begin."""
        self._task = self._world.spawn(self._keep_link(), "unfailing link")

    async def stop(self) -> None:
        """Hang up."""
        if self._task is not None:
            await self._task.stop()

    def look(self, *, new_streams: bool = False) -> None:
        """There may be something to send; new_streams: or another reply stream to read."""
        self._work.set()
        if new_streams:
            self._streams += 1
            self._watched.set()

    async def _keep_link(self) -> None:
        """Open the link, work with it until it breaks, and so on for ever."""
        from actors.agent_client.link import LinkLost, NoDeployment

        tries = 0
        while True:
            try:
                link = await self._open_link()
            except Exception as error:  # noqa: BLE001 - it is tried again for ever
                if not isinstance(error, LinkLost):
                    _log.exception("the link to the store cannot be opened; tried again")
                self.why_away = str(error)
                self.store_answers = isinstance(error, NoDeployment)
                pause_s = RECONNECT_S[min(tries, len(RECONNECT_S) - 1)]
                tries += 1
                await self._world.sleep(pause_s * self._world.random.uniform(0.75, 1.25))
                continue
            tries = 0
            self.link, self.store_answers = link, True
            self.look(new_streams=True)
            _log.info("linked to the store; %d messages are open", self._desk.open)
            try:
                await self._work_with(link)
            finally:
                self.link, self.away_since_s = None, self._world.now()
                self._desk.lost()
            await self._world.sleep(RECONNECT_S[0])

    async def _work_with(self, link: Link) -> None:
        """Send and read until either ends, which is when the link breaks."""
        tasks = [
            self._world.spawn(self._send_for_ever(link), "unfailing sender"),
            self._world.spawn(self._read_for_ever(link), "unfailing reader"),
        ]
        try:
            await self._world.first_end(*tasks)
        finally:
            for task in tasks:
                await task.stop()
            await link.close()
        errors = [task.error for task in tasks if task.error is not None]
        self.why_away = str(errors[0]) if errors else "the link was closed"
        _log.warning("the link to the store broke: %s; it is opened anew, nothing is lost", self.why_away)

    async def _send_for_ever(self, link: Link) -> None:
        refused_until_s: dict[str, float] = {}
        while True:
            await self._world.wait_set(self._work, REFUSED_S if refused_until_s else 3600.0)
            self._work.clear()
            for chat_id in [chat for chat, until_s in refused_until_s.items() if until_s <= self._world.now()]:
                del refused_until_s[chat_id]
                self._desk.release(chat_id)
            while batch := self._desk.batch(BATCH_MAX, BATCH_MAX_BYTES):
                for chat_id in await self._send(link, batch):
                    refused_until_s[chat_id] = self._world.now() + REFUSED_S

    async def _send(self, link: Link, batch: list[Letter]) -> list[str]:
        """Send letters; returns the chats whose letter was refused."""
        bodies = [(letter, body) for letter in batch if (body := await self._body_of(letter)) is not None]
        unsure = [letter.chat_id for letter, _ in bodies if self._desk.wants_tail(letter)]
        if unsure:
            for chat_id, tail in zip(unsure, await link.tails(unsure), strict=True):
                self._streams += tail is not None and self._desk.tail_found(chat_id, tail)
        refusals = await link.append([(letter.chat_id, *body) for letter, body in bodies])
        refused: list[str] = []
        for (letter, _), refusal in zip(bodies, refusals, strict=True):
            if refusal is None:
                self._desk.sent(letter)
            else:
                self._desk.put_back(letter)
                refused.append(letter.chat_id)
                self._say_refused(letter, refusal)
        await self._nudge(link)
        return refused

    def _say_refused(self, letter: Letter, refusal: str) -> None:
        """Once for each reason: a full store refuses everything, twice a second."""
        if refusal != self._refusal:
            _log.warning("the store refuses message %s and maybe others: %s; tried again", letter.message_id, refusal)
        self._refusal = refusal

    async def _nudge(self, link: Link) -> None:
        """Make the reader read the streams that were added."""
        self._watched.set()
        while self._streams_read < self._streams and await link.wake():
            self._snapshot.clear()
            await self._world.wait_set(self._snapshot, NUDGE_S)

    async def _read_for_ever(self, link: Link) -> None:
        from actors.agent_client.link import Unreadable

        while True:
            self._watched.clear()
            self._streams_read = self._streams
            self._snapshot.set()
            positions = self._desk.positions()
            if not positions:
                if not await self._world.wait_set(self._watched, PING_S):
                    await link.ping()
                continue
            try:
                entries = await link.read(positions, somebody_waits=self.somebody_waits)
            except Unreadable as unreadable:
                _log.error("%s; their messages get static replies", unreadable)
                for chat_id in unreadable.chat_ids:
                    self._desk.unwatch(chat_id)
                continue
            for entry in entries:
                self._heard(*entry)
