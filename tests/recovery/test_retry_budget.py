"""Retry budgets: a tenth of the load, here and over all nodes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from supervision.retrying.budget import BudgetPolicy, LocalRetryBudget
from supervision.retrying.shared_budget import AWAY_S, SharedRetryBudget


class BudgetMachine(RuleBasedStateMachine):
    """Any traffic: what the budget allows stays within a tenth of what was wanted, or within its floor."""

    def __init__(self) -> None:
        super().__init__()
        self.policy = BudgetPolicy(ratio=0.1, floor=3, window_s=60.0)
        self.budget = LocalRetryBudget(self.policy)
        self.now_s = 0.0
        self.events: list[tuple[float, bool]] = []

    @rule(count=st.integers(1, 40))
    def request(self, count: int) -> None:
        """Somebody wants something."""
        for _ in range(count):
            self.budget.note_request(self.now_s)
            self.events.append((self.now_s, False))

    @rule(count=st.integers(1, 20))
    def retry(self, count: int) -> None:
        """Something is to be sent again."""
        for _ in range(count):
            if self.budget.take(self.now_s):
                self.events.append((self.now_s, True))

    @rule(seconds=st.floats(0, 50))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now_s += seconds

    @invariant()
    def extras_stay_within_the_window(self) -> None:
        """What counts is the present window, to the width of a slot."""
        requests, extras = self.budget.counted(self.now_s)
        inner_s = self.now_s - self.policy.window_s * 0.9
        recent = [is_extra for at_s, is_extra in self.events if at_s > inner_s]
        older = [is_extra for at_s, is_extra in self.events if at_s > self.now_s - self.policy.window_s]
        assert len(recent) <= requests + extras <= len(older)

    @invariant()
    def extras_never_exceed_the_share(self) -> None:
        """At the moment an extra is allowed; so over any whole run, up to the floor of each window begun."""
        windows = self.now_s // self.policy.window_s + 2
        total_extras = sum(is_extra for _, is_extra in self.events)
        total_requests = len(self.events) - total_extras
        assert total_extras <= 0.1 * total_requests * 2 + self.policy.floor * windows


TestBudgetMachine = BudgetMachine.TestCase
TestBudgetMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_given_a_thousand_failing_requests_when_all_want_retries_then_a_tenth_is_allowed() -> None:
    """Five retries for each would be six times the load."""
    budget = LocalRetryBudget(BudgetPolicy(floor=10))

    allowed = 0
    for number in range(1000):
        budget.note_request(number * 0.02)
        allowed += sum(budget.take(number * 0.02) for _ in range(5))

    assert 90 <= allowed <= 100


def test_given_a_quiet_hour_when_an_outage_begins_then_nothing_was_saved_up() -> None:
    """Good traffic of the past is no licence for a storm."""
    budget = LocalRetryBudget(BudgetPolicy(floor=2))
    for number in range(3600):
        budget.note_request(float(number))

    allowed = sum(budget.take(7200.0) for _ in range(100))

    assert allowed == 2


def _nodes(valkey: Any, count: int, key: str) -> list[SharedRetryBudget]:
    policy = BudgetPolicy(ratio=0.1, floor=4, window_s=60.0)
    return [SharedRetryBudget(valkey.client(socket_timeout=2.0), key, policy) for _ in range(count)]


def test_given_four_nodes_when_all_want_retries_then_together_they_get_a_tenth(valkey: Any) -> None:
    """The counters live in Redis; each node's requests count for all."""
    nodes = _nodes(valkey, 4, "unfailing:budget:shared")

    allowed = 0
    for number in range(400):
        node = nodes[number % 4]
        node.note_request(number * 0.01)
        allowed += sum(node.take(number * 0.01) for _ in range(2))

    assert 35 <= allowed <= 40


def test_given_redis_dies_when_retries_go_on_then_each_node_keeps_to_its_own_tenth(valkey: Any) -> None:
    """What Redis allowed before counts on, and the dead server is not asked again and again."""
    nodes = _nodes(valkey, 2, "unfailing:budget:dying")
    now_s = 0.0
    for number in range(200):
        nodes[number % 2].note_request(now_s)
    before = sum(node.take(now_s) for node in nodes for _ in range(30))

    valkey.process.kill()
    valkey.process.wait(10)
    after = sum(node.take(now_s + 1) for node in nodes for _ in range(30))
    valkey.restart()
    returned = [node.take(now_s + 1 + AWAY_S) for node in nodes]

    assert before == 20
    assert after == 0
    assert before + after <= 0.1 * 200 + 2 * 10
    assert returned == [False, False]


def test_given_a_flush_when_another_node_asks_then_it_knows_of_these_requests(valkey: Any) -> None:
    """Nodes without a retry of their own tell their load now and then."""
    first, second = _nodes(valkey, 2, "unfailing:budget:flush")
    for _ in range(100):
        first.note_request(0.0)

    first.flush()
    allowed = sum(second.take(0.0) for _ in range(50))

    assert allowed == 10


@pytest.mark.parametrize("wrong", [{"ratio": -0.1}, {"ratio": 1.1}, {"floor": -1}, {"window_s": 0.0}])
def test_given_senseless_shares_when_a_budget_is_made_then_it_is_refused(wrong: dict[str, Any]) -> None:
    """At once."""
    with pytest.raises(ValueError, match="not a budget"):
        BudgetPolicy(**wrong)
