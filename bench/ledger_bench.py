"""Bookings a second into the ledger, and how long it takes to ask it, beside the bare database.

Each figure is the median of the rounds, with the least and the greatest beside it. PostgreSQL is a real server, started
here; without one its lines are left out.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "fault_matrix"), str(ROOT / "tests" / "ledger")]

from gevent import monkey

monkey.patch_all()

import contextlib
import shutil
import sqlite3
import statistics
import tempfile
import time
from typing import TYPE_CHECKING

from bookings_made import made
from postgres import USER, postgres_server, programs
from tcp_proxy import free_port

from actors.ledger.ledger import Ledger
from actors.ledger.rows import row_of
from invoices.book import BookQuery
from supervision import world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROUNDS = 5
ROWS = 2_000


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def show(what: str, figures: list[float], unit: str) -> None:
    """One line."""
    middle = statistics.median(figures)
    print(f"{what:<58} {middle:>10,.1f} {unit:<12} ({min(figures):,.1f} to {max(figures):,.1f})")


def bare_file(folder: Path, batch: int) -> float:
    """Rows a second into SQLite by itself, the same columns and syncs, rows made before."""
    rows = [tuple(map(_plain, row_of(made(number)).values())) for number in range(ROWS)]
    connection = sqlite3.connect(folder / f"bare-{batch}.sqlite3", isolation_level=None)
    names = list(row_of(made(1)))
    connection.execute("PRAGMA journal_mode = wal")
    connection.execute("PRAGMA synchronous = full")
    connection.execute(f"CREATE TABLE IF NOT EXISTS b ({', '.join(names)}, PRIMARY KEY (chat_id, invoice_id))")
    insert = f"INSERT OR REPLACE INTO b VALUES ({', '.join('?' * len(names))})"

    def write() -> None:
        for start in range(0, ROWS, batch):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(insert, rows[start : start + batch])
            connection.execute("COMMIT")

    seconds = timed(write)
    connection.close()
    return ROWS / seconds


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, int | str | bytes) else str(value)


def booked(ledger: Ledger, batch: int, revision: int) -> float:
    """Bookings a second into a ledger."""
    rows = [made(number, revision) for number in range(ROWS)]
    return ROWS / timed(lambda: [ledger.put(rows[start : start + batch], 60.0) for start in range(0, ROWS, batch)])


@contextlib.contextmanager
def ledgers(folder: Path) -> Iterator[dict[str, Ledger]]:
    """Each kind that there is."""
    found = {"SQLite": Ledger(world.current(), "", folder)}
    with contextlib.ExitStack() as stack:
        if programs() is not None:
            folder.chmod(0o755)
            server = stack.enter_context(postgres_server(folder / "pg", free_port()))
            url = f"postgresql://{USER}@127.0.0.1:{server.port}/postgres"
            found["PostgreSQL"] = Ledger(world.current(), url, folder)
        for ledger in found.values():
            ledger.open()
        yield found
        for ledger in found.values():
            ledger.close()


def main() -> None:
    """All figures."""
    folder = Path(tempfile.mkdtemp(prefix="ub-", dir="/tmp"))
    try:
        with ledgers(folder) as found:
            for batch in (1, 100):
                show(f"bare SQLite, {batch} a commit", [bare_file(folder, batch) for _ in range(ROUNDS)], "rows/s")
                for name, ledger in found.items():
                    figures = [booked(ledger, batch, 1 + batch * 10 + number) for number in range(ROUNDS)]
                    show(f"ledger in {name}, {batch} a commit", figures, "bookings/s")
            for name, ledger in found.items():
                asked = {"one by its number": BookQuery(number="r-77"), "1,000 bookings": BookQuery()}
                for what, query in asked.items():
                    figures = [timed(lambda q=query, it=ledger: it.find("chat-1", q)) * 1e3 for _ in range(20)]  # type: ignore[misc]
                    show(f"ledger in {name}, {what}", figures, "ms")
                figures = [timed(lambda it=ledger: it.totals("chat-1", BookQuery())) * 1e3 for _ in range(20)]  # type: ignore[misc]
                show(f"ledger in {name}, totals of {ROWS:,}", figures, "ms")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
