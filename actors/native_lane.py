"""The way from the hub to what blocks: one native thread, one thing that it alone uses, a deadline on every call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar, cast

from supervision.world import WaitTimeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from supervision.world import World

CLOSE_S: Final = 5.0


class Interruptible(Protocol):
    """What a lane's thread uses: a database's connection, a client, a file."""

    def interrupt(self) -> None:
        """Have the call that is under way end now, if that can be; from another thread, and it takes no time."""

    def close(self) -> None:
        """Let go of what it holds; a later call takes it anew."""


T = TypeVar("T")
U = TypeVar("U", bound=Interruptible)


class LaneLate(TimeoutError):  # noqa: N818 - what it is
    """No answer in time; what was asked may still happen."""


class LaneHangs(LaneLate):
    """A call of before has not ended yet, and nothing was asked."""


class _Call(Generic[U]):
    __slots__ = ("began", "ended", "error", "is_late", "result", "work")

    def __init__(self, work: Callable[[U], Any]) -> None:
        self.work = work
        self.began = self.ended = self.is_late = False
        self.result: Any = None
        self.error: Exception | None = None


class Lane(Generic[U]):
    """Runs work on a thing of its own, one call after another. Called on the hub."""

    def __init__(self, world: World, name: str, make: Callable[[], U]) -> None:
        """name: the native thread's. make: called there, at the first call and again while it fails."""
        self._world = world
        self._name = name
        self._make = make
        self._used: U | None = None
        self._overrunning: _Call[U] | None = None

    def run(self, work: Callable[[U], T], timeout_s: float) -> T:
        """What work returns. Raises what it raises, LaneLate after timeout_s, and LaneHangs at once."""
        if self._overrunning is not None:
            raise LaneHangs(f"{self._name} has not answered for a while; nothing further is asked")
        call = _Call(work)
        try:
            self._world.run_in_thread(self._in_thread, call, pool=self._name, timeout_s=timeout_s)
        except WaitTimeout:
            raise LaneLate(f"{self._name} has not answered within {timeout_s:g} s") from None
        finally:
            # Late, or its caller was ended: what has not begun does not begin any more.
            call.is_late = True
            if call.began and not call.ended:
                self._overrun(call)
        if call.error is not None:
            raise call.error
        return cast("T", call.result)

    def close(self) -> None:
        """Let go of the thing, when there is one and nothing hangs on it. Raises LaneLate."""
        if self._used is not None:
            self.run(lambda used: used.close(), CLOSE_S)

    def _overrun(self, call: _Call[U]) -> None:
        # The thread sets `ended` before it looks here, so one of the two sees the other.
        self._overrunning = call
        if call.ended:
            self._overrunning = None
        elif self._used is not None:
            self._used.interrupt()

    def _in_thread(self, call: _Call[U]) -> None:
        if call.is_late:
            return
        call.began = True
        try:
            if self._used is None:
                self._used = self._make()
            call.result = call.work(self._used)
        except Exception as error:  # noqa: BLE001 - raised to the caller; a pool would print it, with all that it tells
            call.error = error
        finally:
            call.ended = True
            if self._overrunning is call:
                self._overrunning = None
