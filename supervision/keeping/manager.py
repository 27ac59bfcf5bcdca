"""The state manager as programs see it: asyncio by default, and the same for plain code and greenlets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from supervision.keeping.core import StateCore
from supervision.keeping.events import OnEvent, log_event
from supervision.keeping.findings import BackupInfo, Recovered, StateHealth, SyncReport
from supervision.keeping.housekeeping import Housekeeping
from supervision.keeping.layers import Aside, MemoryLayer, StateLayer
from supervision.keeping.runner import InlineRunner, LaneRunner
from supervision.keeping.session_state import SessionState
from supervision.keeping.sqlite_layer import SqliteStateLayer
from supervision.world_lane import Answer, AsyncAnswer
from supervision.world_library import LibraryWorld, library_world

T = TypeVar("T")

DEFAULT_STORAGE: Final = "var/state"
TIMEOUT_S: Final = 30.0
LONG_S: Final = 3600.0


class PlainStateManager:
    """Blocking calls, for plain programs and greenlets; safe between threads. See create_state_manager."""

    def __init__(self, core: StateCore, keeping: Housekeeping, timeout_s: float = TIMEOUT_S) -> None:
        self.core = core
        self.keeping = keeping
        self._timeout_s = timeout_s

    def save_state(self, state: SessionState, *, expected_version: int | None = None) -> SessionState:
        """Keep a state; returns it as kept, with its version and times.

        expected_version: what the session must be at now (StaleState else); None saves over whatever is there. When
        this returns the state is on disk, or in another durable layer. Raises NotSaved, StaleState, CodecError.
        """
        answer = Answer[SessionState]()
        self.core.save(state, expected_version, answer.done)
        return answer.wait(self._timeout_s)

    def load_state(self, session_id: str) -> SessionState | None:
        """The newest valid state, None for an unknown or deleted session. Raises StateUnavailable."""
        answer = Answer[SessionState | None]()
        self.core.load(session_id, answer.done)
        return answer.wait(self._timeout_s)

    def delete_state(self, session_id: str) -> bool:
        """Delete a session in every layer, so that no old copy brings it back; whether there was one."""
        was_there = self.load_state(session_id) is not None
        answer = Answer[None]()
        self.core.delete(session_id, answer.done)
        answer.wait(self._timeout_s)
        return was_there

    def forget_session(self, session_id: str) -> None:
        """Delete a session also from backups, archives and what was set aside."""
        self.keeping.forget(session_id)

    def list_sessions(
        self, *, user_id: str | None = None, chat_id: str | None = None, after: str = "", limit: int | None = None
    ) -> list[SessionState]:
        """Sessions in the order of their ids, those beyond `after`, at most limit."""
        found = (
            state
            for _, state in self.keeping.summaries()
            if state.session_id > after
            and (user_id is None or state.user_id == user_id)
            and (chat_id is None or state.chat_id == chat_id)
        )
        return list(islice(found, limit))

    def create_backup(self) -> BackupInfo:
        """Write all sessions into a new file and read it back; older ones beyond the number kept are removed."""
        return self.keeping.backup()

    def list_backups(self) -> tuple[BackupInfo, ...]:
        """All backups, newest first, each verified."""
        return self.keeping.backups()

    def restore_backup(self, name: str | BackupInfo | None = None, *, only_missing: bool = False) -> int:
        """Make the sessions of a backup the newest ones (the newest sound backup for None); says how many."""
        return self.keeping.restore(name.name if isinstance(name, BackupInfo) else name, only_missing=only_missing)

    def cleanup(self, older_than: timedelta | float) -> int:
        """Archive and remove sessions not saved for so long (seconds or a timedelta); says how many."""
        return self.keeping.cleanup(_seconds(older_than))

    def recover_sessions(self) -> Recovered:
        """Check all layers and read every session; what is damaged is set aside and mended as far as possible."""
        return self.keeping.recover()

    def sync(self) -> SyncReport:
        """Bring all layers to the newest valid record of each session."""
        return self.keeping.sync()

    def health(self) -> StateHealth:
        """How every layer is."""
        return self.keeping.health()

    def set_aside(self, count: int = 100) -> tuple[Aside, ...]:
        """Bytes that were no valid records, newest first."""
        return self.keeping.asides(count)

    def compact(self) -> None:
        """Give back room on disk that is not used."""
        self.keeping.compact()

    def close(self) -> None:
        """Write what waits and let go of the files. Idempotent."""
        for runner in self.core.runners:
            runner.close(self._timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class StateManager:
    """The same for asyncio. `plain` is the manager with blocking calls; both may be used at once."""

    def __init__(self, plain: PlainStateManager, world: LibraryWorld, timeout_s: float = TIMEOUT_S) -> None:
        self.plain = plain
        self._world = world
        self._timeout_s = timeout_s

    async def save_state(self, state: SessionState, *, expected_version: int | None = None) -> SessionState:
        """See PlainStateManager.save_state."""
        answer = AsyncAnswer[SessionState]()
        self.plain.core.save(state, expected_version, answer.done)
        return await answer.wait(self._timeout_s)

    async def load_state(self, session_id: str) -> SessionState | None:
        """See PlainStateManager.load_state."""
        answer = AsyncAnswer[SessionState | None]()
        self.plain.core.load(session_id, answer.done)
        return await answer.wait(self._timeout_s)

    async def delete_state(self, session_id: str) -> bool:
        """See PlainStateManager.delete_state."""
        was_there = await self.load_state(session_id) is not None
        answer = AsyncAnswer[None]()
        self.plain.core.delete(session_id, answer.done)
        await answer.wait(self._timeout_s)
        return was_there

    async def forget_session(self, session_id: str) -> None:
        """See PlainStateManager.forget_session."""
        await self._in_thread(lambda: self.plain.forget_session(session_id))

    async def list_sessions(
        self, *, user_id: str | None = None, chat_id: str | None = None, after: str = "", limit: int | None = None
    ) -> list[SessionState]:
        """See PlainStateManager.list_sessions."""
        return await self._in_thread(
            lambda: self.plain.list_sessions(user_id=user_id, chat_id=chat_id, after=after, limit=limit)
        )

    async def create_backup(self) -> BackupInfo:
        """See PlainStateManager.create_backup."""
        return await self._in_thread(self.plain.create_backup)

    async def list_backups(self) -> tuple[BackupInfo, ...]:
        """See PlainStateManager.list_backups."""
        return await self._in_thread(self.plain.list_backups)

    async def restore_backup(self, name: str | BackupInfo | None = None, *, only_missing: bool = False) -> int:
        """See PlainStateManager.restore_backup."""
        return await self._in_thread(lambda: self.plain.restore_backup(name, only_missing=only_missing))

    async def cleanup(self, older_than: timedelta | float) -> int:
        """See PlainStateManager.cleanup."""
        return await self._in_thread(lambda: self.plain.cleanup(older_than))

    async def recover_sessions(self) -> Recovered:
        """See PlainStateManager.recover_sessions."""
        return await self._in_thread(self.plain.recover_sessions)

    async def sync(self) -> SyncReport:
        """See PlainStateManager.sync."""
        return await self._in_thread(self.plain.sync)

    async def health(self) -> StateHealth:
        """See PlainStateManager.health."""
        return await self._in_thread(self.plain.health)

    async def set_aside(self, count: int = 100) -> tuple[Aside, ...]:
        """See PlainStateManager.set_aside."""
        return await self._in_thread(lambda: self.plain.set_aside(count))

    async def compact(self) -> None:
        """See PlainStateManager.compact."""
        await self._in_thread(self.plain.compact)

    async def close(self) -> None:
        """See PlainStateManager.close."""
        await self._in_thread(self.plain.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _in_thread(self, function: Callable[[], T]) -> T:
        return await self._world.call_in_thread(function, LONG_S)


def create_state_manager(  # noqa: PLR0913 - the layers and their bounds
    use_memory: bool = True,  # noqa: FBT001, FBT002 - the public signature
    use_file: bool = True,  # noqa: FBT001, FBT002 - the public signature
    use_redis: bool = False,  # noqa: FBT001, FBT002 - the public signature
    *,
    storage_path: str | PathLike[str] = DEFAULT_STORAGE,
    redis_layer: StateLayer | None = None,
    layers: Sequence[StateLayer] = (),
    sessions_in_memory_max: int = 100_000,
    backups_max: int = 7,
    on_event: OnEvent = log_event,
    world: LibraryWorld | None = None,
) -> StateManager:
    """Make a state manager over these layers; nothing is opened before it is used.

    storage_path: a folder for sessions.db, backups/ and archive/, also for backups without the file layer.
    redis_layer: the layer for use_redis. layers: further ones, each an object with the methods of StateLayer, called
    from a thread of its own. on_event(event): hears what operators should know; the structured log by default.
    Raises ValueError for no layer at all, and for use_redis without its layer.
    """
    if use_redis and redis_layer is None:
        raise ValueError("use_redis needs redis_layer, the layer that knows the server")
    folder = Path(storage_path)
    chosen = [
        *([SqliteStateLayer(folder / "sessions.db")] if use_file else []),
        *([redis_layer] if use_redis and redis_layer is not None else []),
        *layers,
    ]
    names = [layer.name for layer in chosen]
    if len({*names, "memory"}) <= len(names):
        raise ValueError(f"layers need names of their own: {names}")
    library = world or library_world()
    memory = InlineRunner(MemoryLayer(sessions_in_memory_max, may_forget=bool(chosen))) if use_memory else None
    core = StateCore(memory, [LaneRunner(layer, on_event) for layer in chosen], library, on_event)
    keeping = Housekeeping(core, folder, backups_max, library.wall, on_event)
    return StateManager(PlainStateManager(core, keeping), library)


def create_plain_state_manager(**options: Any) -> PlainStateManager:
    """As create_state_manager, with blocking calls."""
    return create_state_manager(**options).plain


def _seconds(age: timedelta | float) -> float:
    return age.total_seconds() if isinstance(age, timedelta) else float(age)
