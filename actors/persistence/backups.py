"""Backups of the file layer: whole files beside it, read back when they are written, the oldest let go.

Written from a connection of their own that only reads, page by page, so that commits go on meanwhile. Blocking.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from msgspec import Struct

from actors.persistence.records import KeptSession, KeptTurn
from actors.persistence.session_files import SessionFiles, SessionRow, TurnRow, turn_key, unsealed
from messages.codec import decode, encode, record
from messages.errors import CodecError
from supervision.keeping.archive_file import ArchiveFacts, ArchiveReader, verify_archive, write_archive
from supervision.keeping.sealed import Damaged

PAGE: Final = 512
ENDING: Final = ".ufa"
_SESSIONS: Final = "SELECT key, '', '', at_s, raw, rowid FROM sessions WHERE rowid > ? ORDER BY rowid LIMIT ?"
_TURNS: Final = "SELECT key, message, state, at_s, raw, rowid FROM turns WHERE rowid > ? ORDER BY rowid LIMIT ?"


@record(tag=72, version=1)
class KeptRow(Struct, frozen=True):
    """A row of the file as it stands: a session's where message is empty. raw: sealed."""

    chat_id: str
    message: str
    state: str
    at_s: float
    raw: bytes


def backup(path: Path, folder: Path, stamp: str, keep: int) -> tuple[Path, ArchiveFacts]:
    """Write all rows of the file at path, read them back, and let the oldest backups beyond `keep` go.

    stamp: sorts after those before it. Raises OSError and sqlite3.Error; then the earlier backups are all there.
    """
    to = folder / f"sessions-{stamp}{ENDING}"
    facts = write_archive(to, (encode(row) for row in _rows(path)))
    for old in backups_of(folder)[keep:]:
        old.unlink(missing_ok=True)
    return to, facts


def backups_of(folder: Path) -> list[Path]:
    """The backups, newest first."""
    return sorted(folder.glob(f"sessions-*{ENDING}"), reverse=True)


def rows_in(path: Path) -> Iterator[KeptRow]:
    """The whole rows of a backup or an archive; what is damaged is left out. Raises OSError."""
    for payload in ArchiveReader(path):
        row = _row(payload)
        if row is not None:
            yield row


def restore_missing(files: SessionFiles, folder: Path) -> int:
    """Bring back what the file lacks from the newest backup that reads to its end; how many rows were offered.

    Rows that are older than the file's own change nothing there. Raises OSError and sqlite3.Error.
    """
    for path in backups_of(folder / "backups"):
        if not verify_archive(path).problems:
            return _restore(files, path)
    return 0


def _restore(files: SessionFiles, path: Path) -> int:
    count = 0
    sessions: list[SessionRow] = []
    turns: list[TurnRow] = []
    for row in rows_in(path):
        try:
            count += _sort_in(files, row, sessions, turns)
        except Damaged:
            continue
        if len(sessions) + len(turns) >= PAGE:
            files.write(sessions, turns, second_hand=True)
            sessions, turns = [], []
    files.write(sessions, turns, second_hand=True)
    return count


def _sort_in(files: SessionFiles, row: KeptRow, sessions: list[SessionRow], turns: list[TurnRow]) -> int:
    """Raises Damaged."""
    if row.message:
        _, turn = unsealed(turn_key(row.chat_id, row.message, row.state), row.raw, KeptTurn)
        if turn is not None:
            turns.append(TurnRow(row.chat_id, row.at_s, turn))
        return 1
    sealed, session = unsealed(row.chat_id, row.raw, KeptSession)
    if session is None:
        files.bury(row.chat_id, sealed.position, row.at_s)
    else:
        sessions.append(SessionRow(row.chat_id, sealed.position, row.at_s, session))
    return 1


def forget_in(folder: Path, chat_ids: Iterable[str]) -> int:
    """Write every backup and archive that holds one of these chats anew without it; how many were. Raises OSError."""
    gone, changed = set(chat_ids), 0
    for path in [*(folder / "backups").glob(f"*{ENDING}"), *(folder / "archive").glob(f"*{ENDING}")]:
        payloads = list(ArchiveReader(path))
        kept = [payload for payload in payloads if (row := _row(payload)) is None or row.chat_id not in gone]
        if len(kept) < len(payloads):
            write_archive(path, kept)
            changed += 1
    return changed


def _row(payload: bytes) -> KeptRow | None:
    try:
        row = decode(payload)
    except CodecError:
        return None
    return row if isinstance(row, KeptRow) else None


def _rows(path: Path) -> Iterator[KeptRow]:
    """All rows, page by page; one that changes meanwhile comes as it is by then."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)) as connection:
        for query in (_SESSIONS, _TURNS):
            after = 0
            while rows := connection.execute(query, (after, PAGE)).fetchall():
                after = rows[-1][-1]
                for key, message, state, at_s, raw, _ in rows:
                    if isinstance(raw, bytes):
                        yield KeptRow(key, message, state, at_s, raw)
