"""The file itself: sealed rows in SQLite, many with one statement, each covered by a checksum of its own.

Blocking, for one thread at a time. At each statement a thread gives the interpreter away and may wait 5 ms for it where
the hub is busy, so a batch is three statements however many rows it has: the rows' places travel as JSON, their bytes
as one blob out of which each row takes its part.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from actors.persistence.records import KeptSession, KeptTurn
from messages.codec import decode, encode
from messages.errors import CodecError
from supervision.keeping.sealed import Damaged, Position, Sealed, seal, unseal
from supervision.keeping.sqlite_file import SqliteFile

T = TypeVar("T")

ASIDE_MAX: Final = 1_000
PRUNED_MAX: Final = 20_000
_TABLES: Final = {
    "sessions": ("key", "generation", "epoch", "version", "turn", "at_s", "raw"),
    "turns": ("key", "message", "state", "at_s", "raw"),
    "ended": ("effect", "at_s"),
    "aside": ("key", "reason", "at_s", "raw"),
}
_SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS sessions (key TEXT PRIMARY KEY, generation INTEGER NOT NULL, epoch INTEGER NOT NULL,
        version INTEGER NOT NULL, turn INTEGER NOT NULL, at_s REAL NOT NULL, raw BLOB)""",
    """CREATE TABLE IF NOT EXISTS turns (key TEXT NOT NULL, message TEXT NOT NULL, state TEXT NOT NULL,
        at_s REAL NOT NULL, raw BLOB, PRIMARY KEY (key, message, state))""",
    "CREATE TABLE IF NOT EXISTS ended (effect TEXT PRIMARY KEY, at_s REAL NOT NULL)",
    "CREATE TABLE IF NOT EXISTS aside (key TEXT, reason TEXT, at_s REAL, raw BLOB)",
)
_FIELDS: Final = ", ".join(f"json_extract(value, '$[{number}]')" for number in range(6))
_PUT_SESSIONS: Final = f"""INSERT INTO sessions SELECT {_FIELDS},
    substr(?2, json_extract(value, '$[6]'), json_extract(value, '$[7]')) FROM json_each(?1) WHERE true
    ON CONFLICT (key) DO UPDATE SET generation = excluded.generation, epoch = excluded.epoch,
    version = excluded.version, turn = excluded.turn, at_s = excluded.at_s, raw = excluded.raw
    WHERE (excluded.generation, excluded.epoch, excluded.version, excluded.turn)
    > (generation, epoch, version, turn)"""  # noqa: S608 - constants
_PUT_TURNS: Final = """INSERT OR {} INTO turns SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'),
    json_extract(value, '$[2]'), json_extract(value, '$[3]'),
    substr(?2, json_extract(value, '$[4]'), json_extract(value, '$[5]')) FROM json_each(?1)"""
_OF_THESE: Final = "IN (SELECT value FROM json_each(?))"
_json: Final = msgspec.json.Encoder().encode


class SessionRow(NamedTuple):
    """A session to keep. at_s: Unix seconds of its commit."""

    chat_id: str
    position: Position
    at_s: float
    session: KeptSession


class TurnRow(NamedTuple):
    """A commit record to keep."""

    chat_id: str
    at_s: float
    turn: KeptTurn


class Found(NamedTuple):
    """A chat as the file has it. session: None for one that was forgotten, or of which only turns are known."""

    chat_id: str
    position: Position
    is_gone: bool
    session: KeptSession | None
    turns: tuple[KeptTurn, ...]


class SessionFiles:
    """One node's file."""

    def __init__(self, path: Path) -> None:
        """Nothing is opened yet."""
        self.path = path
        self._file = SqliteFile(path, _SCHEMA, _TABLES, _is_whole)

    def open(self) -> tuple[str, ...]:
        """Open or make the file; what had to be mended. Raises OSError and sqlite3.Error where it cannot be had."""
        return self._file.open()

    def write(
        self,
        sessions: Sequence[SessionRow],
        turns: Sequence[TurnRow] = (),
        ended: Sequence[tuple[str, float]] = (),
        *,
        second_hand: bool = False,
    ) -> None:
        """Keep all of them in one commit, synced. A session older than the one that stands there is left out.

        second_hand: the records were read from the store or a backup, and know less than one that was heard itself.
        Raises OSError, sqlite3.Error and FileDamaged; then none of them is kept.
        """
        of_sessions, session_bytes = _packed(_session_fields(row) for row in _newest(sessions))
        of_turns, turn_bytes = _packed(_turn_fields(row) for row in turns)

        def put(connection: sqlite3.Connection) -> None:
            if sessions:
                connection.execute(_PUT_SESSIONS, (of_sessions, session_bytes))
            if turns:
                connection.execute(_PUT_TURNS.format("IGNORE" if second_hand else "REPLACE"), (of_turns, turn_bytes))
            if ended:
                connection.executemany("INSERT OR IGNORE INTO ended VALUES (?, ?)", ended)

        self._file.run(put, writes=True)

    def bury(self, chat_id: str, position: Position, at_s: float) -> bool:
        """Keep nothing of a chat but that it was forgotten at this place; whether anything older was there."""
        raw = seal(chat_id, position, at_s, b"", is_gone=True)

        def put(connection: sqlite3.Connection) -> bool:
            row = connection.execute(
                "SELECT generation, epoch, version, raw FROM sessions WHERE key = ?", (chat_id,)
            ).fetchone()
            if row is not None and row[2] >= position.version and Position(*row[:3]) >= position:
                return False
            connection.execute("DELETE FROM turns WHERE key = ?", (chat_id,))
            connection.execute("DELETE FROM aside WHERE key = ?", (chat_id,))
            connection.execute(
                "INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, 0, ?, ?)", (chat_id, *position, at_s, raw)
            )
            return True

        return self._file.run(put, writes=True)

    def erase(self, chat_ids: Sequence[str]) -> None:
        """Remove chats without a trace: they are archived, or have never been."""
        chosen = (_json(list(chat_ids)).decode(),)

        def strike(connection: sqlite3.Connection) -> None:
            for table in ("sessions", "turns", "aside"):
                connection.execute(f"DELETE FROM {table} WHERE key {_OF_THESE}", chosen)  # noqa: S608 - constants

        self._file.run(strike, writes=True)

    def find(self, chat_id: str) -> Found | None:
        """A chat with its turns; None when nothing is known of it. What is damaged is set aside."""
        return next(iter(self.find_all([chat_id])), None)

    def find_all(self, chat_ids: Sequence[str]) -> list[Found]:
        """Chats with their turns, those that are there."""
        chosen = _json(list(chat_ids)).decode()
        sessions = self._all(f"SELECT key, raw, at_s FROM sessions WHERE key {_OF_THESE}", chosen)  # noqa: S608
        turns = self._all(
            f"SELECT key, message, state, raw, at_s FROM turns WHERE key {_OF_THESE} ORDER BY key, at_s, rowid",  # noqa: S608
            chosen,
        )
        return self._judged(sessions, turns)

    def keys(self, after: str, count: int) -> list[str]:
        """The next chats by name; of those of which only turns are kept as well."""
        rows = self._all(
            """SELECT key FROM sessions WHERE key > ?1 UNION SELECT key FROM turns WHERE key > ?1
            ORDER BY key LIMIT ?2""",
            after,
            count,
        )
        return [str(key) for (key,) in rows]

    def newest(self, count: int) -> list[tuple[str, Position]]:
        """The chats of the newest records, with the places they stand at, unverified."""
        rows = self._all(
            """SELECT key, generation, epoch, version FROM sessions
            WHERE key IN (SELECT key FROM turns ORDER BY rowid DESC LIMIT ?)""",
            count,
        )
        return [(str(row[0]), Position(*row[1:])) for row in rows]

    def places(self, chat_ids: Sequence[str]) -> dict[str, tuple[Position, int]]:
        """Place and turn of each of these chats that is there."""
        rows = self._all(
            f"SELECT key, generation, epoch, version, turn FROM sessions WHERE key {_OF_THESE}",  # noqa: S608
            _json(list(chat_ids)).decode(),
        )
        return {str(row[0]): (Position(*row[1:4]), int(row[4])) for row in rows}

    def ended_of(self, effects: Sequence[str]) -> set[str]:
        """Those of these effects that are known to be done."""
        rows = self._all(f"SELECT effect FROM ended WHERE effect {_OF_THESE}", _json(list(effects)).decode())  # noqa: S608
        return {str(effect) for (effect,) in rows}

    def idle_since(self, at_s: float, count: int) -> list[str]:
        """Chats whose last commit is older, but for those that were forgotten."""
        rows = self._all("SELECT key FROM sessions WHERE at_s < ? AND turn > 0 ORDER BY at_s LIMIT ?", at_s, count)
        return [str(key) for (key,) in rows]

    def prune(self, turns_before_s: float) -> int:
        """Let go of records of turns, and of ended effects, that nobody asks for any more; how many."""

        def strike(connection: sqlite3.Connection) -> int:
            # Rows are numbered as they come, so the old ones are found without an index, which every commit would pay.
            gone = connection.execute(
                "DELETE FROM turns WHERE rowid IN (SELECT rowid FROM turns ORDER BY rowid LIMIT ?) AND at_s < ?",
                (PRUNED_MAX, turns_before_s),
            ).rowcount
            return gone + connection.execute("DELETE FROM ended WHERE at_s < ?", (turns_before_s,)).rowcount

        return self._file.run(strike, writes=True)

    def rows(self) -> Iterator[tuple[str, str, str, float, bytes]]:
        """Every row as it stands, for a backup: chat, message, state, seconds, bytes; sessions have no message."""
        after = ""
        while chats := self.keys(after, 256):
            yield from self.rows_of(chats)
            after = chats[-1]

    def rows_of(self, chat_ids: Sequence[str]) -> list[tuple[str, str, str, float, bytes]]:
        """The rows of these chats as they stand, as `rows` gives them."""
        chosen = _json(list(chat_ids)).decode()
        return [
            *self._all(f"SELECT key, '', '', at_s, raw FROM sessions WHERE key {_OF_THESE}", chosen),  # noqa: S608
            *self._all(f"SELECT key, message, state, at_s, raw FROM turns WHERE key {_OF_THESE}", chosen),  # noqa: S608
        ]

    def counts(self) -> dict[str, int]:
        """How many sessions, turns and rows set aside there are, and the size in bytes."""
        counts: dict[str, int] = {"size_bytes": self._file.size_bytes()}
        for table in ("sessions", "turns", "aside"):
            counts[table] = int(self._all(f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608 - constants
        return counts

    def check(self) -> tuple[str, ...]:
        """Have SQLite go through the file; a damaged one is replaced by what can be read of it, and that is said."""
        problems = self._file.problems()
        return (*problems, self._file.replace(problems[0])) if problems else ()

    def compact(self) -> None:
        """Give back room that is not used."""
        self._file.compact()

    def close(self) -> None:
        """Let go of the file; one file is left."""
        self._file.close()

    def _judged(self, sessions: Iterable[Sequence[Any]], turns: Iterable[Sequence[Any]]) -> list[Found]:
        found: dict[str, Found] = {}
        for key, raw, at_s in sessions:
            opened = self._opened(key, key, raw, at_s, KeptSession)
            if opened is not None:
                sealed, session = opened
                found[key] = Found(key, sealed.position, sealed.is_gone, session, ())
        for key, message, state, raw, at_s in turns:
            opened = self._opened(key, turn_key(key, message, state), raw, at_s, KeptTurn)
            if opened is not None:
                known = found.get(key) or Found(key, Position(), False, None, ())  # noqa: FBT003
                found[key] = known._replace(turns=(*known.turns, opened[1]))
        return list(found.values())

    def _opened(self, chat_id: str, key: str, raw: Any, at_s: Any, kind: type[T]) -> tuple[Sealed, Any] | None:
        """A row's record, if it is one; what is not is set aside with its bytes."""
        try:
            return unsealed(key, _bytes(raw), kind)
        except Damaged as damage:
            self._set_aside(chat_id, key, damage, at_s)
            return None

    def _set_aside(self, chat_id: str, key: str, damage: Damaged, at_s: Any) -> None:
        def move(connection: sqlite3.Connection) -> None:
            values = (chat_id, str(damage), at_s if isinstance(at_s, float) else 0.0, damage.raw)
            connection.execute("INSERT INTO aside VALUES (?, ?, ?, ?)", values)
            connection.execute("DELETE FROM aside WHERE rowid <= (SELECT max(rowid) FROM aside) - ?", (ASIDE_MAX,))
            if key == chat_id:
                connection.execute("DELETE FROM sessions WHERE key = ?", (chat_id,))
            else:
                _, message, state = key.split("\n")
                connection.execute(
                    "DELETE FROM turns WHERE key = ? AND message = ? AND state = ?", (chat_id, message, state)
                )

        self._file.run(move, writes=True)

    def _all(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self._file.run(_fetching(query, values), writes=False)


def unsealed(key: str, raw: bytes, kind: type[T]) -> tuple[Sealed, T | None]:
    """Read a row's bytes to the end; no record in those of a tombstone. Raises Damaged, and nothing else."""
    sealed = unseal(key, raw)
    if sealed.is_gone:
        return sealed, None
    try:
        kept = decode(sealed.body)
    except CodecError as error:
        raise Damaged("future", raw, error.detail) from error
    if not isinstance(kept, kind):
        raise Damaged("foreign", raw, f"a {type(kept).__name__} where a {kind.__name__} should be")
    return sealed, kept


def turn_key(chat_id: str, message_id: str, state: str) -> str:
    """What a turn's record is sealed under; ids hold no line breaks."""
    return f"{chat_id}\n{message_id}\n{state}"


def _fetching(query: str, values: Sequence[object]) -> Callable[[sqlite3.Connection], list[tuple[Any, ...]]]:
    return lambda connection: connection.execute(query, values).fetchall()


def _newest(rows: Sequence[SessionRow]) -> list[SessionRow]:
    """One row a chat: a statement that sees a key twice would compare with what it has written itself."""
    newest: dict[str, SessionRow] = {}
    for row in rows:
        known = newest.get(row.chat_id)
        if known is None or (row.position, row.session.turn) >= (known.position, known.session.turn):
            newest[row.chat_id] = row
    return list(newest.values())


def _session_fields(row: SessionRow) -> tuple[tuple[Any, ...], bytes]:
    raw = seal(row.chat_id, row.position, row.at_s, encode(row.session))
    return (row.chat_id, *row.position, row.session.turn, row.at_s), raw


def _turn_fields(row: TurnRow) -> tuple[tuple[Any, ...], bytes]:
    turn = row.turn
    raw = seal(turn_key(row.chat_id, turn.message_id, turn.state), Position(), row.at_s, encode(turn))
    return (row.chat_id, turn.message_id, turn.state, row.at_s), raw


def _packed(rows: Iterable[tuple[tuple[Any, ...], bytes]]) -> tuple[str, bytes]:
    """Fields as JSON, each row's with where its bytes begin (from 1) and how many they are, and all bytes in one."""
    fields: list[tuple[Any, ...]] = []
    pieces: list[bytes] = []
    at = 1
    for values, raw in rows:
        fields.append((*values, at, len(raw)))
        pieces.append(raw)
        at += len(raw)
    return _json(fields).decode(), b"".join(pieces)


def _is_whole(table: str, row: tuple[Any, ...]) -> bool:
    """Of a damaged file's rows: keep what reads; the rest stays in the file that is set aside."""
    try:
        if table == "sessions":
            key, generation, epoch, version, *_, raw = row
            sealed, _ = unsealed(key, _bytes(raw), KeptSession)
            return sealed.position == Position(generation, epoch, version)
        if table == "turns":
            key, message, state, _, raw = row
            unsealed(turn_key(key, message, state), _bytes(raw), KeptTurn)
    except (Damaged, TypeError, ValueError, AttributeError):
        return False
    return table != "ended" or (isinstance(row[0], str) and isinstance(row[1], float))


def _bytes(value: object) -> bytes:
    """A flipped bit may turn a blob's type into another: whatever it is now, it is no record."""
    return value if isinstance(value, bytes) else b"" if value is None else repr(value).encode()
