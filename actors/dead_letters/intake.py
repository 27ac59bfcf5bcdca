"""Takes dead letters from the streams of the partitions held, each atomically: it is in one place or the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import structlog

from actors.dead_letters.letters import Origin, bare_item, died_again, item_of
from actors.partition.store import fields_of
from supervision.dead_letter_queue import DeadItem, ItemState, QueueFull
from supervision.dead_letters.records import PAYLOAD_BYTES_MAX
from supervision.dead_letters.sqlite_rows import sealed

if TYPE_CHECKING:
    from actors.dead_letters.desk import Letters
    from actors.node import Node

_log = structlog.get_logger(__name__)

PAGE: Final = 64
PAGES_A_LOOK: Final = 8
FULL_AGAIN_S: Final = 60.0


class Intake:
    """Of one actor."""

    def __init__(self, node: Node, letters: Letters) -> None:
        self._node = node
        self._letters = letters
        self._said_full_at_s: dict[int, float] = {}

    def take_in(self) -> int:
        """Take in what stands in the streams; says how many. Raises StoreError and NotHere."""
        return sum(self._take_in(partition) for partition in sorted(self._node.leases))

    def _take_in(self, partition: int) -> int:
        dead = self._node.store.keys.partition(partition).dead
        start, count = "-", 0
        for _ in range(PAGES_A_LOOK):
            page = self._node.store.call(dead, "XRANGE", dead, start, "+", "COUNT", PAGE)
            for entry_id, flat in page:
                if self._keep(Origin(partition, entry_id.decode()), fields_of(flat)) is None:
                    return count
                count += 1
            if len(page) < PAGE:
                break
            start = f"({page[-1][0].decode()}"
        return count

    def _keep(self, origin: Origin, fields: Any) -> str | None:
        """The id under which it is kept; None when there is no room, and the stream keeps it."""
        chat_id = fields.get(b"c", b"").decode(errors="replace")
        world = self._node.world
        raw = fields.get(b"d", b"")
        try:
            item = item_of(origin, raw, chat_id, self._letters.rules, world.random.random())
            size_bytes = len(sealed(item))
        except Exception as error:  # noqa: BLE001 - whatever it holds, one letter never holds up the others
            item = bare_item(origin, raw, chat_id, repr(error))
        else:
            if size_bytes > PAYLOAD_BYTES_MAX:
                item = bare_item(origin, raw, chat_id, f"a dead letter of {size_bytes} bytes")

        def again(known: DeadItem) -> DeadItem | None:
            return died_again(known, item)

        kept = self._letters.store.keep(item, origin.entry_id, again)
        if isinstance(kept, QueueFull):
            self._say_full(origin.partition, kept)
            return None
        if isinstance(kept, Exception):
            raise kept
        _log.warning(
            "a dead letter is kept", item=kept, type=item.operation_type, state=item.state.value, reason=item.reason,
            detail=_last_detail(item), chat_id=chat_id, next=_next_step(item),
        )  # fmt: skip
        return kept

    def _say_full(self, partition: int, full: QueueFull) -> None:
        now_s = self._node.world.now()
        if now_s - self._said_full_at_s.get(partition, -FULL_AGAIN_S) >= FULL_AGAIN_S:
            self._said_full_at_s[partition] = now_s
            _log.error(
                "the dead letters of a partition are full", partition=partition, detail=str(full),
                next="new ones stay in their stream; discard some, or replay what can be done",
            )  # fmt: skip


def _last_detail(item: DeadItem) -> str:
    return item.attempts[-1].detail[:300] if item.attempts else ""


def _next_step(item: DeadItem) -> str:
    if item.state in (ItemState.QUEUED, ItemState.RETRYING):
        return "tried again by itself; the person is told how it ends"
    return "its service's return replays it" if item.heals else f"`dlq show {item.item_id}`, then replay or discard it"
