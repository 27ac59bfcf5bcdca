"""A world whose clock only moves when it is told to, for the library's shells."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from supervision.world_library import CallTimeout, PlainLibraryWorld

T = TypeVar("T")


class _NoLock:
    def __enter__(self) -> None:
        """One thread: nothing to lock."""

    def __exit__(self, *_: object) -> None:
        """One thread: nothing to unlock."""


class StillWorld(PlainLibraryWorld):
    """Time stands still but for sleeps and `advance`. Calls run here and now."""

    def __init__(self, seed: int = 1) -> None:
        self.random = random.Random(seed)
        self.at_s = 1000.0
        self.wall_s = 1_785_000_000.0
        self.slept: list[float] = []

    def now(self) -> float:  # type: ignore[override]
        """The hand's position."""
        return self.at_s

    def wall(self) -> float:  # type: ignore[override]
        """Moves with the other clock."""
        return self.wall_s + self.at_s - 1000.0

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.at_s += seconds

    def sleep(self, seconds: float) -> None:
        """Move the hand."""
        self.slept.append(seconds)
        self.advance(seconds)

    async def sleep_async(self, seconds: float) -> None:
        """Move the hand, and let others run."""
        self.sleep(seconds)
        await asyncio.sleep(0)

    def lock(self) -> Any:
        """No lock: one thread."""
        return _NoLock()

    def call(self, function: Callable[[], T], timeout_s: float) -> T:
        """Here and now; too late where the hand moved too far meanwhile."""
        begun_s = self.at_s
        result = function()
        if self.at_s - begun_s > timeout_s:
            self.at_s = begun_s + timeout_s
            raise CallTimeout
        return result

    async def call_async(self, make: Callable[[], Awaitable[T]], timeout_s: float) -> T:
        """As call."""
        begun_s = self.at_s
        result = await make()
        if self.at_s - begun_s > timeout_s:
            self.at_s = begun_s + timeout_s
            raise CallTimeout
        return result
