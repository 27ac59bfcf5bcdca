"""What recovery, sync, backups and health come to, and the record of one line of a backup."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from messages.codec import record
from supervision.keeping.layers import LayerFacts
from supervision.keeping.session_state import SessionState


@record(tag=63, version=1)
@dataclass(frozen=True, slots=True)
class ArchivedRecord:
    """One sealed record in a backup or an archive."""

    key: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class BackupInfo:
    """One backup. problems: none when every bit of it is as it was written."""

    name: str
    path: Path
    sessions: int
    size_bytes: int
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What comparing all layers came to. brought_up: records that a layer lacked; lost: keys nobody can read."""

    sessions: int
    brought_up: int
    damaged: int
    lost: tuple[str, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recovered:
    """All sessions, and what it took. Iterates over them. from_backup: ids that only a backup still knew."""

    sessions: tuple[SessionState, ...]
    report: SyncReport
    from_backup: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[SessionState]:
        return iter(self.sessions)

    def __len__(self) -> int:
        return len(self.sessions)


@dataclass(frozen=True, slots=True)
class LayerHealth:
    """One layer now. pending: sessions it could not take yet."""

    name: str
    is_usable: bool
    is_durable: bool
    pending: int
    facts: LayerFacts | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class StateHealth:
    """All layers now. is_healthy: every one is usable and up to date."""

    is_healthy: bool
    layers: tuple[LayerHealth, ...]
