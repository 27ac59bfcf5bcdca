"""The chain's way to the world inside the daemon: greenlets in place of threads, the daemon's clock and chance."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, TypeVar

from supervision.world import WaitTimeout
from supervision.world_library import CallTimeout

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractContextManager

    from supervision.world import Task, World
    from supervision.world_library import AsyncRace

T = TypeVar("T")


class DaemonLibraryWorld:
    """What `LibraryWorld` asks for, on the daemon's world. Its callers are greenlets of one thread: locks are none."""

    def __init__(self, world: World) -> None:
        """world: the daemon's."""
        self._world = world
        self.random = world.random
        self.now = world.now
        self.wall = world.wall

    def sleep(self, seconds: float) -> None:
        """Let others run for so long."""
        self._world.sleep(seconds)

    def lock(self) -> AbstractContextManager[Any]:
        """What is guarded holds no wait, and greenlets change places only at waits."""
        return contextlib.nullcontext()

    def call(self, function: Callable[[], T], timeout_s: float) -> T:
        """The function's result; it asks an actor, which keeps the time itself."""
        if timeout_s <= 0:
            raise CallTimeout
        return function()

    def race(self) -> GreenletRace:
        """For calls that run side by side."""
        return GreenletRace(self._world)

    async def sleep_async(self, seconds: float) -> None:
        """There is no event loop in the daemon."""
        raise NotImplementedError

    async def call_async(self, make: Callable[[], Awaitable[T]], timeout_s: float) -> T:
        """There is no event loop in the daemon."""
        raise NotImplementedError

    async def call_in_thread(self, function: Callable[[], T], timeout_s: float) -> T:
        """There is no event loop in the daemon."""
        raise NotImplementedError

    def call_coroutine(self, make: Callable[[], Awaitable[T]], timeout_s: float) -> T:
        """There is no event loop in the daemon."""
        raise NotImplementedError

    def race_async(self) -> AsyncRace:
        """There is no event loop in the daemon."""
        raise NotImplementedError


class GreenletRace:
    """Calls side by side, each in a task with its own time."""

    def __init__(self, world: World) -> None:
        """world: the daemon's."""
        self._world = world
        self._tasks: dict[int, Task] = {}
        self._until_s: dict[int, float] = {}
        self._ended: list[tuple[int, Any]] = []
        self._waiter: Any = None

    def start(self, key: int, function: Callable[[], Any], timeout_s: float) -> None:
        """Start one."""
        self._until_s[key] = self._world.now() + timeout_s
        self._tasks[key] = self._world.spawn(self._run, key, function, name=f"attempt {key}")

    def _run(self, key: int, function: Callable[[], Any]) -> None:
        try:
            outcome: Any = function()
        except Exception as error:  # noqa: BLE001 - it is judged by whoever waits
            outcome = error
        if key in self._until_s:
            self._ended.append((key, outcome))
            if self._waiter is not None:
                self._waiter.wake()

    def first(self, timeout_s: float) -> list[tuple[int, Any]]:
        """Those that ended, with what they returned or raised; CallTimeout for those whose time is over."""
        if not self._ended:
            until_s = min([self._world.now() + max(timeout_s, 0.0), *self._until_s.values()])
            self._waiter = self._world.waiter()
            with contextlib.suppress(WaitTimeout):
                self._waiter.wait(max(until_s - self._world.now(), 0.0))
            self._waiter = None
        ended, self._ended = self._ended, []
        for key, _ in ended:
            self._forget(key)
        now_s = self._world.now()
        late = [key for key, at_s in self._until_s.items() if at_s <= now_s]
        for key in late:
            self.leave(key)
        return [*ended, *((key, CallTimeout()) for key in late)]

    def leave(self, key: int) -> None:
        """End this one: nobody waits for it any more."""
        task = self._tasks.get(key)
        self._forget(key)
        if task is not None and not task.done:
            task.kill()

    def _forget(self, key: int) -> None:
        self._tasks.pop(key, None)
        self._until_s.pop(key, None)
