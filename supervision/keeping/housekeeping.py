"""What is done with all sessions at once: recovery, sync, backups, archives, cleaning, forgetting.

Blocking, page by page, between the saves of others; the shells call it from a thread. Backup names sort by time.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from messages.codec import decode, encode
from messages.errors import CodecError
from supervision.keeping.archive_file import ArchiveReader, write_archive
from supervision.keeping.choosing import Choice, choose, opened
from supervision.keeping.core import StateCore, StateUnavailable
from supervision.keeping.events import OnEvent, OperatorEvent
from supervision.keeping.findings import ArchivedRecord, BackupInfo, LayerHealth, Recovered, StateHealth, SyncReport
from supervision.keeping.layers import Aside
from supervision.keeping.runner import Runner
from supervision.keeping.sealed import Damaged, Sealed
from supervision.keeping.session_state import SessionState
from supervision.world_lane import Answer

PAGE: Final = 256
CALL_S: Final = 60.0
TOMBSTONES_KEPT_S: Final = 30 * 86_400.0


class Housekeeping:
    """The whole of a core's sessions. folder: for backups and archives, None where there is none."""

    def __init__(
        self, core: StateCore, folder: Path | None, backups_max: int, wall: Callable[[], float], on_event: OnEvent
    ) -> None:
        self._core = core
        self._folder = folder
        self._backups_max = backups_max
        self._wall = wall
        self._on_event = on_event
        self._memory_name = None if core.memory is None else core.memory.layer.name

    def recover(self) -> Recovered:
        """Check every layer, read every session, mend what can be mended, from backups too."""
        problems = self._checked()
        states: list[SessionState] = []
        report = self._compared(lambda choice: _append(states, choice.state), problems)
        from_backup = self._rescued(report.lost)
        states.extend(state for key in from_backup if (state := self._loaded(key)) is not None)
        lost = tuple(key for key in report.lost if key not in from_backup)
        return Recovered(tuple(states), replace(report, lost=lost), from_backup)

    def sync(self) -> SyncReport:
        """Bring every layer up to the newest valid record of each session."""
        return self._compared(lambda _: None, ())

    def summaries(self) -> Iterator[tuple[Sealed, SessionState]]:
        """Every session that lives, in the order of their ids."""
        for choice in self._merged([]):
            if choice.state is not None and choice.winner is not None:
                yield choice.winner, choice.state

    def backup(self) -> BackupInfo:
        """Write all sessions into a file, read it back, and let the oldest beyond backups_max go."""
        path = self._free(self._backups, "backup")
        facts = write_archive(path, self._records())
        for old in self._names()[: -self._backups_max]:
            (self._backups / old).unlink(missing_ok=True)
        return BackupInfo(path.name, path, facts.items, facts.size_bytes)

    def backups(self) -> tuple[BackupInfo, ...]:
        """All backups, newest first, each read to its end."""
        return tuple(self._info(name) for name in reversed(self._names()))

    def restore(self, name: str | None, *, only_missing: bool) -> int:
        """Save every session of a backup as its newest version; the newest sound one for None.

        Deleted sessions stay deleted. Returns how many were restored. Raises FileNotFoundError.
        """
        chosen = self._chosen(name)
        restored = 0
        for key, _, state in self._of_backup(self._backups / chosen):
            present = self._present(key)
            if present.winner is not None and (present.winner.is_gone or only_missing):
                continue
            if present.state is None or replace(present.state, version=0, updated_at=None) != replace(
                state, version=0, updated_at=None
            ):
                self._save(state)
            restored += 1
        return restored

    def cleanup(self, older_than_s: float) -> int:
        """Archive and remove sessions idle for so long, and tombstones past their time; says how many sessions."""
        now_s = self._wall()
        gone: list[str] = []
        idle: list[str] = []
        for choice in self._merged([]):
            if choice.winner is None:
                continue
            age_s = now_s - choice.winner.at_s
            if choice.winner.is_gone and age_s > TOMBSTONES_KEPT_S:
                gone.append(choice.key)
            elif not choice.winner.is_gone and age_s > older_than_s:
                idle.append(choice.key)
        if idle and self._folder is not None:
            path = self._free(self._folder / "archive", "sessions")
            write_archive(path, (_archived(choice) for choice in map(self._present, idle) if choice.winner))
        self._erase([*idle, *gone])
        return len(idle)

    def forget(self, key: str) -> None:
        """Remove a session from every layer, backup and archive; a tombstone is left, and nothing of its content."""
        self._answered(lambda done: self._core.delete(key, done))
        if self._folder is not None:
            for path in [*self._backups.glob("*.ufa"), *(self._folder / "archive").glob("*.ufa")]:
                _without(path, key)
        tombstone = self._present(key)
        self._erase([key])
        if tombstone.winner is not None:
            self._core.mend(replace(tombstone, behind=tuple(r.layer.name for r in self._core.runners), flawed=()))

    def asides(self, count: int) -> tuple[Aside, ...]:
        """What was set aside in any layer, newest first."""
        found = [aside for runner in self._core.runners for aside in self._of(runner, lambda one: one.asides(count))]
        return tuple(sorted(found, key=lambda aside: -aside.at_s)[:count])

    def health(self) -> StateHealth:
        """Ask every layer how it is."""
        layers = tuple(map(self._health_of, self._core.runners))
        return StateHealth(all(one.is_usable and not one.pending for one in layers), layers)

    def compact(self) -> None:
        """Give back room in every layer."""
        for runner in self._core.runners:
            self._of(runner, lambda layer: layer.compact())

    @property
    def _backups(self) -> Path:
        if self._folder is None:
            raise ValueError("backups need a storage path")
        return self._folder / "backups"

    def _names(self) -> list[str]:
        return sorted(path.name for path in self._backups.glob("*.ufa"))

    def _free(self, folder: Path, stem: str) -> Path:
        """A name that sorts after those before it, also within one second."""
        at = datetime.fromtimestamp(self._wall(), UTC).strftime("%Y%m%dT%H%M%S")
        numbers = (folder / f"{stem}-{at}-{number:04}.ufa" for number in range(10_000))
        return next(path for path in numbers if not path.exists())

    def _info(self, name: str) -> BackupInfo:
        path = self._backups / name
        reader = ArchiveReader(path)
        sessions = sum(1 for _ in reader)
        return BackupInfo(name, path, sessions, path.stat().st_size, tuple(reader.problems))

    def _chosen(self, name: str | None) -> str:
        if name is not None:
            if name not in self._names():
                raise FileNotFoundError(name)
            return name
        for info in self.backups():
            if not info.problems:
                return info.name
            self._damaged_backup(info.name, info.problems)
        raise FileNotFoundError("there is no sound backup")

    def _damaged_backup(self, name: str, problems: Sequence[str]) -> None:
        self._on_event(OperatorEvent(
            "state_backup_damaged", "error", "what is whole in it is still used", {"name": name, "problems": problems},
        ))  # fmt: skip

    def _of_backup(self, path: Path) -> Iterator[tuple[str, bytes, SessionState]]:
        reader = ArchiveReader(path)
        for payload in reader:
            try:
                kept = decode(payload)
                _, state = opened(kept.key, kept.raw)
            except (CodecError, Damaged, AttributeError) as error:
                self._damaged_backup(path.name, [repr(error)])
                continue
            if state is not None:
                yield kept.key, kept.raw, state
        if reader.problems:
            self._damaged_backup(path.name, reader.problems)

    def _records(self) -> Iterator[bytes]:
        for choice in self._merged([]):
            if choice.winner is not None and not choice.winner.is_gone:
                yield _archived(choice)

    def _rescued(self, lost: Sequence[str]) -> tuple[str, ...]:
        """Sessions that no layer can read, taken from the newest backups that know them."""
        missing = set(lost)
        if not missing or self._folder is None:
            return ()
        for name in reversed(self._names()):
            for key, _, state in self._of_backup(self._backups / name):
                if key in missing:
                    self._save(state)
                    missing.discard(key)
                    self._on_event(OperatorEvent(
                        "state_from_backup", "error", "the person may have to be told what is missing",
                        {"session": key, "backup": name, "version": state.version},
                    ))  # fmt: skip
        return tuple(key for key in lost if key not in missing)

    def _checked(self) -> tuple[str, ...]:
        problems: list[str] = []
        for runner in self._core.runners:
            try:
                found = self._of(runner, lambda layer: layer.check()).problems
            except Exception as error:  # noqa: BLE001 - a layer that is away is told, and the others are read
                found = (repr(error),)
            problems.extend(f"{runner.layer.name}: {words}" for words in found)
        if problems:
            self._on_event(OperatorEvent(
                "state_layer_flawed", "error", "sessions come from the other layers and the backups",
                {"problems": problems},
            ))  # fmt: skip
        return tuple(problems)

    def _compared(self, each: Callable[[Choice], object], problems: tuple[str, ...]) -> SyncReport:
        sessions = brought_up = damaged = 0
        lost: list[str] = []
        away: list[str] = []
        for choice in self._merged(away):
            sessions += choice.state is not None
            brought_up += len([layer for layer in choice.behind if layer != self._memory_name])
            damaged += len(choice.flawed)
            if choice.winner is None:
                lost.append(choice.key)
            if choice.flawed or choice.behind:
                self._core.mend(choice)
            each(choice)
        if away and len(away) == len(self._core.others or self._core.runners):
            raise StateUnavailable("no layer can be read: " + "; ".join(away))
        self._settled()
        return SyncReport(sessions, brought_up, damaged, tuple(lost), (*problems, *away))

    def _merged(self, away: list[str]) -> Iterator[Choice]:
        """Every key of every layer, judged, in order. away: takes the words on layers that cannot be read."""
        walks = [self._walk(runner, away) for runner in self._core.runners]
        names = [runner.layer.name for runner in self._core.runners]
        heap = [(*first, index) for index, walk in enumerate(walks) if (first := next(walk, None)) is not None]
        heapq.heapify(heap)
        while heap:
            ordered, key = heap[0][0], heap[0][1]
            usable = (name for name, runner in zip(names, self._core.runners, strict=True) if not runner.error)
            held: dict[str, Sequence[bytes]] = dict.fromkeys(usable, ())
            while heap and heap[0][0] == ordered:
                _, _, generations, index = heapq.heappop(heap)
                held[names[index]] = generations
                following = next(walks[index], None)
                if following is not None:
                    heapq.heappush(heap, (*following, index))
            yield choose(key, held)

    def _walk(self, runner: Runner, away: list[str]) -> Iterator[tuple[bytes, str, tuple[bytes, ...]]]:
        after = ""
        while True:
            try:
                page = self._of(runner, lambda layer, after=after: layer.scan(after, PAGE))  # type: ignore[misc]
            except Exception as error:  # noqa: BLE001 - the other layers are read all the same
                away.append(f"{runner.layer.name}: {error!r}")
                return
            for kept in page:
                yield kept.key.encode("utf-8", "surrogatepass"), kept.key, kept.generations
            if len(page) < PAGE:
                return
            after = page[-1].key

    def _present(self, key: str) -> Choice:
        held = {runner.layer.name: self._of(runner, lambda one: one.get(key)) for runner in self._core.runners}
        return choose(key, held)

    def _loaded(self, key: str) -> SessionState | None:
        state: SessionState | None = self._answered(lambda done: self._core.load(key, done))
        return state

    def _save(self, state: SessionState) -> None:
        self._answered(lambda done: self._core.save(state, None, done))

    def _erase(self, keys: Sequence[str]) -> None:
        for start in range(0, len(keys), PAGE):
            page = keys[start : start + PAGE]
            for runner in self._core.runners:
                self._of(runner, lambda layer, page=page: layer.erase(page))  # type: ignore[misc]
            self._core.forget_heads(page)

    def _settled(self) -> None:
        """Wait until what was owed before is offered, so that a report is not ahead of what it reports."""
        for runner in self._core.others:
            if runner.error is None:
                runner.settle(CALL_S)

    def _health_of(self, runner: Runner) -> LayerHealth:
        layer = runner.layer
        try:
            facts = self._of(runner, lambda one: one.facts())
        except Exception as error:  # noqa: BLE001 - that is the health of it
            return LayerHealth(layer.name, is_usable=False, is_durable=layer.is_durable, pending=runner.pending,
                               facts=None, error=repr(error))  # fmt: skip
        return LayerHealth(layer.name, is_usable=True, is_durable=layer.is_durable, pending=runner.pending, facts=facts)

    def _of(self, runner: Runner, function: Callable[[Any], Any]) -> Any:
        return runner.call(function, CALL_S)

    def _answered(self, ask: Callable[[Any], object]) -> Any:
        answer = Answer[Any]()
        ask(answer.done)
        return answer.wait(CALL_S)


def _append(states: list[SessionState], state: SessionState | None) -> None:
    if state is not None:
        states.append(state)


def _archived(choice: Choice) -> bytes:
    return encode(ArchivedRecord(choice.key, choice.raw))


def _without(path: Path, key: str) -> None:
    """Write an archive anew without a key; one that does not hold it stays as it is."""
    reader = ArchiveReader(path)
    payloads = list(reader)
    kept = [payload for payload in payloads if _key_of(payload) != key]
    if len(kept) < len(payloads):
        write_archive(path, kept)


def _key_of(payload: bytes) -> str | None:
    try:
        found = decode(payload)
    except CodecError:
        return None
    return found.key if isinstance(found, ArchivedRecord) else None
