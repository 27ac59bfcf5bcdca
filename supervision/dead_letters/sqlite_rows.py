"""Rows of the dead letters' file: the sealed item is the truth, the columns beside it are an index made from it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from messages.codec import decode, encode
from messages.errors import CodecError
from supervision.dead_letters.machine import turn_at_s
from supervision.dead_letters.records import FINISHED, DeadItem, ItemFilter, ItemState
from supervision.dead_letters.store import Leased, Want
from supervision.keeping.sealed import Damaged, Position, mark_of, seal, unseal

TABLES: Final = {
    "items": (
        "item_id", "phase", "sort", "turn", "operation_type", "service", "state", "fingerprint", "enqueued_at",
        "unique_key", "token", "raw",
    ),
    "aside": ("key", "reason", "at_s", "raw"),
}  # fmt: skip
SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS items (
        item_id TEXT PRIMARY KEY, phase TEXT NOT NULL, sort REAL NOT NULL, turn REAL NOT NULL,
        operation_type TEXT NOT NULL, service TEXT NOT NULL, state TEXT NOT NULL, fingerprint TEXT NOT NULL,
        enqueued_at REAL NOT NULL, unique_key TEXT UNIQUE, token TEXT, raw BLOB NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS items_in_turn ON items (phase, operation_type, sort)",
    "CREATE TABLE IF NOT EXISTS aside (key TEXT, reason TEXT, at_s REAL, raw BLOB)",
    "CREATE TABLE IF NOT EXISTS tally (name TEXT PRIMARY KEY, rows INTEGER, mark INTEGER, size_bytes INTEGER)",
    "INSERT OR IGNORE INTO tally VALUES ('items', 0, 0, 0)",
)
_COLUMNS: Final = ", ".join(TABLES["items"])
_MARKS: Final = ", ".join("?" * len(TABLES["items"]))
_INSERT: Final = f"INSERT INTO items ({_COLUMNS}) VALUES ({_MARKS})"  # noqa: S608 - our own names
# SQLite has no exclusive or; the mark is given twice.
_COUNT: Final = """UPDATE tally SET rows = rows + ?, mark = (mark | ?) - (mark & ?), size_bytes = size_bytes + ?
    WHERE name = 'items'"""
_WRITE: Final = """UPDATE items SET phase = ?, sort = ?, turn = ?, state = ?, fingerprint = ?, token = NULL, raw = ?
    WHERE item_id = ?"""
_PAGE: Final = 500


def sealed(item: DeadItem) -> bytes:
    """The bytes of an item. Raises CodecError for a payload that is not plain data."""
    return seal(item.item_id, Position(version=item.revision), item.enqueued_at_s, encode(item, verified=True))


def opened(item_id: str, raw: object) -> DeadItem:
    """The item that bytes stand for. Raises Damaged."""
    whole = unseal(item_id, raw) if isinstance(raw, bytes) else None
    if whole is None:
        raise Damaged("corrupt", b"", f"a {type(raw).__name__} where bytes belong")
    try:
        item = decode(whole.body)
    except CodecError as error:
        raise Damaged("future", whole.body, error.detail) from error
    if not isinstance(item, DeadItem) or item.item_id != item_id:
        raise Damaged("foreign", whole.body, f"a {type(item).__name__} that is not this item")
    return item


def unique_key(item: DeadItem) -> str | None:
    """What no two items share."""
    return None if item.idempotency_key is None else f"{item.operation_type}\0{item.idempotency_key}"


def phase_of(item: DeadItem) -> str:
    """Where an item without a lease stands: later, asleep (dead, until its service returns), dead or done."""
    if item.state in FINISHED:
        return "done"
    if item.state is ItemState.DEAD:
        return "asleep" if item.heals else "dead"
    return "later"


def sort_of(item: DeadItem) -> float:
    """What it is ordered by within its phase."""
    match phase_of(item):
        case "done":
            return item.finished_at_s or 0.0
        case "later":
            return item.due_at_s
        case _:
            return turn_at_s(item)


def row_of(item: DeadItem, raw: bytes) -> tuple[Any, ...]:
    """All columns of an item without a lease."""
    return (
        item.item_id, phase_of(item), sort_of(item), turn_at_s(item), item.operation_type, item.service,
        item.state.value, item.fingerprint, item.enqueued_at_s, unique_key(item), None, raw,
    )  # fmt: skip


def insert(connection: sqlite3.Connection, item: DeadItem, raw: bytes) -> None:
    """Add an item."""
    connection.execute(_INSERT, row_of(item, raw))
    _count(connection, 1, b"", raw)


def write(connection: sqlite3.Connection, item: DeadItem, before: object) -> None:
    """Put an item in the place of its bytes before; it has no lease then."""
    raw = sealed(item)
    row = row_of(item, raw)
    connection.execute(_WRITE, (*row[1:4], item.state.value, item.fingerprint, raw, item.item_id))
    _count(connection, 0, before, raw)


def finished(connection: sqlite3.Connection, leased: Leased) -> bool:
    """Put an item back after its attempt, if its lease still is this one."""
    row = connection.execute("SELECT token, raw FROM items WHERE item_id = ?", (leased.item.item_id,)).fetchone()
    if row is None or row[0] != leased.token:
        return False
    write(connection, leased.item, row[1])
    return True


def removed(connection: sqlite3.Connection, item_ids: Sequence[str]) -> int:
    """Remove items; says how many there were."""
    count = 0
    for item_id in item_ids:
        row = connection.execute("SELECT raw FROM items WHERE item_id = ?", (item_id,)).fetchone()
        if row is not None:
            connection.execute("DELETE FROM items WHERE item_id = ?", (item_id,))
            _count(connection, -1, row[0], b"")
            count += 1
    return count


def next_rows(connection: sqlite3.Connection, want: Want) -> list[tuple[str, object]]:
    """The next rows of several types, in turn."""
    found: list[tuple[float, str, object]] = []
    for phase in ("ready", "later", "asleep") if want.with_sleeping else ("ready",):
        order = "turn" if phase == "later" else "sort"
        for kind in want.types:
            found.extend(connection.execute(
                f"SELECT {order}, item_id, raw FROM items WHERE phase = ? AND operation_type = ?"  # noqa: S608 - ours
                " ORDER BY sort LIMIT ?", (phase, kind, want.at_most),
            ).fetchall())  # fmt: skip
    found.sort(key=lambda row: row[:2])
    return [(item_id, raw) for _, item_id, raw in found[: want.at_most]]


def conditions(chosen: ItemFilter, now_s: float) -> tuple[str, list[object]]:
    """A filter as SQL that follows a WHERE, and its values."""
    parts = {
        "state = ?": None if chosen.state is None else str(chosen.state),
        "operation_type = ?": chosen.operation_type,
        "service = ?": chosen.service,
        "fingerprint = ?": chosen.fingerprint,
        "enqueued_at <= ?": None if chosen.older_than_s is None else now_s - chosen.older_than_s,
    }
    given = {part: value for part, value in parts.items() if value is not None}
    return "".join(f" AND {part}" for part in given), list(given.values())


def tally(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Rows, their mark and bytes, as they were noted with every change."""
    row = connection.execute("SELECT rows, mark, size_bytes FROM tally WHERE name = 'items'").fetchone()
    return (-1, 0, 0) if row is None else (row[0], row[1], row[2])


def number(connection: sqlite3.Connection, query: str) -> int:
    """The one number that a query asks for."""
    return int(connection.execute(query).fetchone()[0])


def is_whole(table: str, row: tuple[Any, ...]) -> bool:
    """Of a damaged file's rows: keep what reads. The rest stays in the file that was set aside."""
    if table != "items":
        return True
    try:
        opened(row[0], row[-1])
    except (Damaged, AttributeError):
        return False
    return True


def checked(
    connection: sqlite3.Connection, open_row: Callable[[sqlite3.Connection, str, object], DeadItem | None]
) -> list[str]:
    """Read all items; compare with the tally, correct the index, have damaged ones set aside. Says what was wrong."""
    noted, counted = tally(connection), _counted(connection)
    words = [] if noted == counted else [f"{counted[0]} items where {noted[0]} were written, or other ones"]
    corrected = 0
    for row in _rows(connection):
        item = open_row(connection, row[0], row[-1])
        if item is not None and not _fits(row, row_of(item, row[-1])):
            connection.execute("DELETE FROM items WHERE item_id = ?", (row[0],))
            connection.execute(_INSERT, row_of(item, row[-1]))
            corrected += 1
    if corrected:
        words.append(f"the index of {corrected} items was wrong")
    connection.execute("INSERT OR REPLACE INTO tally VALUES ('items', ?, ?, ?)", _counted(connection))
    return words


def _fits(row: tuple[Any, ...], right: tuple[Any, ...]) -> bool:
    """Whether index columns are those of the item; one that is due or leased has a phase and an order of its own."""
    is_moved = (row[1] == "ready" and row[2] == row[3]) or (row[1] == "leased" and row[10] is not None)
    return row[3:10] == right[3:10] and (row[1:3] == right[1:3] or (is_moved and right[1] in ("later", "asleep")))


def _rows(connection: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    last = -1 << 62
    while True:
        page = connection.execute(
            f"SELECT rowid, {_COLUMNS} FROM items WHERE rowid > ? ORDER BY rowid LIMIT ?",  # noqa: S608 - our own names
            (last, _PAGE),
        ).fetchall()
        for row in page:
            yield row[1:]
        if len(page) < _PAGE:
            return
        last = page[-1][0]


def _counted(connection: sqlite3.Connection) -> tuple[int, int, int]:
    rows = mark = size_bytes = 0
    for (raw,) in connection.execute("SELECT raw FROM items NOT INDEXED"):
        rows += 1
        mark ^= _mark(raw)
        size_bytes += _length(raw)
    return rows, mark, size_bytes


def _count(connection: sqlite3.Connection, rows: int, before: object, after: bytes) -> None:
    mark = (_mark(before) if rows <= 0 else 0) ^ (_mark(after) if rows >= 0 else 0)
    connection.execute(_COUNT, (rows, mark, mark, len(after) - _length(before)))


def _mark(raw: object) -> int:
    return mark_of(raw if isinstance(raw, bytes) else repr(raw).encode())


def _length(raw: object) -> int:
    return len(raw) if isinstance(raw, bytes) else 0
