"""The spreadsheet as a CSV file beside the node: one row an invoice, one writer. Blocking, for one thread.

New rows are appended and synced; a row that changes is changed in a new file that takes the old one's place. What a
crash leaves half written at the end is cut off by the next write, which is told the same row again. A file that is no
table of ours is set aside, and a new one begun.
"""

from __future__ import annotations

import csv
import io
import os
from typing import TYPE_CHECKING, Final

from actors.spreadsheet.rows import HEADER, KEY, REVISION, as_text, key_of
from invoices.export.csv_file import harmless
from supervision.keeping.sqlite_file import sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from invoices.book import Booking

FILE_NAME: Final = "invoices.csv"
_MARK: Final = "\ufeff"
_END: Final = "\r\n"

_Row = list[str]


class LocalSheet:
    """One file. Nobody else writes it; people may look at it and copy it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # Of each key, where its row stands and which revision it shows; None until the file was read as it is now.
        self._revisions: dict[str, int] | None = None
        self._known: tuple[int, int, int] | None = None

    def put(self, bookings: Sequence[Booking]) -> tuple[str, ...]:
        """Write their rows, unless a later revision is there. Returns what had to be mended. Raises OSError."""
        said = self._look()
        revisions = self._revisions or {}
        newest: dict[str, Booking] = {}
        for booking in bookings:
            key = key_of(booking)
            shown = newest[key].revision if key in newest else revisions.get(key, 0)
            if shown < booking.revision:
                newest[key] = booking
        added = [booking for key, booking in newest.items() if key not in revisions]
        changed = {key: booking for key, booking in newest.items() if key in revisions}
        self._known = None
        if changed or not revisions:
            rows, _ = self._read() if revisions else ([], "")
            self._replace([*(_changed(row, changed) for row in rows), *map(as_text, added)])
        elif added:
            self._append(_written(map(as_text, added)))
        self._revisions = {**revisions, **{key: booking.revision for key, booking in newest.items()}}
        self._known = self._signature()
        return said

    def revision_of(self, key: str) -> int:
        """The revision that is shown; 0 when there is no such row. Raises OSError."""
        self._look()
        return (self._revisions or {}).get(key, 0)

    def forget(self, prefix: str) -> None:
        """Take out the rows whose keys begin so. Raises OSError."""
        self._look()
        if any(key.startswith(prefix) for key in self._revisions or {}):
            rows, _ = self._read()
            self._known = None
            self._replace([row for row in rows if not _plain(row[0]).startswith(prefix)])
        self._known = None

    def interrupt(self) -> None:
        """A write to a disk cannot be interrupted."""

    def close(self) -> None:
        """Nothing is held open; the next call reads the file anew."""
        self._known = None

    def _signature(self) -> tuple[int, int, int] | None:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        return (found.st_ino, found.st_size, found.st_mtime_ns)

    def _look(self) -> tuple[str, ...]:
        """Know the file as it is now."""
        if self._known is not None and self._known == self._signature():
            return ()
        rows, problem = self._read()
        said: tuple[str, ...] = ()
        if problem == "torn":
            self._replace(rows)
        elif problem:
            kept = self._set_aside()
            said = (f"{self.path.name} was no table of ours ({problem}); it is kept as {kept}, and a new one begun",)
            rows = []
        self._revisions = {_plain(row[0]): int(row[1]) for row in rows}
        self._known = self._signature()
        return said

    def _read(self) -> tuple[list[_Row], str]:
        """Its rows without the header; and "torn" when a last one was cut off, or what else is wrong."""
        try:
            text = self.path.read_bytes().decode()
        except FileNotFoundError:
            return [], ""
        except UnicodeDecodeError as error:
            # A row torn within a character is the only thing of ours that is no UTF-8.
            whole, found, _ = self.path.read_bytes()[: error.start].rpartition(_END.encode())
            rows, problem = _rows_of((whole + found).decode())
            return (rows, problem or "torn") if error.end >= self.path.stat().st_size else ([], str(error))
        return _rows_of(text)

    def _replace(self, rows: Iterable[_Row]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_name(f"{self.path.name}.new")
        with open(new, "wb", opener=_only_ours) as out:
            out.write((_MARK + _written([list(HEADER)]) + _written(rows)).encode())
            out.flush()
            os.fsync(out.fileno())
        new.replace(self.path)
        sync_folder(self.path.parent)

    def _append(self, text: str) -> None:
        with self.path.open("ab") as out:
            out.write(text.encode())
            out.flush()
            os.fsync(out.fileno())

    def _set_aside(self) -> str:
        names = (self.path.with_name(f"{self.path.name}.kept-{number}") for number in range(1, 1_000_000))
        kept = next(name for name in names if not name.exists())
        self.path.replace(kept)
        return kept.name


def _only_ours(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _rows_of(text: str) -> tuple[list[_Row], str]:
    whole, ended, torn = text.removeprefix(_MARK).rpartition(_END)
    if not ended:
        return [], "" if not text else "it has no whole line"
    try:
        rows = list(csv.reader(io.StringIO(whole + ended, newline=""), strict=True))
    except csv.Error as error:
        # A quote that is not closed: the cut went through the middle of a row of several lines.
        rows, torn = _whole_rows(whole), str(error)
    if not rows or tuple(rows[0]) != HEADER:
        return [], f"its columns are not ours: {KEY}, {REVISION}, ..."
    if any(len(row) != len(HEADER) or not row[1].isdecimal() for row in rows[1:]):
        return [], "rows in it have other columns"
    return rows[1:], "torn" if torn else ""


def _whole_rows(text: str) -> list[_Row]:
    """The rows up to one whose quote is not closed."""
    rows: list[_Row] = []
    try:
        rows.extend(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        return rows
    return rows


def _written(rows: Iterable[_Row]) -> str:
    lines = io.StringIO(newline="")
    csv.writer(lines, lineterminator=_END).writerows(rows)
    return lines.getvalue()


def _changed(row: _Row, changed: dict[str, Booking]) -> _Row:
    booking = changed.get(_plain(row[0]))
    return row if booking is None else as_text(booking)


def _plain(key: str) -> str:
    """The key of a cell, without the apostrophe that keeps it from being a formula."""
    return key[1:] if key.startswith("'") and harmless(key[1:]) == key else key
