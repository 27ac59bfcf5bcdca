"""The ledger as one node has it: asked and told on the hub, done in native threads."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Final, Literal, TypeVar

from actors.ledger import mending
from actors.ledger.problems import LedgerNotOpen
from actors.ledger.recent import BOOKINGS_A_CHAT_MAX, RecentBookings
from actors.native_lane import Lane, LaneLate
from invoices.book import BookAway
from supervision.circuit_breaker import CircuitBreaker
from supervision.world import WaitTimeout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from actors.ledger.database import Database
    from actors.ledger.statements import Total
    from invoices.book import Booking, BookQuery
    from supervision.circuit_breaker import Permit
    from supervision.world import Waiter, World

FILE_NAME: Final = "ledger.sqlite3"
FIND_S: Final = 3.0
WRITE_S: Final = 6.0
MEND_S: Final = 300.0
_PIECE: Final = 200

T = TypeVar("T")
LedgerState = Literal["opening", "open", "away"]


class Ledger:
    """One for each node, made before the tree and kept through restarts of its actors. Imports no database itself."""

    def __init__(self, world: World, url: str, data_dir: Path) -> None:
        """url: of a PostgreSQL; empty: a file in data_dir."""
        self._world = world
        self._url = url
        # SQLite keeps its log beside the file itself, not beside a link to it.
        self.path = (data_dir / FILE_NAME).resolve()
        self.recent = RecentBookings()
        self.state: LedgerState = "opening"
        self.why = "the ledger has not been opened yet"
        # What says that the file's content is damaged, until it is mended.
        self.damage: Exception | None = None
        # The tables are there: before that, and while the file is mended, nobody reads.
        self._is_made = False
        self._waiting: list[Waiter] = []
        # The relay's, of the same service; none in a library or a test.
        self.breaker: CircuitBreaker | None = None
        self._writer: Lane[Database] = Lane(world, "ledger-write", self._database(writes=True))
        self._reader: Lane[Database] = Lane(world, "ledger-read", self._database(writes=False))

    @property
    def is_file(self) -> bool:
        """Whether it is SQLite's file."""
        return not self._url

    def _database(self, *, writes: bool) -> Callable[[], Database]:
        def make() -> Database:
            from actors.ledger.database import Database, Place

            return Database(Place(self._url, self.path), writes=writes)

        return make

    @property
    def is_made(self) -> bool:
        """Whether it has been opened, and everything that was ever booked is there."""
        return self._is_made

    def open(self, more: Iterable[Sequence[Booking]] = (), timeout_s: float = 60.0) -> str:
        """Connect, bring the schema up to date, and book what is known where something was damaged; says what was.

        Known is: each row of a file that was set aside that can be read and whose checksum fits, the backups, what this
        node has by heart, and more. Raises what the database raises, OSError, LedgerTooNew, DriverMissing.
        """
        said = self._told(lambda: self._writer.run(_checked, timeout_s), is_made=False)
        saved = self._told(lambda: self._writer.run(_read_unread, MEND_S), is_made=False)
        if said or saved is not None:
            self._rebuild((saved.bookings,) if saved is not None else ())
            self._rebuild(more)
        if saved is not None:
            names = ", ".join(self._writer.run(_keep_read, MEND_S))
            said = (
                f"{self.path.name} was damaged; it is kept as {names}, and {len(saved.bookings)} bookings were read "
                f"out of it and its backups ({saved.damaged} rows were not what was written)"
            )
        self._is_made = True
        self._opened("open", "")
        return said

    def put(self, bookings: Sequence[Booking], timeout_s: float = WRITE_S) -> None:
        """Book them all or none; a revision that is there already, or a later one, stays. Raises as `open`."""
        self._write(bookings, timeout_s)
        self.recent.put(bookings[-BOOKINGS_A_CHAT_MAX:])

    def revision_of(self, chat_id: str, invoice_id: str, timeout_s: float = FIND_S) -> int:
        """The revision that is booked; 0: none. Raises as `open`."""
        if not self._is_made:
            raise LedgerNotOpen(self.why)
        return self._reader.run(lambda database: _revision_of(database, chat_id, invoice_id), timeout_s)

    def find(self, chat_id: str, query: BookQuery, timeout_s: float = FIND_S) -> tuple[Booking, ...]:
        """The bookings of a chat that match. Raises BookAway."""
        ask = partial(_find, chat_id=chat_id, query=query)
        found = self._asked(lambda: self._reader.run(ask, timeout_s), timeout_s)
        self.recent.put(reversed(found[:BOOKINGS_A_CHAT_MAX]))
        return found

    def totals(self, chat_id: str, query: BookQuery, timeout_s: float = FIND_S) -> tuple[Total, ...]:
        """Exact sums over everything that matches, by currency and type. Raises BookAway."""
        ask = partial(_totals, chat_id=chat_id, query=query)
        return self._asked(lambda: self._reader.run(ask, timeout_s), timeout_s)

    def forget(self, chat_id: str, timeout_s: float = WRITE_S) -> int:
        """Delete all of a chat, in copies of the file too; how many bookings. Raises as `open`."""
        forget = partial(_forget, chat_id=chat_id)
        count = self._told(lambda: self._writer.run(forget, timeout_s), is_made=self._is_made)
        self.recent.forget(chat_id)
        if self.is_file:
            self._world.run_in_thread(mending.delete_copies, self.path, pool="ledger-backup", timeout_s=timeout_s)
        return count

    def mend(self, more: Iterable[Sequence[Booking]] = ()) -> str:
        """Set a damaged file aside and open a new one, made of what is known as `open` says. Raises as it does."""
        self.state, self.why, self._is_made = "away", "the ledger's file is being rebuilt", False
        self._reader.close()
        self._writer.run(_set_aside, MEND_S)
        self.damage = None
        return self.open(more)

    def _rebuild(self, sources: Iterable[Sequence[Booking]]) -> None:
        """Book what is known. Nobody reads before all of it is there."""
        for known in chain((tuple(self.recent.all()),), sources):
            for start in range(0, len(known), _PIECE):
                piece = known[start : start + _PIECE]
                self._writer.run(partial(_put, bookings=piece), MEND_S)

    def back_up(self, wall_s: float) -> Path | None:
        """Copy the file when the last copy is hours old. Raises sqlite3.Error, OSError, RowDamaged and WaitTimeout."""
        if not self.is_file or self.state != "open":
            return None
        return self._world.run_in_thread(_back_up, self.path, wall_s, pool="ledger-backup", timeout_s=MEND_S)

    def close(self) -> None:
        """Let the connections go; the next call opens them anew. One that hangs goes with the process."""
        for lane in (self._reader, self._writer):
            with suppress(LaneLate):
                lane.close()
        self.state = "opening"

    def _write(self, bookings: Sequence[Booking], timeout_s: float) -> None:
        self._told(lambda: self._writer.run(lambda database: _put(database, bookings), timeout_s))

    def _told(self, ask: Callable[[], T], *, is_made: bool = True) -> T:
        try:
            result = ask()
        except Exception as error:
            self._opened("away", in_a_line(error))
            self._look_for_damage(error)
            raise
        if is_made:
            self._is_made = True
            self._opened("open", "")
        return result

    def _wait_for_opening(self, timeout_s: float) -> None:
        """A question that comes while the node starts is worth the moment that it takes."""
        waiter = self._world.waiter()
        self._waiting.append(waiter)
        with suppress(WaitTimeout):
            waiter.wait(timeout_s)

    def _opened(self, state: LedgerState, why: str) -> None:
        self.state, self.why = state, why
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.wake()

    def _asked(self, ask: Callable[[], T], timeout_s: float) -> T:
        if self.state == "opening":
            self._wait_for_opening(timeout_s)
        if not self._is_made:
            raise BookAway(self.why)
        breaker = self.breaker
        permit = breaker.acquire() if breaker is not None else None
        if breaker is not None and permit is None:
            raise BookAway("the ledger has failed too often just now")
        ended: Callable[[CircuitBreaker, Permit], object] = CircuitBreaker.release
        try:
            result = ask()
            ended = CircuitBreaker.succeeded
        except Exception as error:
            ended = partial(_failed, error=error)
            self._look_for_damage(error)
            raise BookAway(in_a_line(error)) from error
        finally:
            if breaker is not None and permit is not None:
                ended(breaker, permit)
        return result

    def _look_for_damage(self, error: Exception) -> None:
        if self.is_file and mending.speaks_of_damage(error):
            self.damage = error


def in_a_line(error: Exception) -> str:
    """An error in a line; SQLAlchemy's others are the statement."""
    return f"{type(error).__name__}: {error}".partition("\n")[0][:300]


def _failed(breaker: CircuitBreaker, permit: Permit, error: Exception) -> None:
    breaker.failed(permit, error)


def _checked(database: Database) -> str:
    from actors.ledger import statements

    database.transact(statements.check)
    lost, database.lost = database.lost, ""
    return lost


def _put(database: Database, bookings: Sequence[Booking]) -> None:
    from actors.ledger import statements

    database.transact(lambda connection: statements.put(connection, bookings))


def _find(database: Database, chat_id: str, query: BookQuery) -> tuple[Booking, ...]:
    from actors.ledger import statements

    return database.transact(lambda connection: statements.find(connection, chat_id, query))


def _totals(database: Database, chat_id: str, query: BookQuery) -> tuple[Total, ...]:
    from actors.ledger import statements

    return database.transact(lambda connection: statements.totals(connection, chat_id, query))


def _revision_of(database: Database, chat_id: str, invoice_id: str) -> int:
    from actors.ledger import statements

    return database.transact(lambda connection: statements.revision_of(connection, chat_id, invoice_id))


def _forget(database: Database, chat_id: str) -> int:
    from actors.ledger import statements

    return database.transact(lambda connection: statements.forget(connection, chat_id))


def _set_aside(database: Database) -> None:
    database.close()
    mending.set_aside(database.place.path)


def _read_unread(database: Database) -> mending.Saved | None:
    return mending.read_unread(database.place.path) if database.place.is_file else None


def _keep_read(database: Database) -> tuple[str, ...]:
    return mending.keep_read(database.place.path)


def _back_up(path: Path, wall_s: float) -> Path | None:
    return mending.back_up(path) if mending.is_due(path, wall_s) else None
