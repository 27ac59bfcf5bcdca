"""The actor that writes the ledger: opens it, books all that waits in one transaction, mends its file, backs it up."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from actors.drill import Drilled
from actors.ledger.ledger import Ledger, in_a_line
from actors.ledger.rebuilding import bookings_in_files
from actors.ledger.rows import FileMalformed
from actors.logs import actor_logger
from actors.native_lane import LaneLate
from supervision.actor import GeventActor
from supervision.breaking.settings import NOT_ITS_FAULT
from supervision.error_classification import error_classifier
from supervision.supervisor import ChildSpec
from supervision.world import WaitTimeout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actors.node import Node
    from invoices.book import Booking
    from supervision.actor import Reply

NAME: Final = "ledger"
# Of its breaker.
SERVICE: Final = "ledger"
BATCH_MAX: Final = 100
LOOK_S: Final = 1.0
# While the node is about to listen.
LISTENS_LOOK_S: Final = 0.05
OPEN_AGAIN_S: Final = 5.0
BACK_UP_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Record:
    """Book this. Asked: the reply comes when it is committed. by_s: monotonic; nobody waits any longer than that."""

    booking: Booking
    by_s: float


@dataclass(frozen=True, slots=True)
class Flush:
    """Book what waits, all at once: messages that came meanwhile have been read before this one."""


@dataclass(frozen=True, slots=True)
class Look:
    """See whether the ledger is open, and sound."""


@dataclass(frozen=True, slots=True)
class BackUp:
    """Copy the file, when the last copy is old."""


class LedgerWriter(GeventActor):
    """One for each node."""

    on_failure_timeout_s: ClassVar[float | None] = 2.0

    def __init__(self, node: Node, ledger: Ledger) -> None:
        """ledger: the node's, which outlives this actor."""
        super().__init__()
        self._node = node
        self._ledger = ledger
        self._waiting: list[tuple[Record, Reply]] = []
        self._open_at_s = 0.0
        self._told_of = ""

    def on_start(self) -> None:
        """Be found; the database is opened when the node listens, since its client takes a while to import."""
        self._log = actor_logger(self)
        self._node.names[NAME] = self.actor_ref
        self.actor_ref.tell(Look())
        self.send_every(LOOK_S, Look())
        self.send_every(BACK_UP_S, BackUp())

    def on_stop(self) -> None:
        """Have one file left, not a file and its log."""
        self._ledger.close()

    def on_receive(self, message: Any) -> Any:
        """Book, look after the ledger, or copy it."""
        match message:
            case Record():
                self._take(message)
            case Flush():
                self._flush()
            case Look():
                self._look()
            case BackUp():
                self._back_up()
            case _:
                return super().on_receive(message)
        return None

    def _take(self, message: Record) -> None:
        self._waiting.append((message, self.defer_reply()))
        if len(self._waiting) == 1:
            self.actor_ref.tell(Flush())

    def _flush(self) -> None:
        now_s = self.world.now()
        batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
        if self._waiting:
            self.actor_ref.tell(Flush())
        for record, reply in batch:
            if record.by_s <= now_s:
                reply.fail(LaneLate("the booking waited too long to be begun"))
        in_time = [(record, reply) for record, reply in batch if record.by_s > now_s]
        if in_time:
            self._book(in_time)

    def _book(self, batch: list[tuple[Record, Reply]]) -> None:
        try:
            self._put([record.booking for record, _ in batch])
        except Drilled:
            raise
        except Exception as error:  # noqa: BLE001 - it goes to those who asked, who classify it
            if len(batch) > 1 and error_classifier.classify(error).cause in NOT_ITS_FAULT:
                # One of them cannot be booked; the others are not to wait for it.
                for one in batch:
                    self._book([one])
                return
            for _, reply in batch:
                reply.fail(error)
            return
        for _, reply in batch:
            reply.set(None)

    def _put(self, bookings: list[Booking]) -> None:
        try:
            if not self._ledger.is_made:
                self._open()
            self._ledger.put(bookings)
        except Exception:
            if self._ledger.damage is None:
                raise
            self._mend()
            self._ledger.put(bookings)
        self._hear_of_state()

    def _look(self) -> None:
        try:
            if self._ledger.damage is not None:
                self._mend()
            elif self._ledger.state != "open" and self._may_open():
                self._open_at_s = self.world.now() + OPEN_AGAIN_S
                self._open()
                self.actor_ref.tell(BackUp())
        except Drilled:
            raise
        except Exception as error:  # noqa: BLE001 - an outage is no reason to be restarted; it is looked at again
            if self._ledger.damage is error:
                self.actor_ref.tell(Look())
        if self._ledger.state == "opening":
            self.send_after(LISTENS_LOOK_S, Look())
        self._hear_of_state()

    def _may_open(self) -> bool:
        node = self._node
        listens = node.is_listening or self.world.now() - self._started_s() > OPEN_AGAIN_S
        return listens and self.world.now() >= self._open_at_s

    def _started_s(self) -> float:
        return self.actor_ref.started_at_s or 0.0

    def _open(self) -> None:
        self._tell(self._ledger.open(self._known_elsewhere()))

    def _mend(self) -> None:
        reason = in_a_line(self._ledger.damage) if self._ledger.damage is not None else ""
        self._log.error("the ledger is damaged", reason=reason, next="it is set aside and rebuilt")
        self._tell(self._ledger.mend(self._known_elsewhere()))

    def _tell(self, said: str) -> None:
        if said:
            self._log.error("the ledger was rebuilt", detail=said, next="look at what was kept")

    def _known_elsewhere(self) -> Iterator[list[Booking]]:
        try:
            yield from bookings_in_files(self._node)
        except Exception as error:  # noqa: BLE001 - a second file that cannot be read is no reason to do without the first
            reason = in_a_line(error)
            self._log.error("the node's files cannot be read", reason=reason, next="the ledger does without them")

    def _hear_of_state(self) -> None:
        """Say once what has become of it."""
        ledger = self._ledger
        said = f"{ledger.state} {ledger.why.split(':')[0]}"
        if said == self._told_of:
            return
        self._told_of = said
        if ledger.state == "away":
            next_step = f"tried again every {OPEN_AGAIN_S:g} s; bookings wait, answers come from memory and say so"
            self._log.warning("the ledger is away", reason=ledger.why, next=next_step)
        elif ledger.state == "open":
            self._log.info("the ledger is open", kind="SQLite" if ledger.is_file else "PostgreSQL")

    def _back_up(self) -> None:
        try:
            copy = self._ledger.back_up(self._node.world.wall())
        except FileMalformed as error:
            self._ledger.damage = error
            self.actor_ref.tell(Look())
        except (sqlite3.Error, OSError, WaitTimeout) as error:
            self._log.warning("the ledger was not backed up", reason=str(error), next=f"tried again in {BACK_UP_S:g} s")
        else:
            if copy is not None:
                self._log.info("the ledger was backed up", file=copy.name)


def ledger_of(node: Node) -> Ledger:
    """The node's ledger, made on first use."""
    if node.ledger is None:
        node.ledger = Ledger(node.world, node.settings.ledger.url, node.paths.root)
    return node.ledger


def supervised(node: Node) -> ChildSpec:
    """The node's writer."""
    return ChildSpec(id=NAME, start=partial(LedgerWriter.start, node, ledger_of(node)), shutdown_s=8.0)
