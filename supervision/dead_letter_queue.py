"""The dead letter queue: work that failed, kept until it succeeds or a person decides.

    from supervision.dead_letter_queue import DeadLetterQueue

    queue = DeadLetterQueue(storage_path="var/dead-letters")
    await queue.initialize()
    queue.register_handler("webhook", deliver)
    await queue.start_processor()
    item_id = await queue.enqueue("webhook", {"invoice": "7"}, error, idempotency_key="invoice-7")

PlainDeadLetterQueue is the same for plain code; an actor uses Desk and Office.
"""

from __future__ import annotations

from supervision.dead_letters.desk import Desk
from supervision.dead_letters.desk_terms import DeskLimits
from supervision.dead_letters.facade import PlainDeadLetterQueue
from supervision.dead_letters.facade_async import DeadLetterQueue
from supervision.dead_letters.gates import Gate
from supervision.dead_letters.office import ImportReport, Office
from supervision.dead_letters.records import (
    Attempt,
    DeadItem,
    DeathReason,
    Delivery,
    Group,
    ItemFilter,
    ItemState,
    Note,
    Priority,
    QueueStatistics,
    ReplayReport,
)
from supervision.dead_letters.sqlite_store import SqliteLetterStore
from supervision.dead_letters.store import Leased, LetterStore, QueueFull, StoreFacts, Taken, Want

__all__ = [
    "Attempt",
    "DeadItem",
    "DeadLetterQueue",
    "DeathReason",
    "Delivery",
    "Desk",
    "DeskLimits",
    "Gate",
    "Group",
    "ImportReport",
    "ItemFilter",
    "ItemState",
    "Leased",
    "LetterStore",
    "Note",
    "Office",
    "PlainDeadLetterQueue",
    "Priority",
    "QueueFull",
    "QueueStatistics",
    "ReplayReport",
    "SqliteLetterStore",
    "StoreFacts",
    "Taken",
    "Want",
]
