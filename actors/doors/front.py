"""The front stream's door: whoever does not know about partitions appends there, and the owner of partition 0 moves it.

An entry is struck from the front only after it is in its partition; a second move of it changes nothing, because its id
is derived from the entry where it names none. A partition that cannot be reached is stopped at its first failure, so
that order holds, and holds nobody else up.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from actors.doors.intake import (
    Arrival,
    Item,
    Letter,
    home_of,
    is_overloaded,
    open_arrival,
    refusal_at,
    take_in_where_possible,
)
from actors.logs import actor_logger
from actors.partition.batch_size import BatchSize
from actors.partition.entries import body_of
from actors.partition.store import fields_of
from actors.store_errors import StoreError
from messages.errors import InvalidMessage
from supervision.actor import GeventActor
from supervision.supervisor import ChildSpec

if TYPE_CHECKING:
    from actors.node import Node
    from supervision.world import Task

BLOCK_MS: Final = 200
AWAY_S: Final = 0.5
NOT_MINE_S: Final = 0.2
REPLICAS_WAIT_MS: Final = 500


@dataclass(frozen=True, slots=True)
class FrontFault:
    """The task that moves has ended with an error."""

    error: BaseException


class Front(GeventActor):
    """Owns the task that moves entries from the front stream."""

    def __init__(self, node: Node) -> None:
        """Whose front it is."""
        super().__init__()
        self._node = node
        self._task: Task | None = None

    def on_start(self) -> None:
        """Begin to move."""
        self._log = actor_logger(self)
        self._task = self._node.world.spawn(self._move_for_ever, name="front stream")

    def on_stop(self) -> None:
        """Stop; what is not struck yet is moved by the next one."""
        if self._task is not None:
            self._task.kill()

    def on_failure(self, *_: Any) -> None:
        """The same, after a crash."""
        self.on_stop()

    def on_receive(self, message: Any) -> Any:
        """Crash with what the task died of, so that both are started anew."""
        if isinstance(message, FrontFault):
            raise message.error
        return super().on_receive(message)

    def _move_for_ever(self) -> None:
        away = False
        try:
            while True:
                try:
                    away = self._move_while_mine(away=away)
                except (StoreError, OSError) as error:
                    if not away and self._node.access is not None:
                        self._log.warning(
                            "the front stream cannot be moved", reason=str(error), next="tried again until it can"
                        )
                    away = True
                    self._node.world.sleep(AWAY_S)
        except Exception as error:  # noqa: BLE001 - the actor crashes with it
            if self.actor_ref.is_alive():
                self.actor_ref.tell(FrontFault(error))

    def _move_while_mine(self, *, away: bool) -> bool:
        front = self._node.store.keys.front
        connection = self._node.endpoint.blocking(front, role="front")
        try:
            size = BatchSize()
            while True:
                if not self._is_open():
                    self._node.world.sleep(NOT_MINE_S)
                    continue
                answer = connection.call(
                    "XREAD", "COUNT", size.count, "BLOCK", BLOCK_MS, "STREAMS", front, "0-0", block_s=BLOCK_MS / 1000
                )
                away = False
                if answer and self._is_open():
                    streams = dict(answer.items() if isinstance(answer, dict) else answer)
                    entries = streams[front.encode()]
                    self._move(front, entries)
                    size.has_read(len(entries), sum(len(flat[1]) for _, flat in entries))
        finally:
            connection.close()
        return away

    def _is_open(self) -> bool:
        return self._node.is_open and 0 in self._node.leases and not is_overloaded(self._node)

    def _move(self, front: str, entries: Any) -> None:
        items: list[Item] = []
        for raw_id, flat in entries:
            entry_id, raw = raw_id.decode(), body_of(fields_of(flat))
            opened = open_arrival(self._node, Arrival(raw, f"f-{entry_id}"))
            if isinstance(opened, InvalidMessage):
                items.append(refusal_at(self._node, opened, raw, f"f-{entry_id}"))
            else:
                items.append(opened)
        stopped = take_in_where_possible(self._node, items)
        if self._node.endpoint.cluster:
            # The partition's server and the front's are two: the entry must not be struck here and lost there.
            letters = [item for item in items if isinstance(item, Letter)]
            for partition in {self._node.store.keys.partition_of(letter.message.chat_id) for letter in letters}:
                if partition not in stopped:
                    self._wait_for_replica(self._node.store.keys.partition(partition).intake)
        in_now = [
            raw_id for (raw_id, _), item in zip(entries, items, strict=True) if home_of(self._node, item) not in stopped
        ]
        if in_now:
            self._node.store.call(front, "XDEL", front, *in_now)
        if stopped:
            self._node.world.sleep(AWAY_S)

    def _wait_for_replica(self, key: str) -> None:
        """See the entry on one replica, where there is one; WAIT counts what its own connection has written."""
        info: bytes = self._node.store.call(key, "INFO", "replication")
        if b"connected_slaves:0" not in info:
            self._node.store.call(key, "WAIT", 1, REPLICAS_WAIT_MS)


def supervised(node: Node) -> ChildSpec:
    """The node's front door."""
    return ChildSpec(id="front", start=partial(Front.start, node))
