"""The schedule of waits and the loop's decision, as pure functions."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervision.classification.verdicts import Cause, ErrorCategory, verdict
from supervision.retry_mechanism import (
    RetryPolicies,
    RetryPolicy,
    RetryState,
    Stop,
    StopReason,
    Wait,
    backoff_s,
    next_step,
)

policies = st.builds(
    RetryPolicy,
    name=st.just("p"),
    max_retries=st.integers(0, 8),
    min_delay_s=st.floats(0, 10),
    max_delay_s=st.floats(10, 100),
    multiplier=st.floats(1, 4),
)
chances = st.floats(0, 1, exclude_max=True)
PASSING = verdict(ErrorCategory.AI_MODEL, Cause.OVERLOADED, None)


def _hinted(seconds: float) -> object:
    return verdict(ErrorCategory.AI_MODEL, Cause.RATE_LIMIT, None, retry_after=seconds)


@given(policy=policies, draws=st.lists(chances, min_size=1, max_size=12))
def test_given_any_policy_when_waits_are_drawn_then_they_lie_between_minimum_and_growing_cap(
    policy: RetryPolicy, draws: list[float]
) -> None:
    """And none is shorter than the one before it."""
    previous_s = 0.0
    for retry, chance in enumerate(draws, start=1):
        wait_s = backoff_s(policy, retry, previous_s, chance)

        assert min(policy.min_delay_s, policy.cap_s(retry)) <= wait_s <= policy.cap_s(retry) <= policy.max_delay_s
        assert wait_s >= min(previous_s, policy.cap_s(retry))
        previous_s = wait_s


@given(policy=policies, retry=st.integers(1, 10_000))
def test_given_any_retry_when_its_cap_is_asked_then_it_is_finite_and_never_falls(
    policy: RetryPolicy, retry: int
) -> None:
    """Ten thousand retries overflow nothing."""
    assert policy.cap_s(retry) <= policy.cap_s(retry + 1) <= policy.max_delay_s


@given(
    policy=policies,
    chance=chances,
    room_s=st.floats(-5, 200),
    hint_s=st.none() | st.floats(0, 100),
    opens_in_s=st.floats(0, 60),
    allowed=st.booleans(),
)
def test_given_any_failure_when_a_step_is_chosen_then_no_sleep_crosses_the_deadline(
    policy: RetryPolicy, chance: float, room_s: float, hint_s: float | None, opens_in_s: float, *, allowed: bool
) -> None:
    """Nor is a server's hint cut short, a budget asked in vain, or an open breaker called."""
    now_s, asked = 50.0, []

    def take() -> bool:
        asked.append(1)
        return allowed

    found = verdict(ErrorCategory.AI_MODEL, Cause.RATE_LIMIT, None, retry_after=hint_s)
    step = next_step(
        policy, RetryState(), found, now_s=now_s, deadline_s=now_s + room_s, chance=chance,
        breaker_opens_at_s=now_s + opens_in_s, take_from_budget=take,
    )  # fmt: skip

    if isinstance(step, Wait):
        assert now_s + step.delay_s < now_s + room_s
        assert hint_s is None or step.delay_s >= min(hint_s, room_s)
        assert opens_in_s <= step.delay_s + 1e-9
        assert asked == [1]
        assert allowed
        assert step.state.retries == 1
    else:
        assert step.reason is not StopReason.BUDGET_SPENT or asked == [1]


@given(policy=policies, draws=st.lists(chances, min_size=10, max_size=10), deadline_s=st.floats(0, 500))
def test_given_endless_failures_when_the_loop_runs_then_it_ends_within_policy_and_deadline(
    policy: RetryPolicy, draws: list[float], deadline_s: float
) -> None:
    """The waited time adds up, and the policy is an upper bound."""
    state, now_s = RetryState(), 0.0
    for chance in draws:
        step = next_step(policy, state, PASSING, now_s=now_s, deadline_s=deadline_s, chance=chance)
        if isinstance(step, Stop):
            break
        now_s += step.delay_s
        state = step.state

    assert isinstance(step, Stop)
    assert state.retries <= policy.max_retries
    assert state.waited_s == pytest.approx(now_s)
    assert now_s <= deadline_s


@pytest.mark.parametrize(
    ("found", "options", "reason"),
    [
        (verdict(ErrorCategory.AI_MODEL, Cause.QUOTA_EXCEEDED, None), {}, StopReason.NOT_RETRYABLE),
        (PASSING, {"state": RetryState(retries=5)}, StopReason.EXHAUSTED),
        (PASSING, {"deadline_s": 100.5}, StopReason.DEADLINE),
        (_hinted(20.0), {"deadline_s": 110.0}, StopReason.HINT_PAST_DEADLINE),
        (PASSING, {"breaker_opens_at_s": 130.0}, StopReason.BREAKER_OPEN),
        (PASSING, {"take_from_budget": lambda: False}, StopReason.BUDGET_SPENT),
    ],
)
def test_given_a_reason_to_stop_when_a_step_is_chosen_then_it_is_named(
    found: object, options: dict[str, object], reason: StopReason
) -> None:
    """Each bound ends the loop, at once."""
    policy = RetryPolicy("p", 5, 1.0, 30.0)

    step = next_step(policy, options.pop("state", RetryState()), found, now_s=100.0, **options)  # type: ignore[arg-type]

    assert step == Stop(reason)


def test_given_a_hint_longer_than_the_policy_when_a_step_is_chosen_then_it_is_honoured() -> None:
    """The server knows better than our cap."""
    policy = RetryPolicy("p", 5, 1.0, 30.0)

    step = next_step(policy, RetryState(), _hinted(45.0), now_s=0.0, deadline_s=math.inf, chance=0.0)  # type: ignore[arg-type]

    assert isinstance(step, Wait)
    assert 45.0 <= step.delay_s <= 46.0


def test_given_little_room_when_backing_off_then_the_wait_is_shortened_to_it_but_not_below_the_minimum() -> None:
    """A wait drawn too long is no reason to give up where a shorter one fits."""
    policy = RetryPolicy("p", 5, 1.0, 30.0)

    step = next_step(policy, RetryState(retries=3), PASSING, now_s=0.0, deadline_s=2.0, chance=0.99)

    assert isinstance(step, Wait)
    assert 1.0 <= step.delay_s < 2.0


def test_given_the_named_policies_when_read_then_they_are_as_promised() -> None:
    """Retries, and seconds from and to."""
    named = {
        name: (getattr(RetryPolicies, f"{name}_policy")())
        for name in ("ai_model", "database", "network", "file_download", "webhook")
    }

    bounds = {name: (one["max_retries"], one["min_delay_s"], one["max_delay_s"]) for name, one in named.items()}
    assert bounds == {
        "ai_model": (5, 1.0, 30.0),
        "database": (5, 0.5, 20.0),
        "network": (5, 1.0, 60.0),
        "file_download": (3, 2.0, 30.0),
        "webhook": (3, 5.0, 60.0),
    }


@pytest.mark.parametrize("wrong", [{"max_retries": -1}, {"min_delay_s": 5.0, "max_delay_s": 1.0}, {"multiplier": 0.5}])
def test_given_senseless_bounds_when_a_policy_is_made_then_it_is_refused(wrong: dict[str, float]) -> None:
    """At once, not at the first failure."""
    with pytest.raises(ValueError, match="must"):
        RetryPolicy(**{"name": "p", "max_retries": 1, "min_delay_s": 1.0, "max_delay_s": 2.0, **wrong})  # type: ignore[arg-type]
