"""What comes after the answer, handed to the program: by a callback, or through an iterator."""

from __future__ import annotations

import inspect
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from messages.records import Reply
    from supervision.world_asyncio import AsyncioWorld, AsyncTask

_log: Final = logging.getLogger("actors.self_healing_agent")

Callback: TypeAlias = "Callable[[Reply], Awaitable[object] | object]"

WAITING_MAX: Final = 10_000
AGAIN_AFTER_S: Final = (1.0, 5.0, 30.0)


class FollowUps:
    """A queue between the post and the program.

    done(row) is called once the program has had the reply: the spool may then forget it. What it has not had when the
    agent ends, and what its callback refused four times, comes again with the next agent, if it was kept.
    """

    def __init__(self, world: AsyncioWorld, done: Callable[[int], object]) -> None:
        """Nothing is handed out before `hand_to` or `stream`."""
        self._world = world
        self._done = done
        self._waiting: deque[tuple[Reply, int | None]] = deque()
        self._changed = world.event()
        self._closed = False
        self._task: AsyncTask | None = None

    @property
    def waiting(self) -> int:
        """Replies that the program has not had."""
        return len(self._waiting)

    def add(self, reply: Reply, row: int | None) -> None:
        """Queue a reply. row: where the spool keeps what it settles."""
        if len(self._waiting) >= WAITING_MAX:
            self._waiting.popleft()
            _log.error("%d follow-ups wait and nobody takes them; the oldest is dropped", WAITING_MAX)
        self._waiting.append((reply, row))
        self._changed.set()

    def hand_to(self, callback: Callback) -> None:
        """Call this with every reply, one after another."""
        self._task = self._world.spawn(self._hand_to(callback), "unfailing follow-ups")

    async def stream(self) -> AsyncIterator[Reply]:
        """Every reply as it comes, until the agent is closed. One in hand when the iteration is left counts as had."""
        while (item := await self._next()) is not None:
            reply, row = item
            try:
                yield reply
            finally:
                self._had(row)

    async def close(self) -> None:
        """End the iteration, and the calls."""
        self._closed = True
        self._changed.set()
        if self._task is not None:
            await self._task.stop()

    async def _next(self) -> tuple[Reply, int | None] | None:
        while not self._waiting and not self._closed:
            self._changed.clear()
            await self._changed.wait()
        return None if self._closed else self._waiting.popleft()

    def _had(self, row: int | None) -> None:
        if row is not None:
            self._done(row)

    async def _hand_to(self, callback: Callback) -> None:
        while (item := await self._next()) is not None:
            reply, row = item
            if await self._handed(callback, reply):
                self._had(row)

    async def _handed(self, callback: Callback, reply: Reply) -> bool:
        for again_after_s in (*AGAIN_AFTER_S, None):
            try:
                result = callback(reply)
                if inspect.isawaitable(result):
                    await result
            except Exception:  # noqa: BLE001 - the program's own failure
                _log.exception("a follow-up to message %s was refused by its callback", reply.message_id)
            else:
                return True
            if again_after_s is not None:
                await self._world.sleep(again_after_s)
        return False
