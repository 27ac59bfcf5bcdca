"""The decisions of supervisors, as properties."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervision.restarts import (
    AUTO_SHUTDOWNS,
    RESTARTS,
    STRATEGIES,
    Backoff,
    FailureRun,
    RestartIntensity,
    Verdict,
    plan_restart,
    shuts_down,
    verdict,
)

times = st.lists(st.floats(0, 100), max_size=40).map(sorted)
orders = st.lists(st.text("abcdefgh", min_size=1, max_size=3), min_size=1, max_size=8, unique=True)
reasons = st.sampled_from(["normal", "shutdown", "killed", "noproc", ValueError("x"), RuntimeError()])


@given(times, st.integers(0, 5), st.floats(0.1, 50))
def test_given_restarts_when_recorded_then_allowed_means_no_more_than_so_many_in_any_period(
    at_s: list[float], restarts_max: int, period_s: float
) -> None:
    """The window answers as counting all of the past would; exactly period_s old still counts."""
    window = RestartIntensity(restarts_max, period_s)

    for position, now_s in enumerate(at_s):
        window, allowed = window.record(now_s)
        within = sum(1 for earlier_s in at_s[: position + 1] if earlier_s >= now_s - period_s)

        assert allowed == (within <= restarts_max)
        assert len(window.restarts_at_s) <= restarts_max + 1
        assert list(window.restarts_at_s) == sorted(window.restarts_at_s)


@given(st.sampled_from(RESTARTS), reasons)
def test_given_an_end_when_judged_then_the_restart_type_decides(restart: str, reason: str | Exception) -> None:
    """Cases 14 to 16 as one table."""
    orderly = reason in {"normal", "shutdown"} if isinstance(reason, str) else False

    judged = verdict(restart, reason)  # type: ignore[arg-type]

    assert (judged is Verdict.RESTART) == (restart == "permanent" or (restart == "transient" and not orderly))
    assert (judged is Verdict.REMOVE) == (restart == "temporary")


@given(st.sampled_from(STRATEGIES), orders, st.data())
def test_given_a_failed_child_when_planned_then_who_stops_starts_again_in_the_opposite_order(
    strategy: str, order: list[str], data: st.DataObject
) -> None:
    """Stops are latest first and never name the failed child, which is dead; starts are in start order with it."""
    failed = data.draw(st.sampled_from(order))

    plan = plan_restart(strategy, order, failed)  # type: ignore[arg-type]

    assert failed in plan.start
    assert list(plan.stop) == [child_id for child_id in reversed(plan.start) if child_id != failed]
    assert list(plan.start) == [child_id for child_id in order if child_id in plan.start]
    expected = {
        "one_for_one": {failed},
        "one_for_all": set(order),
        "rest_for_one": set(order[order.index(failed) :]),
    }
    assert set(plan.start) == expected[strategy]


@given(
    st.builds(
        Backoff,
        first_s=st.floats(0, 5),
        factor=st.floats(1, 10),
        max_s=st.floats(0, 60),
        jitter=st.floats(0, 1),
    ),
    st.integers(1, 10_000),
    st.floats(0, 0.999),
)
def test_given_a_backoff_when_failures_go_on_then_delays_grow_to_the_cap_and_never_beyond(
    backoff: Backoff, failures: int, chance: float
) -> None:
    """The first restart is immediate; without jitter no delay is shorter than the one before; none is negative."""
    delay_s = backoff.delay_s(failures, chance)

    assert backoff.delay_s(1, chance) == 0
    assert 0 <= delay_s <= backoff.max_s
    assert backoff.delay_s(failures + 1, 0) >= backoff.delay_s(failures, 0)
    assert delay_s >= backoff.delay_s(failures, 0) * (1 - backoff.jitter) - 1e-9


@given(st.integers(1, 10_000), st.floats(0, 0.999))
def test_given_no_backoff_when_failures_go_on_then_every_restart_is_immediate(failures: int, chance: float) -> None:
    """As in OTP."""
    assert Backoff.none().delay_s(failures, chance) == 0


@given(times, st.floats(0.1, 20))
def test_given_failures_when_counted_then_a_child_that_has_settled_begins_anew(
    at_s: list[float], settled_s: float
) -> None:
    """The run is the number of failures since the last gap longer than settled_s."""
    run = FailureRun()

    for position, now_s in enumerate(at_s):
        run = run.failed(now_s, settled_s)

        expected = 1
        while expected <= position and at_s[position - expected + 1] - at_s[position - expected] <= settled_s:
            expected += 1
        assert run.failures == expected


@given(st.sampled_from(AUTO_SHUTDOWNS), st.booleans(), st.integers(0, 3))
def test_given_an_end_for_good_when_auto_shutdown_is_asked_then_only_significant_ones_matter(
    auto_shutdown: str,
    significant: bool,  # noqa: FBT001 - hypothesis gives it
    others: int,
) -> None:
    """Cases 38 and 39."""
    stops = shuts_down(auto_shutdown, significant=significant, others_active=others)  # type: ignore[arg-type]

    assert stops == (
        significant and (auto_shutdown == "any_significant" or (auto_shutdown == "all_significant" and others == 0))
    )


@pytest.mark.parametrize("fields", [{"first_s": -1}, {"factor": 0.5}, {"max_s": -1}, {"jitter": 2}])
def test_given_a_backoff_out_of_bounds_when_made_then_it_is_refused(fields: dict[str, float]) -> None:
    """Bounds are in the record."""
    with pytest.raises(ValueError, match="backoff"):
        Backoff(**fields)
