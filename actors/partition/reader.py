"""Reads the partitions' streams and brings their entries to the owners, decoded, as fast as those take them.

Plain XREAD from the beginning: a reader takes nothing away, so one that is not the owner does no harm, and after a
restart everything that is left to do is read again. One blocking read for all partitions of a server; in a cluster,
where keys of one command must share a slot, one for each partition.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from actors.logs import Seldom, actor_logger
from actors.partition.batch_size import BatchSize
from actors.partition.entries import INLINE_BYTES_MAX, BadEntry, SeenEntry, body_of, entry_milliseconds, read_entry
from actors.partition.owner_notes import EntriesSeen, Follow
from actors.partition.store import fields_of
from actors.store_errors import StoreError
from supervision.actor import GeventActor
from supervision.supervisor import ChildSpec
from supervision.world import WaitTimeout

if TYPE_CHECKING:
    from actors.node import Node
    from supervision.actor import GeventActorRef
    from supervision.world import Task

BLOCK_MS: Final = 200
IDLE_S: Final = 0.2
AWAY_S: Final = 0.5
OWNER_TAKES_S: Final = 10.0
# Two reads this far apart: entries may have waited in between.
STALLED_S: Final = 2.0


@dataclass(slots=True)
class Followed:
    """Where the reading of a partition stands. caught_up: the last read brought all there was."""

    owner: GeventActorRef[Any]
    last_id: str = "0-0"
    caught_up: bool = False
    task: Task | None = None


@dataclass(frozen=True, slots=True)
class ReaderFault:
    """A task that reads has ended with an error."""

    error: Exception


class IntakeReader(GeventActor):
    """Owns the tasks that read."""

    def __init__(self, node: Node) -> None:
        """Nothing is read until somebody follows."""
        super().__init__()
        self._node = node
        self._followed: dict[int, Followed] = {}
        self._shared: Task | None = None
        self._away = Seldom()

    def on_start(self) -> None:
        """Be found; owners that live already are followed at once."""
        self._log = actor_logger(self)
        self._node.names["reader"] = self.actor_ref
        for name, owner in list(self._node.names.items()):
            kind, _, number = name.partition("/")
            if kind == "owner" and owner.is_alive():
                self._follow(int(number), owner)

    def on_stop(self) -> None:
        """Stop the tasks."""
        for task in self._tasks():
            task.kill()

    def on_failure(self, *_: Any) -> None:
        """The same, after a crash."""
        self.on_stop()

    def _tasks(self) -> list[Task]:
        tasks = [followed.task for followed in self._followed.values()]
        return [task for task in (*tasks, self._shared) if task is not None]

    def on_receive(self, message: Any) -> Any:
        """Begin to follow, or crash with what a task died of, so that all is read anew."""
        match message:
            case Follow():
                self._follow(message.partition, message.owner)
            case ReaderFault():
                raise message.error
            case _:
                return super().on_receive(message)
        return None

    def _follow(self, partition: int, owner: GeventActorRef[Any]) -> None:
        known = self._followed.get(partition)
        if known is not None:
            if known.owner is owner:
                return
            if known.task is not None:
                known.task.kill()
        self._followed[partition] = followed = Followed(owner)
        if self._node.endpoint.cluster:
            followed.task = self._node.world.spawn(
                self._read_for_ever, (partition, followed), name=f"read partition {partition}"
            )
        elif self._shared is None:
            self._shared = self._node.world.spawn(self._read_for_ever, None, name="read partitions")

    def _read_for_ever(self, only: tuple[int, Followed] | None) -> None:
        """Read one partition for as long as it is followed, or all that are; reconnect for ever, in peace."""
        try:
            while only is None or self._followed.get(only[0]) is only[1]:
                try:
                    self._read_connected(only)
                except (StoreError, OSError, WaitTimeout) as error:
                    if self._away.is_due(self._node.world.now()):
                        self._log.warning(
                            "the intake cannot be read",
                            reason=str(error),
                            next=f"tried every {AWAY_S:g} s",
                        )
                    self._node.world.sleep(AWAY_S)
        except Exception as error:  # noqa: BLE001 - the actor crashes with it
            if self.actor_ref.is_alive():
                self.actor_ref.tell(ReaderFault(error))

    def _read_connected(self, only: tuple[int, Followed] | None) -> None:
        first = self._node.store.keys.partition(only[0] if only else 0).intake
        with closing(self._node.endpoint.blocking(first)) as connection:
            read_s, size = -STALLED_S, BatchSize()
            while only is None or self._followed.get(only[0]) is only[1]:
                wanted = {
                    self._node.store.keys.partition(number).intake.encode(): (number, followed)
                    for number, followed in ([only] if only else list(self._followed.items()))
                }
                if not wanted:
                    self._node.world.sleep(IDLE_S)
                    continue
                if self._node.world.now() - read_s >= STALLED_S:
                    # After a reconnection, or when the whole node stood still: what is there now may have waited.
                    for _, followed in wanted.values():
                        followed.caught_up = False
                read_s = self._node.world.now()
                answer = connection.call(
                    "XREAD", "COUNT", size.count, "BLOCK", BLOCK_MS, "STREAMS",
                    *wanted, *(followed.last_id for _, followed in wanted.values()),
                    block_s=BLOCK_MS / 1000,
                )  # fmt: skip
                streams = dict(answer.items() if isinstance(answer, dict) else answer or ())
                self._bring(wanted, streams, connection, size.count)
                size.has_read(*_extent(streams))

    def _bring(
        self, wanted: dict[bytes, tuple[int, Followed]], streams: dict[bytes, Any], connection: Any, count_max: int
    ) -> None:
        behind = [stream for stream in streams if not wanted[stream][1].caught_up]
        server_ms = _milliseconds(connection.call("TIME")) if behind else 0
        asked = []
        for stream, entries in streams.items():
            number, followed = wanted[stream]
            seen, ages_s = self._decode(number, followed, entries, server_ms)
            before_id, followed.last_id = followed.last_id, entries[-1][0].decode()
            asked.append((number, followed, before_id, followed.owner.ask(EntriesSeen(seen, ages_s), block=False)))
            followed.caught_up = len(entries) < count_max
        for stream, (_, followed) in wanted.items():
            if stream not in streams:
                followed.caught_up = True
        for number, followed, before_id, taken in asked:
            try:
                taken.get(timeout=OWNER_TAKES_S)
            except Exception as error:  # noqa: BLE001 - whatever befell the owner, nothing was taken away
                self._not_taken(number, followed, before_id, error)

    def _not_taken(self, number: int, followed: Followed, before_id: str, error: Exception) -> None:
        """A dead owner's successor reads from the beginning; a slow one gets them again."""
        alive = followed.owner.is_alive()
        self._log.warning(
            "an owner does not take its entries", partition=number, reason=repr(error),
            next="they are brought again" if alive else "left to its successor",
        )  # fmt: skip
        if alive:
            followed.last_id, followed.caught_up = before_id, False
        elif self._followed.get(number) is followed:
            del self._followed[number]

    def _decode(
        self, number: int, followed: Followed, entries: Any, server_ms: int
    ) -> tuple[list[SeenEntry | BadEntry], list[float]]:
        seen: list[SeenEntry | BadEntry] = []
        ages_s: list[float] = []
        for raw_id, flat in entries:
            entry_id, fields = raw_id.decode(), fields_of(flat)
            if len(body_of(fields)) > INLINE_BYTES_MAX:
                entry, blobs = self._node.world.run_in_thread(read_entry, number, entry_id, fields)
            else:
                entry, blobs = read_entry(number, entry_id, fields)
            if blobs and isinstance(entry, SeenEntry):
                # Where its chat lives, which for a stray is not here.
                home = self._node.store.keys.partition_of(entry.message.chat_id)
                for digest, content in blobs.items():
                    self._node.blobs.put(home, digest, content)
            seen.append(entry)
            ages_s.append(0.0 if followed.caught_up else (server_ms - entry_milliseconds(entry_id)) / 1000)
        return seen, ages_s


def _extent(streams: dict[bytes, Any]) -> tuple[int, int]:
    """How many entries there are, and how many bytes their messages have."""
    sizes = [len(flat[1]) for entries in streams.values() for _, flat in entries]
    return len(sizes), sum(sizes)


def _milliseconds(time: Any) -> int:
    return int(time[0]) * 1000 + int(time[1]) // 1000


def supervised(node: Node) -> ChildSpec:
    """The node's reader."""
    return ChildSpec(id="reader", start=partial(IntakeReader.start, node))
