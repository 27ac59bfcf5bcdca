"""A SQLite file that is looked after: WAL, synced at every commit, damage noticed, its bytes kept, the rest saved.

Blocking, for one thread. SQLite checks the pages of its log and none of its main file, so who keeps rows here gives
them checksums of their own; this file deals with what SQLite itself cannot read any more.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

T = TypeVar("T")

BUSY_MS: Final = 5_000
_NOT_OURS: Final = ("malformed", "not a database", "disk image", "no such table", "no such column", "unsupported file")
_WAL_HEADER_BYTES: Final = 32
_FRAME_HEADER_BYTES: Final = 24


class SqliteFile:
    """One database file. schema: statements that make its tables where they are missing.

    rows: for each table, its columns, as they are read out of a damaged file into a new one; `accept` sees each row
    first and refuses what is not whole.
    """

    def __init__(
        self,
        path: Path,
        schema: Sequence[str],
        tables: dict[str, tuple[str, ...]],
        accept: Callable[[str, tuple[Any, ...]], bool] = lambda _table, _row: True,
    ) -> None:
        self.path = path
        self._schema = schema
        self._tables = tables
        self._accept = accept
        self._connection: sqlite3.Connection | None = None

    def open(self) -> tuple[str, ...]:
        """Open or make it; say what had to be mended. Raises OSError and sqlite3.Error where it cannot be had."""
        if self._connection is not None:
            return ()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        wal = _read(self._wal)
        written = frames_written(wal)
        try:
            self._connection, frames_read = self._connected()
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            if not is_damage(error):
                raise
            return (self._replaced(str(error)),)
        if any(written[frames_read:]):
            kept = self._free_name()
            kept.write_bytes(wal)
            return (f"commits at the end of {self._wal.name} were damaged; a copy is kept as {kept.name}",)
        return ()

    def _connected(self) -> tuple[sqlite3.Connection, int]:
        """A connection, and how many frames SQLite could read of the log."""
        connection = sqlite3.connect(
            self.path, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False, cached_statements=64
        )
        connection.text_factory = _text
        try:
            connection.execute("PRAGMA journal_mode = wal")
            connection.execute("PRAGMA synchronous = full")
            connection.execute("PRAGMA wal_autocheckpoint = 2000")
            _, frames_read, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            connection.execute("BEGIN IMMEDIATE")
            for statement in self._schema:
                connection.execute(statement)
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        return connection, max(frames_read, 0)

    def run(self, function: Callable[[sqlite3.Connection], T], *, writes: bool) -> T:
        """The function's result, in one transaction. Raises sqlite3.Error; after damage the file has been replaced."""
        connection = self.connection
        try:
            connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
            result = function(connection)
            connection.execute("COMMIT")
        except BaseException as error:
            with contextlib.suppress(sqlite3.Error):
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.DatabaseError | UnicodeDecodeError) and is_damage(error):
                raise FileDamaged(self._replaced(str(error))) from error
            raise
        return result

    @property
    def connection(self) -> sqlite3.Connection:
        """The open connection. Raises sqlite3.ProgrammingError while closed."""
        if self._connection is None:
            raise sqlite3.ProgrammingError(f"{self.path.name} is not open")
        return self._connection

    def problems(self) -> tuple[str, ...]:
        """What SQLite's own check says of the file; nothing for a sound one."""
        try:
            rows = self.connection.execute("PRAGMA integrity_check(10)").fetchall()
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            if not is_damage(error):
                raise
            return (str(error),)
        return tuple(row[0] for row in rows if row[0] != "ok")

    def replace(self, why: str) -> str:
        """Set the file aside and put what can be read of it into a new one; says so."""
        return self._replaced(why)

    def size_bytes(self) -> int:
        """Of the file and its log."""
        return sum(path.stat().st_size for path in (self.path, self._wal) if path.exists())

    def compact(self) -> None:
        """Write the log into the file and give back the room that is not used."""
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.connection.execute("VACUUM")
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Write the log into the file, so that one file is left, and let go."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._connection.close()
            self._connection = None

    @property
    def _wal(self) -> Path:
        return self.path.with_name(self.path.name + "-wal")

    def _free_name(self) -> Path:
        numbers = (number for number in range(1, 1_000_000))
        names = (self.path.with_name(f"{self.path.name}.damaged-{number}") for number in numbers)
        return next(name for name in names if not name.exists())

    def _replaced(self, why: str) -> str:
        """Bytes are moved, never deleted; what is read out of them is read out of a copy."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        kept = self._free_name()
        for suffix in ("", "-wal"):
            source = self.path.with_name(self.path.name + suffix)
            if source.exists():
                source.replace(kept.with_name(kept.name + suffix))
        self.path.with_name(self.path.name + "-shm").unlink(missing_ok=True)
        self._connection, _ = self._connected()
        copy = kept.with_name(kept.name + ".reading")
        try:
            saved = self._salvaged(kept, copy)
        finally:
            for suffix in ("", "-wal", "-shm"):
                copy.with_name(copy.name + suffix).unlink(missing_ok=True)
        return f"{self.path.name} was damaged ({why}); it is kept as {kept.name}, and {saved} rows were read out of it"

    def _salvaged(self, kept: Path, copy: Path) -> int:
        for suffix in ("", "-wal"):
            source = kept.with_name(kept.name + suffix)
            if source.exists():
                shutil.copyfile(source, copy.with_name(copy.name + suffix))
        saved = 0
        connection = self.connection
        connection.execute("BEGIN IMMEDIATE")
        for table, columns in self._tables.items():
            marks = ", ".join("?" * len(columns))
            insert = f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - ours
            for row in rows_of(copy, table, columns):
                if self._accept(table, row):
                    saved += connection.execute(insert, row).rowcount
        connection.execute("COMMIT")
        return saved


class FileDamaged(Exception):  # noqa: N818 - what happened
    """The file could not be read on; it has been set aside and replaced. The text tells where it is."""


def is_damage(error: Exception) -> bool:
    """Whether the error speaks of the file's content, and not of the disk, a lock or the statement."""
    if isinstance(error, UnicodeDecodeError):
        # SQLite's own words quote the damaged text of a statement that made a table, and are no text themselves.
        return True
    if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError | sqlite3.NotSupportedError):
        return False
    return any(words in str(error) for words in _NOT_OURS)


def frames_written(wal: bytes) -> list[bool]:
    """For each frame of a log's present round whether it ends a commit. Pure; the bytes may be anything.

    SQLite stops reading at the first frame whose checksum does not fit; whole commits beyond it were lost by damage,
    since a crash leaves an unfinished one at most. Source of the layout: sqlite.org/fileformat2.html, section 4.
    """
    if len(wal) < _WAL_HEADER_BYTES + _FRAME_HEADER_BYTES:
        return []
    page_bytes = struct.unpack_from(">I", wal, 8)[0]
    if not 512 <= page_bytes <= 65_536:  # noqa: PLR2004 - what SQLite allows
        page_bytes = 4096
    # A round's frames carry the header's salts; where the header itself is damaged, the first frame knows them.
    salts = wal[16:24] if _header_is_whole(wal) else wal[_WAL_HEADER_BYTES + 8 : _WAL_HEADER_BYTES + 16]
    step = _FRAME_HEADER_BYTES + page_bytes
    starts = range(_WAL_HEADER_BYTES, len(wal) - step + 1, step)
    frames = [(wal[at + 8 : at + 16] == salts, wal[at + 4 : at + 8] != bytes(4)) for at in starts]
    last = max((index for index, (is_mine, _) in enumerate(frames) if is_mine), default=-1)
    return [is_mine and ends for is_mine, ends in frames[: last + 1]]


def _header_is_whole(wal: bytes) -> bool:
    order = ">" if wal[3] & 1 else "<"
    first = second = 0
    for low, high in struct.iter_unpack(f"{order}II", wal[:24]):
        first = (first + low + second) & 0xFFFFFFFF
        second = (second + high + first) & 0xFFFFFFFF
    return struct.unpack_from(">II", wal, 24) == (first, second)


def _text(raw: bytes) -> str:
    """Text as it stands there, also where a flipped bit has made it no UTF-8."""
    return raw.decode("utf-8", "surrogateescape")


def rows_of(path: Path, table: str, columns: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    """Every row that can be read, from both ends of a table, with what stands between two damaged places as well."""
    try:
        connection = sqlite3.connect(path, isolation_level=None)
        last = int(connection.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0] or 0)  # noqa: S608 - ours
    except (sqlite3.Error, ValueError, OverflowError):
        last = 0
    try:
        yield from _rows_between(connection, table, columns, last)
    finally:
        with contextlib.suppress(sqlite3.Error):
            connection.close()


def _rows_between(
    connection: sqlite3.Connection, table: str, columns: tuple[str, ...], last: int
) -> Iterator[tuple[Any, ...]]:
    names = ", ".join(columns)
    seen: set[int] = set()
    for order in ("ASC", "DESC"):
        with contextlib.suppress(sqlite3.Error, OverflowError, ValueError):
            for row in connection.execute(f"SELECT rowid, {names} FROM {table} ORDER BY rowid {order}"):  # noqa: S608
                if row[0] not in seen:
                    seen.add(row[0])
                    yield tuple(row[1:])
    for number in range(1, min(last, _ROWS_TRIED_MAX) + 1):
        if number not in seen:
            with contextlib.suppress(sqlite3.Error, OverflowError, ValueError):
                row = connection.execute(f"SELECT {names} FROM {table} WHERE rowid = ?", (number,)).fetchone()  # noqa: S608
                if row is not None:
                    yield tuple(row)


_ROWS_TRIED_MAX: Final = 1_000_000


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def sync_folder(path: Path) -> None:
    """Make names in a folder durable, as a rename in it is."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
