"""The file layer: sealed records in a SQLite file, the generation before each kept beside it.

A tally of all rows stands in the file too: a row that vanishes without a trace, because a bit of a page's directory
flipped, leaves no bytes whose checksum could fail.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from supervision.keeping.layers import Aside, Entry, Kept, LayerFacts
from supervision.keeping.sealed import Damaged, Position, mark_of, unseal
from supervision.keeping.sqlite_file import SqliteFile

ASIDE_MAX: Final = 10_000
_TABLES: Final = {
    "sessions": ("key", "generation", "epoch", "version", "raw", "previous"),
    "aside": ("key", "reason", "at_s", "raw"),
}
_SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS sessions (
        key TEXT PRIMARY KEY, generation INTEGER NOT NULL, epoch INTEGER NOT NULL, version INTEGER NOT NULL,
        raw BLOB, previous BLOB)""",
    "CREATE TABLE IF NOT EXISTS aside (key TEXT, reason TEXT, at_s REAL, raw BLOB)",
    "CREATE TABLE IF NOT EXISTS tally (name TEXT PRIMARY KEY, rows INTEGER NOT NULL, mark INTEGER NOT NULL)",
    "INSERT OR IGNORE INTO tally VALUES ('sessions', 0, 0)",
)
_FIND: Final = "SELECT generation, epoch, version, raw FROM sessions WHERE key = ?"
_WRITE: Final = """INSERT INTO sessions VALUES (?, ?, ?, ?, ?, NULL) ON CONFLICT (key) DO UPDATE SET
    generation = excluded.generation, epoch = excluded.epoch, version = excluded.version,
    previous = raw, raw = excluded.raw"""
_BURY: Final = "UPDATE sessions SET previous = NULL WHERE key = ?"
# SQLite has no exclusive or; the mark is given twice.
_COUNT: Final = "UPDATE tally SET rows = rows + ?, mark = (mark | ?) - (mark & ?) WHERE name = 'sessions'"


class SqliteStateLayer:
    """Sessions in one file. Blocking: a Lane calls it, and merges saves that wait into one commit."""

    is_durable = True

    def __init__(self, path: Path, name: str = "file") -> None:
        self.name = name
        self.path = path
        self._file = SqliteFile(path, _SCHEMA, _TABLES, _is_whole)

    def open(self) -> tuple[str, ...]:
        """Open or make the file."""
        mended = self._file.open()
        if any("damaged" in words for words in mended):
            self._file.run(_tally_anew, writes=True)
        return mended

    def put_many(self, entries: Sequence[Entry]) -> Sequence[Position | None]:
        """One commit for all of them, synced."""
        return self._file.run(lambda connection: _put_all(connection, entries), writes=True)

    def get(self, key: str) -> tuple[bytes, ...]:
        """Both generations."""
        row = self._one("SELECT raw, previous FROM sessions WHERE key = ?", key)
        return () if row is None else _generations(*row)

    def scan(self, after: str, count: int) -> Sequence[Kept]:
        """In the order of the index."""
        rows = self._all("SELECT key, raw, previous FROM sessions WHERE key > ? ORDER BY key LIMIT ?", after, count)
        return [Kept(key, _generations(raw, previous)) for key, raw, previous in rows]

    def set_aside(self, key: str, raw: bytes, reason: str, at_s: float) -> None:
        """Move the bytes to their own table; the oldest beyond 10,000 are let go of."""
        self._file.run(lambda connection: _move_aside(connection, Aside(key, reason, at_s, raw)), writes=True)

    def asides(self, count: int) -> Sequence[Aside]:
        """Newest first."""
        rows = self._all("SELECT key, reason, at_s, raw FROM aside ORDER BY rowid DESC LIMIT ?", count)
        return [Aside(*row) for row in rows]

    def erase(self, keys: Sequence[str]) -> None:
        """Rows and what was set aside of them."""
        self._file.run(lambda connection: _erase_all(connection, keys), writes=True)

    def check(self) -> LayerFacts:
        """Read every row by the table's own order, compare with the tally, and mend where that is possible."""
        problems = list(self._file.problems())
        counted = (0, 0) if problems else self._file.run(_counted, writes=False)
        if not problems:
            noted = self._noted()
            if counted != noted:
                problems.append(f"{counted[0]} rows where {noted[0]} were written, or other ones")
                self._file.run(_tally_anew, writes=True)
        else:
            problems.append(self._file.replace(problems[0]))
            self._file.run(_tally_anew, writes=True)
        facts = self.facts()
        return LayerFacts(facts.sessions, facts.aside, facts.size_bytes, tuple(problems))

    def facts(self) -> LayerFacts:
        """From the tally."""
        aside = self._one("SELECT count(*) FROM aside")
        return LayerFacts(self._noted()[0], 0 if aside is None else aside[0], self._file.size_bytes())

    def compact(self) -> None:
        """Give back free room; stops saves meanwhile."""
        self._file.compact()

    def close(self) -> None:
        """One file is left."""
        self._file.close()

    def _noted(self) -> tuple[int, int]:
        row = self._one("SELECT rows, mark FROM tally WHERE name = 'sessions'")
        return (-1, 0) if row is None else (row[0], row[1])

    def _one(self, query: str, *values: object) -> tuple[Any, ...] | None:
        found = self._all(query, *values)
        return found[0] if found else None

    def _all(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self._file.run(lambda connection: connection.execute(query, values).fetchall(), writes=False)


def _put_all(connection: sqlite3.Connection, entries: Sequence[Entry]) -> list[Position | None]:
    said: list[Position | None] = []
    rows = mark = 0
    for entry in entries:
        row = connection.execute(_FIND, (entry.key,)).fetchone()
        if row is not None:
            standing = _position(row)
            if standing >= entry.position:
                said.append(None if row[3] == entry.raw else standing)
                continue
            mark ^= mark_of(_bytes(row[3]))
        else:
            rows += 1
        connection.execute(_WRITE, (entry.key, *entry.position, entry.raw))
        if entry.is_gone:
            connection.execute(_BURY, (entry.key,))
        mark ^= mark_of(entry.raw)
        said.append(None)
    if rows or mark:
        connection.execute(_COUNT, (rows, mark, mark))
    return said


def _move_aside(connection: sqlite3.Connection, aside: Aside) -> None:
    row = connection.execute("SELECT raw, previous FROM sessions WHERE key = ?", (aside.key,)).fetchone()
    if row is None or aside.raw not in (_bytes(row[0]), _bytes(row[1])):
        return
    connection.execute("INSERT INTO aside VALUES (?, ?, ?, ?)", aside)
    connection.execute("DELETE FROM aside WHERE rowid <= (SELECT max(rowid) FROM aside) - ?", (ASIDE_MAX,))
    if aside.raw == _bytes(row[1]):
        connection.execute("UPDATE sessions SET previous = NULL WHERE key = ?", (aside.key,))
        if aside.raw != _bytes(row[0]):
            return
    # The place stays in its columns: what comes next goes beyond it.
    connection.execute("UPDATE sessions SET raw = previous, previous = NULL WHERE key = ?", (aside.key,))
    mark = mark_of(_bytes(row[0])) ^ mark_of(_bytes(row[1]) if row[1] != row[0] else b"")
    connection.execute(_COUNT, (0, mark, mark))


def _erase_all(connection: sqlite3.Connection, keys: Sequence[str]) -> None:
    for key in keys:
        row = connection.execute("SELECT raw FROM sessions WHERE key = ?", (key,)).fetchone()
        if row is not None:
            mark = mark_of(_bytes(row[0]))
            connection.execute("DELETE FROM sessions WHERE key = ?", (key,))
            connection.execute(_COUNT, (-1, mark, mark))
        connection.execute("DELETE FROM aside WHERE key = ?", (key,))


def _counted(connection: sqlite3.Connection) -> tuple[int, int]:
    rows = mark = 0
    for (raw,) in connection.execute("SELECT raw FROM sessions NOT INDEXED"):
        rows += 1
        mark ^= mark_of(_bytes(raw))
    return rows, mark


def _tally_anew(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT OR REPLACE INTO tally VALUES ('sessions', ?, ?)", _counted(connection))


def _is_whole(table: str, row: tuple[Any, ...]) -> bool:
    """Of a damaged file's rows: keep what reads, and set the rest aside with the file itself."""
    if table != "sessions":
        return True
    key, generation, epoch, version, raw, _ = row
    if not isinstance(key, str) or not isinstance(raw, bytes):
        return False
    try:
        return unseal(key, raw).position <= Position(generation, epoch, version)
    except (Damaged, TypeError):
        return False


def _position(row: tuple[Any, ...]) -> Position:
    numbers = row[:3]
    return Position(*numbers) if all(isinstance(number, int) for number in numbers) else Position()


def _generations(raw: object, previous: object) -> tuple[bytes, ...]:
    return tuple(_bytes(one) for one in (raw, previous) if one is not None)


def _bytes(value: object) -> bytes:
    """A flipped bit may turn a blob's type into another: whatever it is now, it is no record."""
    return value if isinstance(value, bytes) else b"" if value is None else repr(value).encode()
