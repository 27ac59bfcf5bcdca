"""OTP.md, cases 42 to 50: calls, monitors, reports."""

from __future__ import annotations

from typing import Any

import pykka
import pytest
import structlog
from greenlet import GreenletExit
from stage import Stage, Worker, otp_case

from supervision.actor import ActorDeadError, GeventActorRef, Killed
from supervision.supervisor import which_children


def _ask(ref: GeventActorRef[Any], message: Any) -> Any:
    """Ask, and return the answer or the error."""
    try:
        return ref.ask(message)
    except Exception as error:  # noqa: BLE001 - the test looks at it
        return error


@otp_case
def test_case_42_given_a_slow_handler_when_an_ask_times_out_then_the_server_lives_and_the_reply_is_dropped(
    stage: Stage,
) -> None:
    """The asker gets pykka.Timeout; the late reply never reaches it."""
    server = Worker.start(stage, "a")

    with pytest.raises(pykka.Timeout):
        server.ask(("wait", 3), timeout=stage.unit_s)
    answer = server.ask("hello")

    assert answer == "hello"
    assert server.is_alive()


@otp_case
def test_case_43_given_a_handler_that_raises_when_asked_then_the_asker_gets_the_error_and_the_server_is_dead(
    stage: Stage,
) -> None:
    """In Pykka the asker gets it and the actor stays alive."""
    server = Worker.start(stage, "a")
    stage.watch(server)

    error = _ask(server, "crash")

    assert isinstance(error, ValueError)
    assert not server.is_alive()
    assert stage.reason(server) is error


@otp_case
def test_case_44_given_a_dead_actor_when_asked_or_told_then_both_fail_at_once_with_the_record(stage: Stage) -> None:
    """On purpose not OTP's for tell: it raises too, and the exception carries the record."""
    server = Worker.start(stage, "a")
    server.stop()

    began_s = stage.world.now()
    error = _ask(server, ("record", 1))
    with pytest.raises(ActorDeadError) as told:
        server.tell(("record", 2))

    assert isinstance(error, ActorDeadError)
    assert error.message == ("record", 1)
    assert told.value.message == ("record", 2)
    assert stage.world.now() == began_s or not stage.is_virtual


@otp_case
def test_case_45_given_a_handler_that_stops_itself_when_asked_then_the_reply_still_comes(stage: Stage) -> None:
    """With a reply the caller gets it and the server is gone, normally; what waits behind fails at once."""
    server = Worker.start(stage, "a")
    stage.watch(server)

    answer = server.ask("stop")

    assert answer == "stop"
    assert stage.reason(server) == "normal"
    assert isinstance(_ask(server, "more"), ActorDeadError)


@otp_case
def test_case_46_given_monitors_when_the_actor_dies_then_each_hears_once_and_those_given_up_do_not(
    stage: Stage,
) -> None:
    """On a dead actor "noproc" at once; two monitors, two ActorDowns; demonitor takes a queued one back."""
    server, watcher = Worker.start(stage, "a"), Worker.start(stage, "w")
    heard: list[Any] = []
    watcher.ask(lambda actor: setattr(actor, "on_receive", heard.append))
    actor = watcher._actor
    assert actor is not None

    given_up = [actor.monitor(server) for _ in range(3)]
    server.fence()
    assert watcher.mailbox_size == 3
    actor.demonitor(given_up[1])
    assert watcher.mailbox_size == 2
    stage.until(lambda: len(heard) == 2)
    actor.monitor(server)
    stage.until(lambda: len(heard) == 3)
    actor.monitor(server)
    actor.demonitor(server)

    stage.wait(0.1)
    assert [down.reason for down in heard] == ["killed", "killed", "noproc"]
    assert {down.ref for down in heard} == {server}


@otp_case
def test_case_47_given_messages_behind_a_crashing_one_when_the_child_restarts_then_they_are_lost(
    stage: Stage,
) -> None:
    """The new incarnation has a fresh mailbox; asks among them fail at once with the reason, tells are reported."""
    supervisor = stage.supervisor("a")
    a = stage.child(supervisor, "a")

    with structlog.testing.capture_logs() as logs:
        a.tell("crash")
        a.tell("lost")
        unread = a.ask("unread", block=False)
        with pytest.raises(ActorDeadError) as caught:
            unread.get()
        stage.settle(supervisor)

    assert isinstance(caught.value.reason, ValueError)
    assert caught.value.message == "unread"
    assert not any("got" in line for line in stage.trace)
    assert [(log["count"], log["kinds"]) for log in logs if log.get("report") == "unread"] == [(1, {"str": 1})]


@otp_case
def test_case_48_given_a_crash_when_the_child_restarts_then_the_reports_come_in_order(stage: Stage) -> None:
    """Progress for each start; a crash: crash report, child_terminated, progress of the new one."""
    with structlog.testing.capture_logs() as logs:
        supervisor = stage.supervisor("ab")
        stage.crash(supervisor, "b")

    told = [(log["report"], log.get("context"), log["log_level"]) for log in logs]
    assert told == [
        ("progress", None, "info"),
        ("progress", None, "info"),
        ("crash", "while it handled a message", "error"),
        ("supervisor", "child_terminated", "error"),
        ("progress", None, "info"),
    ]
    crash, terminated, progress = logs[2:]
    assert crash["actor"] == "b"
    assert crash["message"] == "str"
    assert isinstance(crash["exc_info"], ValueError)
    assert terminated["offender"]["id"] == "b"
    assert progress["started"]["restarts"] == 1
    assert all(log["next"] for log in logs)


@otp_case
def test_case_49_given_too_many_restarts_a_failed_start_and_a_kill_then_each_has_its_report(stage: Stage) -> None:
    """Contexts: shutdown for the overrun, start_error for the failed start, shutdown_error for the kill."""
    with structlog.testing.capture_logs() as logs:
        specs = [stage.spec("a", fails_at=(2,)), stage.spec("b", stop_units=9, shutdown_s=1)]
        supervisor = stage.supervisor(specs, intensity=1)
        stage.crash(supervisor, "a")

    told = [(log["context"], log["offender"]["id"]) for log in logs if log["report"] == "supervisor"]
    assert told == [
        ("child_terminated", "a"),
        ("start_error", "a"),
        ("shutdown", "a"),
        ("shutdown_error", "b"),
    ]
    assert "killed" in {log["reason"] for log in logs if log.get("context") == "shutdown_error"}


@otp_case
def test_case_50_given_a_base_exception_in_one_handler_then_no_other_actor_stops(stage: Stage) -> None:
    """GreenletExit, SystemExit, KeyboardInterrupt and a stray timeout stop their own actor and nobody else."""
    bystander = Worker.start(stage, "bystander")

    for signal in (GreenletExit, SystemExit, KeyboardInterrupt, _StrayTimeout):
        victim = Worker.start(stage, signal.__name__)
        stage.watch(victim)

        def strike(_actor: object, signal: type[BaseException] = signal) -> None:
            raise signal

        error = _ask(victim, strike)
        assert isinstance(error, Killed)
        assert isinstance(error.__cause__, signal)
        assert stage.reason(victim) is error

    assert bystander.ask("still here") == "still here"


class _StrayTimeout(BaseException):
    """Stands for gevent.Timeout, which is a BaseException as well."""


@otp_case
def test_given_children_when_their_paths_are_read_then_they_lead_from_the_root(stage: Stage) -> None:
    """The root is "root", its children are called by their id, theirs by "id/id"; known already in on_start."""
    seen: list[str] = []

    class Curious(Worker):
        def on_start(self) -> None:
            seen.append(self.actor_ref.path)

    inner_specs = [stage.spec("x", start=lambda: Curious.start(stage, "x"))]
    inner = stage.spec("inner", start=lambda: stage.supervisor(inner_specs), type="supervisor", shutdown_s=None)

    root = stage.supervisor([stage.spec("a", start=lambda: Curious.start(stage, "a")), inner])

    assert root.path == "root"
    assert seen == ["a", "inner/x"]
    assert [ref.path for _, ref, _ in which_children(root) if isinstance(ref, GeventActorRef)] == ["a", "inner"]
