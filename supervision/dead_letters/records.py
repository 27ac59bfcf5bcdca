"""A dead letter and what happened to it, as records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Final

from messages.codec import Json, record

PAYLOAD_BYTES_MAX: Final = 1024 * 1024
ATTEMPTS_KEPT_MAX: Final = 32
NOTES_KEPT_MAX: Final = 32


class ItemState(StrEnum):
    """Where an item stands.

    queued: waits for the first attempt of its round; retrying: failed, and will be tried again; resolved: done; dead:
    given up until somebody or its service's return replays it; discarded: a person let it go.
    """

    QUEUED = "queued"
    RETRYING = "retrying"
    RESOLVED = "resolved"
    DEAD = "dead"
    DISCARDED = "discarded"


FINISHED: Final = frozenset({ItemState.RESOLVED, ItemState.DISCARDED})


class Priority(IntEnum):
    """Which goes first among those that are due. A lower one overtakes after its ageing time."""

    CRITICAL = 0
    HIGH = 1
    NORMAL = 2
    LOW = 3


class Delivery(StrEnum):
    """What a handler promises.

    keyed: the item's key makes a repetition harmless; checkable: one can ask whether it happened; neither: an attempt
    whose outcome nobody knows is never repeated by itself.
    """

    KEYED = "keyed"
    CHECKABLE = "checkable"
    NEITHER = "neither"


class DeathReason(StrEnum):
    """Why an item is dead."""

    EXHAUSTED = "exhausted"
    NOT_RETRYABLE = "not_retryable"
    UNKNOWN_OUTCOME = "unknown_outcome"
    POISON = "poison"


@record(tag=64, version=1)
@dataclass(frozen=True, slots=True)
class Attempt:
    """One failure. round: of how many replays; outcome: "failed", or "abandoned" by a processor that vanished.

    at_s: Unix seconds. cause, category: values of the classification. traceback: clipped, secrets taken out.
    """

    round: int
    number: int
    at_s: float
    outcome: str
    cause: str
    category: str
    detail: str
    traceback: str = ""
    duration_s: float = 0.0


@record(tag=65, version=1)
@dataclass(frozen=True, slots=True)
class Note:
    """Something that was decided about an item. what: "replayed", "discarded", "imported", "reported_again"."""

    at_s: float
    what: str
    by: str
    detail: str = ""


@record(tag=66, version=1)
@dataclass(frozen=True, slots=True)
class DeadItem:
    """One dead letter. Times are Unix seconds.

    round: how often it was replayed. retries: attempts after the first in this round. attempts: the newest failures,
    with the first one kept; attempts_made: how many there were. context: ids of the message it belongs to. revision:
    counts its changes. heals: its service's return replays it.
    """

    item_id: str
    operation_type: str
    payload: Json
    priority: int
    state: ItemState
    enqueued_at_s: float
    due_at_s: float
    service: str = ""
    fingerprint: str = ""
    idempotency_key: str | None = None
    reason: str = ""
    heals: bool = False
    round: int = 0
    retries: int = 0
    last_wait_s: float = 0.0
    abandoned: int = 0
    attempts: tuple[Attempt, ...] = ()
    attempts_made: int = 0
    notes: tuple[Note, ...] = ()
    context: Mapping[str, str] = field(default_factory=dict)
    finished_at_s: float | None = None
    revision: int = 1


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """Which items: all of the conditions that are given. older_than_s: enqueued before so many seconds."""

    state: ItemState | str | None = None
    operation_type: str | None = None
    service: str | None = None
    fingerprint: str | None = None
    older_than_s: float | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Items with one cause. sample: the id of one of them."""

    fingerprint: str
    service: str
    cause: str
    detail: str
    items: int
    sample: str


@dataclass(frozen=True, slots=True)
class QueueStatistics:
    """The queue now. oldest_s: age of the oldest unfinished item; aside: quarantined bytes; groups: largest first."""

    items: int
    size_bytes: int
    items_max: int
    size_bytes_max: int
    by_state: Mapping[str, int]
    by_type: Mapping[str, int]
    leased: int
    oldest_s: float
    aside: int
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What a replay came to, or would. skipped: finished, being tried now, or changed meanwhile."""

    item_ids: tuple[str, ...]
    skipped: int
    is_dry_run: bool
    last_due_in_s: float = 0.0

    @property
    def count(self) -> int:
        """How many items."""
        return len(self.item_ids)
