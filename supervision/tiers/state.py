"""What a chain remembers between calls, and the counts it shows. Thread-safe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from supervision.breaking.facade import CircuitBreaker
from supervision.breaking.machine import Permit
from supervision.classification.verdicts import Cause, ClassifiedError
from supervision.retrying.budget import BudgetPolicy, LocalRetryBudget, RetryBudget
from supervision.tiers.accounts import Accounts, Latencies, Parked, Spending
from supervision.tiers.config import ChainResult, ModelConfig, Usage
from supervision.world_library import LibraryWorld

BUDGET: Final = BudgetPolicy()


@dataclass(frozen=True, slots=True)
class ModelStatistics:
    """One model since the chain was made. latency_s: p50, p95, p99 of answered calls. tokens_today, cost_today: UTC."""

    attempts: int
    answers: int
    failures: dict[str, int]
    skipped: dict[str, int]
    latency_s: dict[str, float]
    tokens: int
    cost: Decimal
    tokens_today: int
    cost_today: Decimal


@dataclass(frozen=True, slots=True)
class ChainStatistics:
    """The chain as a whole, and each model by name. answered_by: calls by the tier that answered."""

    calls: int
    answered_by: dict[str, int]
    latency_s: dict[str, float]
    tokens: int
    cost: Decimal
    models: dict[str, ModelStatistics]


class _ModelState:
    def __init__(self, config: ModelConfig, world: LibraryWorld) -> None:
        self.breaker = CircuitBreaker(config.breaker, name=config.name, world=world)
        self.latencies = Latencies()
        self.spending = Spending()
        self.wait_until_s = 0.0
        self.attempts = 0
        self.answers = 0
        self.tokens = 0
        self.cost = Decimal(0)
        self.failures: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()


class ChainState:
    """Breakers, parked accounts, waits, allowances, budgets and counts of one chain.

    budget_for: makes the retry budget of an account; give one of shared budgets where several nodes use the account.
    """

    def __init__(self, world: LibraryWorld, budget_for: Callable[[str], RetryBudget] | None = None) -> None:
        self.world = world
        self.accounts = Accounts()
        self._budget_for = budget_for or (lambda _: LocalRetryBudget(BUDGET))
        self._budgets: dict[str, RetryBudget] = {}
        self._models: dict[str, _ModelState] = {}
        self._latencies = Latencies()
        self._answered_by: Counter[str] = Counter()
        self._lock = world.lock()

    def model(self, config: ModelConfig) -> _ModelState:
        """What is remembered of a model."""
        known = self._models.get(config.name)
        if known is None:
            known = self._models.setdefault(config.name, _ModelState(config, self.world))
        return known

    def breaker(self, name: str) -> CircuitBreaker:
        """The breaker before a model. Raises KeyError for one that was never added."""
        return self._models[name].breaker

    def admit(self, config: ModelConfig) -> Permit | None:
        """A permit of the model's breaker."""
        return self.model(config).breaker.acquire()

    def open_for_s(self, config: ModelConfig) -> float:
        """Seconds until its breaker admits a call."""
        return self.model(config).breaker.open_for_s()

    def begun(self, config: ModelConfig) -> None:
        """An attempt is sent."""
        self.model(config).attempts += 1

    def answered(self, config: ModelConfig, permit: Permit, latency_s: float) -> None:
        """An attempt was answered."""
        known = self.model(config)
        known.answers += 1
        known.latencies.add(latency_s)
        known.breaker.succeeded(permit)

    def failed(self, config: ModelConfig, permit: Permit, verdict: ClassifiedError, now_s: float) -> bool:
        """An attempt failed by the model's fault; whether its account is parked now."""
        known = self.model(config)
        known.failures[verdict.cause.value] += 1
        known.breaker.failed(permit, verdict)
        if verdict.retry_after is not None:
            known.wait_until_s = max(known.wait_until_s, now_s + verdict.retry_after)
        return self.accounts.note(config.account_key, verdict.cause, verdict.retry_after, now_s)

    def released(self, config: ModelConfig, permit: Permit, cause: Cause | None) -> None:
        """An attempt ended by no fault of the model."""
        known = self.model(config)
        if cause is not None:
            known.failures[cause.value] += 1
        known.breaker.release(permit)

    def skipped(self, config: ModelConfig, reason: str) -> None:
        """A model was passed over."""
        self.model(config).skipped[reason] += 1

    def parked(self, config: ModelConfig, now_s: float) -> Parked | None:
        """Whether its account is parked."""
        return self.accounts.parked(config.account_key, now_s)

    def wait_until_s(self, config: ModelConfig) -> float:
        """When the model asked to be called again; in the past for now."""
        return self.model(config).wait_until_s

    def spent(self, config: ModelConfig) -> bool:
        """Whether its allowance of the day is used up."""
        if config.tokens_a_day_max is None and config.cost_a_day_max is None:
            return False
        with self._lock:
            return self.model(config).spending.spent(config, self.world.wall())

    def hedge_after_s(self, config: ModelConfig, share: float) -> float | None:
        """After how long without an answer a hedge may start; None where nobody knows."""
        observed = self.model(config).latencies.percentile(share)
        return config.hedge_after_s if observed is None else observed

    def usual_s(self, config: ModelConfig) -> float | None:
        """The latency that nearly all of its answers keep to; None while too few are known."""
        return self.model(config).latencies.percentile(0.95)

    def hedge_allowed(self, config: ModelConfig) -> bool:
        """Whether hedges at this model are within their share of its costs."""
        with self._lock:
            return self.model(config).spending.hedge_allowed(self.world.wall())

    def note_request(self, account: str, now_s: float) -> None:
        """A request that somebody wanted goes to this account."""
        with self._lock:
            self.budget(account).note_request(now_s)

    def budget(self, account: str) -> RetryBudget:
        """The retry budget of an account."""
        budget = self._budgets.get(account)
        if budget is None:
            budget = self._budgets.setdefault(account, self._budget_for(account))
        return budget

    def take(self, account: str, now_s: float) -> bool:
        """Ask for one extra request at an account. A shared budget may ask Redis, so no lock is held meanwhile."""
        budget = self.budget(account)
        if isinstance(budget, LocalRetryBudget):
            with self._lock:
                return budget.take(now_s)
        return budget.take(now_s)

    def spend(self, config: ModelConfig, usage: Usage, *, hedge: bool) -> Decimal:
        """Count what an attempt used; its cost."""
        cost = config.cost(usage)
        known = self.model(config)
        with self._lock:
            known.spending.add(usage, cost, self.world.wall(), hedge=hedge)
            known.tokens += usage.total_tokens
            known.cost += cost
        return cost

    def finished(self, result: ChainResult) -> None:
        """A call of the chain is over."""
        with self._lock:
            self._answered_by[result.answered_by] += 1
            self._latencies.add(result.latency_s)

    def statistics(self) -> ChainStatistics:
        """All counts at one moment."""
        with self._lock:
            models = {name: _statistics(known) for name, known in self._models.items()}
            return ChainStatistics(
                calls=sum(self._answered_by.values()),
                answered_by=dict(self._answered_by),
                latency_s=self._latencies.summary(),
                tokens=sum(one.tokens for one in models.values()),
                cost=sum((one.cost for one in models.values()), Decimal(0)),
                models=models,
            )


def _statistics(known: _ModelState) -> ModelStatistics:
    return ModelStatistics(
        attempts=known.attempts,
        answers=known.answers,
        failures=dict(known.failures),
        skipped=dict(known.skipped),
        latency_s=known.latencies.summary(),
        tokens=known.tokens,
        cost=known.cost,
        tokens_today=known.spending.tokens,
        cost_today=known.spending.cost,
    )
