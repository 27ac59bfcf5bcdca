"""One connection to the ledger's database, for one native thread: opened, renewed and let go. Blocking.

A connection that was open before may have ended meanwhile (a server killed and started again): then its transaction is
run once more on a new one, which is right because everything done here may be done twice.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from actors.ledger.mending import Standing, lost_commits, read_log
from actors.ledger.problems import DriverMissing
from actors.ledger.schema import bring_up_to_date
from supervision.world_sockets import let_go

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy.engine import Connection, Engine

T = TypeVar("T")

CONNECT_S: Final = 3
STATEMENT_MS: Final = 5_000
LOCK_MS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where the ledger is: in a PostgreSQL, when there is a url, or else in the SQLite file."""

    url: str
    path: Path

    @property
    def is_file(self) -> bool:
        """Whether it is SQLite's."""
        return not self.url


class Database:
    """Not for two threads at once, except `interrupt`."""

    def __init__(self, place: Place, *, writes: bool) -> None:
        """writes: whether its transactions take SQLite's write lock at their beginning, and the schema is its care."""
        self.place = place
        self._writes = writes
        self._engine: Engine | None = None
        self._connection: Connection | None = None
        self._stop: Callable[[], None] | None = None
        self._was_interrupted = False
        self._standing: Standing | None = None
        # What SQLite passed over in silence when it read its log; for whoever asks, once.
        self.lost = ""

    def transact(self, work: Callable[[Connection], T]) -> T:
        """What work returns, committed. Raises what it raises, SQLAlchemy's errors, LedgerTooNew and DriverMissing."""
        self._was_interrupted = False
        was_open = self._connection is not None
        try:
            return self._once(work)
        except DBAPIError as error:
            if not (was_open and error.connection_invalidated) or self._was_interrupted:
                raise
        return self._once(work)

    def _once(self, work: Callable[[Connection], T]) -> T:
        connection = self._connected()
        try:
            with connection.begin():
                result = work(connection)
            if self._standing is not None:
                self._standing.look()
        except BaseException as error:
            # After anything but a refused statement nobody knows what the connection is in the middle of.
            if not isinstance(error, sa.exc.IntegrityError | sa.exc.DataError):
                self.close()
            raise
        return result

    def _connected(self) -> Connection:
        if self._connection is None:
            if self._engine is None:
                self._engine = _engine_of_file(self) if self.place.is_file else _engine_of_server(self)
            connection = self._engine.connect()
            try:
                if self._writes:
                    with connection.begin():
                        bring_up_to_date(connection)
            except BaseException:
                with contextlib.suppress(Exception):
                    connection.close()
                raise
            self._connection = connection
            self._standing = Standing(self.place.path) if self.place.is_file else None
        return self._connection

    def interrupt(self) -> None:
        """Have a transaction that runs too long end now; from another thread, and it takes no time."""
        self._was_interrupted = True
        stop = self._stop
        if stop is not None:
            stop()

    def close(self) -> None:
        """Let the connection go; the next transaction makes a new one. Never raises."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.close()
        self._stop = None


def _engine_of_file(database: Database) -> Engine:
    def connect() -> sqlite3.Connection:
        path = database.place.path
        path.parent.mkdir(parents=True, exist_ok=True)
        # SQLite gives its log the mode of its file. One that is there must not be opened here: closing it would drop
        # the locks of every connection of this process, and another program would take the log away at its leisure.
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        log = read_log(path) if database._writes else b""  # noqa: SLF001 - one mechanism
        connection = sqlite3.connect(path, timeout=LOCK_MS / 1000, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = wal")
            connection.execute("PRAGMA synchronous = full")
            # What is forgotten is overwritten, not only struck from the index.
            connection.execute("PRAGMA secure_delete = on")
            database.lost = database.lost or lost_commits(path, log, connection)
        except BaseException:
            connection.close()
            raise
        database._stop = connection.interrupt  # noqa: SLF001 - one mechanism
        return connection

    engine = sa.create_engine("sqlite+pysqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)
    begin = "BEGIN IMMEDIATE" if database._writes else "BEGIN"  # noqa: SLF001 - one mechanism

    # pysqlite begins by itself, and too late for a schema; told not to, it wants to be told.
    @sa.event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _engine_of_server(database: Database) -> Engine:
    # Its waits are made in a native thread, where C's own are right and those of a patched `select` would need a hub.
    if find_spec("psycopg_binary") or find_spec("psycopg_c"):
        os.environ.setdefault("PSYCOPG_WAIT_FUNC", "wait_c")
    try:
        import psycopg
    except ImportError as error:
        raise DriverMissing from error
    url = make_url(database.place.url.replace("postgres://", "postgresql://", 1)).set(drivername="postgresql+psycopg")
    arguments = {"connect_timeout": CONNECT_S, "tcp_user_timeout": 10_000, "keepalives_idle": 30,
                 "application_name": "unfailing", "prepare_threshold": None}  # fmt: skip
    given = {name: value for name, value in arguments.items() if name not in url.query}
    engine = sa.create_engine(url, connect_args=given, poolclass=NullPool, hide_parameters=True)

    @sa.event.listens_for(engine, "connect")
    def _connected(connection: psycopg.Connection[Any], _record: Any) -> None:
        # Said as statements, since a pooler before the server refuses them at the connection's start.
        with connection.cursor() as cursor:
            cursor.execute(f"SET statement_timeout = {STATEMENT_MS}")
            cursor.execute(f"SET lock_timeout = {LOCK_MS}")
            cursor.execute(f"SET idle_in_transaction_session_timeout = {2 * STATEMENT_MS}")
        connection.commit()
        copy = _CopyOfDescriptor(connection.fileno())
        database._stop = copy.let_go  # noqa: SLF001 - one mechanism

    return engine


class _CopyOfDescriptor:
    """A descriptor of our own to the server's socket: libpq's may be closed, and be another file's, by the time."""

    def __init__(self, descriptor: int) -> None:
        self._copy = os.dup(descriptor)

    def let_go(self) -> None:
        let_go(self._copy)

    def __del__(self) -> None:
        os.close(self._copy)
