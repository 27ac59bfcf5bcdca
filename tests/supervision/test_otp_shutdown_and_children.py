"""OTP.md, cases 26 to 41: shutdown, dynamic children, significant children."""

from __future__ import annotations

import pytest
from stage import Stage, otp_case

from supervision.actor import ActorDeadError
from supervision.supervisor import (
    AlreadyPresent,
    AlreadyStarted,
    Backoff,
    ChildSpec,
    NotFound,
    Restarting,
    Running,
    StartFailed,
    count_children,
    delete_child,
    restart_child,
    start_child,
    terminate_child,
    which_children,
)


@otp_case
def test_case_26_given_a_slow_stop_when_shutdown_s_is_over_then_the_child_is_fenced(stage: Stage) -> None:
    """A child that needs 20 units is killed after 1; its monitors hear "killed"."""
    supervisor = stage.supervisor([stage.spec("a", stop_units=20, shutdown_s=1)])
    a = stage.child(supervisor, "a")
    stage.watch(a)

    began_s = stage.world.now()
    terminate_child(supervisor, "a")

    assert stage.reason(a) == "killed"
    assert stage.unit_s <= stage.world.now() - began_s < 10 * stage.unit_s
    assert stage.trace == ["start a", "stop a"]
    assert supervisor.is_alive()


@otp_case
def test_case_27_given_shutdown_s_0_when_stopped_then_the_child_is_killed_without_on_stop(stage: Stage) -> None:
    """Neither on_stop nor on_failure runs."""
    supervisor = stage.supervisor([stage.spec("a", shutdown_s=0)])
    a = stage.child(supervisor, "a")
    stage.watch(a)

    supervisor.stop()

    assert stage.reason(a) == "killed"
    assert stage.trace == ["start a"]


@otp_case
def test_case_28_given_any_child_when_the_stop_is_orderly_then_on_stop_runs(stage: Stage) -> None:
    """In our terms there is nothing to trap: on_stop always runs when the stop is orderly, on_failure when not."""
    supervisor = stage.supervisor("ab")

    stage.crash(supervisor, "a")
    supervisor.stop()

    assert stage.trace == ["start a", "start b", "failure a", "start a", "stop b", "stop a"]


@otp_case
def test_case_29_given_a_child_that_takes_its_time_to_stop_when_asked_then_the_supervisor_answers(
    stage: Stage,
) -> None:
    """On purpose better than OTP's: which_children and count_children answer meanwhile; calls wait their turn."""
    supervisor = stage.supervisor([stage.spec("a", stop_units=5), stage.spec("b")])
    done: list[str] = []

    def terminate(child_id: str) -> None:
        terminate_child(supervisor, child_id)
        done.append(child_id)

    first = stage.world.spawn(terminate, "a")
    stage.until(lambda: "stop a" in stage.trace)
    began_s = stage.world.now()
    second = stage.world.spawn(terminate, "b")
    assert count_children(supervisor)["specs"] == 2
    assert len(which_children(supervisor)) == 2
    assert stage.world.now() - began_s < stage.unit_s
    first.join(20 * stage.unit_s)
    second.join(20 * stage.unit_s)

    assert sorted(done) == ["a", "b"]
    assert stage.trace == ["start a", "start b", "stop a", "stop b"]


@otp_case
def test_case_30_given_a_handler_that_waits_when_fenced_then_its_ref_is_dead_at_once_and_it_restarts(
    stage: Stage,
) -> None:
    """On purpose not OTP's: no untrappable kill exists; the ref is dead, the late result refused, the child anew."""
    supervisor = stage.supervisor("a")
    a = stage.child(supervisor, "a")
    stage.watch(a)
    answer = a.ask(("wait", 50), block=False)
    stage.until(lambda: a.in_hand is not None)

    a.fence()

    assert not a.is_alive()
    with pytest.raises(ActorDeadError):
        a.tell("anything")
    with pytest.raises(ActorDeadError):
        answer.get()
    assert stage.reason(a) == "killed"
    stage.settle(supervisor)
    assert stage.child(supervisor, "a") not in {a, None}
    assert stage.incarnations == {"a": 2}


@otp_case
def test_case_31_given_a_supervisor_that_crashes_then_its_children_are_stopped_in_order(stage: Stage) -> None:
    """Crashed by its own failure or from outside, it takes its children along, and its watchers hear afterwards."""
    supervisor = stage.supervisor("abc")
    stage.watch(supervisor)
    drill = RuntimeError("drill")

    supervisor.crash(drill)

    assert stage.reason(supervisor) is drill
    assert stage.trace == ["start a", "start b", "start c", "stop c", "stop b", "stop a"]


@otp_case
def test_case_31_given_a_supervisor_that_is_fenced_then_its_children_are_not_left_behind(stage: Stage) -> None:
    """Nested too: fencing an outer supervisor ends everyone below it."""
    inner = ChildSpec(id="inner", start=lambda: stage.supervisor("xy"), type="supervisor", shutdown_s=None)
    outer = stage.supervisor([stage.spec("a"), inner])
    x = stage.child(stage.child(outer, "inner"), "x")

    outer.fence()
    stage.until(lambda: "stop a" in stage.trace)

    assert not x.is_alive()
    assert stage.trace == ["start a", "start x", "start y", "stop y", "stop x", "stop a"]


@otp_case
def test_case_32_given_an_id_in_use_when_a_child_is_started_then_it_is_refused(stage: Stage) -> None:
    """AlreadyStarted carries the ref of the running child; a stopped one is AlreadyPresent."""
    supervisor = stage.supervisor("a")

    with pytest.raises(AlreadyStarted) as caught:
        start_child(supervisor, stage.spec("a"))
    terminate_child(supervisor, "a")
    with pytest.raises(AlreadyPresent):
        start_child(supervisor, stage.spec("a"))

    assert caught.value.ref is not None
    assert stage.incarnations == {"a": 1}


@otp_case
def test_case_33_given_a_permanent_child_when_terminated_then_its_spec_stays_and_it_can_be_restarted(
    stage: Stage,
) -> None:
    """It is not restarted by itself; restart_child brings it back."""
    supervisor = stage.supervisor("a")

    terminate_child(supervisor, "a")
    assert count_children(supervisor) == {"specs": 1, "active": 0, "supervisors": 0, "workers": 1}
    ref = restart_child(supervisor, "a")

    assert ref is not None
    assert stage.child(supervisor, "a") is ref
    assert stage.trace == ["start a", "stop a", "start a"]


@otp_case
def test_case_34_given_running_stopped_and_unknown_ids_when_deleted_or_restarted_then_each_has_its_answer(
    stage: Stage,
) -> None:
    """Running is refused, a stopped one is deleted, an unknown id is NotFound for all three calls."""
    supervisor = stage.supervisor("ab")

    for call in (delete_child, restart_child):
        with pytest.raises(Running):
            call(supervisor, "a")
    terminate_child(supervisor, "a")
    delete_child(supervisor, "a")

    assert [child_id for child_id, _, _ in which_children(supervisor)] == ["b"]
    for call in (delete_child, restart_child, terminate_child):
        with pytest.raises(NotFound):
            call(supervisor, "a")


@otp_case
def test_case_34_given_a_child_that_is_restarting_when_deleted_or_restarted_then_it_is_refused(stage: Stage) -> None:
    """OTP's {error, restarting}, which is a kind of Running here."""
    supervisor = stage.supervisor([stage.spec("a", fails_at=(2,))], backoff=Backoff(first_s=5 * stage.unit_s))
    stage.child(supervisor, "a").tell("crash")
    stage.until(lambda: stage.incarnations["a"] == 2)

    for call in (delete_child, restart_child):
        with pytest.raises(Restarting):
            call(supervisor, "a")
    with pytest.raises(AlreadyStarted):
        start_child(supervisor, stage.spec("a"))

    stage.settle(supervisor)
    assert stage.child(supervisor, "a") is not None


@otp_case
def test_case_35_given_a_temporary_child_when_terminated_then_its_spec_is_gone(stage: Stage) -> None:
    """restart_child does not find it."""
    supervisor = stage.supervisor([stage.spec("a", restart="temporary")])

    terminate_child(supervisor, "a")

    with pytest.raises(NotFound):
        restart_child(supervisor, "a")
    assert which_children(supervisor) == []


@otp_case
def test_case_36_given_a_new_child_that_fails_when_started_then_its_spec_is_not_kept(stage: Stage) -> None:
    """The id is free again."""
    supervisor = stage.supervisor()

    with pytest.raises(StartFailed) as caught:
        start_child(supervisor, stage.spec("a", fails=True))

    assert isinstance(caught.value.reason, ValueError)
    assert which_children(supervisor) == []
    assert start_child(supervisor, stage.spec("a")) is not None


@otp_case
def test_case_36_given_a_stopped_child_that_fails_when_restarted_then_its_spec_stays(stage: Stage) -> None:
    """restart_child raises StartFailed and may be called again."""
    supervisor = stage.supervisor([stage.spec("a", fails_at=(2,))])
    terminate_child(supervisor, "a")

    with pytest.raises(StartFailed):
        restart_child(supervisor, "a")

    assert which_children(supervisor) == [("a", None, "worker")]
    assert restart_child(supervisor, "a") is not None


@otp_case
def test_case_37_given_a_dynamic_supervisor_when_children_come_and_go_then_ids_and_refs_find_them(
    stage: Stage,
) -> None:
    """Restart calls the same start; terminate takes an id or a ref; what does not run is not there."""
    supervisor = stage.dynamic()
    refs = {name: start_child(supervisor, stage.spec(name)) for name in "abc"}
    assert refs["b"] is not None

    stage.crash(supervisor, "a")
    terminate_child(supervisor, refs["b"])
    terminate_child(supervisor, "c")

    assert stage.incarnations == {"a": 2, "b": 1, "c": 1}
    assert count_children(supervisor) == {"specs": 1, "active": 1, "supervisors": 0, "workers": 1}
    with pytest.raises(AlreadyStarted):
        start_child(supervisor, stage.spec("a"))
    with pytest.raises(Running):
        delete_child(supervisor, "a")
    with pytest.raises(Running):
        restart_child(supervisor, "a")
    for call in (delete_child, restart_child, terminate_child):
        with pytest.raises(NotFound):
            call(supervisor, "b")
    assert start_child(supervisor, ChildSpec(id="d", start=lambda: None)) is None
    assert [child_id for child_id, _, _ in which_children(supervisor)] == ["a"]


@otp_case
def test_case_38_given_any_significant_when_it_crashes_then_it_restarts_and_when_it_ends_all_shut_down(
    stage: Stage,
) -> None:
    """A crash of the significant transient child is a restart; its normal end stops the siblings: shutdown."""
    specs = [stage.spec("a"), stage.spec("s", restart="transient", significant=True), stage.spec("b")]
    supervisor = stage.supervisor(specs, auto_shutdown="any_significant")
    stage.watch(supervisor)

    stage.crash(supervisor, "s")
    assert supervisor.is_alive()
    stage.take_trace()
    stage.child(supervisor, "s").tell("stop")

    assert stage.reason(supervisor) == "shutdown"
    assert stage.trace == ["stop s", "stop b", "stop a"]


@otp_case
def test_case_39_given_all_significant_when_the_last_one_is_gone_then_the_supervisor_shuts_down(
    stage: Stage,
) -> None:
    """One of two gone: alive. The second, a temporary one that crashes: shutdown."""
    specs = [
        stage.spec("s", restart="transient", significant=True),
        stage.spec("t", restart="temporary", significant=True),
        stage.spec("a"),
    ]
    supervisor = stage.supervisor(specs, auto_shutdown="all_significant")
    stage.watch(supervisor)

    stage.child(supervisor, "s").tell("stop")
    stage.until(lambda: stage.child(supervisor, "s") is None)
    stage.settle(supervisor)
    assert supervisor.is_alive()
    stage.child(supervisor, "t").tell("crash")

    assert stage.reason(supervisor) == "shutdown"
    assert stage.trace[-1] == "stop a"


@otp_case
def test_case_40_given_a_bad_combination_when_started_then_it_is_refused(stage: Stage) -> None:
    """Significant and permanent, or significant where auto_shutdown is never: ValueError, and nothing starts."""
    permanent = stage.spec("a", significant=True)
    pointless = stage.spec("a", restart="transient", significant=True)
    supervisor = stage.supervisor()

    with pytest.raises(ValueError, match="permanent"):
        stage.supervisor([permanent], auto_shutdown="any_significant")
    with pytest.raises(ValueError, match="never"):
        stage.supervisor([pointless])
    with pytest.raises(ValueError, match="never"):
        start_child(supervisor, pointless)
    with pytest.raises(ValueError, match="two children"):
        stage.supervisor("aa")

    assert stage.trace == []
    assert supervisor.is_alive()


@otp_case
def test_case_41_given_a_significant_child_when_terminated_then_the_supervisor_goes_on(stage: Stage) -> None:
    """terminate_child does not trigger the automatic shutdown."""
    specs = [stage.spec("s", restart="transient", significant=True)]
    supervisor = stage.supervisor(specs, auto_shutdown="any_significant")

    terminate_child(supervisor, "s")

    stage.wait(0.5)
    assert supervisor.is_alive()
    assert which_children(supervisor) == [("s", None, "worker")]


@otp_case
def test_given_dynamic_children_that_start_slowly_when_asked_for_together_then_they_start_side_by_side(
    stage: Stage,
) -> None:
    """Three starts of two units take little more than two; one that is terminated meanwhile is called off."""
    supervisor = stage.dynamic()
    outcome: dict[str, object] = {}

    def start(name: str) -> None:
        try:
            outcome[name] = start_child(supervisor, stage.spec(name, start_units=2, start_timeout_s=50))
        except StartFailed as error:
            outcome[name] = type(error.reason).__name__

    began_s = stage.world.now()
    tasks = [stage.world.spawn(start, name) for name in "abc"]
    stage.until(lambda: len(stage.trace) == 3)
    terminate_child(supervisor, "b")
    for task in tasks:
        task.join(50 * stage.unit_s)

    assert stage.world.now() - began_s < 4 * stage.unit_s
    assert outcome["b"] == "StartCalledOff"
    assert sorted(child_id for child_id, _, _ in which_children(supervisor)) == ["a", "c"]


@otp_case
def test_given_dynamic_children_that_hang_when_the_supervisor_stops_then_each_has_its_own_shutdown_s(
    stage: Stage,
) -> None:
    """One is fenced after its one unit, one at once, one stops in order; all the same the supervisor has stopped."""
    supervisor = stage.dynamic()
    specs = [
        stage.spec("slow", stop_units=100, shutdown_s=1),
        stage.spec("gone", shutdown_s=0),
        stage.spec("good", stop_units=2, shutdown_s=50),
    ]
    refs = [start_child(supervisor, spec) for spec in specs]
    stage.watch(supervisor)

    began_s = stage.world.now()
    supervisor.stop()

    assert [ref.reason for ref in refs if ref is not None] == ["killed", "killed", "shutdown"]
    assert 2 * stage.unit_s <= stage.world.now() - began_s < 20 * stage.unit_s
    assert stage.reason(supervisor) == "shutdown"
