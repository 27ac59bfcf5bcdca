"""OTP.md, cases 1 to 13: start, order and strategies."""

from __future__ import annotations

from functools import partial

import pytest
from stage import Stage, Worker, otp_case

from supervision.supervisor import (
    ChildSpec,
    StartFailed,
    StartTimedOut,
    Supervisor,
    count_children,
    start_child,
    which_children,
)


@otp_case
def test_case_1_given_three_specs_when_started_then_each_start_waits_for_the_one_before(stage: Stage) -> None:
    """Start order is a, b, c, and each start returns only after its on_start ended."""
    specs = [stage.spec(name, start_units=1) for name in "abc"]

    began_s = stage.world.now()
    stage.supervisor(specs)

    assert stage.trace == ["start a", "start b", "start c"]
    assert stage.world.now() - began_s >= 3 * stage.unit_s
    assert stage.times[1] - stage.times[0] >= stage.unit_s


@otp_case
def test_case_2_given_one_for_one_when_it_stops_then_children_stop_in_reverse_one_by_one(stage: Stage) -> None:
    """Three children that take a unit each to stop take three units, latest first; the reason is shutdown."""
    supervisor = stage.supervisor([stage.spec(name, stop_units=1) for name in "abc"])
    refs = [ref for _, ref, _ in which_children(supervisor)]
    for ref in (*refs, supervisor):
        stage.watch(ref)
    stage.take_trace()

    began_s = stage.world.now()
    supervisor.stop()

    assert stage.trace == ["stop c", "stop b", "stop a"]
    assert stage.world.now() - began_s >= 3 * stage.unit_s
    assert [stage.reason(ref) for ref in (*refs, supervisor)] == ["shutdown"] * 4


@otp_case
def test_case_3_given_dynamic_children_when_it_stops_then_they_stop_in_parallel(stage: Stage) -> None:
    """Three children that take four units each to stop are gone after little more than four."""
    supervisor = stage.dynamic()
    for name in "abc":
        start_child(supervisor, stage.spec(name, stop_units=4))
    stage.take_trace()

    began_s = stage.world.now()
    supervisor.stop()

    assert sorted(stage.trace) == ["stop a", "stop b", "stop c"]
    assert 4 * stage.unit_s <= stage.world.now() - began_s < 6 * stage.unit_s


@otp_case
def test_case_4_given_a_child_that_fails_when_started_then_those_before_it_are_stopped(stage: Stage) -> None:
    """Of a, b, c with a failing b: a is stopped with shutdown, c never started, and StartFailed says why."""
    refs = []

    def start_a() -> object:
        refs.append(Worker.start(stage, "a"))
        stage.watch(refs[0])
        return refs[0]

    with pytest.raises(StartFailed) as caught:
        stage.supervisor([ChildSpec(id="a", start=start_a), stage.spec("b", fails=True), stage.spec("c")])

    assert caught.value.child_id == "b"
    assert isinstance(caught.value.reason, ValueError)
    assert stage.trace == ["start a", "start b", "stop a"]
    assert stage.reason(refs[0]) == "shutdown"


@otp_case
def test_case_5_given_a_start_that_returns_none_when_started_then_its_spec_is_kept_unless_temporary(
    stage: Stage,
) -> None:
    """Such a child is listed without an actor and counted in specs and workers; a temporary one is forgotten."""
    ignored = ChildSpec(id="x", start=lambda: None)
    forgotten = ChildSpec(id="y", start=lambda: None, restart="temporary")

    supervisor = stage.supervisor([ignored, forgotten, stage.spec("a")])

    assert [(child_id, ref is None) for child_id, ref, _ in which_children(supervisor)] == [("x", True), ("a", False)]
    assert count_children(supervisor) == {"specs": 2, "active": 1, "supervisors": 0, "workers": 2}


@otp_case
def test_case_6_given_children_when_listed_then_in_start_order_and_a_restarted_one_keeps_its_place(
    stage: Stage,
) -> None:
    """On purpose not OTP's order, which is the reverse; after a restart of a the list is still a, b, c."""
    supervisor = stage.supervisor("abc")
    first = stage.child(supervisor, "a")

    stage.crash(supervisor, "a")

    assert [child_id for child_id, _, _ in which_children(supervisor)] == ["a", "b", "c"]
    assert stage.child(supervisor, "a") is not first
    assert {kind for _, _, kind in which_children(supervisor)} == {"worker"}


@otp_case
def test_case_7_given_starts_that_fail_hang_or_decline_when_started_then_each_is_told_apart(stage: Stage) -> None:
    """An error is StartFailed with that error, a hang StartFailed with StartTimedOut, None is a success."""
    supervisor = stage.supervisor()

    with pytest.raises(StartFailed) as failed:
        start_child(supervisor, stage.spec("a", fails=True))
    with pytest.raises(StartFailed) as hung:
        start_child(supervisor, stage.spec("b", start_units=1000, start_timeout_s=2))

    assert isinstance(failed.value.reason, ValueError)
    assert isinstance(hung.value.reason, StartTimedOut)
    assert start_child(supervisor, ChildSpec(id="c", start=lambda: None)) is None


@otp_case
def test_case_8_given_one_for_one_when_b_crashes_then_only_b_restarts(stage: Stage) -> None:
    """A and c are untouched."""
    supervisor = stage.supervisor("abc")
    a, b, c = (ref for _, ref, _ in which_children(supervisor))
    stage.take_trace()

    stage.crash(supervisor, "b")

    assert stage.trace == ["failure b", "start b"]
    assert stage.child(supervisor, "a") is a
    assert stage.child(supervisor, "b") is not b
    assert stage.child(supervisor, "c") is c


@otp_case
def test_case_9_given_one_for_all_when_b_crashes_then_all_stop_in_reverse_and_start_in_order(stage: Stage) -> None:
    """c, then a are stopped with shutdown, then a, b, c are started."""
    supervisor = stage.supervisor("abc", strategy="one_for_all")
    a = stage.child(supervisor, "a")
    stage.watch(a)
    stage.take_trace()

    stage.crash(supervisor, "b")

    assert stage.trace == ["failure b", "stop c", "stop a", "start a", "start b", "start c"]
    assert stage.reason(a) == "shutdown"


@otp_case
def test_case_10_given_rest_for_one_when_b_crashes_then_those_after_it_restart_too(stage: Stage) -> None:
    """Of a, b, c, d: d and c stop, then b, c, d start; a is untouched."""
    supervisor = stage.supervisor("abcd", strategy="rest_for_one")
    a = stage.child(supervisor, "a")
    stage.take_trace()

    stage.crash(supervisor, "b")

    assert stage.trace == ["failure b", "stop d", "stop c", "start b", "start c", "start d"]
    assert stage.child(supervisor, "a") is a


@otp_case
def test_case_11_given_one_for_all_when_a_sibling_is_temporary_then_it_is_stopped_and_forgotten(stage: Stage) -> None:
    """The transient t crashes: e is stopped, not started again, and its spec disappears."""
    specs = [stage.spec("t", restart="transient"), stage.spec("e", restart="temporary")]
    supervisor = stage.supervisor(specs, strategy="one_for_all")
    stage.take_trace()

    stage.crash(supervisor, "t")

    assert stage.trace == ["failure t", "stop e", "start t"]
    assert [child_id for child_id, _, _ in which_children(supervisor)] == ["t"]


@otp_case
def test_case_12_given_one_for_all_when_a_transient_had_ended_then_it_is_started_again(stage: Stage) -> None:
    """T ended normally and has no actor; when a crashes, t is started with the others."""
    supervisor = stage.supervisor([stage.spec("a"), stage.spec("t", restart="transient")], strategy="one_for_all")
    stage.child(supervisor, "t").tell("stop")
    stage.until(lambda: stage.child(supervisor, "t") is None)
    stage.take_trace()

    stage.crash(supervisor, "a")

    assert stage.trace == ["failure a", "start a", "start t"]
    assert stage.child(supervisor, "t") is not None


@otp_case
def test_case_13_given_rest_for_one_when_a_later_sibling_fails_to_restart_then_each_attempt_counts(
    stage: Stage,
) -> None:
    """A crashes and restarts, b fails every time: a is not started again meanwhile; past the intensity all ends."""
    later = stage.spec("b", fails_at=range(2, 100))
    supervisor = stage.supervisor([stage.spec("a"), later, stage.spec("c")], strategy="rest_for_one", intensity=3)
    stage.watch(supervisor)
    stage.take_trace()

    stage.child(supervisor, "a").tell("crash")
    stage.until(lambda: supervisor.is_gone)

    begun = ["failure a", "stop c", "stop b", "start a"]
    assert stage.trace == [*begun, "start b", "start b", "start b", "stop a"]
    assert type(stage.reason(supervisor)).__name__ == "RestartIntensityExceeded"


@otp_case
def test_given_a_stop_within_on_start_when_started_then_the_start_has_succeeded(stage: Stage) -> None:
    """The child is there, ends normally at once, and its restart type decides."""
    supervisor = stage.supervisor()

    ref = start_child(supervisor, stage.spec("a", restart="transient", stops_itself=True))

    stage.until(lambda: stage.child(supervisor, "a") is None)
    assert ref is not None
    assert ref.reason == "normal"


@otp_case
def test_given_a_nested_supervisor_whose_child_hangs_when_its_start_times_out_then_nobody_is_left(
    stage: Stage,
) -> None:
    """The outer timeout ends the inner supervisor, the child that hangs, and the one that had started."""
    inner = [stage.spec("x"), stage.spec("y", start_units=1000, start_timeout_s=900)]
    nested = ChildSpec(
        id="inner",
        start=partial(Supervisor.start, inner),
        type="supervisor",
        shutdown_s=None,
        start_timeout_s=2 * stage.unit_s,
    )

    with pytest.raises(StartFailed) as caught:
        stage.supervisor([stage.spec("a"), nested])

    stage.until(lambda: "stop x" in stage.trace)
    assert caught.value.child_id == "inner"
    assert isinstance(caught.value.reason, StartTimedOut)
    assert stage.trace.index("stop a") > stage.trace.index("start y")
