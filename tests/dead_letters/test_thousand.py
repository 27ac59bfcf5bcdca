"""A thousand dead letters of one service, and the service returns."""

from __future__ import annotations

import http.client
import json
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from dead_letters.receiver import Receiver

from supervision.circuit_breaker import BreakerSettings, CircuitBreaker, CircuitState
from supervision.dead_letter_queue import PlainDeadLetterQueue
from supervision.state_persistence import OperatorEvent

LETTERS = 1000
CORRUPT = 500


class RefusedError(Exception):
    """What the receiver said, as clients of HTTP raise it."""

    def __init__(self, status_code: int) -> None:
        super().__init__(f"{status_code} Service Unavailable")
        self.status_code = status_code


@pytest.mark.timeout(110)
def test_given_a_thousand_dead_letters_of_a_service_when_it_returns_then_all_are_delivered_once(
    tmp_path: Path,
) -> None:
    """At most two failures while probing; the corrupt one is quarantined and the rest go on."""
    events: list[OperatorEvent] = []
    everything_arrived = threading.Event()
    with Receiver() as receiver, PlainDeadLetterQueue(tmp_path, on_event=events.append) as queue:

        def deliver(payload: dict[str, Any]) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", receiver.port, timeout=10)
            try:
                connection.request("POST", "/", json.dumps(payload), {"content-type": "application/json"})
                status = connection.getresponse().status
            finally:
                connection.close()
            if status >= 300:
                raise RefusedError(status)
            if len(receiver.received) == LETTERS - 1:
                everything_arrived.set()

        breaker = CircuitBreaker(BreakerSettings("webhook", 2, 60.0), name="receiver")
        once = {"policy": "once", "max_retries": 0, "min_delay_s": 0.001, "max_delay_s": 0.002}
        queue.register_handler("webhook", deliver, policy=once, service="receiver")
        ids = [queue.enqueue("webhook", {"n": n}, RefusedError(503)) for n in range(LETTERS)]
        before = queue.stats()
        flip_a_bit(tmp_path / "dead_letters.db", ids[CORRUPT])
        breaker.force_open()
        queue.register_handler("webhook", deliver, policy=once, service="receiver", breaker=breaker)
        queue.start_processor(concurrency=16, poll_s=0.01)

        # It says that it is back, and is not: the ramp stops at its first failure.
        breaker.reset()
        wait_until(lambda: receiver.refused > 0)
        queue.service_returned("receiver")
        wait_until(lambda: receiver.refused > 1)
        while_away = receiver.refused
        receiver.is_up = True
        breaker.reset()
        queue.service_returned("receiver")
        assert everything_arrived.wait(60)
        wait_until(lambda: queue.stats().by_state.get("resolved", 0) == LETTERS - 1)
        stats = queue.stats()
        corrupt = queue.get_item(ids[CORRUPT])

    assert (before.by_state, before.groups[0].items) == ({"dead": LETTERS}, LETTERS)
    assert while_away == receiver.refused == 2
    assert set(receiver.received.values()) == {1}
    assert set(receiver.received) == set(range(LETTERS)) - {CORRUPT}
    assert (corrupt, stats.aside, stats.by_state) == (None, 1, {"resolved": LETTERS - 1})
    assert "dead_letter_set_aside" in {event.name for event in events}
    assert breaker.state is CircuitState.CLOSED


def wait_until(condition: Any) -> None:
    """Wait for what happens in other threads, and fail when it never does."""
    pulse = threading.Event()
    for _ in range(6000):
        if condition():
            return
        pulse.wait(0.01)
    raise AssertionError("it never happened")


def flip_a_bit(path: Path, item_id: str) -> None:
    """In the middle of one item's bytes, as a disk would."""
    connection = sqlite3.connect(path, timeout=30)
    (raw,) = connection.execute("SELECT raw FROM items WHERE item_id = ?", (item_id,)).fetchone()
    broken = bytearray(raw)
    broken[len(raw) // 2] ^= 4
    connection.execute("UPDATE items SET raw = ? WHERE item_id = ?", (bytes(broken), item_id))
    connection.commit()
    connection.close()
