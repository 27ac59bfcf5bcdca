"""The dead letter queue for plain code: blocking calls, and a processor in threads."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from supervision.circuit_breaker import CircuitBreaker, CircuitOpenError
from supervision.dead_letters.desk import Desk
from supervision.dead_letters.desk_terms import DeskLimits
from supervision.dead_letters.office import ImportReport, Office
from supervision.dead_letters.records import (
    DeadItem,
    Delivery,
    ItemFilter,
    Priority,
    QueueStatistics,
    ReplayReport,
)
from supervision.dead_letters.sqlite_store import SqliteLetterStore
from supervision.dead_letters.store import Leased, LetterStore, Taken
from supervision.keeping.archive_file import ArchiveFacts
from supervision.keeping.events import OnEvent, log_event
from supervision.world_lane import Answer
from supervision.world_library import CallTimeout, LibraryWorld, library_world
from supervision.world_tasks import ThreadTasks

T = TypeVar("T")

DEFAULT_STORAGE: Final = "var/dead-letters"
CALL_S: Final = 30.0
LONG_S: Final = 3600.0
POLL_S: Final = 1.0
HANDLER_S: Final = 60.0
EVERYTHING: Final = ItemFilter()
SWEEP_EVERY_S: Final = 3600.0


class PlainDeadLetterQueue:
    """Blocking calls and a processor in threads; safe between threads. See DeadLetterQueue."""

    def __init__(
        self,
        storage_path: str | PathLike[str] = DEFAULT_STORAGE,
        *,
        limits: DeskLimits | None = None,
        store: LetterStore | None = None,
        on_event: OnEvent = log_event,
        world: LibraryWorld | None = None,
    ) -> None:
        path = Path(storage_path)
        path = path if path.suffix else path / "dead_letters.db"
        bounds = limits or DeskLimits()
        self.world = world or library_world()
        kept = store or SqliteLetterStore(path, bounds.items_max, bounds.size_bytes_max, self.world.wall)
        self.desk = Desk(kept, bounds, self.world, on_event)
        self.office = Office(self.desk, path.parent / "archive")
        self._tasks: ThreadTasks | None = None
        self._is_stopping = False

    def initialize(self) -> None:
        """Open the storage and check every item in it; what is damaged is set aside."""
        self.desk.open()

    def register_handler(
        self,
        operation_type: str,
        handler: Callable[[Any], Any],
        *,
        policy: Mapping[str, Any] | None = None,
        service: str | None = None,
        breaker: CircuitBreaker | None = None,
        check: Callable[[Any], Any] | None = None,
        delivery: Delivery | None = None,
        timeout_s: float = HANDLER_S,
    ) -> None:
        """Say who works on items of a type.

        handler(payload): plain or async; done when it returns, failed when it raises. policy: `RetryPolicies...()`,
        chosen by the type's name for None. service: what its types have in common (the type itself for None). breaker:
        of that service; items wait while it is open, and are replayed one, two, four at a time when it closes.
        check(payload): whether an attempt of unknown outcome happened after all. delivery: see Delivery; checkable
        with a check, keyed without. timeout_s: of one attempt.
        """
        self.desk.register(
            operation_type, handler, policy=policy, service=service, breaker=breaker, check=check, delivery=delivery,
            timeout_s=timeout_s,
        )  # fmt: skip

    def enqueue(
        self,
        operation_type: str,
        payload: Any,
        error: BaseException | str | None = None,
        *,
        priority: Priority | int | str = Priority.NORMAL,
        idempotency_key: str | None = None,
        context: Mapping[str, str] | None = None,
    ) -> str:
        """Keep work that failed; returns its id when it is on disk.

        payload: plain data. error: why it failed; by its classification it waits, or is dead at once. The same type
        and idempotency_key is the same item. context: ids of what it belongs to. Raises QueueFull, ValueError and
        CodecError, when nothing was kept.
        """
        item = self.desk.new_item(operation_type, payload, error, priority=priority, idempotency_key=idempotency_key,
                                  context=context or {})  # fmt: skip
        answer = Answer[str]()
        self.desk.insert(item, answer.done)
        return answer.wait(CALL_S)

    def get_item(self, item_id: str) -> DeadItem | None:
        """One item with its whole payload; None for an unknown one."""
        return self.desk.get(item_id)

    def list_items(self, chosen: ItemFilter = EVERYTHING, *, after: str = "", limit: int = 100) -> list[DeadItem]:
        """A page of items, the oldest first, with secrets taken out; the next page begins after its last id."""
        return self.desk.page(chosen, after, limit)

    def replay(
        self,
        target: str | ItemFilter,
        payload: Any = None,
        *,
        dry_run: bool = False,
        by: str = "operator",
        progress: Callable[[int], object] | None = None,
    ) -> ReplayReport:
        """Try items again from the beginning, at a bounded rate: one by its id, or all of a filter.

        payload: another one for this item. dry_run: only say which. progress(count): told on the way.
        """
        return self.office.replay(target, payload, is_dry_run=dry_run, by=by, progress=progress)

    def discard(self, item_id: str, reason: str, *, by: str = "operator") -> bool:
        """Let an item go; whether that was possible (not of one that is done or being tried)."""
        return self.office.discard(item_id, reason, by)

    def stats(self) -> QueueStatistics:
        """Counts by state, type and cause."""
        return self.desk.statistics()

    def export(self, path: str | PathLike[str], chosen: ItemFilter = EVERYTHING) -> ArchiveFacts:
        """Write items into a file with checksums, and read it back."""
        return self.office.export(Path(path), chosen)

    def import_(self, path: str | PathLike[str]) -> ImportReport:
        """Take in an export."""
        return self.office.import_from(Path(path))

    def sweep(self) -> int:
        """Remove what has long been done, archive what is too old. The processor does it every hour."""
        return self.office.sweep()

    def service_returned(self, service: str) -> None:
        """Say that a service without a breaker here is back: its dead items are replayed, one, two, four at a time."""
        self.desk.service_returned(service)

    def start_processor(self, *, concurrency: int = 8, poll_s: float = POLL_S) -> None:
        """Work on items in threads, until stop_processor."""
        if self._tasks is not None:
            return
        self._tasks = tasks = ThreadTasks()
        self._is_stopping = False
        self.desk.ring = tasks.ring
        tasks.spawn(lambda: self._process(tasks, concurrency, poll_s), "dead letters")

    def stop_processor(self, *, timeout_s: float = 10.0) -> None:
        """Begin nothing new and let what runs finish for so long."""
        tasks, self._tasks, self._is_stopping = self._tasks, None, True
        if tasks is not None:
            tasks.ring()
            tasks.end(timeout_s)
            self.desk.ring = lambda: None

    def close(self) -> None:
        """Stop the processor and let go of the storage."""
        self.stop_processor()
        self.desk.close()

    def __enter__(self) -> Self:
        self.initialize()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _process(self, tasks: ThreadTasks, concurrency: int, poll_s: float) -> None:
        sweep_at_s = self.world.now() + SWEEP_EVERY_S
        token = new_token(self.world)
        while not self._is_stopping:
            wait_s = poll_s
            try:
                free = concurrency - tasks.count + 1  # this one is not a handler
                wants = self.desk.wants(free) if free > 0 else []
                if wants:
                    taken = self.desk.ask(lambda wants=wants: self.desk.take(wants, token))  # type: ignore[misc]
                    self.desk.taken(wants, taken)
                    for leased in taken.leased:
                        tasks.spawn(lambda leased=leased: self._run(leased), "dead letter")  # type: ignore[misc]
                    wait_s = 0.0 if taken.leased else pause_s(taken, poll_s, self.world.wall())
                if self.world.now() >= sweep_at_s:
                    sweep_at_s = self.world.now() + SWEEP_EVERY_S
                    self.sweep()
            except Exception as error:  # noqa: BLE001 - a full disk passes, and the processor is still there
                self.desk.processor_failed(error)
            tasks.wait(wait_s)

    def _run(self, leased: Leased) -> None:
        answer = Answer[bool]()
        try:
            self.desk.finish(self.desk.barred(leased) or self._tried(leased), answer.done)
            self.desk.finished(leased, held=answer.wait(CALL_S))
        except Exception as error:  # noqa: BLE001 - its lease ends, and it is tried again
            self.desk.processor_failed(error)

    def _tried(self, leased: Leased) -> Leased:
        known = self.desk.registration(leased.item.operation_type)
        permit = None if known.breaker is None else known.breaker.acquire()
        if known.breaker is not None and permit is None:
            return self.desk.snoozed(leased, max(known.breaker.open_for_s(), POLL_S))
        begun_s = self.world.now()
        failure: Exception | None = None
        try:
            must_check = known.check is not None and self.desk.must_check(leased.item)
            if not (must_check and known.check is not None and self._called(known.check, leased, known.timeout_s)):
                self._called(known.handler, leased, known.timeout_s)
        except CircuitOpenError as error:
            if known.breaker is not None and permit is not None:
                known.breaker.release(permit)
            return self.desk.snoozed(leased, max(error.retry_after, POLL_S))
        except CallTimeout:
            failure = TimeoutError(f"the handler took more than {known.timeout_s} s")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is kept with the item
            failure = error
        if known.breaker is not None and permit is not None:
            known.breaker.succeeded(permit) if failure is None else known.breaker.failed(permit, failure)
        return self.desk.settled(leased, failure, self.world.now() - begun_s)

    def _called(self, function: Callable[[Any], Any], leased: Leased, timeout_s: float) -> Any:
        if inspect.iscoroutinefunction(function):
            return self.world.call_coroutine(lambda: function(leased.item.payload), timeout_s)
        return self.world.call(lambda: function(leased.item.payload), timeout_s)


def new_token(world: LibraryWorld) -> str:
    """What a processor's leases are known by."""
    return f"{world.random.getrandbits(64):016x}"


def pause_s(taken: Taken, poll_s: float, wall_s: float) -> float:
    """How long a processor that found nothing may sleep: until something is due, and never longer than poll_s."""
    return poll_s if taken.next_due_at_s is None else min(poll_s, max(taken.next_due_at_s - wall_s, 0.001))
