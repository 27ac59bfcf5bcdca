"""Tasks beside their starter and a bell that wakes it: for a processor in an event loop, and for one in threads."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any


class LoopTasks:
    """Coroutines in the running event loop, owned here. `ring` may come from any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._bell = asyncio.Event()
        self._running: set[asyncio.Task[Any]] = set()

    def spawn(self, coroutine: Coroutine[Any, Any, object], name: str) -> None:
        """Run it beside."""
        task = self._loop.create_task(coroutine, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        self._bell.set()

    def ring(self) -> None:
        """Wake who waits, or the next who will."""
        with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
            self._loop.call_soon_threadsafe(self._bell.set)

    async def wait(self, timeout_s: float) -> None:
        """Wait for the bell, at most so long."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._bell.wait(), max(timeout_s, 0.0))
        self._bell.clear()

    async def end(self, timeout_s: float) -> None:
        """Let them finish for so long, then cancel those that are left, and see them end."""
        if self._running:
            await asyncio.wait(self._running, timeout=max(timeout_s, 0.0))
        for task in list(self._running):
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)

    @property
    def count(self) -> int:
        """How many run."""
        return len(self._running)


class ThreadTasks:
    """Functions in daemon threads."""

    def __init__(self) -> None:
        self._bell = threading.Event()
        self._running: set[threading.Thread] = set()

    def spawn(self, function: Callable[[], object], name: str) -> None:
        """Run it beside."""
        thread = threading.Thread(target=self._run, args=(function,), name=name, daemon=True)
        self._running.add(thread)
        thread.start()

    def _run(self, function: Callable[[], object]) -> None:
        try:
            function()
        finally:
            self._running.discard(threading.current_thread())
            self._bell.set()

    @property
    def count(self) -> int:
        """How many run."""
        return len(self._running)

    def ring(self) -> None:
        """Wake who waits, or the next who will."""
        self._bell.set()

    def wait(self, timeout_s: float) -> None:
        """Wait for the bell, at most so long."""
        self._bell.wait(max(timeout_s, 0.0))
        self._bell.clear()

    def end(self, timeout_s: float) -> None:
        """Let them finish for so long; a thread cannot be ended from outside."""
        for thread in list(self._running):
            thread.join(max(timeout_s, 0.0))
