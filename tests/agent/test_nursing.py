"""When a daemon is started, and when one is ended, second by second."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.agent_client.nursing import BACKOFF_S, FOREIGN_GONE_S, LOADING_S, WEDGED_S, Facts, Nursing, Step


def facts(
    *,
    child: bool | None = None,
    answers: bool = False,
    elsewhere: bool = False,
    store: bool = True,
    nobody: bool = True,
) -> Facts:
    """What is seen."""
    return Facts(child, answers, elsewhere, store, nobody)


def test_given_nobody_when_looked_then_a_daemon_is_started_at_once() -> None:
    """On a store of one's own there is nothing to listen for."""
    nursing = Nursing(0.0, listen_s=0.0)

    assert nursing.look(facts(), 0.0) is Step.START


def test_given_a_shared_store_when_looked_then_it_is_listened_first_unless_nobody_is_on_its_list() -> None:
    """A daemon elsewhere shows itself every second."""
    nursing = Nursing(0.0, listen_s=3.0)

    early = nursing.look(facts(nobody=False), 1.0)
    late = nursing.look(facts(nobody=False), 3.0)

    assert (early, late) == (Step.NOTHING, Step.START)
    assert Nursing(0.0, listen_s=3.0).look(facts(nobody=True), 0.0) is Step.START


@pytest.mark.parametrize("seen", [facts(answers=True), facts(elsewhere=True)])
def test_given_somebody_elses_daemon_when_it_goes_then_its_service_manager_comes_first(seen: Facts) -> None:
    """Only then one is started."""
    nursing = Nursing(0.0, listen_s=0.0)

    there = nursing.look(seen, 10.0)
    soon = nursing.look(facts(), 10.0 + FOREIGN_GONE_S - 0.1)
    later = nursing.look(facts(), 10.0 + FOREIGN_GONE_S)

    assert (there, soon, later) == (Step.NOTHING, Step.NOTHING, Step.START)


def test_given_no_store_when_looked_then_no_daemon_is_started_for_nothing() -> None:
    """It could do nothing without."""
    assert Nursing(0.0, listen_s=0.0).look(facts(store=False), 100.0) is Step.NOTHING


def test_given_a_daemon_that_ends_at_once_when_it_does_so_again_and_again_then_the_waits_grow() -> None:
    """And after one that has lived, the first wait is short again."""
    nursing, now_s, waits = Nursing(0.0, listen_s=0.0), 0.0, []
    for _ in range(10):
        nursing.started(now_s)
        nursing.ended(now_s + 1.0)
        now_s += 1.0
        died_s = now_s
        while nursing.look(facts(), now_s) is not Step.START:
            now_s += 0.05
        waits.append(now_s - died_s)
    nursing.started(now_s)
    nursing.look(facts(child=True, answers=True), now_s + 100.0)
    nursing.ended(now_s + 100.0)

    assert waits == pytest.approx([*BACKOFF_S, *(BACKOFF_S[-1],) * 3], abs=0.06)
    assert nursing.look(facts(), now_s + 100.0 + BACKOFF_S[0]) is Step.START


def test_given_a_child_that_falls_silent_when_long_enough_then_it_is_killed() -> None:
    """One that has never answered is given longer: it may be loading its data."""
    answered, loading = Nursing(0.0, listen_s=0.0), Nursing(0.0, listen_s=0.0)
    for nursing in (answered, loading):
        nursing.started(0.0)
    answered.look(facts(child=True, answers=True), 5.0)

    assert answered.look(facts(child=True), 5.0 + WEDGED_S - 0.1) is Step.NOTHING
    assert answered.look(facts(child=True), 5.0 + WEDGED_S) is Step.KILL
    assert loading.look(facts(child=True), LOADING_S - 0.1) is Step.NOTHING
    assert loading.look(facts(child=True), LOADING_S) is Step.KILL


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans(), st.floats(0.05, 10.0)), max_size=60))
def test_given_any_history_when_looked_then_nothing_is_started_beside_a_living_daemon(
    history: list[tuple[bool, bool, bool, float]],
) -> None:
    """Nor killed that is not ours."""
    nursing, now_s, child = Nursing(0.0, listen_s=0.0), 0.0, False
    for answers, elsewhere, dies, step_s in history:
        now_s += step_s
        if child and dies:
            nursing.ended(now_s)
            child = False
        step = nursing.look(facts(child=True if child else None, answers=answers, elsewhere=elsewhere), now_s)
        if step is Step.START:
            assert not child
            assert not answers
            assert not elsewhere
            nursing.started(now_s)
            child = True
        elif step is Step.KILL:
            assert child
            assert not answers
            nursing.ended(now_s)
            child = False
