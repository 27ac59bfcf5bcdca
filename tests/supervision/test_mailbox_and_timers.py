"""Bounded mailboxes and timers."""

from __future__ import annotations

from typing import Any

import pytest
import structlog
from stage import Stage, Worker, otp_case

from supervision.actor import ActorDeadError, ActorDown, MailboxFull


class Refusing(Worker):
    """At most two wait; one more is refused."""

    mailbox_max = 2
    mailbox_overflow = "refuse"


class Shedding(Worker):
    """At most two wait; the oldest makes room."""

    mailbox_max = 2
    mailbox_overflow = "shed_oldest"


class Blocking(Worker):
    """At most two wait; senders wait for room."""

    mailbox_max = 2
    mailbox_overflow = "block"


def _busy(stage: Stage, kind: type[Worker], units: float = 2) -> Any:
    """Start one that is busy for a while, with a full mailbox behind."""
    ref = kind.start(stage, "a")
    ref.tell(("wait", units))
    stage.until(lambda: ref.in_hand is not None)
    ref.tell(1)
    ref.tell(2)
    return ref


@otp_case
def test_given_a_full_mailbox_when_the_policy_is_refuse_then_the_sender_gets_the_record_back(stage: Stage) -> None:
    """MailboxFull for tells and asks; stops, monitors and timers are never refused."""
    ref = _busy(stage, Refusing)

    with pytest.raises(MailboxFull) as told:
        ref.tell("one more")
    with pytest.raises(MailboxFull) as asked:
        ref.ask("one more asked")
    assert ref.mailbox_size == 2
    ref._actor.monitor(Worker.start(stage, "b"))
    stopped = ref.stop()

    assert told.value.message == "one more"
    assert asked.value.message == "one more asked"
    assert stopped is True
    assert [line for line in stage.trace if "got" in line] == ["a got 1", "a got 2"]


@otp_case
def test_given_a_full_mailbox_when_the_policy_is_shed_oldest_then_the_oldest_makes_room(stage: Stage) -> None:
    """A told one is reported, an asked one fails, a stop is never shed."""
    ref = _busy(stage, Shedding)

    with structlog.testing.capture_logs() as logs:
        shed_ask = ref.ask("asked", block=False)
        ref.tell("newer")
        ref.tell("newest")
        with pytest.raises(MailboxFull):
            shed_ask.get()
    ref.stop()

    assert [line for line in stage.trace if "got" in line] == ["a got 'newer'", "a got 'newest'"]
    assert [log["message"] for log in logs if log["report"] == "shed"] == ["int", "int"]


@otp_case
def test_given_a_full_mailbox_when_the_policy_is_block_then_the_sender_waits_for_room(stage: Stage) -> None:
    """The sender goes on once the handler has taken one; nothing is lost, order is kept."""
    ref = _busy(stage, Blocking)

    began_s = stage.world.now()
    for number in range(3, 9):
        ref.tell(number)
    waited_s = stage.world.now() - began_s
    ref.stop()

    assert waited_s > stage.unit_s / 2
    assert [line for line in stage.trace if "got" in line] == [f"a got {number}" for number in range(1, 9)]


@otp_case
def test_given_blocked_senders_when_time_is_over_or_the_actor_dies_then_none_waits_for_ever(stage: Stage) -> None:
    """MailboxFull after mailbox_block_s, ActorDeadError at its death, MailboxFull at once for its own tells."""

    class Impatient(Blocking):
        mailbox_block_s = stage.unit_s

    ref = _busy(stage, Impatient, 1000)
    outcome: list[type] = []

    def send() -> None:
        try:
            ref.tell("x")
        except (MailboxFull, ActorDeadError) as error:
            outcome.append(type(error))

    send()
    task = stage.world.spawn(send)
    stage.wait(0.2)
    ref.fence()
    task.join(20 * stage.unit_s)

    assert outcome == [MailboxFull, ActorDeadError]


@otp_case
def test_given_an_unknown_policy_when_started_then_it_is_refused(stage: Stage) -> None:
    """A misspelt policy shows at the first start."""

    class Misspelt(Worker):
        mailbox_max = 2
        mailbox_overflow = "drop"

    with pytest.raises(ValueError, match="drop"):
        Misspelt.start(stage, "a")


@otp_case
def test_given_timers_when_time_passes_then_messages_come_in_the_order_of_their_times(stage: Stage) -> None:
    """Ties in the order they were set; a cancelled one never comes."""
    ref = Worker.start(stage, "a")

    def arm(actor: Any) -> Any:
        actor.send_after(3 * stage.unit_s, "third")
        actor.send_after(1 * stage.unit_s, "first")
        actor.send_after(1 * stage.unit_s, "second")
        return actor.send_after(2 * stage.unit_s, "never")

    never = ref.ask(arm)
    never.cancel()
    stage.until(lambda: len(stage.trace) == 4)

    assert stage.trace[1:] == ["a got 'first'", "a got 'second'", "a got 'third'"]
    assert stage.times[3] - stage.times[0] >= 3 * stage.unit_s
    assert not never.active


@otp_case
def test_given_a_periodic_timer_when_time_passes_then_it_comes_every_period_until_cancelled(stage: Stage) -> None:
    """Without drift; it may be cancelled from its own message."""
    ref = Worker.start(stage, "a")

    timer = ref.ask(lambda actor: actor.send_every(2 * stage.unit_s, "tick"))
    stage.until(lambda: len(stage.trace) == 6)
    timer.cancel()
    stage.wait(5)

    assert stage.trace == ["start a", *["a got 'tick'"] * 5]
    if stage.is_virtual:
        assert [round(at_s - stage.times[0], 2) for at_s in stage.times[1:]] == [2, 4, 6, 8, 10]


@otp_case
def test_given_timers_when_the_actor_ends_then_they_end_with_it(stage: Stage) -> None:
    """Nothing is told to the dead, and nothing stays in the heap."""
    ref = Worker.start(stage, "a")
    ref.ask(lambda actor: [actor.send_after(stage.unit_s, "x"), actor.send_every(stage.unit_s, "y")])

    wanted_before = len(stage.world.deadlines)
    ref.stop()

    assert len(stage.world.deadlines) <= wanted_before - 2
    stage.wait(3)
    assert stage.trace == ["start a", "stop a"]


@otp_case
def test_given_a_watcher_that_ends_when_the_watched_dies_then_nobody_is_told(stage: Stage) -> None:
    """Its monitors end with it, so that long-lived actors do not collect them."""
    watched, watcher = Worker.start(stage, "a"), Worker.start(stage, "w")
    watcher.ask(lambda actor: actor.monitor(watched))

    watcher.stop()

    assert watched._watchers is None
    watched.stop()


def test_given_a_monitor_when_its_actor_down_is_compared_then_only_ref_and_reason_count() -> None:
    """Who heard of it is not part of what happened."""
    assert ActorDown("ref", "normal", object()) == ActorDown("ref", "normal")  # type: ignore[arg-type]


def test_given_a_period_of_zero_when_armed_then_it_is_refused() -> None:
    """It would never let go of the hub."""
    from supervision.actor import GeventActor

    ref = GeventActor.start()

    with pytest.raises(ValueError, match="positive"):
        ref._actor.send_every(0, "x")  # type: ignore[union-attr]

    ref.stop()
