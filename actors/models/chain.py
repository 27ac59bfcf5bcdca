"""The chain of this node's models: the library's, asked through the callers of the tree."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import pykka

from actors.models.caller import CallModel, name_of
from actors.models.library_world import DaemonLibraryWorld
from actors.store_errors import StoreAway
from supervision.breaking.settings import CircuitBreakerPresets
from supervision.fallback_chain import AIFallbackChain, ModelConfig, ModelTier
from supervision.retrying.shared_budget import SharedRetryBudget
from supervision.tiers.config import Answer
from supervision.world_library import CallTimeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.node import Node
    from actors.settings import ModelSettings
    from supervision.fallback_chain import ChainRequest
    from supervision.retrying.budget import RetryBudget

TIERS: Final = {
    "primary": ModelTier.PRIMARY,
    "secondary": ModelTier.SECONDARY,
    "tertiary": ModelTier.TERTIARY,
}
BUDGET_ANSWER_S: Final = 0.5
# An answer is on its way back while its caller's clock says that the time is over.
GRACE_S: Final = 0.2


class TierUnavailable(ConnectionError):  # noqa: N818 - what the tier is
    """The tier's caller is being restarted; another tier, or the next attempt, has to do."""


def build_chain(node: Node) -> AIFallbackChain | None:
    """The chain of the configured models; None when there are none."""
    if not node.settings.models:
        return None
    return AIFallbackChain(
        (_config(node, model) for model in node.settings.models),
        hedge=False,
        budget_for=lambda account: _budget(node, account),
        world=DaemonLibraryWorld(node.world),
    )


def _config(node: Node, model: ModelSettings) -> ModelConfig:
    preset, limits = CircuitBreakerPresets.ai_model(), node.settings.breakers.ai_model
    breaker = replace(preset, failures_max=limits.failure_threshold, open_s=limits.recovery_timeout_s)
    return ModelConfig(
        name_of(model),
        TIERS[model.tier],
        client=_asking(node, model),
        model=model.name,
        account=model.account_name,
        timeout_s=model.timeout_s,
        retries=2,
        input_price=Decimal(str(model.input_price)),
        output_price=Decimal(str(model.output_price)),
        cost_a_day_max=Decimal(str(model.daily_budget_usd)) if model.daily_budget_usd else None,
        breaker=breaker,
    )


def _asking(node: Node, model: ModelSettings) -> Callable[..., Answer]:
    """A client, as the chain sees it, that asks the tier's caller."""
    name = name_of(model)
    settled = ModelConfig(name, TIERS[model.tier], model=model.name, timeout_s=model.timeout_s)

    def ask(_prompt: str, *, request: ChainRequest, timeout_s: float) -> Answer:
        caller = node.whereis(f"model/{model.tier}")
        if caller is None:
            raise TierUnavailable(f"the caller of {model.tier} is being restarted")
        message = CallModel(settled, request, node.world.now() + timeout_s)
        try:
            answer: Answer = caller.ask(message, timeout=timeout_s + GRACE_S)
        except pykka.Timeout:
            raise CallTimeout from None
        except pykka.ActorDeadError as error:
            raise TierUnavailable(f"the caller of {model.tier} has just died") from error
        return answer

    return ask


class _StoreEval:
    """The shared budget's way to the store."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def eval(self, script: str, numkeys: int, *keys_and_args: Any) -> Any:
        """Run the script; raises StoreError while the store is away, and the budget counts locally."""
        if self._node.access is None:
            raise StoreAway("the store has not been reached yet", sent=False)
        key = str(keys_and_args[0])
        return self._node.store.call(key, "EVAL", script, numkeys, *keys_and_args, timeout_s=BUDGET_ANSWER_S)


def _budget(node: Node, account: str) -> RetryBudget:
    return SharedRetryBudget(_StoreEval(node), f"{node.settings.daemon.prefix}:budget:{account}")
