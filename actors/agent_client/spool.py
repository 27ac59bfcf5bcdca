"""Letters on this machine's disk: what was answered by a static reply and still has to be sent, or answered for good.

One SQLite file for one agent, in write-ahead mode with a sync at every commit, so that a letter that was kept survives
the kill of the agent and of the machine. Everything here blocks; `keeping` calls it from a thread of its own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from actors.node_directory import sync_directory

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS letters (
  row INTEGER PRIMARY KEY,
  epoch INTEGER NOT NULL,   -- of the opening of this file by which it was kept
  number INTEGER NOT NULL,  -- the order of acceptance within it
  chat_id TEXT NOT NULL,
  message_id TEXT NOT NULL,
  position TEXT,            -- where its replies are read from; NULL when nothing of its chat was ever sent
  sent INTEGER NOT NULL,    -- whether the store has acknowledged it
  at REAL NOT NULL,         -- unix seconds
  body BLOB NOT NULL,       -- empty when the store has it for good and only its answer is waited for
  shown BLOB NOT NULL DEFAULT x'',  -- the static reply that its person was shown, JSON
  UNIQUE (chat_id, message_id)
)
"""
# Many letters go in with one statement: at each statement a thread gives the interpreter away, and waits 5 ms for it
# where the event loop is busy, as it is when thousands of calls are given up at once.
LIGHT_BYTES_MAX: Final = 64 * 1024
_ADD_SHOWN: Final = "ALTER TABLE letters ADD COLUMN shown BLOB NOT NULL DEFAULT x''"
_COLUMNS: Final = "row, epoch, number, chat_id, message_id, position, sent, at, body, shown"
_INSERT: Final = f"INSERT INTO letters ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constants
_INSERT_LIGHT: Final = (
    f"INSERT INTO letters ({_COLUMNS}) SELECT "  # noqa: S608 - constants
    + ", ".join(f"json_extract(value, '$[{number}]')" for number in range(8))
    + ", CAST(json_extract(value, '$[8]') AS BLOB), CAST(json_extract(value, '$[9]') AS BLOB) FROM json_each(?)"
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A letter as it goes into the spool. shown: the static reply that its person gets now, JSON; empty for none."""

    number: int
    chat_id: str
    message_id: str
    position: str | None
    body: bytes
    sent: bool
    at_s: float
    shown: bytes = b""


@dataclass(frozen=True, slots=True)
class Row:
    """A letter as it stands in the spool, without its body."""

    row: int
    chat_id: str
    message_id: str
    position: str | None
    size_bytes: int
    sent: bool
    at_s: float


class Spool:
    """An open spool file; used by one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Open or make it. Raises sqlite3.Error and OSError."""
        self.path = path
        self._connection = _opened(path)
        # The file's name must be as durable as what is in it.
        sync_directory(path.parent)
        (epoch, row) = self._connection.execute(
            "SELECT coalesce(max(epoch), 0), coalesce(max(row), 0) FROM letters"
        ).fetchone()
        self._epoch, self._next_row = int(epoch) + 1, int(row) + 1

    def rows(self) -> list[Row]:
        """Every letter in the order in which they were accepted. Raises sqlite3.Error."""
        found = self._connection.execute(
            "SELECT row, chat_id, message_id, position, length(body), sent, at FROM letters ORDER BY epoch, number, row"
        )
        return [
            Row(row, chat_id, message_id, position, size_bytes, bool(sent), at_s)
            for row, chat_id, message_id, position, size_bytes, sent, at_s in found
        ]

    def keep(self, letters: Sequence[Kept]) -> list[int]:
        """Add letters in one transaction and return their rows; none of them may be there already.

        Durable when this returns. Raises sqlite3.Error, and then none of them was added.
        """
        rows = list(range(self._next_row, self._next_row + len(letters)))
        light = [(row, one) for row, one in zip(rows, letters, strict=True) if len(one.body) <= LIGHT_BYTES_MAX]
        with self._connection:
            if light:
                fields = [
                    (row, self._epoch, *_fields(one), one.body.decode(), one.shown.decode()) for row, one in light
                ]
                self._connection.execute(_INSERT_LIGHT, (msgspec.json.encode(fields).decode(),))
            for row, one in zip(rows, letters, strict=True):
                if len(one.body) > LIGHT_BYTES_MAX:
                    self._connection.execute(_INSERT, (row, self._epoch, *_fields(one), one.body, one.shown))
        self._next_row += len(letters)
        return rows

    def body(self, row: int) -> tuple[bytes, bytes] | None:
        """A letter's body, and the static reply that was shown; None when there is none. Raises sqlite3.Error."""
        found = self._connection.execute("SELECT body, shown FROM letters WHERE row = ?", (row,)).fetchone()
        return None if found is None else (bytes(found[0]), bytes(found[1]))

    def drop(self, rows: Sequence[int]) -> None:
        """Remove letters that have their last word. Raises sqlite3.Error."""
        with self._connection:
            self._connection.execute(
                "DELETE FROM letters WHERE row IN (SELECT value FROM json_each(?))",
                (msgspec.json.encode(rows).decode(),),
            )

    def take_over(self, path: Path) -> tuple[int, Path | None]:
        """Move what another agent has left behind into this file, behind what is here.

        Returns how many letters were new here, and where a file was set aside that cannot be read. A kill in between
        leaves letters in both, which the next time makes one again. Raises sqlite3.Error and OSError.
        """
        try:
            with closing(_opened(path)) as other:
                found = other.execute(
                    "SELECT chat_id, message_id, position, body, sent, at, shown FROM letters "
                    "ORDER BY epoch, number, row"
                ).fetchall()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            return 0, _set_aside(path)
        known = {(row.chat_id, row.message_id) for row in self.rows()}
        new = [
            Kept(number, chat_id, message_id, position, body, bool(sent), at_s, shown)
            for number, (chat_id, message_id, position, body, sent, at_s, shown) in enumerate(found)
            if (chat_id, message_id) not in known
        ]
        self._epoch += 1
        self.keep(new)
        self._epoch += 1
        remove(path)
        return len(new), None

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._connection.close()


def _fields(letter: Kept) -> tuple[int, str, str, str | None, bool, float]:
    return letter.number, letter.chat_id, letter.message_id, letter.position, letter.sent, letter.at_s


def open_spool(path: Path) -> tuple[Spool, Path | None]:
    """Open a spool; a file that is damaged beyond opening is set aside, and its new place returned.

    Raises sqlite3.Error and OSError when no file can be opened there at all.
    """
    try:
        return Spool(path), None
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        aside = _set_aside(path)
        return Spool(path), aside


def remove(path: Path) -> None:
    """Remove a spool file that nobody has open. Raises OSError."""
    for name in (path, *_beside(path)):
        name.unlink(missing_ok=True)


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False)
    try:
        path.chmod(0o600)
        # Whoever has the file holds a lock beside it: no shared memory with other processes is needed.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(_SCHEMA)
        if "shown" not in {column[1] for column in connection.execute("PRAGMA table_info(letters)")}:
            connection.execute(_ADD_SHOWN)
    except BaseException:
        connection.close()
        raise
    return connection


def _set_aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    path.rename(aside)
    for name in _beside(path):
        with suppress(FileNotFoundError):
            name.unlink()
    return aside


def _beside(path: Path) -> tuple[Path, Path]:
    return path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")
