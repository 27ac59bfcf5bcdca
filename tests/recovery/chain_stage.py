"""A stage for the chain's machine: models that follow scripts of answers, failures and silence, in virtual time."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from recovery.support import StillWorld
from supervision.error_classification import error_classifier
from supervision.fallback_chain import Answer, ChainResult, ModelConfig, ModelTier, Usage
from supervision.retrying.budget import BudgetPolicy, LocalRetryBudget
from supervision.tiers.commands import AskBudget, Attempt, Cancel, Finish, Pause, Start
from supervision.tiers.config import ChainRequest
from supervision.tiers.run import ChainRun
from supervision.tiers.state import ChainState
from supervision.world_library import CallTimeout

Outcome = Answer | str | Exception
Script = Callable[[Attempt], tuple[float, Outcome]]
HANG = 1e9


def says(text: str, after_s: float = 0.5) -> Script:
    """Answers after so long."""
    return lambda _: (after_s, Answer(text, "stop", Usage(100, 20)))


def fails(error: Exception, after_s: float = 0.1) -> Script:
    """Fails after so long."""
    return lambda _: (after_s, error)


def in_turn(*scripts: Script) -> Script:
    """One after the other, the last for ever."""
    waiting = list(scripts)

    def play(attempt: Attempt) -> tuple[float, Outcome]:
        return (waiting.pop(0) if len(waiting) > 1 else waiting[0])(attempt)

    return play


def hangs(_: Attempt) -> tuple[float, Outcome]:
    """Never answers."""
    return HANG, "never"


@dataclass
class Stage:
    """Models with scripts, and the state they share."""

    scripts: dict[str, Script]
    configs: list[ModelConfig]
    world: StillWorld = field(default_factory=StillWorld)
    budget: BudgetPolicy = field(default_factory=BudgetPolicy)
    hedge: float | None = None
    seen: list[Attempt] = field(default_factory=list)
    ends_s: dict[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.state = ChainState(self.world, lambda _: LocalRetryBudget(self.budget))
        for config in self.configs:
            self.state.model(config)

    def generate(self, deadline_s: float = 28.0, **request: Any) -> ChainResult:
        """Drive one call to its end; attempts end when their script or their time is over."""
        asked = ChainRequest("What do I owe?", ({"role": "user", "content": "What do I owe?"},), {}, **request)
        begun_s = self.world.now()
        run = ChainRun(
            self.configs, self.state, asked, now_s=begun_s, deadline_s=begun_s + deadline_s,
            chance=self.world.random.random, classify=error_classifier.classify, static_text="static",
            hedge_share=self.hedge,
        )  # fmt: skip
        ends: list[tuple[float, int, Outcome]] = []
        for _ in range(500):
            command = run.next(self.world.now())
            match command:
                case Start(attempt=attempt):
                    self.seen.append(attempt)
                    after_s, outcome = self.scripts[attempt.config.name](attempt)
                    if after_s > attempt.timeout_s:
                        after_s, outcome = attempt.timeout_s, CallTimeout()
                    heapq.heappush(ends, (self.world.now() + after_s, attempt.id, outcome))
                case Cancel(attempts=gone):
                    ends = [end for end in ends if end[1] not in gone]
                    heapq.heapify(ends)
                case AskBudget(account=account):
                    run.allowed(extra=self.state.take(account, self.world.now()), now_s=self.world.now())
                case Pause(until_s=until_s):
                    assert until_s < math.inf or ends
                    if ends and ends[0][0] <= until_s:
                        at_s, attempt_id, outcome = heapq.heappop(ends)
                        self.world.at_s = max(at_s, self.world.at_s)
                        run.ended(attempt_id, outcome, self.world.now())
                    else:
                        self.world.at_s = max(until_s, self.world.at_s)
                case Finish(result=result):
                    assert not ends
                    return result
        raise AssertionError("the run did not end")


def model(name: str, tier: ModelTier, **options: Any) -> ModelConfig:
    """A configuration whose client is the script of its name."""
    return ModelConfig(name, tier, client=lambda prompt: prompt, **options)


def stage(hedge: float | None = None, budget: BudgetPolicy | None = None, **scripts: Script) -> Stage:
    """Models p, s, t (tiers one to three) and r (rules), as far as scripts name them."""
    tiers = {"p": ModelTier.PRIMARY, "s": ModelTier.SECONDARY, "t": ModelTier.TERTIARY, "r": ModelTier.LOCAL}
    configs = [model(name, tiers[name]) for name in scripts]
    return Stage(scripts, configs, hedge=hedge, budget=budget or BudgetPolicy())


def outcomes(result: ChainResult) -> list[tuple[str, str]]:
    """Who was asked, and what came of it."""
    return [(record.model, record.outcome) for record in result.attempts]
