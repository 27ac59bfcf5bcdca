"""Starts that hang, kills that cross, logs that fail: what must not stop a recovery or leave anybody behind."""

from __future__ import annotations

import contextlib
import contextvars
from functools import partial
from typing import Any

import pytest
import structlog
from stage import Stage, Worker, gevent_world, otp_case

from supervision import world as world_port
from supervision.actor import ActorDeadError, AskedItself, GeventActor
from supervision.deadlines import Deadlines
from supervision.registry import registered
from supervision.supervisor import (
    ChildSpec,
    DynamicSupervisor,
    StartFailed,
    StartTimedOut,
    Supervisor,
    count_children,
    start_child,
    terminate_child,
    which_children,
)
from supervision.world_gevent import GeventWorld


def _living(*classes: type) -> list[Any]:
    return [ref for ref in registered if ref.actor_class in classes]


@otp_case
def test_given_a_nested_supervisor_with_many_children_when_its_start_times_out_then_all_of_them_are_stopped(
    stage: Stage,
) -> None:
    """One kill ends the start; the clean-up it begins is not killed in turn, slow stops included."""
    specs = [*(stage.spec(name, stop_units=0.5) for name in "uvw"), stage.spec("x", start_units=900)]
    nested = ChildSpec(
        id="inner",
        start=partial(Supervisor.start, specs),
        type="supervisor",
        start_timeout_s=2 * stage.unit_s,
    )
    supervisor = stage.supervisor()

    with pytest.raises(StartFailed):
        start_child(supervisor, nested)
    stage.until(lambda: not _living(Worker))

    assert stage.trace == ["start u", "start v", "start w", "start x", "stop w", "stop v", "stop u"]
    assert _living(Supervisor) == [supervisor]


@otp_case
def test_given_an_actor_that_starts_another_in_on_start_when_both_hang_then_both_are_fenced(stage: Stage) -> None:
    """And its clean-up runs undisturbed."""

    class Outer(Worker):
        def on_start(self) -> None:
            try:
                Worker.start(stage, "inner", start_units=900)
            finally:
                stage.wait(1)
                stage.note("outer has cleaned up")

    supervisor = stage.supervisor()

    with pytest.raises(StartFailed) as caught:
        start_child(supervisor, stage.spec("o", start=lambda: Outer.start(stage, "outer"), start_timeout_s=2))
    stage.until(lambda: "outer has cleaned up" in stage.trace)

    assert isinstance(caught.value.reason, StartTimedOut)
    assert _living(Outer, Worker) == []


@otp_case
def test_given_a_start_that_swallows_its_kill_when_it_returns_too_late_then_its_actor_is_fenced(
    stage: Stage,
) -> None:
    """Nobody waits for it any more, and its successor may run already."""
    starts: list[str] = []

    def stubborn() -> Any:
        if starts:
            return Worker.start(stage, "successor")
        starts.append("begun")
        try:
            stage.wait(900)
        except BaseException:  # noqa: BLE001 - as bad code does
            stage.wait(3)
        starts.append("returned")
        return Worker.start(stage, "too late")

    supervisor = stage.supervisor()
    spec = stage.spec("a", start=stubborn, start_timeout_s=1)

    with pytest.raises(StartFailed):
        start_child(supervisor, spec)
    ref = start_child(supervisor, spec)
    stage.until(lambda: "returned" in starts)
    stage.wait(1)

    assert _living(Worker) == [ref]
    assert "start too late" not in stage.trace


@otp_case
def test_given_a_supervisor_that_is_stopped_while_a_child_starts_then_the_start_is_called_off(stage: Stage) -> None:
    """It does not wait for the start's own timeout."""
    supervisor = stage.supervisor("a")
    task = stage.world.spawn(_swallow, start_child, supervisor, stage.spec("b", start_units=900, start_timeout_s=800))
    stage.until(lambda: "start b" in stage.trace)

    began_s = stage.world.now()
    supervisor.stop()

    assert stage.world.now() - began_s < 10 * stage.unit_s
    assert task.join(10 * stage.unit_s)
    stage.until(lambda: not _living(Worker))


def _swallow(function: Any, *args: Any) -> None:
    with contextlib.suppress(ActorDeadError):
        function(*args)


@otp_case
def test_given_an_on_start_that_is_fenced_when_its_starter_is_another_actor_then_that_one_lives(
    stage: Stage,
) -> None:
    """The kill was meant for the half-started actor: its starter gets an ActorDeadError."""
    starter = Worker.start(stage, "starter")

    def start_other(_actor: Any) -> str:
        try:
            Worker.start(stage, "other", start_units=900)
        except ActorDeadError:
            return "told"
        return "not told"

    answer = starter.ask(start_other, block=False)
    stage.until(lambda: "start other" in stage.trace)
    next(ref for ref in _living(Worker) if ref is not starter).fence()

    assert answer.get() == "told"
    assert starter.is_alive()


@otp_case
def test_given_an_actor_when_it_waits_for_its_own_stop_then_it_is_told_at_once(stage: Stage) -> None:
    """It would wait for ever."""
    ref = Worker.start(stage, "a")

    with pytest.raises(AskedItself):
        ref.ask(lambda actor: actor.actor_ref.stop())


@otp_case
def test_given_a_log_that_fails_when_an_actor_crashes_then_it_is_restarted_all_the_same(stage: Stage) -> None:
    """A closed stream or a bad processor must never stop a recovery."""

    def broken(*_args: object) -> Any:
        raise ValueError("I/O operation on closed file")

    supervisor = stage.supervisor("a")
    processors = structlog.get_config()["processors"]

    structlog.configure(processors=[broken])
    try:
        stage.crash(supervisor, "a")
    finally:
        structlog.configure(processors=processors)

    assert stage.incarnations == {"a": 2}
    assert stage.child(supervisor, "a").ask("alive") == "alive"


@otp_case
def test_given_a_wake_up_that_is_on_its_way_when_the_waiter_is_thrown_at_then_its_next_wait_is_not_disturbed(
    stage: Stage,
) -> None:
    """The greenlet is woken and killed at the same moment; what it waits for next takes its full time."""
    ref = Worker.start(stage, "a")
    waited: list[float] = []

    class Patient(Worker):
        def on_failure(self, *_error: object) -> None:
            began_s = stage.world.now()
            stage.world.sleep(2 * stage.unit_s)
            waited.append(stage.world.now() - began_s)

    meeting = stage.world.waiter()
    patient = Patient.start(stage, "p")
    patient.tell(lambda _actor: meeting.wait(None))
    stage.until(lambda: patient.in_hand is not None)
    patient.crash(ValueError("drill"))
    meeting.wake()
    stage.until(lambda: patient.is_gone)

    assert waited
    assert waited[0] >= 2 * stage.unit_s
    assert ref.is_alive()


def test_given_an_entry_that_raises_when_it_expires_then_the_next_deadline_is_armed_all_the_same() -> None:
    """One fault must not silence every timer of the process."""
    armed: list[float] = []
    deadlines = Deadlines(armed.append)

    class Faulty:
        armed = False

        def expire(self) -> None:
            raise KeyError

    deadlines.add(1.0, Faulty())
    deadlines.add(2.0, Faulty())
    with pytest.raises(KeyError):
        deadlines.run_due(1.5)

    assert armed == [1.0, 2.0]


def test_given_tasks_that_share_a_greenlet_when_one_sets_a_context_variable_then_the_next_does_not_see_it() -> None:
    """Greenlets of tasks are used again; their contexts are not."""
    world = gevent_world()
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="none")
    seen: list[str] = []

    def task(value: str) -> None:
        seen.append(variable.get())
        variable.set(value)

    for value in "abc":
        assert world.spawn(task, value).join(5)

    assert seen == ["none"] * 3


def test_given_the_gevent_world_when_made_in_another_thread_then_it_is_refused() -> None:
    """Child processes are waited for through the main thread's loop."""
    world = world_port.current()

    with pytest.raises(RuntimeError, match="main thread"):
        world.run_in_thread(GeventWorld)


def test_given_many_dynamic_children_when_more_come_and_go_then_each_costs_the_same() -> None:
    """With twenty times as many children a start and a stop take no more than a few times as long."""

    class Session(GeventActor):
        pass

    world = world_port.current()
    supervisor = DynamicSupervisor.start()

    def batch(first: int) -> float:
        began_s = world.now()
        for number in range(first, first + 300):
            start_child(supervisor, ChildSpec(id=str(number), start=Session.start))
        for number in range(first, first + 300):
            terminate_child(supervisor, str(number))
        return float(world.now() - began_s)

    few_s = min(batch(number * 1000) for number in range(3))
    for number in range(100_000, 106_000):
        start_child(supervisor, ChildSpec(id=str(number), start=Session.start))
    many_s = min(batch(number * 1000) for number in range(3))

    assert count_children(supervisor) == {"specs": 6000, "active": 6000, "supervisors": 0, "workers": 6000}
    assert len(which_children(supervisor)) == 6000
    assert many_s < 5 * few_s
    supervisor.stop()
