"""The file layer as the rest of the node has it: told of every commit, asked when the store has lost something.

It belongs to the node as leases do, so that a restart of the actor that writes loses nothing. Being told costs the turn
an append to a list. Whatever the disk does, no turn waits for it and none fails: what could not be kept is `behind`,
and is read from the store again when the disk is back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import structlog

from actors.partition.commits import Commit, Committed, Outcome
from actors.persistence.backups import restore_missing
from actors.persistence.following import KEPT, Note, rows_of
from actors.persistence.session_files import Found, SessionFiles, SessionRow, TurnRow
from supervision.keeping.sqlite_file import FileDamaged
from supervision.world import WaitTimeout

if TYPE_CHECKING:
    from pathlib import Path

    from supervision.keeping.sealed import Position
    from supervision.world import Waiter, World

_log = structlog.get_logger(__name__)
T = TypeVar("T")

POOL: Final = "files"
FILE_NAME: Final = "sessions.db"
# Some seconds of full load; beyond it the store is the memory, and the file catches up from there.
NOTES_MAX: Final = 20_000
NOTES_BYTES_MAX: Final = 64 * 1024 * 1024
CALLS_MAX: Final = 32
WRITE_S: Final = 20.0
FIND_S: Final = 2.0
BROKEN: Final = (OSError, sqlite3.Error, FileDamaged, WaitTimeout)


@dataclass(slots=True)
class FileHealth:
    """How the file is. trouble: why it cannot be written now, in words; empty while it can."""

    trouble: str = ""
    written: int = 0
    dropped: int = 0
    backups: int = 0
    backup_at: str = ""


class FileLayer:
    """One node's file, and what waits to be written into it. All methods are for the hub."""

    def __init__(self, world: World, folder: Path) -> None:
        """folder: where the file and its backups lie; made at the first use."""
        self._world = world
        self.folder = folder
        self.files = SessionFiles(folder / FILE_NAME)
        self.health = FileHealth()
        # Something that the store has is not in the file: it has to be read from there.
        self.behind = True
        self.losses = 0
        self._notes: list[Note] = []
        self._notes_bytes = 0
        self._ended: list[str] = []
        self._waiter: Waiter | None = None
        self._calls = 0
        self._is_open = False

    @property
    def waiting(self) -> int:
        """How many commits are not written yet."""
        return len(self._notes)

    def follow(self, commit: Commit, arguments: Sequence[Any], committed: Committed) -> None:
        """Hear of a commit. Never waits, never raises."""
        if commit.operation not in KEPT or not commit.entry.chat_id:
            return
        if committed.outcome is not Outcome.DONE:
            # `mine` does not say which turn it was.
            if committed.outcome is Outcome.MINE:
                self.fall_behind()
            return
        note = Note(commit, arguments, committed.turn)
        size_bytes = note.size_bytes
        if len(self._notes) >= NOTES_MAX or self._notes_bytes + size_bytes > NOTES_BYTES_MAX:
            self.health.dropped += 1
            self.fall_behind()
            return
        self._notes.append(note)
        self._notes_bytes += size_bytes
        if self._waiter is not None:
            self._waiter.wake()

    def fall_behind(self) -> None:
        """Something is not in the file, and has to be read from the store."""
        self.losses += 1
        self.behind = True

    def effect_ended(self, effect_id: str) -> None:
        """An effect is done: a store that is rebuilt does not get it again."""
        if len(self._ended) < NOTES_MAX:
            self._ended.append(effect_id)
            if self._waiter is not None:
                self._waiter.wake()

    def wait_for_work(self, timeout_s: float) -> bool:
        """Whether there is something to write, now or within timeout_s."""
        if not self._notes and not self._ended:
            self._waiter = self._world.waiter()
            try:
                self._waiter.wait(timeout_s)
            except WaitTimeout:
                return False
            finally:
                self._waiter = None
        return True

    def write_waiting(self) -> None:
        """Write what waits in one commit. Raises BROKEN; then it is `behind` by what it could not write."""
        notes, self._notes, self._notes_bytes = self._notes, [], 0
        ended, self._ended = self._ended, []
        try:
            self.call(self._write_notes, notes, ended, timeout_s=WRITE_S)
        except BROKEN:
            self.fall_behind()
            self._ended = (ended + self._ended)[:NOTES_MAX]
            raise
        self.health.written += len(notes)

    def put(self, sessions: Sequence[SessionRow], turns: Sequence[TurnRow]) -> None:
        """Write rows that were read from the store. Raises BROKEN."""
        self.call(partial(self.files.write, sessions, turns, second_hand=True), timeout_s=WRITE_S)

    def find(self, chat_id: str) -> Found | None:
        """What the file has of a chat; None also when it cannot be asked now. Never raises."""
        try:
            if any(note.commit.entry.chat_id == chat_id for note in self._notes):
                self.write_waiting()
            return self.call(self.files.find, chat_id, timeout_s=FIND_S)
        except BROKEN as error:
            _log.warning("the file layer cannot be asked", chat_id=chat_id, reason=repr(error), next="done without it")
            return None

    def bury(self, chat_id: str, position: Position) -> None:
        """Forget a chat in the file. Raises BROKEN."""
        self._notes = [note for note in self._notes if note.commit.entry.chat_id != chat_id]
        self.call(self.files.bury, chat_id, position, self._world.wall(), timeout_s=WRITE_S)

    def call(self, function: Callable[..., T], *arguments: Any, timeout_s: float) -> T:
        """Have something done in the file's own thread. Raises what it raises, and WaitTimeout.

        A thread that hangs is not waited for a second time: the calls behind it are bounded in number.
        """
        if self._calls >= CALLS_MAX:
            raise WaitTimeout(f"{self._calls} calls wait for the file layer's thread")
        self._calls += 1
        waiter = self._world.waiter()

        def run() -> None:
            try:
                value: Any = self._world.run_in_thread(self._opened, function, arguments, pool=POOL)
                answer = (True, value)
            except Exception as error:  # noqa: BLE001 - it travels to whoever waits
                answer = (False, error)
            self._calls -= 1
            waiter.wake(answer)

        self._world.spawn(run, name="file layer")
        ok, value = waiter.wait(timeout_s)
        if not ok:
            raise value
        found: T = value
        return found

    def close(self, timeout_s: float = WRITE_S) -> None:
        """Write what waits, and let go of the file. Never raises."""
        try:
            if self._notes or self._ended:
                self.write_waiting()
            self.call(self._close, timeout_s=timeout_s)
        except BROKEN as error:
            _log.warning("the file layer could not be closed", reason=repr(error), next="the store has everything")

    def _opened(self, function: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        """In the thread: the file is open before it is used."""
        if not self._is_open:
            is_new = not self.files.path.exists()
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            mended = self.files.open()
            self.files.path.chmod(0o600)
            self._is_open = True
            restored = restore_missing(self.files, self.folder) if is_new or mended else 0
            if mended or restored:
                _log.error(
                    "the file layer was mended", what=list(mended), restored_from_backup=restored,
                    next="what is missing is read from the store",
                )  # fmt: skip
                self.fall_behind()
        return function(*arguments)

    def _write_notes(self, notes: Sequence[Note], ended: Sequence[str]) -> None:
        at_s = self._world.wall()
        rows = [rows_of(note, at_s) for note in notes]
        sessions = [session for session, _ in rows if session is not None]
        self.files.write(sessions, [turn for _, turn in rows], [(effect, at_s) for effect in ended])

    def _close(self) -> None:
        self._is_open = False
        self.files.close()
