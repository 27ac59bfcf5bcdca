"""Native threads and the hub: telling, asking, waiting, waking."""

from __future__ import annotations

from typing import Any

import pykka
import pytest

from supervision import world as world_port
from supervision.actor import ActorDeadError, GeventActor, GeventFuture
from supervision.world import WaitTimeout


class Keeper(GeventActor):
    """Keeps what it gets, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.got: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        """Keep it with the time."""
        self.got.append(message)
        return self.world.now(), len(self.got)


@pytest.fixture
def world() -> Any:
    """The world of the daemon."""
    return world_port.current()


def test_given_a_native_thread_when_it_tells_then_the_hub_wakes_at_once(world: Any) -> None:
    """A put without a wake-up came 105 ms late."""
    told_s: list[float] = []
    heard = world.waiter()

    class Hearing(GeventActor):
        def on_receive(self, message: Any) -> None:
            heard.wake(self.world.now())

    ref = Hearing.start()

    def tell() -> None:
        world.native_sleep(0.05)
        told_s.append(world.now())
        ref.tell("x")

    thread = world.native_thread(tell, name="teller")
    heard_s = heard.wait(5)

    assert thread.join(5)
    assert heard_s - told_s[0] < 0.05
    ref.stop()


def test_given_a_native_thread_when_it_asks_then_it_waits_without_the_hub(world: Any) -> None:
    """Answers, timeouts and dead actors come through as on the hub; also from stop and from start."""
    ref = Keeper.start()
    outcome: dict[str, Any] = {}

    def use() -> None:
        outcome["answer"] = ref.ask("x")[1]
        slow = ref.ask("y", block=False)
        outcome["future"] = slow.get(timeout=5)[1]
        outcome["started"] = Keeper.start()
        outcome["started"].ask("z")
        try:
            GeventFuture().get(timeout=0.01)
        except pykka.Timeout as error:
            outcome["timeout"] = error
        outcome["stopped"] = ref.stop()
        try:
            ref.ask("late")
        except ActorDeadError as error:
            outcome["dead"] = error.message

    thread = world.native_thread(use, name="asker")

    assert thread.join(10)
    assert thread.error is None
    assert outcome["answer"] == 1
    assert outcome["future"] == 2
    assert isinstance(outcome["timeout"], pykka.Timeout)
    assert outcome["stopped"] is True
    assert outcome["dead"] == "late"
    outcome["started"].stop()


def test_given_native_threads_that_tell_while_an_actor_works_then_nothing_is_lost_or_reordered(world: Any) -> None:
    """Four threads, a thousand messages each, against an actor that falls asleep all the time."""
    ref = Keeper.start()

    def tell_many(sender: int) -> None:
        for number in range(1000):
            ref.tell((sender, number))

    threads = [world.native_thread(tell_many, sender, name=f"teller {sender}") for sender in range(4)]
    for thread in threads:
        assert thread.join(20)
    ref.ask("last")
    got = ref.proxy().got.get()

    for sender in range(4):
        assert [number for one, number in got[:-1] if one == sender] == list(range(1000))
    assert got[-1] == "last"
    ref.stop()


def test_given_native_threads_that_call_the_hub_when_timers_fire_then_the_loop_counts_its_watchers_right(
    world: Any,
) -> None:
    """A count lost between threads would end the loop under everybody (LoopExit)."""
    done: list[int] = []
    world.sleep(0.01)
    before = world.hub.loop.activecnt

    def call_many() -> None:
        for number in range(3000):
            world.call_soon_threadsafe(done.append, number)

    threads = [world.native_thread(call_many, name="caller") for _ in range(3)]
    while len(done) < 9000:
        world.sleep(0.0001)
    assert all(thread.join(5) for thread in threads)
    world.sleep(0.01)

    assert world.hub.loop.activecnt == before


def test_given_native_threads_that_tell_while_an_actor_dies_then_each_message_is_refused_or_accounted_for(
    world: Any,
) -> None:
    """A tell that raises gives the record back; one that does not was handled, or is among the unread."""
    refused: list[int] = []
    for _ in range(20):
        ref = Keeper.start()

        def tell_many(ref: Any = ref) -> None:
            for number in range(300):
                try:
                    ref.tell(number)
                except ActorDeadError as error:
                    refused.append(error.message)

        thread = world.native_thread(tell_many, name="teller")
        world.sleep(0.0005)
        ref.fence()
        assert thread.join(20)
        assert thread.error is None

    assert all(isinstance(number, int) for number in refused)


def test_given_a_future_when_several_wait_for_it_then_all_get_its_value(world: Any) -> None:
    """Greenlets and native threads alike."""
    future: GeventFuture[str] = GeventFuture()
    values: list[str] = []

    def wait() -> None:
        values.append(future.get(timeout=5))

    tasks = [world.spawn(wait) for _ in range(2)]
    threads = [world.native_thread(wait, name="waiter") for _ in range(2)]
    world.sleep(0.02)
    future.set("value")

    assert all(task.join(5) for task in tasks)
    assert all(thread.join(5) for thread in threads)
    assert values == ["value"] * 4


def test_given_a_waiter_when_woken_from_a_thread_then_it_keeps_the_first_value(world: Any) -> None:
    """Waking is idempotent; waiting again returns the same."""
    waiter = world.waiter()

    def wake() -> None:
        waiter.wake(1)
        waiter.wake(2)

    world.native_thread(wake, name="waker")

    assert waiter.wait(5) == 1
    assert waiter.wait(0) == 1


def test_given_work_that_raises_in_a_pool_when_its_result_is_awaited_then_it_is_raised_and_nothing_is_printed(
    world: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    """Left to itself gevent prints what a pool's thread raises; whoever asked for it decides what is said."""
    with pytest.raises(ZeroDivisionError):
        world.run_in_thread(lambda: 1 // 0)

    assert "ZeroDivisionError" not in capfd.readouterr().err


def test_given_work_for_a_thread_pool_when_run_then_results_errors_and_timeouts_come_back(world: Any) -> None:
    """A named pool has one thread: its calls run one after another."""
    order: list[int] = []

    def work(number: int) -> int:
        world.native_sleep(0.01)
        order.append(number)
        return number

    tasks = [world.spawn(world.run_in_thread, lambda n=number: work(n)) for number in range(3)]
    assert all(task.join(5) for task in tasks)
    with pytest.raises(ZeroDivisionError):
        world.run_in_thread(lambda: 1 // 0)
    with pytest.raises(WaitTimeout):
        world.run_in_thread(lambda: world.native_sleep(0.2), pool="slow", timeout_s=0.02)
    ordered = [world.spawn(lambda n=number: world.run_in_thread(work, n, pool="one")) for number in range(10, 13)]
    assert all(task.join(5) for task in ordered)

    assert world.run_in_thread(lambda: 7, pool="one") == 7
    assert [number for number in order if number >= 10] == sorted(number for number in order if number >= 10)
