"""OTP.md, cases 14 to 25: restart types, intensity and escalation."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import pytest
from stage import Stage, otp_case

from supervision.actor import GeventActorRef
from supervision.supervisor import (
    Backoff,
    ChildSpec,
    NotFound,
    RestartIntensityExceeded,
    Supervisor,
    count_children,
    restart_child,
    start_child,
    terminate_child,
    which_children,
)

# How a child can end, and whether that is in order.
ENDS = {
    "normal": lambda ref: ref.tell("stop"),
    "shutdown": lambda ref: ref.stop(block=False),
    "error": lambda ref: ref.tell("crash"),
    "drill": lambda ref: ref.crash(ValueError("drill")),
    "killed": lambda ref: ref.fence(),
}
ORDERLY = {"normal", "shutdown"}


def _end(stage: Stage, supervisor: GeventActorRef[Supervisor], how: str) -> None:
    ref = stage.child(supervisor, "a")
    ENDS[how](ref)
    stage.until(lambda: ref.is_gone)
    stage.settle(supervisor)


@otp_case
def test_case_14_given_a_permanent_child_when_it_ends_in_any_way_then_it_restarts(stage: Stage) -> None:
    """Normal, shutdown, an error, a drill and a kill: five ends, five restarts."""
    supervisor = stage.supervisor([stage.spec("a", restart="permanent")], intensity=10)

    for how in ENDS:
        before = stage.child(supervisor, "a")
        _end(stage, supervisor, how)
        assert stage.child(supervisor, "a") not in {before, None, "restarting"}, how

    assert stage.incarnations == {"a": 6}


@otp_case
def test_case_15_given_a_transient_child_when_it_ends_in_order_then_only_its_spec_stays(stage: Stage) -> None:
    """It restarts after an error, a drill or a kill; after a normal end restart_child brings it back."""
    supervisor = stage.supervisor([stage.spec("a", restart="transient")], intensity=10)

    for how in ENDS:
        _end(stage, supervisor, how)
        assert (stage.child(supervisor, "a") is None) == (how in ORDERLY), how
        if how in ORDERLY:
            assert restart_child(supervisor, "a") is stage.child(supervisor, "a")

    assert count_children(supervisor)["active"] == 1


@otp_case
def test_case_16_given_a_temporary_child_when_it_ends_then_it_is_forgotten(stage: Stage) -> None:
    """It never restarts; its spec is removed, however it ended."""
    supervisor = stage.supervisor()

    for how in ENDS:
        start_child(supervisor, stage.spec("a", restart="temporary"))
        _end(stage, supervisor, how)
        assert which_children(supervisor) == [], how

    assert supervisor.is_alive()


@otp_case
def test_case_17_given_intensity_2_when_a_third_crash_comes_within_the_period_then_the_supervisor_gives_up(
    stage: Stage,
) -> None:
    """The remaining children stop in reverse; the supervisor dies, and not of the child's reason."""
    supervisor = stage.supervisor("abc", intensity=2)
    stage.watch(supervisor)

    stage.crash(supervisor, "b")
    stage.crash(supervisor, "b")
    assert supervisor.is_alive()
    stage.take_trace()
    stage.crash(supervisor, "b")

    assert stage.trace == ["failure b", "stop c", "stop a"]
    assert isinstance(stage.reason(supervisor), RestartIntensityExceeded)
    assert stage.reason(supervisor).child_id == "b"


@otp_case
def test_case_18_given_intensity_0_when_a_permanent_child_crashes_then_the_supervisor_dies(stage: Stage) -> None:
    """The first crash is one too many."""
    supervisor = stage.supervisor("a", intensity=0)
    stage.watch(supervisor)

    stage.crash(supervisor, "a")

    assert isinstance(stage.reason(supervisor), RestartIntensityExceeded)
    assert stage.incarnations == {"a": 1}


@otp_case
def test_case_19_given_a_sliding_window_when_crashes_are_far_apart_then_the_supervisor_lives(stage: Stage) -> None:
    """Intensity 1 in 1 unit, crashes 2.1 units apart: four of them do no harm."""
    supervisor = stage.supervisor("a", intensity=1, period=1)

    for _ in range(4):
        stage.crash(supervisor, "a")
        stage.wait(2.1)

    assert supervisor.is_alive()
    assert stage.incarnations == {"a": 5}


@otp_case
def test_case_20_given_intensity_0_when_ends_ask_for_no_restart_then_they_do_not_count(stage: Stage) -> None:
    """A temporary child's crash and a transient child's normal end leave the supervisor alone."""
    supervisor = stage.supervisor(
        [stage.spec("e", restart="temporary"), stage.spec("t", restart="transient")], intensity=0
    )

    stage.child(supervisor, "e").tell("crash")
    stage.child(supervisor, "t").tell("stop")
    stage.until(lambda: count_children(supervisor)["active"] == 0)
    stage.settle(supervisor)

    assert supervisor.is_alive()
    assert which_children(supervisor) == [("t", None, "worker")]


@otp_case
def test_case_21_given_a_child_whose_restarts_all_fail_when_it_crashes_then_there_are_exactly_so_many_attempts(
    stage: Stage,
) -> None:
    """Intensity 3 without backoff: three attempts at once, then the supervisor gives up."""
    supervisor = stage.supervisor([stage.spec("a", fails_at=range(2, 100))], intensity=3)
    stage.watch(supervisor)

    began_s = stage.world.now()
    stage.crash(supervisor, "a")

    assert stage.incarnations == {"a": 4}
    assert isinstance(stage.reason(supervisor), RestartIntensityExceeded)
    assert stage.world.now() - began_s < stage.unit_s


@otp_case
def test_case_21_given_a_backoff_when_restarts_fail_then_they_wait_longer_each_time_and_still_count(
    stage: Stage,
) -> None:
    """On purpose not OTP's: the first restart at once, then 1, 2, 4 units less jitter; each attempt counts."""
    backoff = Backoff(first_s=stage.unit_s, factor=2, max_s=60 * stage.unit_s, jitter=0.25)
    supervisor = stage.supervisor([stage.spec("a", fails_at=range(2, 100))], intensity=4, period=100, backoff=backoff)

    stage.child(supervisor, "a").tell("crash")
    stage.until(lambda: supervisor.is_gone)

    starts = [at_s / stage.unit_s for text, at_s in zip(stage.trace, stage.times, strict=True) if text == "start a"]
    waits = [later - earlier for earlier, later in pairwise(starts[1:])]
    assert len(starts) == 5
    for waited, nominal in zip(waits, (1, 2, 4), strict=True):
        assert 0.74 * nominal <= waited <= nominal + (0.02 if stage.is_virtual else 1.5)


@otp_case
def test_case_22_given_a_permanent_child_when_it_is_shut_down_from_outside_then_that_counts(stage: Stage) -> None:
    """A crash and an end by shutdown exceed an intensity of 1."""
    supervisor = stage.supervisor("a", intensity=1)
    stage.watch(supervisor)

    stage.crash(supervisor, "a")
    stage.child(supervisor, "a").stop()

    assert isinstance(stage.reason(supervisor), RestartIntensityExceeded)


@otp_case
def test_case_23_given_a_child_that_is_restarting_when_asked_then_it_shows_and_can_be_called_off(
    stage: Stage,
) -> None:
    """which_children answers between attempts and shows "restarting"; terminate_child cancels the next attempt."""
    backoff = Backoff(first_s=3 * stage.unit_s, jitter=0)
    supervisor = stage.supervisor([stage.spec("a", fails_at=range(2, 100)), stage.spec("b")], backoff=backoff)

    stage.child(supervisor, "a").tell("crash")
    stage.until(lambda: stage.incarnations["a"] == 2)
    stage.until(lambda: stage.child(supervisor, "a") == "restarting")
    assert count_children(supervisor)["active"] == 1
    terminate_child(supervisor, "a")
    stage.wait(8)

    assert stage.incarnations["a"] == 2
    assert [(child_id, shown is None) for child_id, shown, _ in which_children(supervisor)] == [
        ("a", True),
        ("b", False),
    ]


def _inner(stage: Stage, restart: str) -> ChildSpec:
    start = partial(
        Supervisor.start,
        [stage.spec("x"), stage.spec("y")],
        intensity=1,
        period_s=5 * stage.unit_s,
        backoff=Backoff.none(),
    )
    return ChildSpec(id="inner", start=start, restart=restart, type="supervisor", shutdown_s=None)


@otp_case
def test_case_24_given_an_inner_supervisor_when_it_gives_up_then_the_outer_one_restarts_it(stage: Stage) -> None:
    """The inner one comes back with fresh children; the outer one's other child is untouched."""
    outer = stage.supervisor([stage.spec("a"), _inner(stage, "permanent")])
    a, inner = stage.child(outer, "a"), stage.child(outer, "inner")

    stage.crash(inner, "x")
    stage.crash(inner, "x")
    stage.settle(outer)

    assert stage.child(outer, "inner") not in {inner, None}
    assert stage.incarnations == {"a": 1, "x": 3, "y": 2}
    assert stage.child(outer, "a") is a
    assert count_children(outer) == {"specs": 2, "active": 2, "supervisors": 1, "workers": 1}


@otp_case
def test_case_25_given_a_transient_inner_supervisor_when_it_gives_up_then_it_is_restarted_too(stage: Stage) -> None:
    """On purpose not OTP's: giving up counts as abnormal, so escalation works for transient supervisors."""
    outer = stage.supervisor([_inner(stage, "transient")])
    inner = stage.child(outer, "inner")

    stage.crash(inner, "x")
    stage.crash(inner, "x")
    stage.settle(outer)

    assert stage.child(outer, "inner") not in {inner, None}
    assert stage.incarnations["y"] == 2


@otp_case
def test_given_per_child_intensity_when_one_child_exceeds_it_then_only_that_one_is_given_up(stage: Stage) -> None:
    """Its siblings and the supervisor go on; the id may be started anew."""
    supervisor = stage.dynamic(per_child=True, intensity=1)
    for name in "ab":
        start_child(supervisor, stage.spec(name))

    stage.crash(supervisor, "b")
    stage.crash(supervisor, "a")
    stage.crash(supervisor, "a")

    assert [child_id for child_id, _, _ in which_children(supervisor)] == ["b"]
    with pytest.raises(NotFound):
        terminate_child(supervisor, "a")
    assert start_child(supervisor, stage.spec("a")) is not None


@otp_case
def test_given_a_shared_intensity_when_dynamic_children_exceed_it_together_then_the_supervisor_dies(
    stage: Stage,
) -> None:
    """Without per_child two crashes of two children exceed an intensity of 1."""
    supervisor = stage.dynamic(intensity=1)
    stage.watch(supervisor)
    for name in "abc":
        start_child(supervisor, stage.spec(name))

    stage.crash(supervisor, "a")
    stage.child(supervisor, "b").tell("crash")

    assert isinstance(stage.reason(supervisor), RestartIntensityExceeded)
    assert sorted(text for text in stage.trace if text.startswith("stop")) == ["stop a", "stop c"]
