"""The spool from the event loop's side: bounded, in a thread of its own, many letters with one sync of the disk."""

from __future__ import annotations

import logging
import sqlite3
from typing import TYPE_CHECKING, Final

from actors.agent_client.folder import give_back
from actors.agent_client.spool import Kept, Row, Spool, open_spool
from messages.errors import UnfailingError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from actors.agent_client.folder import AgentFolder
    from supervision.world_asyncio import AsyncioWorld, AsyncTask, Promise

_log: Final = logging.getLogger("actors.self_healing_agent")
_POOL: Final = "spool"
_BROKEN: Final = (sqlite3.Error, OSError)


class CannotKeep(UnfailingError):  # noqa: N818 - what it comes to
    """The spool is full, or cannot be written; the text says which."""


class Keeper:
    """Keeps letters. Opened on first use, and again when that failed."""

    def __init__(self, world: AsyncioWorld, folder: AgentFolder, messages_max: int, size_max_bytes: int) -> None:
        """The bounds are of what is in the spool at a time."""
        self._world = world
        self._folder = folder
        self._messages_max = messages_max
        self._size_max_bytes = size_max_bytes
        self._spool: Spool | None = None
        self._rows: dict[tuple[str, str], int] = {}
        self._names: dict[int, tuple[str, str]] = {}
        self._sizes: dict[int, int] = {}
        self._size_bytes = 0
        self._waiting: list[tuple[Kept, Callable[[int], object], Promise[CannotKeep | None]]] = []
        self._waiting_bytes = 0
        # Taken from those that wait, and not noted yet: they count as well.
        self._being_written = 0
        self._dropped: list[int] = []
        self._found: list[Row] = []
        self._writer: AsyncTask | None = None
        self._closed = False

    @property
    def count(self) -> int:
        """Letters in the spool."""
        return len(self._sizes)

    @property
    def is_open(self) -> bool:
        """Whether there is a spool at all."""
        return self._spool is not None

    async def open(self) -> None:
        """Open the spool, unless it is. What an earlier agent has left in it comes with `found`. Raises CannotKeep."""
        if self._spool is not None:
            return
        try:
            spool, aside = await self._world.in_thread(self._opened, pool=_POOL)
            rows = await self._world.in_thread(spool.rows, pool=_POOL)
        except _BROKEN as error:
            raise CannotKeep(f"the spool in {self._folder.path} cannot be opened: {error}") from error
        self._spool = spool
        self._say_damaged(aside)
        self._take_note(rows)

    async def take_over(self) -> None:
        """Move what dead agents have left behind into this spool; it comes with `found`. Never raises."""
        if self._spool is None:
            return
        try:
            moved = await self._world.in_thread(self._taken_over, self._spool, pool=_POOL)
            rows = await self._world.in_thread(self._spool.rows, pool=_POOL) if moved else []
        except _BROKEN as error:
            _log.warning("a spool that was left behind cannot be taken over: %s; tried again", error)
            return
        self._take_note([row for row in rows if row.row not in self._sizes])

    def found(self) -> list[Row]:
        """Letters of earlier agents that were not returned before, in the order of their acceptance."""
        found, self._found = self._found, []
        return found

    def keep(self, letter: Kept, done: Callable[[int], object]) -> Promise[CannotKeep | None]:
        """Keep a letter: done gets its row once it is durable; the promise then says None, or why it cannot be kept.

        Whoever does not wait for the promise changes nothing.
        """
        promise: Promise[CannotKeep | None] = self._world.promise()
        known = self._rows.get((letter.chat_id, letter.message_id))
        if known is not None:
            done(known)
            promise.keep(None)
        elif self.count + len(self._waiting) + self._being_written >= self._messages_max:
            promise.keep(CannotKeep(f"{self._messages_max} messages wait already"))
        elif self._size_bytes + self._waiting_bytes + len(letter.body) > self._size_max_bytes:
            promise.keep(CannotKeep(f"{self._size_max_bytes} bytes of messages wait already"))
        else:
            self._waiting.append((letter, done, promise))
            self._waiting_bytes += len(letter.body)
            self._wake_writer()
        return promise

    async def body(self, row: int) -> tuple[bytes, bytes] | None:
        """The body of a kept letter, and the static reply that was shown; None when it is gone or cannot be read."""
        if self._spool is None:
            return None
        try:
            return await self._world.in_thread(self._spool.body, row, pool=_POOL)
        except _BROKEN as error:
            _log.error("letter %s of the spool cannot be read: %s; it is not sent", row, error)
            return None

    def drop(self, row: int) -> None:
        """Let go of a letter, soon; one that is not let go of before the end comes again."""
        if self._closed:
            return
        self._size_bytes -= self._sizes.pop(row, 0)
        self._rows.pop(self._names.pop(row, ("", "")), None)
        self._dropped.append(row)
        self._wake_writer()

    async def close(self) -> None:
        """Write what waits, and close."""
        self._closed = True
        while self._writer is not None and not self._writer.done:
            await self._world.first_end(self._writer)
        if self._spool is not None:
            await self._world.in_thread(self._spool.close, pool=_POOL)
            self._spool = None

    def _opened(self) -> tuple[Spool, Path | None]:
        return open_spool(self._folder.enter())

    def _say_damaged(self, aside: Path | None) -> None:
        if aside is not None:
            _log.error("a damaged spool was set aside as %s; the letters in it are not sent", aside)

    def _taken_over(self, spool: Spool) -> int:
        moved = 0
        left = self._folder.left_behind()
        try:
            for path, _ in left:
                count, aside = spool.take_over(path)
                moved += count
                self._say_damaged(aside)
        finally:
            for _, lock_fd in left:
                give_back(lock_fd)
        return moved

    def _take_note(self, rows: list[Row]) -> None:
        for row in rows:
            self._note(row.row, (row.chat_id, row.message_id), row.size_bytes)
        self._found += rows

    def _note(self, row: int, name: tuple[str, str], size_bytes: int) -> None:
        self._rows[name], self._names[row], self._sizes[row] = row, name, size_bytes
        self._size_bytes += size_bytes

    def _wake_writer(self) -> None:
        if self._writer is None or self._writer.done:
            self._writer = self._world.spawn(self._write(), "unfailing spool")

    async def _write(self) -> None:
        """Write for as long as something waits: all that came during one sync goes with the next."""
        while self._waiting or self._dropped:
            waiting, self._waiting = self._waiting, []
            self._being_written = len(waiting)
            dropped, self._dropped = self._dropped, []
            letters = [letter for letter, _, _ in waiting]
            try:
                await self.open()
                rows = await self._world.in_thread(self._written, letters, dropped, pool=_POOL)
            except Exception as error:  # noqa: BLE001 - whoever waits has to hear of it
                _log.error("%d messages cannot be kept: %s", len(letters), error)
                for _, _, promise in waiting:
                    promise.keep(CannotKeep(str(error)))
            else:
                for (letter, done, promise), row in zip(waiting, rows, strict=True):
                    self._note(row, (letter.chat_id, letter.message_id), len(letter.body))
                    done(row)
                    promise.keep(None)
            self._being_written = 0
            self._waiting_bytes = sum(len(letter.body) for letter, _, _ in self._waiting)

    def _written(self, letters: list[Kept], dropped: list[int]) -> list[int]:
        assert self._spool is not None  # noqa: S101 - `_write` has opened it
        rows = self._spool.keep(letters) if letters else []
        if dropped:
            self._spool.drop(dropped)
        return rows
