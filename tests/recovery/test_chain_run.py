"""The chain's machine, driven through virtual time by scripts of answers, failures and silence."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recovery.chain_stage import Script, Stage, fails, hangs, in_turn, model, outcomes, says, stage
from supervision.breaking.machine import HalfOpen
from supervision.error_classification import Cause, error_classifier
from supervision.fallback_chain import Answer, ModelTier
from supervision.retrying.budget import BudgetPolicy, LocalRetryBudget
from supervision.tiers.commands import Start
from supervision.tiers.config import ChainRequest
from supervision.tiers.deadlines import first_share_s, reserve_s
from supervision.tiers.run import ChainRun
from supervision.tiers.state import ChainState


def test_given_a_primary_that_answers_when_asked_then_nobody_else_is() -> None:
    """The usual case."""
    result = stage(p=says("yes"), s=says("no")).generate()

    assert (result.text, result.answered_by, result.recovered_by) == ("yes", "primary", ())
    assert outcomes(result) == [("p", "answered")]


def test_given_a_primary_out_of_order_when_asked_then_the_next_tier_answers_at_once() -> None:
    """No waiting where somebody else can answer."""
    result = stage(p=fails(Exception("503 overloaded")), s=says("yes")).generate()

    assert (result.text, result.answered_by, result.recovered_by) == ("yes", "secondary", ("fallback",))
    assert result.latency_s == pytest.approx(0.6)
    assert result.attempts[0].cause is Cause.OVERLOADED


def test_given_a_cut_stream_when_asked_then_the_same_model_is_asked_again_first() -> None:
    """What passes in a moment is tried again in a moment."""
    cut = Answer("Invoice tot", None)
    on_stage = stage(p=in_turn(lambda _: (0.1, cut), says("whole")), s=says("no"))

    result = on_stage.generate()

    assert (result.text, result.recovered_by) == ("whole", ("retry",))
    assert outcomes(result) == [("p", "invalid"), ("p", "answered")]
    assert 0.25 <= result.attempts[1].started_s - 0.1 <= 0.6


@pytest.mark.parametrize("broken", [None, "", "  "])
def test_given_an_answer_without_an_end_or_without_text_when_judged_then_it_is_never_given_away(
    broken: str | None,
) -> None:
    """Whatever every model does."""
    answer = Answer("half an ans", None) if broken is None else Answer(broken, "stop")

    result = stage(p=lambda _: (0.1, answer), s=lambda _: (0.1, answer)).generate(5.0)

    assert (result.text, result.answered_by) == ("static", "static")


def test_given_an_answer_of_the_wrong_form_when_judged_then_it_is_repaired_once_and_then_falls() -> None:
    """The model is told what was wrong; a second wrong answer goes to the next tier."""
    schema = {"type": "object", "required": ["total"], "properties": {"total": {"type": "number"}}}
    on_stage = stage(p=says('{"total": "much"}'), s=says('Here: {"total": 3}'))

    result = on_stage.generate(schema=schema)

    assert (result.data, result.recovered_by) == ({"total": 3}, ("repair", "fallback"))
    assert outcomes(result) == [("p", "invalid"), ("p", "invalid"), ("s", "answered")]
    repair = on_stage.seen[1].request.messages
    assert "answer.total must be number" in repair[-1]["content"]
    assert len(on_stage.seen[2].request.messages) == 1


def test_given_a_context_too_long_when_asked_then_only_this_request_leaves_the_model() -> None:
    """It is not the model's fault: no retry, no breaker, next tier."""
    on_stage = stage(p=fails(Exception("400 maximum context length is 8192 tokens")), s=says("yes"))

    for _ in range(5):
        assert on_stage.generate().answered_by == "secondary"

    assert on_stage.state.breaker("p").state.value == "CLOSED"


def test_given_an_open_breaker_when_asked_then_the_tier_is_skipped_at_once() -> None:
    """After three failures nobody waits for the fourth."""
    on_stage = stage(p=fails(Exception("503 x"), after_s=5.0), s=says("yes"))

    results = [on_stage.generate() for _ in range(4)]

    assert [len(result.attempts) for result in results] == [2, 2, 2, 2]
    assert outcomes(results[3])[0] == ("p", "skipped")
    assert results[3].attempts[0].reason == "breaker_open"
    assert results[3].latency_s == pytest.approx(0.5)
    assert results[3].recovered_by == ("breaker", "fallback")


def test_given_a_retry_after_beyond_the_deadline_when_asked_then_it_is_skipped_now_and_the_next_time() -> None:
    """The hint is remembered for other calls."""
    on_stage = stage(p=fails(Exception("429 rate limit, try again in 90s")), s=says("yes"))

    results = [on_stage.generate(), on_stage.generate()]
    on_stage.world.advance(90.0)
    on_stage.scripts["p"] = says("back")

    assert [outcomes(result)[0] for result in results] == [("p", "failed"), ("p", "skipped")]
    assert on_stage.generate().answered_by == "primary"


def test_given_all_models_busy_when_their_waits_fit_then_the_first_is_asked_again() -> None:
    """Rules are the last resort, not the first."""
    busy = fails(Exception("429 rate limit, try again in 2s"))
    on_stage = stage(p=in_turn(busy, says("later")), s=busy, r=says("rules"))

    result = on_stage.generate()

    assert (result.text, result.recovered_by) == ("later", ("fallback", "retry"))
    assert 2.0 <= result.latency_s <= 3.5


def test_given_everything_fails_when_asked_then_rules_answer_and_then_the_static_text() -> None:
    """Something is always said."""
    gone = fails(Exception("404 model not found"))

    by_rules = stage(p=gone, s=gone, r=says("You owe 12.00 EUR")).generate()
    by_nobody = stage(p=gone, r=fails(ValueError("no rule fits"))).generate()

    assert (by_rules.answered_by, by_rules.degraded, by_rules.recovered_by) == ("rules", True, ("fallback", "degraded"))
    assert (by_nobody.answered_by, by_nobody.text) == ("static", "static")


@pytest.mark.parametrize("deadline_s", [0.5, 5.0, 28.0])
def test_given_every_tier_hangs_when_asked_then_rules_answer_within_the_deadline(deadline_s: float) -> None:
    """And each tier got its share."""
    on_stage = stage(p=hangs, s=hangs, t=hangs, r=says("rules", 0.001))

    result = on_stage.generate(deadline_s)

    assert result.answered_by == "rules"
    assert result.latency_s <= deadline_s
    shares = [attempt.timeout_s for attempt in on_stage.seen[:3]]
    assert shares == [pytest.approx((deadline_s - reserve_s(deadline_s)) / 3, rel=0.01)] * 3


def test_given_tiers_that_hang_in_little_time_when_counted_then_no_breaker_opens_for_our_impatience() -> None:
    """A caller in a hurry says nothing about the service; one with patience does."""
    hurried = stage(p=hangs, r=says("rules", 0.001))
    patient = stage(p=hangs, r=says("rules", 0.001))

    for _ in range(5):
        hurried.generate(1.0)
        patient.generate(28.0)

    assert hurried.state.breaker("p").state.value == "CLOSED"
    assert patient.state.breaker("p").state.value == "OPEN"


def test_given_models_of_one_account_when_its_quota_is_spent_then_all_of_it_is_parked_and_nothing_else() -> None:
    """Until its reset."""
    quota = Exception("429 insufficient_quota: You exceeded your current quota")
    scripts = {"a1": fails(quota), "a2": says("same account"), "b": says("other account")}
    configs = [
        model("a1", ModelTier.PRIMARY, account="a"),
        model("a2", ModelTier.SECONDARY, account="a"),
        model("b", ModelTier.TERTIARY, account="b"),
    ]
    on_stage = Stage(scripts, configs)

    first, second = on_stage.generate(), on_stage.generate()

    assert (first.text, second.text) == ("other account", "other account")
    assert len(on_stage.seen) == 3
    assert [record.reason for record in second.attempts[:2]] == ["account_parked (quota_exceeded)"] * 2
    on_stage.state.accounts.release("a")
    on_stage.world.advance(901.0)
    on_stage.scripts["a1"] = says("paid")
    assert on_stage.generate().text == "paid"


def test_given_an_outage_when_many_call_then_retries_stay_a_tenth_of_the_load() -> None:
    """Per account, by its budget."""
    on_stage = stage(p=fails(Exception("connection reset by peer")), r=says("rules"), budget=BudgetPolicy(floor=2))
    on_stage.configs[0] = model("p", ModelTier.PRIMARY, breaker=_unbreakable())
    on_stage.state = ChainState(on_stage.world, lambda _: LocalRetryBudget(on_stage.budget))

    for _ in range(200):
        on_stage.generate(6.0)

    attempts = sum(attempt.config.name == "p" for attempt in on_stage.seen)
    assert 200 <= attempts <= 200 * 1.1 + 2


def _unbreakable() -> Any:
    from supervision.circuit_breaker import BreakerSettings

    return BreakerSettings("never", 10**6, 1.0, calls_min=10**6, window_calls=10**6)


def test_given_a_slow_primary_when_hedging_then_the_next_tier_is_asked_beside_it_and_wins() -> None:
    """After its own high percentile; the loser is cancelled and paid for."""
    on_stage = stage(hedge=0.95, p=says("p", 1.0), s=says("s", 0.2))
    for _ in range(25):
        assert on_stage.generate().answered_by == "primary"
    on_stage.scripts["p"] = says("late", 20.0)

    result = on_stage.generate()

    assert (result.text, result.answered_by) == ("s", "secondary")
    assert result.latency_s == pytest.approx(1.2)
    assert outcomes(result) == [("s", "answered"), ("p", "lost")]
    assert [record.hedge for record in result.attempts] == [True, False]


def test_given_side_effects_when_hedging_is_on_then_nothing_is_asked_twice_at_once() -> None:
    """A call that does something is made once."""
    on_stage = stage(hedge=0.95, p=says("p", 1.0), s=says("s", 0.2))
    for _ in range(25):
        on_stage.generate()
    on_stage.scripts["p"] = says("late", 5.0)

    result = on_stage.generate(side_effects=True)

    assert (result.text, outcomes(result)) == ("late", [("p", "answered")])


def test_given_hedges_when_the_budget_is_spent_then_slow_calls_just_wait() -> None:
    """Hedges draw on the same tenth."""
    on_stage = stage(hedge=0.95, p=says("p", 1.0), s=says("s", 0.1), budget=BudgetPolicy(floor=3))
    for _ in range(25):
        on_stage.generate()
    on_stage.world.advance(61.0)
    on_stage.scripts["p"] = says("late", 4.0)

    answered = [on_stage.generate().answered_by for _ in range(12)]

    assert answered.count("secondary") == 3


def test_given_prices_when_answered_then_cost_is_counted_by_call_model_and_day() -> None:
    """From the usage reported; at the day's end the allowance is new."""
    price = {"input_price": Decimal(5), "output_price": Decimal(10)}
    configs = [
        model("p", ModelTier.PRIMARY, cost_a_day_max=Decimal("0.0014"), **price),
        model("s", ModelTier.SECONDARY),
    ]
    on_stage = Stage({"p": says("p"), "s": says("s")}, configs)

    results = [on_stage.generate() for _ in range(4)]
    on_stage.world.advance(86400.0)
    tomorrow = on_stage.generate()

    assert results[0].cost == Decimal("0.0007")
    assert [result.answered_by for result in results] == ["primary", "primary", "secondary", "secondary"]
    assert results[2].attempts[0].reason == "allowance_spent"
    assert tomorrow.answered_by == "primary"
    assert on_stage.state.model(configs[0]).cost == Decimal("0.0021")


def test_given_a_token_allowance_when_spent_then_the_next_tier_answers() -> None:
    """Tokens in and out together."""
    configs = [model("p", ModelTier.PRIMARY, tokens_a_day_max=200), model("s", ModelTier.SECONDARY)]
    on_stage = Stage({"p": says("p"), "s": says("s")}, configs)

    answered = [on_stage.generate().answered_by for _ in range(3)]

    assert answered == ["primary", "primary", "secondary"]


def test_given_a_usage_that_nobody_told_when_counted_then_it_is_estimated_and_said_to_be() -> None:
    """A quarter of the characters."""
    result = stage(p=lambda _: (0.1, Answer("x" * 400, "stop"))).generate()

    assert (result.usage.output_tokens, result.usage.estimated) == (100, True)


def test_given_a_caller_who_leaves_when_attempts_run_then_all_permits_come_back() -> None:
    """Cancellation is no failure."""
    on_stage = stage(p=hangs)
    asked = ChainRequest("x", ({"role": "user", "content": "x"},), {})
    run = ChainRun(
        on_stage.configs, on_stage.state, asked, now_s=1000.0, deadline_s=1028.0, chance=lambda: 0.5,
        classify=error_classifier.classify, static_text="static",
    )  # fmt: skip
    started = run.next(1000.0)

    gone = run.abandon(1001.0)

    assert isinstance(started, Start)
    assert gone == (started.attempt.id,)
    assert on_stage.state.breaker("p").statistics().ignored == 1


scripts = st.one_of(
    st.builds(says, st.sampled_from(["yes", "", "I'm sorry, but I can't help with that."]), st.floats(0.001, 40)),
    st.builds(
        fails,
        st.sampled_from([
            Exception("503 overloaded"), Exception("429 rate limit, try again in 3s"), ConnectionResetError("x"),
            Exception("429 insufficient_quota"), Exception("401 invalid api key"), TimeoutError("x"), KeyError("x"),
            Exception("400 content_filter"), Exception("429 retry after 86400 seconds"), Exception(""),
        ]),
        st.floats(0.001, 40),
    ),
    st.just(hangs),
    st.builds(lambda after_s: lambda _: (after_s, Answer("half", None)), st.floats(0.001, 20)),
)  # fmt: skip


@settings(max_examples=250, deadline=None)
@given(
    p=st.lists(scripts, min_size=1, max_size=4),
    s=st.lists(scripts, min_size=1, max_size=4),
    t=st.lists(scripts, min_size=1, max_size=4),
    r=st.one_of(
        st.builds(says, st.sampled_from(["rules", ""]), st.just(0.001)), st.builds(fails, st.just(ValueError("x")))
    ),
    hedge=st.sampled_from([None, 0.95]),
    deadline_s=st.floats(0.1, 60),
    calls=st.integers(1, 6),
    shared=st.booleans(),
)
def test_given_any_scripts_when_called_then_there_is_an_answer_within_the_deadline(
    p: list[Script], s: list[Script], t: list[Script], r: Script, hedge: float | None, deadline_s: float, calls: int, *,
    shared: bool,
) -> None:  # fmt: skip
    """Always a text, never late, no attempt past the models' time, no permit lost, no model asked beside itself."""
    on_stage = stage(hedge=hedge, p=in_turn(*p), s=in_turn(*s), t=in_turn(*t), r=r)
    if shared:
        on_stage.configs = [model(one.name, one.tier, account="one", hedge_after_s=0.5) for one in on_stage.configs]

    for _ in range(calls):
        begun_s = on_stage.world.now()
        on_stage.seen.clear()
        result = on_stage.generate(deadline_s)

        assert result.text
        assert result.latency_s <= deadline_s + 0.11
        models = [attempt for attempt in on_stage.seen if attempt.config.tier.is_model]
        assert all(attempt.started_s + attempt.timeout_s <= begun_s + deadline_s + 1e-6 for attempt in models)
        assert result.cost >= 0
        for config in on_stage.configs:
            breaker = on_stage.state.model(config).breaker
            machine = breaker._machine.state
            counts = breaker.statistics()
            assert counts.admitted == counts.successes + counts.failures + counts.ignored
            assert not isinstance(machine, HalfOpen) or not [one for one in machine.probes if not one.settled]


@given(
    remaining_s=st.floats(-10, 1000),
    weights=st.lists(st.floats(0.01, 100), max_size=6),
    longest_s=st.floats(0.1, 1000),
)
def test_given_any_deadline_when_divided_then_every_later_tier_keeps_its_part(
    remaining_s: float, weights: list[float], longest_s: float
) -> None:
    """Shares add up to no more than there is; none is negative; the last may use all that is left."""
    left_s, shares = remaining_s, []
    for index in range(len(weights)):
        shares.append(first_share_s(left_s, weights[index:], longest_s))
        left_s -= shares[-1]

    assert all(0 <= share <= longest_s for share in shares)
    assert sum(shares) <= max(remaining_s, 0) + 1e-6
    if weights and remaining_s > 0:
        expected = remaining_s * weights[0] / sum(weights)
        assert shares[0] == pytest.approx(min(expected, longest_s))
        assert first_share_s(remaining_s, weights[-1:], longest_s) == min(remaining_s, longest_s)
