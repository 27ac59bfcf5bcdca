"""Dead letters in a SQLite file: leases, changes and counts, each in one synced commit."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from supervision.dead_letters.machine import reported_again
from supervision.dead_letters.records import FINISHED, DeadItem, Group, ItemFilter
from supervision.dead_letters.sqlite_rows import (
    SCHEMA,
    TABLES,
    checked,
    conditions,
    finished,
    insert,
    is_whole,
    next_rows,
    number,
    opened,
    removed,
    sealed,
    tally,
    unique_key,
    write,
)
from supervision.dead_letters.store import Change, Leased, QueueFull, StoreFacts, Taken, Want
from supervision.keeping.sealed import Damaged
from supervision.keeping.sqlite_file import SqliteFile

_GROUPS_MAX: Final = 100
_RECLAIMED_MAX: Final = 1000


class SqliteLetterStore:
    """Dead letters in one file. items_max, size_bytes_max: its bounds, beyond which it refuses."""

    def __init__(self, path: Path, items_max: int, size_bytes_max: int, wall: Callable[[], float]) -> None:
        self.path = path
        self._items_max = items_max
        self._size_bytes_max = size_bytes_max
        self._wall = wall
        self._file = SqliteFile(path, SCHEMA, TABLES, is_whole)
        self.damaged: list[str] = []  # what was set aside since it was last looked at, for the operators' event

    def open(self) -> tuple[str, ...]:
        """Open or make the file, and read every item."""
        found = [*self._file.open()]
        found.extend(self._file.problems())
        if len(found) > 0 and not any("damaged" in words for words in found):
            found.append(self._file.replace(found[0]))
        found.extend(self._file.run(lambda connection: checked(connection, self._opened), writes=True))
        return tuple(found)

    def insert_many(self, items: Sequence[DeadItem]) -> Sequence[str | Exception]:
        """One commit for all of them."""
        return self._file.run(lambda connection: self._inserted(connection, items), writes=True)

    def get(self, item_id: str) -> DeadItem | None:
        """Read and verified."""

        def read(connection: sqlite3.Connection) -> DeadItem | None:
            row = connection.execute("SELECT raw FROM items WHERE item_id = ?", (item_id,)).fetchone()
            return None if row is None else self._opened(connection, item_id, row[0])

        return self._file.run(read, writes=True)

    def take(self, wants: Sequence[Want], token: str, now_s: float, until_s: float) -> Taken:
        """One commit, and none where nothing is due."""
        return self._file.run(lambda one: self._taken(one, wants, token, now_s, until_s), writes=True)

    def finish_many(self, outcomes: Sequence[Leased]) -> Sequence[bool]:
        """One commit for all of them."""

        def finish(connection: sqlite3.Connection) -> list[bool]:
            return [finished(connection, leased) for leased in outcomes]

        return self._file.run(finish, writes=True)

    def reclaim(self, now_s: float, change: Change) -> int:
        """At most so many at once as one commit should carry."""

        def give_back(connection: sqlite3.Connection) -> int:
            rows = connection.execute(
                "SELECT item_id, raw FROM items WHERE phase = 'leased' AND sort <= ? LIMIT ?", (now_s, _RECLAIMED_MAX)
            ).fetchall()
            for item_id, raw in rows:
                item = self._opened(connection, item_id, raw)
                changed = None if item is None else change(item)
                if changed is not None:
                    write(connection, changed, raw)
            return len(rows)

        return self._file.run(give_back, writes=True)

    def change(self, item_id: str, change: Change) -> bool:
        """Compare and set."""

        def apply(connection: sqlite3.Connection) -> bool:
            row = connection.execute("SELECT raw, phase FROM items WHERE item_id = ?", (item_id,)).fetchone()
            if row is None or row[1] == "leased":
                return False
            item = self._opened(connection, item_id, row[0])
            changed = None if item is None else change(item)
            if changed is None:
                return False
            write(connection, changed, row[0])
            return True

        return self._file.run(apply, writes=True)

    def page(self, chosen: ItemFilter, after: str, count: int, now_s: float) -> Sequence[DeadItem]:
        """Read and verified; damaged ones are set aside and left out."""
        where, values = conditions(chosen, now_s)

        def read(connection: sqlite3.Connection) -> list[DeadItem]:
            rows = connection.execute(
                f"SELECT item_id, raw FROM items WHERE item_id > ?{where} ORDER BY item_id LIMIT ?",  # noqa: S608
                (after, *values, count),
            ).fetchall()
            items = (self._opened(connection, item_id, raw) for item_id, raw in rows)
            return [item for item in items if item is not None]

        return self._file.run(read, writes=True)

    def remove_finished(self, before_s: float, count: int) -> int:
        """The oldest first."""

        def remove(connection: sqlite3.Connection) -> int:
            rows = connection.execute(
                "SELECT item_id FROM items WHERE phase = 'done' AND sort <= ? ORDER BY sort LIMIT ?", (before_s, count)
            ).fetchall()
            return removed(connection, [row[0] for row in rows])

        return self._file.run(remove, writes=True)

    def remove(self, item_ids: Sequence[str]) -> int:
        """Whatever their state."""
        return self._file.run(lambda connection: removed(connection, item_ids), writes=True)

    def size(self) -> tuple[int, int]:
        """As it was noted with every change."""
        rows, _, size_bytes = self._file.run(tally, writes=False)
        return rows, size_bytes

    def facts(self) -> StoreFacts:
        """Reads the index columns of all items."""

        def read(connection: sqlite3.Connection) -> StoreFacts:
            states: Counter[str] = Counter()
            types: Counter[str] = Counter()
            for state, kind, count in connection.execute(
                "SELECT state, operation_type, count(*) FROM items GROUP BY state, operation_type"
            ):
                states[state] += count
                types[kind] += count
            rows, _, size_bytes = tally(connection)
            return StoreFacts(
                rows, size_bytes, dict(states), dict(types),
                number(connection, "SELECT count(*) FROM items WHERE phase = 'leased'"),
                connection.execute("SELECT min(enqueued_at) FROM items WHERE phase != 'done'").fetchone()[0],
                number(connection, "SELECT count(*) FROM aside"), tuple(self._groups(connection)),
            )  # fmt: skip

        return self._file.run(read, writes=False)

    def close(self) -> None:
        """One file is left."""
        self._file.close()

    def _groups(self, connection: sqlite3.Connection) -> list[Group]:
        groups: list[Group] = []
        for mark, count, sample, raw in connection.execute(
            "SELECT fingerprint, count(*), min(item_id), raw FROM items WHERE phase != 'done' AND fingerprint != ''"
            " GROUP BY fingerprint ORDER BY count(*) DESC LIMIT ?", (_GROUPS_MAX,)
        ):  # fmt: skip
            try:
                item = opened(sample, raw)
            except Damaged:
                continue
            last = item.attempts[-1] if item.attempts else None
            groups.append(Group(mark, item.service, last.cause if last else "", last.detail if last else "", count,
                                sample))  # fmt: skip
        return groups

    def _inserted(self, connection: sqlite3.Connection, items: Sequence[DeadItem]) -> list[str | Exception]:
        said: list[str | Exception] = []
        rows, _, size_bytes = tally(connection)
        for item in items:
            if connection.execute("SELECT 1 FROM items WHERE item_id = ?", (item.item_id,)).fetchone():
                said.append(item.item_id)
                continue
            unique = unique_key(item)
            known = None if unique is None else connection.execute(
                "SELECT item_id, raw, phase FROM items WHERE unique_key = ?", (unique,)).fetchone()  # fmt: skip
            if known is not None:
                kept = self._opened(connection, known[0], known[1])
                if kept is not None:
                    if known[2] != "leased" and kept.state not in FINISHED:
                        write(connection, reported_again(kept, None, item.enqueued_at_s), known[1])
                    said.append(kept.item_id)
                    continue
            raw = sealed(item)
            if rows >= self._items_max or size_bytes + len(raw) > self._size_bytes_max:
                said.append(QueueFull(f"{rows} items of {size_bytes} bytes are kept"))
                continue
            insert(connection, item, raw)
            rows += 1
            size_bytes += len(raw)
            said.append(item.item_id)
        return said

    def _taken(
        self, connection: sqlite3.Connection, wants: Sequence[Want], token: str, now_s: float, until_s: float
    ) -> Taken:
        leased: list[Leased] = []
        due: list[float] = []
        for want in wants:
            for kind in want.types:
                connection.execute(
                    "UPDATE items SET phase = 'ready', sort = turn WHERE phase = 'later' AND operation_type = ?"
                    " AND sort <= ?", (kind, now_s),
                )  # fmt: skip
            for item_id, raw in next_rows(connection, want):
                item = self._opened(connection, item_id, raw)
                if item is not None:
                    connection.execute(
                        "UPDATE items SET phase = 'leased', sort = ?, token = ? WHERE item_id = ?",
                        (until_s, token, item_id),
                    )
                    leased.append(Leased(item, token))
            for kind in want.types:
                row = connection.execute(
                    "SELECT min(sort) FROM items WHERE phase = 'later' AND operation_type = ?", (kind,)
                ).fetchone()
                due.extend(row[0] for _ in row if row[0] is not None)
        return Taken(tuple(leased), min(due, default=None))

    def _opened(self, connection: sqlite3.Connection, item_id: str, raw: object) -> DeadItem | None:
        try:
            return opened(item_id, raw)
        except Damaged as damage:
            self.damaged.append(f"{item_id}: {damage}")
            connection.execute("INSERT INTO aside VALUES (?, ?, ?, ?)", (item_id, str(damage), self._wall(), raw))
            removed(connection, [item_id])
            return None
