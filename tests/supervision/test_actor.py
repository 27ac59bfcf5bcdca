"""GeventActor: design section 3, point by point."""

from __future__ import annotations

from typing import Any

import gevent
import pykka
import pytest
import structlog
from stage import Stage, Worker, otp_case

from supervision.actor import ActorDeadError, AskedItself, GeventActor, Killed


class Echo(GeventActor):
    """Answers with what it was asked."""

    greeting = "hello"

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        """Keep and return it."""
        self.heard.append(message)
        return message

    def add(self, one: int, other: int) -> int:
        """Add."""
        return one + other

    def fail(self) -> None:
        """Raise."""
        raise ValueError("fail")


@otp_case
def test_given_a_started_actor_when_told_and_asked_then_messages_are_handled_in_order(stage: Stage) -> None:
    """The order of one sender is kept, for any number of messages, tells and asks mixed."""
    ref = Echo.start()

    for number in range(500):
        ref.tell(number)
    answer = ref.ask("last")

    assert answer == "last"
    assert ref.proxy().heard.get() == [*range(500), "last"]


@otp_case
def test_given_a_proxy_when_used_then_methods_attributes_and_errors_behave_as_pykka_s(stage: Stage) -> None:
    """Call, read, write and defer; an error in a method crashes the actor, since it is let crash."""
    ref = Echo.start()
    proxy = ref.proxy()

    assert proxy.add(2, 3).get() == 5
    assert proxy.greeting.get() == "hello"
    proxy.greeting = "bye"
    assert proxy.greeting.get() == "bye"
    proxy.add.defer(1, 1)
    with pytest.raises(ValueError, match="fail"):
        proxy.fail().get()

    assert not ref.is_alive()
    with pytest.raises(pykka.ActorDeadError):
        ref.proxy()


@otp_case
def test_given_the_registry_when_actors_start_and_stop_then_it_knows_exactly_the_living(stage: Stage) -> None:
    """get_all, by class, by class name, by urn, broadcast and stop_all go on working."""
    refs = [Echo.start() for _ in range(3)]
    other = Worker.start(stage, "w")

    assert pykka.ActorRegistry.get_by_class(Echo) == refs
    assert pykka.ActorRegistry.get_by_class_name("Worker") == [other]
    assert pykka.ActorRegistry.get_by_urn(refs[1].actor_urn) is refs[1]
    pykka.ActorRegistry.broadcast("all", target_class=Echo)
    refs[0].stop()
    assert pykka.ActorRegistry.get_by_class(Echo) == refs[1:]
    heard = refs[1].proxy().heard.get()
    pykka.ActorRegistry.stop_all()

    assert heard == ["all"]
    assert pykka.ActorRegistry.get_by_class(Echo) == []


@otp_case
def test_given_an_on_start_that_raises_when_started_then_start_raises_it_and_nothing_is_left(stage: Stage) -> None:
    """The constructor's error is raised as well; neither leaves an actor in the registry."""
    before = len(pykka.ActorRegistry.get_all())

    with pytest.raises(ValueError, match="x"):
        Worker.start(stage, "x", fails=True)
    with pytest.raises(TypeError):
        Worker.start()

    assert len(pykka.ActorRegistry.get_all()) == before
    assert stage.trace == ["start x"]


@otp_case
def test_given_tells_during_on_start_when_it_has_started_then_they_are_handled(stage: Stage) -> None:
    """An actor may tell itself in its constructor and in on_start; others find it in the registry."""

    class Eager(Echo):
        def __init__(self) -> None:
            super().__init__()
            self.actor_ref.tell("from the constructor")

        def on_start(self) -> None:
            self.actor_ref.tell("from on_start")
            assert self.actor_ref in pykka.ActorRegistry.get_all()

    ref = Eager.start()

    assert ref.ask("asked") == "asked"
    assert ref.proxy().heard.get() == ["from the constructor", "from on_start", "asked"]


@otp_case
def test_given_an_orderly_stop_when_on_stop_runs_then_the_actor_is_dead_to_the_outside_already(stage: Stage) -> None:
    """Not alive, not registered, tells refused; watchers hear only afterwards."""
    seen: list[Any] = []

    class Last(Echo):
        def on_stop(self) -> None:
            seen.append(self.actor_ref.is_alive())
            seen.append(self.actor_ref in pykka.ActorRegistry.get_all())
            stage.wait(1)
            seen.append(list(stage.downs))

    ref = Last.start()
    stage.watch(ref)
    stopped = ref.stop()

    assert stopped is True
    assert seen == [False, False, []]
    assert stage.reason(ref) == "shutdown"
    assert ref.stop() is False


@otp_case
def test_given_a_crash_when_hooks_run_then_it_is_on_failure_and_not_on_stop(stage: Stage) -> None:
    """An on_stop that raises makes the reason its error; an on_failure that raises changes nothing."""

    class Unlucky(Worker):
        def on_failure(self, *error: object) -> None:
            super().on_failure(*error)
            raise KeyError("in on_failure")

    crashing, stopping = Unlucky.start(stage, "c"), Worker.start(stage, "s", stop_fails=True)
    stage.watch(crashing)
    stage.watch(stopping)

    crashing.tell("crash")
    stopping.stop()

    assert isinstance(stage.reason(crashing), ValueError)
    assert isinstance(stage.reason(stopping), ValueError)
    assert sorted(stage.trace) == ["failure c", "start c", "start s", "stop s"]


@otp_case
def test_given_an_on_failure_that_hangs_when_its_time_is_over_then_the_watchers_are_told_all_the_same(
    stage: Stage,
) -> None:
    """Recovery does not wait longer than on_failure_timeout_s."""

    class Hanging(Worker):
        on_failure_timeout_s = stage.unit_s

        def on_failure(self, *_error: object) -> None:
            stage.wait(1000)

    ref = Hanging.start(stage, "h")
    stage.watch(ref)

    began_s = stage.world.now()
    ref.tell("crash")

    assert isinstance(stage.reason(ref), ValueError)
    assert stage.world.now() - began_s < 20 * stage.unit_s


@otp_case
def test_given_a_handler_that_waits_when_crashed_from_outside_then_the_error_is_raised_where_it_waits(
    stage: Stage,
) -> None:
    """The asker gets the drill's error; nothing that was queued to wake the handler disturbs anyone later."""
    ref = Worker.start(stage, "a")
    answer = ref.ask(("wait", 50), block=False)
    stage.until(lambda: ref.in_hand is not None)
    stage.watch(ref)

    assert ref.crash(ValueError("drill"))

    with pytest.raises(ValueError, match="drill"):
        answer.get()
    assert str(stage.reason(ref)) == "drill"
    assert stage.trace == ["start a", "failure a"]
    assert not ref.crash(ValueError("again"))


@otp_case
def test_given_an_idle_actor_when_crashed_from_outside_then_it_crashes_before_anything_that_waits(
    stage: Stage,
) -> None:
    """The order goes to the front of the mailbox."""
    ref = Worker.start(stage, "a")
    ref.tell("unheard")

    ref.crash(RuntimeError("drill"))
    stage.until(lambda: ref.is_gone)

    assert stage.trace == ["start a", "failure a"]


@otp_case
def test_given_a_handler_that_swallows_the_drill_when_it_has_finished_then_the_actor_crashes(stage: Stage) -> None:
    """The message is finished, then comes the crash."""
    ref = Worker.start(stage, "a")

    def stubborn(_actor: Any) -> str:
        try:
            stage.wait(50)
        except RuntimeError:
            stage.note("swallowed")
        return "finished"

    answer = ref.ask(stubborn, block=False)
    stage.until(lambda: ref.in_hand is not None)
    ref.crash(RuntimeError("drill"))
    stage.until(lambda: ref.is_gone)

    assert answer.get() == "finished"
    assert stage.trace == ["start a", "swallowed", "failure a"]


@otp_case
def test_given_a_fenced_handler_that_will_not_end_when_time_passes_then_it_is_reported_as_abandoned(
    stage: Stage,
) -> None:
    """Its late reply is refused; who asked has heard long before."""
    ref = Worker.start(stage, "a")

    def stubborn(_actor: Any) -> str:
        try:
            stage.wait(100)
        except BaseException:  # noqa: BLE001 - as bad code does
            stage.world.sleep(1.5)
        stage.note("ended at last")
        return "too late"

    with structlog.testing.capture_logs() as logs:
        answer = ref.ask(stubborn, block=False)
        stage.until(lambda: ref.in_hand is not None)
        ref.fence()
        with pytest.raises(ActorDeadError):
            answer.get()
        stage.until(lambda: "ended at last" in stage.trace)

    assert [log["report"] for log in logs if log["report"] in {"fenced", "abandoned"}] == ["fenced", "abandoned"]
    with pytest.raises(ActorDeadError):
        answer.get()


@otp_case
def test_given_an_actor_when_it_asks_itself_then_it_is_told_at_once(stage: Stage) -> None:
    """Instead of waiting for a timeout."""
    ref = Worker.start(stage, "a")

    with pytest.raises(AskedItself):
        ref.ask(lambda actor: actor.actor_ref.ask("me"))


@otp_case
def test_given_deferred_replies_when_answered_later_or_never_then_the_asker_hears_either_way(stage: Stage) -> None:
    """Set later, failed later, or left open when the actor stops."""
    owed: list[Any] = []

    class Deferring(GeventActor):
        def on_receive(self, message: Any) -> Any:
            owed.append(self.defer_reply())
            return "not this"

    ref = Deferring.start()
    futures = [ref.ask(number, block=False) for number in range(3)]
    ref.tell("a told message owes nothing")
    stage.until(lambda: len(owed) == 4)

    owed[0].set("later")
    owed[1].fail(KeyError("failed"))
    owed[3].set("to nobody")
    ref.stop()

    assert futures[0].get() == "later"
    with pytest.raises(KeyError):
        futures[1].get()
    with pytest.raises(ActorDeadError):
        futures[2].get()


@otp_case
def test_given_actors_that_ask_each_other_when_chained_then_waiting_handlers_do_not_stop_the_rest(
    stage: Stage,
) -> None:
    """Thirty asks deep, each in the handler of the one before."""
    refs = [Worker.start(stage, str(number)) for number in range(30)]

    def deeper(position: int) -> Any:
        def handle(_actor: Any) -> int:
            if position + 1 == len(refs):
                return position
            answer: int = refs[position + 1].ask(deeper(position + 1))
            return answer

        return handle

    assert refs[0].ask(deeper(0)) == 29


@otp_case
def test_given_an_actor_when_looked_at_then_its_message_mailbox_and_age_are_visible(stage: Stage) -> None:
    """For the operator's status: what it has in hand, how much waits, since when."""
    ref = Worker.start(stage, "a")

    ref.tell(("wait", 2))
    for number in range(3):
        ref.tell(number)
    stage.until(lambda: ref.in_hand is not None)

    assert ref.in_hand == ("wait", 2)
    assert ref.mailbox_size == 3
    assert stage.world.now() - ref.started_at_s >= 0
    assert ref.restarts == 0


@otp_case
def test_given_waiting_messages_when_taken_then_they_come_together_and_others_keep_their_place(stage: Stage) -> None:
    """Only told ones of the type, oldest first, at most so many, none from behind a stop."""
    ref = Worker.start(stage, "a")
    ref.tell(("wait", 1))
    for message in (1, "x", 2, 3, "y", 4):
        ref.tell(message)
    taken: list[list[int]] = []
    ref.tell(lambda actor: taken.append(actor.take_waiting(int, 2)))
    ref._put_first(lambda actor: taken.append(actor.take_waiting(int, 3)))

    ref.tell("last")
    ref.stop()

    assert taken == [[1, 2, 3], []]
    assert [line for line in stage.trace if "got" in line] == [
        "a got 'x'",
        "a got 'y'",
        "a got 4",
        "a got 'last'",
    ]


def test_given_a_gevent_timeout_and_a_greenlet_kill_in_handlers_then_only_their_actors_die() -> None:
    """The real ones, on the real hub (case 50)."""
    bystander, late, killed = Echo.start(), Echo.start(), Echo.start()

    def too_late(_message: Any) -> None:
        with gevent.Timeout(0.01):
            gevent.sleep(5)

    late._actor.on_receive = too_late  # type: ignore[union-attr,method-assign]
    killed._actor.on_receive = lambda _message: gevent.sleep(5)  # type: ignore[union-attr,method-assign]
    hangs = killed.ask("x", block=False)
    with pytest.raises(Killed) as caught:
        late.ask("x")
    worker = killed._worker
    assert worker is not None
    gevent.get_hub().loop.run_callback(worker.throw, gevent.GreenletExit)

    with pytest.raises(Killed):
        hangs.get()
    assert isinstance(caught.value.__cause__, gevent.Timeout)
    assert bystander.ask("alive") == "alive"
    bystander.stop()
