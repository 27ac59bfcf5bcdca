"""What a model of the chain is, and what came of asking it: plain records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum
from typing import Any, Final

from supervision.breaking.settings import BreakerSettings, CircuitBreakerPresets
from supervision.classification.verdicts import Cause

MILLION: Final = Decimal(1_000_000)


class ModelTier(IntEnum):
    """The order in which the tiers are asked. LOCAL is rules without a model; STATIC always has a text."""

    PRIMARY = 1
    SECONDARY = 2
    TERTIARY = 3
    LOCAL = 4
    STATIC = 5

    @property
    def answered_by(self) -> str:
        """The word that a reply carries: primary, secondary, tertiary, rules or static."""
        return "rules" if self is ModelTier.LOCAL else self.name.lower()

    @property
    def is_model(self) -> bool:
        """Whether a model stands behind it, with its failures, waits and costs."""
        return self < ModelTier.LOCAL


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call.

    cached: those of the input that were read from the provider's cache. estimated: counted by length here, because the
    provider told none.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    estimated: bool = False

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
            self.estimated or other.estimated,
        )

    @property
    def total_tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """One model of the chain.

    client: an openai.OpenAI, an openai.AsyncOpenAI, or a callable, sync or async, that takes the prompt and returns a
    text (or an answer of the openai client's shape); for STATIC it may be the text itself. model: what the provider
    calls it, `name` where nothing is said. account: models with the same word are parked together when its quota is
    spent or its key refused. provider: for the classifier. timeout_s: the longest one attempt may take; weight: its
    part when the deadline is divided. retries: further attempts at it in one call. Prices are per million tokens, in
    the currency of the budgets. stream: ask for a stream, which shows a stall early: stall_timeout_s without a chunk
    ends the attempt. hedge_after_s: when a hedge may start while its own latencies are still too few to tell.
    parameters: sent with every request (temperature, max_tokens, ...).
    """

    name: str
    tier: ModelTier
    client: Any = None
    model: str | None = None
    account: str | None = None
    provider: str = "openai"
    timeout_s: float = 60.0
    weight: float = 1.0
    retries: int = 5
    input_price: Decimal = Decimal(0)
    output_price: Decimal = Decimal(0)
    cached_price: Decimal | None = None
    tokens_a_day_max: int | None = None
    cost_a_day_max: Decimal | None = None
    stream: bool = False
    stall_timeout_s: float = 10.0
    hedge_after_s: float | None = None
    breaker: BreakerSettings = field(default_factory=CircuitBreakerPresets.ai_model)
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a model needs a name")
        if self.timeout_s <= 0 or self.weight <= 0 or self.stall_timeout_s <= 0 or self.retries < 0:
            raise ValueError(f"not a model's settings: {self}")

    @property
    def account_key(self) -> str:
        """The account, or the model alone."""
        return self.account or self.name

    def cost(self, usage: Usage) -> Decimal:
        """What a call with this usage costs."""
        cached_price = self.input_price if self.cached_price is None else self.cached_price
        fresh = max(usage.input_tokens - usage.cached_tokens, 0)
        total = fresh * self.input_price + usage.cached_tokens * cached_price + usage.output_tokens * self.output_price
        return total / MILLION


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model wants called. arguments: the JSON text as it came."""

    name: str
    arguments: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said, before anybody judged it. finish_reason None: the end was never announced."""

    text: str
    finish_reason: str | None
    usage: Usage | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    refusal: str | None = None
    model: str | None = None
    raw: Any = None


@dataclass(frozen=True, slots=True)
class ChainRequest:
    """One call of the chain. messages: in the openai client's form. prompt: its text, for rules and callables.

    schema: a JSON schema, a class, or a callable that reads the text. validate(answer): a complaint, or None.
    side_effects: the call does something, so it is never sent twice at once.
    """

    prompt: str
    messages: tuple[Mapping[str, Any], ...]
    parameters: Mapping[str, Any]
    schema: Any = None
    validate: Callable[[Answer], str | None] | None = None
    chars_min: int = 1
    chars_max: int | None = None
    side_effects: bool = False

    @property
    def tools(self) -> tuple[str, ...] | None:
        """Names of the tools offered, None for none."""
        offered = self.parameters.get("tools")
        if not offered:
            return None
        return tuple(str(tool.get("function", {}).get("name", "")) for tool in offered)


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One attempt, or a model that was passed over.

    outcome: answered, failed, invalid, lost (a hedge's loser), cancelled, or skipped. reason: why it was skipped or
    what was wrong, one line for operators. started_s: after the call began.
    """

    model: str
    tier: ModelTier
    outcome: str
    cause: Cause | None
    reason: str
    started_s: float
    latency_s: float
    cost: Decimal = Decimal(0)
    retry_after: float | None = None
    hedge: bool = False
    repair: bool = False


@dataclass(frozen=True, slots=True)
class ChainResult:
    """What the chain answers: always a text.

    data: what `schema` read in it. answered_by: primary, secondary, tertiary, rules or static. recovered_by: what had
    to help, in order: retry, repair, breaker, fallback, degraded. cost: of all attempts together.
    """

    text: str
    tier: ModelTier
    model: str
    attempts: tuple[AttemptRecord, ...]
    cost: Decimal
    latency_s: float
    usage: Usage
    finish_reason: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    data: Any = None
    recovered_by: tuple[str, ...] = ()

    @property
    def answered_by(self) -> str:
        """The tier in the words of a reply."""
        return self.tier.answered_by

    @property
    def degraded(self) -> bool:
        """No model answered."""
        return not self.tier.is_model
