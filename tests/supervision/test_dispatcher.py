"""The dispatcher on the real hub: blocking handlers, fairness, memory."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from typing import Any

import gevent
import pykka

from supervision import world as world_port
from supervision.actor import GeventActor, GeventActorRef


class Sleeper(GeventActor):
    """Waits as long as it is told."""

    def on_receive(self, message: Any) -> Any:
        """Wait so many seconds."""
        self.world.sleep(message)
        return message


class Pinger(GeventActor):
    """Sends back what it gets, for ever."""

    def on_receive(self, message: Any) -> Any:
        """Message: who to send it to."""
        message.tell(self.actor_ref)


class Idle(GeventActor):
    """Does nothing."""

    def on_receive(self, message: Any) -> Any:
        """Return it."""
        return message


def test_given_2000_handlers_that_wait_when_all_are_told_at_once_then_they_wait_together() -> None:
    """Each waits 0.1 s; all of them together far less than one after another."""
    refs = [Sleeper.start() for _ in range(2000)]
    now = world_port.current().now

    began_s = now()
    answers = [ref.ask(0.1, block=False) for ref in refs]
    for answer in answers:
        assert answer.get(timeout=30) == 0.1

    assert now() - began_s < 5
    for ref in refs:
        ref.fence()


def test_given_two_actors_that_play_ping_pong_when_a_timer_ticks_then_it_is_not_starved() -> None:
    """A ticker of 5 ms gets most of its ticks, and another actor's asks are answered."""
    one, other, bystander = Pinger.start(), Pinger.start(), Idle.start()
    ticks = 0

    one.tell(other)
    for _ in range(50):
        gevent.sleep(0.005)
        ticks += 1
        assert bystander.ask("alive", timeout=1) == "alive"

    assert ticks == 50
    one.fence()
    other.fence()


def test_given_a_sender_that_never_rests_when_others_are_told_then_they_get_their_turns() -> None:
    """A mailbox that is refilled all the time does not keep the rest of the run queue waiting."""

    class Greedy(GeventActor):
        def on_receive(self, message: Any) -> Any:
            self.actor_ref.tell(message)

    greedy, other = Greedy.start(), Idle.start()

    for number in range(10):
        greedy.tell(number)

    assert other.ask("still", timeout=2) == "still"
    greedy.fence()


def test_given_a_killed_idle_worker_when_work_comes_then_it_is_done_all_the_same() -> None:
    """Whoever kills greenlets he does not own costs a worker, not the dispatcher."""
    ref = Idle.start()
    ref.ask("x")
    dispatcher = ref._dispatcher

    hub_loop = gevent.get_hub().loop
    for worker in list(dispatcher._idle):
        hub_loop.run_callback(worker.throw, gevent.GreenletExit)
    gevent.sleep(0)

    assert ref.ask("y") == "y"
    ref.stop()


def test_given_many_idle_actors_when_measured_then_one_takes_less_than_1100_bytes() -> None:
    """The goal is 2 kB for each of a million."""
    Idle.start().stop()
    gc.collect()
    tracemalloc.start()

    before, _ = tracemalloc.get_traced_memory()
    refs = [Idle.start() for _ in range(10_000)]
    for ref in refs:
        ref.tell("once")
    refs[-1].ask("x")
    gc.collect()
    size_bytes = (tracemalloc.get_traced_memory()[0] - before) / len(refs)
    tracemalloc.stop()
    for ref in refs:
        ref.fence()

    assert size_bytes < 1100


def test_given_a_dead_actor_when_nobody_holds_it_then_it_is_freed_without_the_collector() -> None:
    """Ref and actor point at each other only while it lives."""
    ref: GeventActorRef[Idle] = Idle.start()
    actor = ref._actor

    ref.stop()

    # What is left: the variable, and getrefcount's own argument.
    assert sys.getrefcount(actor) == 2
    assert ref not in pykka.ActorRegistry.get_all()


def test_given_a_long_mailbox_when_handled_then_the_order_is_kept_across_its_spill() -> None:
    """More than the inbox holds is moved aside, and comes first."""
    got: list[int] = []

    class Keeper(GeventActor):
        def on_receive(self, message: int) -> None:
            got.append(message)
            if message == 10:
                for late in range(5000, 5005):
                    self.actor_ref.tell(late)

    ref = Keeper.start()
    for number in range(5000):
        ref.tell(number)
    while ref.mailbox_size:
        gevent.sleep(0.001)
    ref.stop()

    assert got == [*range(5005)]
