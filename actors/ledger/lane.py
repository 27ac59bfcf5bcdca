"""The way from the hub to the ledger's database: one native thread, one connection, and a deadline on every call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from supervision.world import WaitTimeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.ledger.database import Database
    from supervision.world import World

T = TypeVar("T")

CLOSE_S: Final = 5.0


class DatabaseLate(TimeoutError):  # noqa: N818 - what it is
    """The database has not answered in time; what was asked may still happen."""


class DatabaseHangs(DatabaseLate):
    """A call of before still holds the connection, and nothing was asked."""


class _Call:
    __slots__ = ("began", "ended", "is_late", "work")

    def __init__(self, work: Callable[[Database], Any]) -> None:
        self.work = work
        self.began = self.ended = self.is_late = False


class Lane:
    """Runs work on a database of its own, one call after another. Called on the hub."""

    def __init__(self, world: World, pool: str, make: Callable[[], Database]) -> None:
        """pool: the native thread's name. make: called there, at the first call."""
        self._world = world
        self._pool = pool
        self._make = make
        self._database: Database | None = None
        self._overrunning: _Call | None = None

    def run(self, work: Callable[[Database], T], timeout_s: float) -> T:
        """What work returns. Raises what it raises, DatabaseLate after timeout_s, and DatabaseHangs at once."""
        if self._overrunning is not None:
            raise DatabaseHangs("the database has not answered for a while; nothing further is asked")
        call = _Call(work)
        try:
            result: T = self._world.run_in_thread(self._in_thread, call, pool=self._pool, timeout_s=timeout_s)
        except WaitTimeout:
            call.is_late = True
            if call.began:
                self._overrun(call)
            raise DatabaseLate(f"the database has not answered within {timeout_s:g} s") from None
        return result

    def close(self) -> None:
        """Let the connection go, when there is one and nothing hangs on it; the next call opens another."""
        if self._database is not None:
            self.run(lambda database: database.close(), CLOSE_S)

    def _overrun(self, call: _Call) -> None:
        # The thread sets `ended` before it looks here, so one of the two sees the other.
        self._overrunning = call
        if call.ended:
            self._overrunning = None
        elif self._database is not None:
            self._database.interrupt()

    def _in_thread(self, call: _Call) -> Any:
        if call.is_late:
            return None
        call.began = True
        try:
            if self._database is None:
                self._database = self._make()
            return call.work(self._database)
        finally:
            call.ended = True
            if self._overrunning is call:
                self._overrunning = None
