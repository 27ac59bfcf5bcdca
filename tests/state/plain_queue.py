"""The usage examples of the dead letter queue, in a plain asyncio program: no gevent, nothing patched.

Run by test_state_unpatched.py in a process of its own.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from supervision.circuit_breaker import BreakerSettings, CircuitBreaker, CircuitState
from supervision.dead_letter_queue import (
    DeadLetterQueue,
    Delivery,
    DeskLimits,
    ItemFilter,
    ItemState,
    PlainDeadLetterQueue,
    Priority,
    QueueFull,
)
from supervision.state_persistence import OperatorEvent

FAST = {"policy": "fast", "max_retries": 2, "min_delay_s": 0.001, "max_delay_s": 0.005}
AWAY = ConnectionRefusedError(111, "Connection refused")


async def until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    """Wait until something is the case, and fail when it never is."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - what is looked at changes in other threads
            await asyncio.sleep(0.002)


async def state_of(queue: DeadLetterQueue, item_id: str) -> str:
    """Where an item stands."""
    item = await queue.get_item(item_id)
    assert item is not None
    return item.state.value


async def until_state(queue: DeadLetterQueue, item_id: str, state: ItemState, timeout_s: float = 20.0) -> None:
    """Wait until an item stands somewhere."""
    async with asyncio.timeout(timeout_s):
        while await state_of(queue, item_id) != state:  # noqa: ASYNC110 - it changes in a file
            await asyncio.sleep(0.005)


def test_given_a_failed_webhook_when_processed_then_it_is_resolved(tmp_path: Path) -> None:
    """The example of the interface: plain and async handlers."""

    async def main() -> None:
        delivered: list[Any] = []

        async def deliver(payload: dict[str, Any]) -> None:
            delivered.append(payload)

        def deliver_plainly(payload: dict[str, Any]) -> None:
            assert threading.current_thread() is not threading.main_thread()
            delivered.append(payload)

        queue = DeadLetterQueue(storage_path=tmp_path)
        await queue.initialize()
        queue.register_handler("webhook", deliver, policy=FAST)
        queue.register_handler("ledger", deliver_plainly, policy=FAST)
        await queue.start_processor()
        first = await queue.enqueue("webhook", {"n": 1}, AWAY, priority="high", idempotency_key="k", context={"m": "1"})
        again = await queue.enqueue("webhook", {"n": 1}, AWAY, idempotency_key="k")
        second = await queue.enqueue("ledger", {"n": 2})
        await until_state(queue, first, ItemState.RESOLVED)
        await until_state(queue, second, ItemState.RESOLVED)
        stats = await queue.stats()
        await queue.stop_processor()
        await queue.close()

        assert first == again
        assert sorted(one["n"] for one in delivered) == [1, 2]
        assert stats.by_state == {"resolved": 2}

    asyncio.run(main())


def test_given_a_handler_that_fails_when_tried_often_enough_then_dead_with_every_attempt_and_replayable(
    tmp_path: Path,
) -> None:
    """Attempts keep classification, time and traceback; a replay is a new round linked to them."""

    async def main() -> None:
        is_back = False

        async def deliver(payload: Any) -> None:
            if not is_back:
                raise ConnectionResetError(104, "reset by peer")

        async with DeadLetterQueue(tmp_path) as queue:
            queue.register_handler("webhook", deliver, policy=FAST)
            item_id = await queue.enqueue("webhook", {"api_key": "sk-abcdefghijklmnop", "n": 7}, AWAY)
            await queue.start_processor(poll_s=0.01)
            await until_state(queue, item_id, ItemState.DEAD)
            dead = await queue.get_item(item_id)
            listed = (await queue.list_items(ItemFilter(state="dead")))[0]
            dry = await queue.replay(ItemFilter(state="dead"), dry_run=True)
            is_back = True
            report = await queue.replay(item_id, {"n": 8}, by="ada")
            await until_state(queue, item_id, ItemState.RESOLVED)
            item = await queue.get_item(item_id)

        assert dead is not None
        assert item is not None
        assert (dead.reason, dead.attempts_made) == ("exhausted", 4)
        assert {one.cause for one in dead.attempts} == {"connection"}
        assert "ConnectionResetError" in dead.attempts[-1].traceback
        assert dead.payload["api_key"].startswith("sk-")
        assert listed.payload == {"api_key": "[hidden]", "n": 7}
        assert (dry.count, dry.is_dry_run, report.count) == (1, True, 1)
        assert (item.round, item.attempts_made, item.payload) == (1, 4, {"n": 8})
        assert [(note.what, note.by) for note in item.notes] == [("replayed", "ada")]

    asyncio.run(main())


def test_given_an_error_that_no_retry_helps_when_enqueued_then_it_waits_for_a_person(tmp_path: Path) -> None:
    """Dead at once, and discarded by somebody with a reason."""

    async def main() -> None:
        async with DeadLetterQueue(tmp_path) as queue:
            error = "400 Bad Request: field 'total' is missing"
            item_id = await queue.enqueue("model", {"n": 1}, error)
            state = await state_of(queue, item_id)
            gone = await queue.discard(item_id, "a test", by="ada")
            twice = await queue.discard(item_id, "a test")
            replayed = await queue.replay(item_id)

            assert state == "dead"
            assert (gone, twice, replayed.count, replayed.skipped) == (True, False, 0, 1)

    asyncio.run(main())


def test_given_a_thousand_dead_letters_when_their_service_returns_then_all_are_resolved_once(tmp_path: Path) -> None:
    """None twice at the receiver, at most two failures while probing, a corrupt one quarantined."""

    async def main() -> None:
        received: list[int] = []
        refused: list[int] = []
        is_up = False
        events: list[OperatorEvent] = []

        async def deliver(payload: dict[str, int]) -> None:
            if not is_up:
                refused.append(payload["n"])
                raise AWAY
            received.append(payload["n"])

        breaker = CircuitBreaker(BreakerSettings("webhook", 3, 0.2), name="receiver")
        once = {**FAST, "max_retries": 0}
        async with DeadLetterQueue(tmp_path, on_event=events.append) as queue:
            queue.register_handler("webhook", deliver, policy=once, service="receiver")
            ids = await asyncio.gather(*(queue.enqueue("webhook", {"n": n}, AWAY) for n in range(1000)))
            stats = await queue.stats()
            _flip_a_bit(queue, ids[500])
            breaker.force_open()
            queue.register_handler("webhook", deliver, policy=once, service="receiver", breaker=breaker)
            await queue.start_processor(concurrency=32, poll_s=0.01)
            gate: Any = queue.plain.desk._gates["receiver"]
            await until(lambda: gate.was_open)  # the processor has looked
            while_open = len(refused)
            breaker.reset()
            await until(lambda: len(refused) > 0)
            while_probing = len(refused)
            is_up = True
            breaker.reset()
            queue.service_returned("receiver")
            await until(lambda: len(received) == 999)
            after = await queue.stats()

        assert stats.by_state == {"dead": 1000}
        assert (len(stats.groups), stats.groups[0].items) == (1, 1000)
        assert while_open == 0
        assert while_probing <= 2
        assert len(refused) <= 2
        assert sorted(received) == [n for n in range(1000) if n != 500]
        assert after.aside == 1
        assert "dead_letter_set_aside" in {event.name for event in events}
        assert breaker.state is CircuitState.CLOSED

    asyncio.run(main())


def _flip_a_bit(queue: DeadLetterQueue, item_id: str) -> None:
    """In the middle of one item's bytes, as a disk would."""
    store: Any = queue.plain.desk.store

    def flip() -> None:
        connection = store._file.connection
        (raw,) = connection.execute("SELECT raw FROM items WHERE item_id = ?", (item_id,)).fetchone()
        broken = bytearray(raw)
        broken[len(raw) // 2] ^= 4
        connection.execute("UPDATE items SET raw = ? WHERE item_id = ?", (bytes(broken), item_id))

    queue.plain.desk.ask(flip)


def test_given_an_attempt_of_unknown_outcome_when_repeated_then_the_service_is_asked_first(tmp_path: Path) -> None:
    """A time-out after sending: it had happened."""

    async def main() -> None:
        sent: list[int] = []

        async def deliver(payload: dict[str, int]) -> None:
            sent.append(payload["n"])
            raise TimeoutError("no answer")

        async with DeadLetterQueue(tmp_path) as queue:
            queue.register_handler("webhook", deliver, policy=FAST, check=lambda payload: payload["n"] in sent)
            queue.register_handler("sms", deliver, policy=FAST, delivery=Delivery.NEITHER)
            await queue.start_processor(poll_s=0.01)
            checkable = await queue.enqueue("webhook", {"n": 1})
            neither = await queue.enqueue("sms", {"n": 2})
            await until_state(queue, checkable, ItemState.RESOLVED)
            await until_state(queue, neither, ItemState.DEAD)
            item = await queue.get_item(neither)

        assert sorted(sent) == [1, 2]
        assert item is not None
        assert (item.reason, item.heals) == ("unknown_outcome", False)

    asyncio.run(main())


def test_given_a_handler_that_hangs_when_its_time_is_over_then_the_attempt_failed(tmp_path: Path) -> None:
    """And the processor goes on; stopping gives back what runs."""

    async def main() -> None:
        async def hang(_: Any) -> None:
            await asyncio.sleep(3600)

        async with DeadLetterQueue(tmp_path) as queue:
            queue.register_handler("slow", hang, policy={**FAST, "max_retries": 0}, timeout_s=0.05)
            queue.register_handler("slower", hang, policy=FAST)
            await queue.start_processor(poll_s=0.01)
            slow = await queue.enqueue("slow", {})
            slower = await queue.enqueue("slower", {})
            await until_state(queue, slow, ItemState.DEAD)
            await queue.stop_processor(timeout_s=0.0)
            item = await queue.get_item(slower)

        assert item is not None
        assert (item.state, item.attempts[-1].outcome) == (ItemState.RETRYING, "abandoned")

    asyncio.run(main())


def test_given_priorities_when_all_are_due_then_the_higher_go_first(tmp_path: Path) -> None:
    """Within their ageing time."""

    async def main() -> None:
        order: list[str] = []

        async def note(payload: str) -> None:
            order.append(payload)

        async with DeadLetterQueue(tmp_path) as queue:
            for priority in (Priority.LOW, Priority.NORMAL, Priority.CRITICAL, Priority.HIGH):
                await queue.enqueue("work", priority.name, priority=priority)
            queue.register_handler("work", note)
            await queue.start_processor(concurrency=1, poll_s=0.01)
            await until(lambda: len(order) == 4)

        assert order == ["CRITICAL", "HIGH", "NORMAL", "LOW"]

    asyncio.run(main())


def test_given_the_queue_is_full_when_enqueued_then_it_refuses_with_an_alarm(tmp_path: Path) -> None:
    """Nothing is lost silently: whoever has the work keeps it. What is done makes room."""

    async def main() -> None:
        events: list[OperatorEvent] = []
        async with DeadLetterQueue(tmp_path, limits=DeskLimits(items_max=5), on_event=events.append) as queue:
            ids = [await queue.enqueue("work", n) for n in range(5)]
            with pytest.raises(QueueFull):
                await queue.enqueue("work", 5)
            await queue.stats()
            await queue.discard(ids[0], "room")
            await queue.enqueue("work", 5)

        assert {"dead_letters_full", "dead_letters_filling"} <= {event.name for event in events}

    asyncio.run(main())


def test_given_an_export_when_imported_elsewhere_then_items_are_there_once(tmp_path: Path) -> None:
    """With checksums, and known ones left as they are."""

    async def main() -> None:
        async with DeadLetterQueue(tmp_path / "a") as ours, DeadLetterQueue(tmp_path / "b") as theirs:
            ids = [await ours.enqueue("work", {"n": n}, AWAY) for n in range(3)]
            facts = await ours.export(tmp_path / "export.ufa")
            first = await theirs.import_(tmp_path / "export.ufa")
            second = await theirs.import_(tmp_path / "export.ufa")
            listed = await theirs.list_items()

        assert (facts.items, facts.problems) == (3, ())
        assert (first.imported, second.imported, second.known) == (3, 0, 3)
        assert [item.item_id for item in listed] == sorted(ids)
        assert listed[0].notes[-1].what == "imported"

    asyncio.run(main())


def test_given_plain_code_when_it_uses_the_queue_then_threads_do_the_work(tmp_path: Path) -> None:
    """No event loop at all; an async handler runs on a loop of its own."""
    over = threading.Event()
    seen: list[Any] = []

    async def deliver(payload: Any) -> None:
        seen.append(payload)
        over.set()

    with PlainDeadLetterQueue(tmp_path) as queue:
        queue.register_handler("work", deliver, policy=FAST)
        queue.start_processor()
        item_id = queue.enqueue("work", {"n": 1})
        assert over.wait(10)
        queue.stop_processor()
        item = queue.get_item(item_id)

    assert seen == [{"n": 1}]
    assert item is not None
    assert item.state is ItemState.RESOLVED


def test_given_an_old_item_when_swept_then_it_is_archived_with_an_alarm(tmp_path: Path) -> None:
    """It can be imported again."""
    events: list[OperatorEvent] = []
    with PlainDeadLetterQueue(tmp_path, limits=DeskLimits(age_s_max=-1.0), on_event=events.append) as queue:
        queue.enqueue("work", {"n": 1}, AWAY)

        gone = queue.sweep()
        archive = next((tmp_path / "archive").iterdir())

        assert (gone, queue.list_items()) == (1, [])
        assert queue.import_(archive).imported == 1
    assert "dead_letters_too_old" in {event.name for event in events}
