"""The dead letter queue for asyncio programs; handlers may be coroutine functions or plain ones."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from os import PathLike
from typing import Any, Self, TypeVar

from supervision.circuit_breaker import CircuitBreaker, CircuitOpenError
from supervision.dead_letters.desk_terms import DeskLimits
from supervision.dead_letters.facade import (
    CALL_S,
    DEFAULT_STORAGE,
    EVERYTHING,
    HANDLER_S,
    LONG_S,
    POLL_S,
    SWEEP_EVERY_S,
    PlainDeadLetterQueue,
    new_token,
    pause_s,
)
from supervision.dead_letters.office import ImportReport
from supervision.dead_letters.records import DeadItem, Delivery, ItemFilter, Priority, QueueStatistics, ReplayReport
from supervision.dead_letters.store import Leased, LetterStore
from supervision.keeping.archive_file import ArchiveFacts
from supervision.keeping.events import OnEvent, log_event
from supervision.world_lane import AsyncAnswer
from supervision.world_library import CallTimeout, LibraryWorld
from supervision.world_tasks import LoopTasks

T = TypeVar("T")


class DeadLetterQueue:
    """Work that failed, kept until it succeeds or a person decides.

        queue = DeadLetterQueue(storage_path="var/dead-letters")
        await queue.initialize()
        queue.register_handler("webhook", deliver)
        await queue.start_processor()
        item_id = await queue.enqueue("webhook", {"url": url}, error, priority="HIGH", idempotency_key="invoice-7")

    `plain` has the same calls for plain code. Each call is explained in PlainDeadLetterQueue.
    """

    def __init__(
        self,
        storage_path: str | PathLike[str] = DEFAULT_STORAGE,
        *,
        limits: DeskLimits | None = None,
        store: LetterStore | None = None,
        on_event: OnEvent = log_event,
        world: LibraryWorld | None = None,
    ) -> None:
        self.plain = PlainDeadLetterQueue(storage_path, limits=limits, store=store, on_event=on_event, world=world)
        self._desk = self.plain.desk
        self._world = self.plain.world
        self._tasks: LoopTasks | None = None
        self._handlers: LoopTasks | None = None
        self._is_stopping = False

    async def initialize(self) -> None:
        """See PlainDeadLetterQueue.initialize."""
        await self._in_thread(self.plain.initialize)

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
        """See PlainDeadLetterQueue.register_handler."""
        self._desk.register(
            operation_type, handler, policy=policy, service=service, breaker=breaker, check=check, delivery=delivery,
            timeout_s=timeout_s,
        )  # fmt: skip

    async def enqueue(
        self,
        operation_type: str,
        payload: Any,
        error: BaseException | str | None = None,
        *,
        priority: Priority | int | str = Priority.NORMAL,
        idempotency_key: str | None = None,
        context: Mapping[str, str] | None = None,
    ) -> str:
        """See PlainDeadLetterQueue.enqueue."""
        item = self._desk.new_item(operation_type, payload, error, priority=priority, idempotency_key=idempotency_key,
                                   context=context or {})  # fmt: skip
        answer = AsyncAnswer[str]()
        self._desk.insert(item, answer.done)
        return await answer.wait(CALL_S)

    async def get_item(self, item_id: str) -> DeadItem | None:
        """See PlainDeadLetterQueue.get_item."""
        return await self._in_thread(lambda: self.plain.get_item(item_id))

    async def list_items(self, chosen: ItemFilter = EVERYTHING, *, after: str = "", limit: int = 100) -> list[DeadItem]:
        """See PlainDeadLetterQueue.list_items."""
        return await self._in_thread(lambda: self.plain.list_items(chosen, after=after, limit=limit))

    async def replay(
        self,
        target: str | ItemFilter,
        payload: Any = None,
        *,
        dry_run: bool = False,
        by: str = "operator",
        progress: Callable[[int], object] | None = None,
    ) -> ReplayReport:
        """See PlainDeadLetterQueue.replay; progress is called in another thread."""
        return await self._in_thread(
            lambda: self.plain.replay(target, payload, dry_run=dry_run, by=by, progress=progress)
        )

    async def discard(self, item_id: str, reason: str, *, by: str = "operator") -> bool:
        """See PlainDeadLetterQueue.discard."""
        return await self._in_thread(lambda: self.plain.discard(item_id, reason, by=by))

    async def stats(self) -> QueueStatistics:
        """See PlainDeadLetterQueue.stats."""
        return await self._in_thread(self.plain.stats)

    async def export(self, path: str | PathLike[str], chosen: ItemFilter = EVERYTHING) -> ArchiveFacts:
        """See PlainDeadLetterQueue.export."""
        return await self._in_thread(lambda: self.plain.export(path, chosen))

    async def import_(self, path: str | PathLike[str]) -> ImportReport:
        """See PlainDeadLetterQueue.import_."""
        return await self._in_thread(lambda: self.plain.import_(path))

    async def sweep(self) -> int:
        """See PlainDeadLetterQueue.sweep."""
        return await self._in_thread(self.plain.sweep)

    def service_returned(self, service: str) -> None:
        """See PlainDeadLetterQueue.service_returned."""
        self._desk.service_returned(service)

    async def start_processor(self, *, concurrency: int = 8, poll_s: float = POLL_S) -> None:
        """Work on items in this event loop, until stop_processor; plain handlers run in threads."""
        if self._tasks is not None:
            return
        self._is_stopping = False
        self._tasks, self._handlers = LoopTasks(), LoopTasks()
        self._desk.ring = self._handlers.ring
        self._tasks.spawn(self._process(self._handlers, concurrency, poll_s), "dead letters")

    async def stop_processor(self, *, timeout_s: float = 10.0) -> None:
        """Begin nothing new, let what runs finish for so long, then cancel it; that is given back."""
        tasks, handlers = self._tasks, self._handlers
        self._tasks = self._handlers = None
        self._is_stopping = True
        if tasks is not None and handlers is not None:
            handlers.ring()
            await tasks.end(timeout_s)
            await handlers.end(timeout_s)
            self._desk.ring = lambda: None

    async def close(self) -> None:
        """Stop the processor and let go of the storage."""
        await self.stop_processor()
        await self._in_thread(self.plain.close)

    async def __aenter__(self) -> Self:
        await self.initialize()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _in_thread(self, function: Callable[[], T]) -> T:
        return await self._world.call_in_thread(function, LONG_S)

    async def _process(self, handlers: LoopTasks, concurrency: int, poll_s: float) -> None:
        sweep_at_s = self._world.now() + SWEEP_EVERY_S
        token = new_token(self._world)
        while not self._is_stopping:
            wait_s = poll_s
            try:
                free = concurrency - handlers.count
                wants = self._desk.wants(free) if free > 0 else []
                if wants:
                    taken = await self._desk.lane.call_async(
                        lambda wants=wants: self._desk.take(wants, token),  # type: ignore[misc]
                        CALL_S,
                    )
                    self._desk.taken(wants, taken)
                    for leased in taken.leased:
                        handlers.spawn(self._run(leased), "dead letter")
                    wait_s = 0.0 if taken.leased else pause_s(taken, poll_s, self._world.wall())
                if self._world.now() >= sweep_at_s:
                    sweep_at_s = self._world.now() + SWEEP_EVERY_S
                    await self.sweep()
            except Exception as error:  # noqa: BLE001 - a full disk passes, and the processor is still there
                self._desk.processor_failed(error)
            await handlers.wait(wait_s)

    async def _run(self, leased: Leased) -> None:
        answer = AsyncAnswer[bool]()
        try:
            try:
                outcome = self._desk.barred(leased) or await self._tried(leased)
            except Exception:
                raise
            except BaseException as signal:  # told to end: the item goes back at once
                self._desk.finish(self._desk.settled(leased, signal, 0.0), lambda _ok, _held: None)
                raise
            self._desk.finish(outcome, answer.done)
            self._desk.finished(leased, held=await answer.wait(CALL_S))
        except Exception as error:  # noqa: BLE001 - its lease ends, and it is tried again
            self._desk.processor_failed(error)

    async def _tried(self, leased: Leased) -> Leased:
        known = self._desk.registration(leased.item.operation_type)
        permit = None if known.breaker is None else known.breaker.acquire()
        if known.breaker is not None and permit is None:
            return self._desk.snoozed(leased, max(known.breaker.open_for_s(), POLL_S))
        begun_s = self._world.now()
        failure: Exception | None = None
        try:
            must_check = known.check is not None and self._desk.must_check(leased.item)
            if not (must_check and known.check and await self._called(known.check, leased, known.timeout_s)):
                await self._called(known.handler, leased, known.timeout_s)
        except CircuitOpenError as error:
            if known.breaker is not None and permit is not None:
                known.breaker.release(permit)
            return self._desk.snoozed(leased, max(error.retry_after, POLL_S))
        except CallTimeout:
            failure = TimeoutError(f"the handler took more than {known.timeout_s} s")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is kept with the item
            failure = error
        except BaseException:
            if known.breaker is not None and permit is not None:
                known.breaker.release(permit)
            raise
        if known.breaker is not None and permit is not None:
            known.breaker.succeeded(permit) if failure is None else known.breaker.failed(permit, failure)
        return self._desk.settled(leased, failure, self._world.now() - begun_s)

    async def _called(self, function: Callable[[Any], Any], leased: Leased, timeout_s: float) -> Any:
        payload = leased.item.payload
        if inspect.iscoroutinefunction(function):
            return await self._world.call_async(lambda: function(payload), timeout_s)
        found = await self._world.call_in_thread(lambda: function(payload), timeout_s)
        return await found if inspect.isawaitable(found) else found
