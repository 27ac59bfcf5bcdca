"""Retry what failed in passing, within bounds: a policy, a deadline, a budget, and a breaker's word.

    from supervision.retry_mechanism import RetryPolicies, async_retry, retry

    @async_retry(**RetryPolicies.ai_model_policy())
    async def ask(prompt: str) -> str: ...

Classification decides what is tried again; a server's Retry-After is obeyed; cancellation passes through. No sleep
crosses the deadline (`deadline_s=`, or `with deadline(20):` around everything).
"""

from __future__ import annotations

from supervision.retrying.ambient import deadline, present_deadline_s
from supervision.retrying.budget import BudgetPolicy, LocalRetryBudget, RetryBudget
from supervision.retrying.facade import NO_BUDGET, Attempt, DeadlinePassed, async_retry, budget_of, retry, set_budget
from supervision.retrying.loop import RetryState, Stop, StopReason, Wait, next_step
from supervision.retrying.policies import RetryPolicies
from supervision.retrying.schedule import RetryPolicy, backoff_s
from supervision.retrying.shared_budget import SharedRetryBudget
from supervision.retrying.statistics import RetryStatistics, statistics_by_function, statistics_by_policy

__all__ = [
    "NO_BUDGET",
    "Attempt",
    "BudgetPolicy",
    "DeadlinePassed",
    "LocalRetryBudget",
    "RetryBudget",
    "RetryPolicies",
    "RetryPolicy",
    "RetryState",
    "RetryStatistics",
    "SharedRetryBudget",
    "Stop",
    "StopReason",
    "Wait",
    "async_retry",
    "backoff_s",
    "budget_of",
    "deadline",
    "next_step",
    "present_deadline_s",
    "retry",
    "set_budget",
    "statistics_by_function",
    "statistics_by_policy",
]
