"""What becomes of a SQLite ledger that cannot be read any more, and the backups it is rebuilt from. Blocking.

The file's bytes are moved aside, never changed; what can be read out of a copy of them goes into a new file, with what
the backups have beside. Whoever calls this has closed every connection to the file before: a connection that is closed
later deletes the log by its name, which is the new file's by then.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from actors.ledger.rows import FileMalformed, RowDamaged, booking_of
from supervision.keeping.sqlite_file import frames_written, is_damage, rows_of, sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from invoices.book import Booking

BACKUPS_MAX: Final = 2
BACKUP_AGE_S: Final = 6 * 3600.0
_COLUMNS: Final = ("chat_id", "invoice_id", "body", "body_digest")
_SUFFIXES: Final = ("", "-wal")


Identity = tuple[int, int]


class Standing:
    """Whether the files that a connection has open are still those of their names. One for each connection.

    A file that was replaced or deleted under SQLite goes on being written, where nobody will find it.
    """

    def __init__(self, path: Path) -> None:
        self._names = (path, path.with_name(f"{path.name}-wal"))
        self._known: dict[Path, Identity] = {}

    def look(self) -> None:
        """Raises FileMalformed when one is another, or gone."""
        for name in self._names:
            try:
                found = name.stat()
            except FileNotFoundError:
                if name in self._known:
                    raise FileMalformed(f"{name.name} was taken away") from None
                continue
            if self._known.setdefault(name, (found.st_dev, found.st_ino)) != (found.st_dev, found.st_ino):
                raise FileMalformed(f"{name.name} is another file now")


@dataclass(frozen=True, slots=True)
class Saved:
    """What could be read. damaged: how many rows are not what was written."""

    bookings: tuple[Booking, ...]
    damaged: int


def speaks_of_damage(error: BaseException) -> bool:
    """Whether the error says that the file's content is not what was written."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, FileMalformed) or (isinstance(cause, sqlite3.DatabaseError) and is_damage(cause)):
            return True
        cause = getattr(cause, "orig", None) or cause.__cause__
    return False


def set_aside(path: Path) -> None:
    """Move a damaged file away, to be read by `read_unread`, now or after a crash. Raises OSError."""
    unread = _free_name(path, "unread")
    for suffix in _SUFFIXES:
        source = path.with_name(path.name + suffix)
        if source.exists():
            source.replace(unread.with_name(unread.name + suffix))
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    sync_folder(path.parent)


def read_unread(path: Path) -> Saved | None:
    """What can be read of files that were set aside, and of the backups; None when there are none. Raises OSError."""
    unread = _unread(path)
    if not unread:
        return None
    newest: dict[tuple[str, str], Booking] = {}
    damaged = 0
    for source in (*unread, *backups(path)):
        for booking in _read(source):
            if booking is None:
                damaged += source in unread
            else:
                key = (booking.chat_id, booking.invoice_id)
                if key not in newest or newest[key].revision < booking.revision:
                    newest[key] = booking
    return Saved(tuple(newest.values()), damaged)


def keep_read(path: Path) -> tuple[str, ...]:
    """Note that what was set aside has been read, and what it held is booked; the names it is kept under."""
    names = []
    for unread in _unread(path):
        kept = _free_name(path, "damaged")
        for suffix in reversed(_SUFFIXES):
            source = unread.with_name(unread.name + suffix)
            if source.exists():
                source.replace(kept.with_name(kept.name + suffix))
        names.append(kept.name)
    return tuple(names)


def _unread(path: Path) -> tuple[Path, ...]:
    return tuple(sorted(found for found in path.parent.glob(f"{path.name}.unread-*") if found.name[-1].isdecimal()))


def _read(source: Path) -> Iterator[Booking | None]:
    """Each booking that can be read out of a copy of the file; None for a row that is not what was written."""
    copy = source.with_name(source.name + ".reading")
    try:
        for suffix in _SUFFIXES:
            there = source.with_name(source.name + suffix)
            if there.exists():
                shutil.copyfile(there, copy.with_name(copy.name + suffix))
        for row in rows_of(copy, "bookings", _COLUMNS):
            try:
                yield booking_of(dict(zip(_COLUMNS, row, strict=True)))
            except (RowDamaged, TypeError):
                yield None
    finally:
        for suffix in (*_SUFFIXES, "-shm"):
            copy.with_name(copy.name + suffix).unlink(missing_ok=True)


def backups(path: Path) -> tuple[Path, ...]:
    """The backups that are there, the newest first."""
    names = (path.with_name(f"{path.name}.backup-{number}") for number in range(1, BACKUPS_MAX + 1))
    return tuple(name for name in names if name.exists())


def back_up(path: Path) -> Path | None:
    """A copy of the ledger as it is now, read through once; older ones move on. None when nothing is booked.

    Raises sqlite3.Error and OSError, and RowDamaged for a row that is not what was written.
    """
    new = path.with_name(f"{path.name}.backup-new")
    try:
        if not _copy(path, new):
            return None
    except BaseException:
        # On a disk that is full, half a copy would be in the way of the ledger itself.
        new.unlink(missing_ok=True)
        raise
    for number in range(BACKUPS_MAX, 1, -1):
        older = path.with_name(f"{path.name}.backup-{number - 1}")
        if older.exists():
            older.replace(path.with_name(f"{path.name}.backup-{number}"))
    newest = path.with_name(f"{path.name}.backup-1")
    new.replace(newest)
    sync_folder(path.parent)
    return newest


def _copy(path: Path, new: Path) -> bool:
    """Copy the ledger, and read the copy through; False, and no copy, when nothing is booked."""
    new.unlink(missing_ok=True)
    os.close(os.open(new, os.O_RDWR | os.O_CREAT, 0o600))
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True)) as connection:
        connection.execute("VACUUM INTO ?", (str(new),))
    with contextlib.closing(sqlite3.connect(new)) as connection:
        answer = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if answer != "ok":
            raise FileMalformed(answer)
        rows = 0
        for row in connection.execute("SELECT chat_id, invoice_id, body, body_digest FROM bookings"):
            booking_of(dict(zip(_COLUMNS, row, strict=True)))
            rows += 1
    if not rows:
        new.unlink()
    return bool(rows)


def read_log(path: Path) -> bytes:
    """SQLite's log beside the file, as it is before anybody opens them."""
    try:
        return path.with_name(f"{path.name}-wal").read_bytes()
    except FileNotFoundError:
        return b""


def lost_commits(path: Path, log: bytes, connection: sqlite3.Connection) -> str:
    """Whether commits stood in the log behind a damaged frame, where SQLite stops without a word; a copy is kept.

    connection: just opened, by the first who opens the file. Returns nothing where all is well.
    """
    written = frames_written(log)
    if not written:
        return ""
    _, frames_read, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    if not any(written[max(frames_read, 0) :]):
        return ""
    kept = _free_name(path, "damaged")
    kept.write_bytes(log)
    return f"commits at the end of {path.name}-wal were damaged; a copy is kept as {kept.name}"


def _free_name(path: Path, what: str) -> Path:
    names = (path.with_name(f"{path.name}.{what}-{number}") for number in range(1, 1_000_000))
    return next(name for name in names if not name.exists())


def is_due(path: Path, wall_s: float) -> bool:
    """Whether the newest backup is some hours old, or there is none."""
    there = backups(path)
    return path.exists() and not (there and 0 <= wall_s - there[0].stat().st_mtime < BACKUP_AGE_S)


def delete_copies(path: Path) -> None:
    """Delete every backup and every damaged file: a person wants to be forgotten, there too."""
    for copy in path.parent.glob(f"{path.name}.*"):
        if any(f".{what}-" in copy.name for what in ("backup", "damaged", "unread")):
            copy.unlink(missing_ok=True)
