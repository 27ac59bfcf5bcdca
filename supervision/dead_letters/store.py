"""Where dead letters are kept: what a store does.

One in Redis is another class with these methods, where an item's change is one compare-and-set on its lease's token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from supervision.dead_letters.records import DeadItem, Group, ItemFilter

Change = Callable[[DeadItem], DeadItem | None]


class QueueFull(Exception):  # noqa: N818 - what is the case
    """The queue has reached its bounds; nothing was kept, and whoever asks still has the work."""


class Want(NamedTuple):
    """Items to take. with_sleeping: also dead ones that wait for their service, and ones whose time has not come."""

    types: tuple[str, ...]
    at_most: int
    with_sleeping: bool = False


class Leased(NamedTuple):
    """An item and the token that its outcome is given back with."""

    item: DeadItem
    token: str


class Taken(NamedTuple):
    """What a lease came to. next_due_at_s: when the next one of these types becomes due, None for never."""

    leased: tuple[Leased, ...]
    next_due_at_s: float | None


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """Counts of a store."""

    items: int
    size_bytes: int
    by_state: Mapping[str, int]
    by_type: Mapping[str, int]
    leased: int
    oldest_at_s: float | None
    aside: int
    groups: tuple[Group, ...]


class LetterStore(Protocol):
    """Blocking; called from one thread at a time. Times are Unix seconds. Everything it says is durable.

    damaged: words on every item that was set aside; whoever reports them takes them out.
    """

    damaged: list[str]

    def open(self) -> tuple[str, ...]:
        """Make it usable and check every item; says what was wrong and mended, in words for operators."""

    def insert_many(self, items: Sequence[DeadItem]) -> Sequence[str | Exception]:
        """Keep items; for each its id, the id of the one with the same key, or QueueFull."""

    def get(self, item_id: str) -> DeadItem | None:
        """One item, None for an unknown or a damaged one (which is set aside)."""

    def take(self, wants: Sequence[Want], token: str, now_s: float, until_s: float) -> Taken:
        """Lease the next items, each to be finished before until_s."""

    def finish_many(self, outcomes: Sequence[Leased]) -> Sequence[bool]:
        """Keep the items as they are after an attempt; False where the lease was lost meanwhile."""

    def reclaim(self, now_s: float, change: Change) -> int:
        """Change the items whose lease is over, and give them back; says how many."""

    def change(self, item_id: str, change: Change) -> bool:
        """Change an item that nobody has leased; False where somebody has, or the change is None."""

    def page(self, chosen: ItemFilter, after: str, count: int, now_s: float) -> Sequence[DeadItem]:
        """Items in the order of their ids, which is that of their age."""

    def remove_finished(self, before_s: float, count: int) -> int:
        """Remove what was done or let go before; says how many."""

    def remove(self, item_ids: Sequence[str]) -> int:
        """Remove items wholly; says how many."""

    def size(self) -> tuple[int, int]:
        """Items and their bytes, at the price of one look."""

    def facts(self) -> StoreFacts:
        """Counts."""

    def close(self) -> None:
        """Let go of everything."""
