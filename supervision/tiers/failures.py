"""What a failed attempt means for the rest of its call: the same model at once, later, or not again; and repairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from supervision.classification.verdicts import Cause, ClassifiedError, ErrorCategory, redacted, verdict
from supervision.retrying.schedule import RetryPolicy, after_hint_s, backoff_s
from supervision.tiers.answers import AnswerProblem
from supervision.tiers.config import Answer, ChainRequest, ModelConfig, Usage
from supervision.world_library import CallTimeout

QUICK_S: Final = (0.25, 0.6)
"""The wait before asking the same model again after a failure of the moment. Less, and a server that is slow to notice
the cut connection still works at the first request."""

PATIENCE_S: Final = 5.0
"""An attempt cut off by a share of the deadline counts against a model of unknown latency only after so long."""

POLICY: Final = RetryPolicy("ai_model", 5, 1.0, 30.0)

_QUICK: Final = frozenset({Cause.STREAM_INTERRUPTED, Cause.INVALID_RESPONSE, Cause.EMPTY_RESPONSE})
OF_THE_REQUEST: Final = frozenset({
    Cause.CONTEXT_LENGTH, Cause.REQUEST_TOO_LARGE, Cause.CONTENT_FILTER, Cause.MODEL_NOT_FOUND, Cause.INVALID_REQUEST,
    Cause.INVALID_MODEL_OUTPUT, Cause.INSUFFICIENT_MEMORY,
})  # fmt: skip


@dataclass(slots=True)
class Entry:
    """One model within this call. Invariant: out means it is not asked again in this call."""

    config: ModelConfig
    order: int
    attempts: int = 0
    failures: int = 0
    not_before_s: float = 0.0
    last_wait_s: float = 0.0
    out: bool = False
    repaired: bool = False
    passed_over: bool = False


def verdict_of(
    error: BaseException, config: ModelConfig, classify: Callable[[object, Any], ClassifiedError]
) -> ClassifiedError:
    """What an error means: our own judgement of an answer, our own cut, or whatever the client raised."""
    if isinstance(error, AnswerProblem):
        return verdict(ErrorCategory.AI_MODEL, error.cause, error)
    if isinstance(error, CallTimeout):
        return verdict(ErrorCategory.AI_MODEL, Cause.TIMEOUT, error)
    return classify(error, config.provider)


def patience_s(config: ModelConfig, usual_s: float | None) -> float:
    """From how long on an attempt that we cut off counts against the model. usual_s: its p95, None for unknown."""
    enough_s = PATIENCE_S if usual_s is None else max(1.0, 3 * usual_s)
    return min(enough_s, config.breaker.slow_call_s, config.timeout_s)


def plan_retry(entry: Entry, found: ClassifiedError, chance: Callable[[], float], now_s: float) -> bool:
    """Set when this model may be asked again within this call, if at all; whether it is to be asked next of all."""
    if not found.is_retryable or found.cause in OF_THE_REQUEST:
        entry.out = True
        return False
    if entry.failures > min(entry.config.retries, found.max_retries):
        entry.out = True
        return False
    if found.cause in _QUICK and entry.failures == 1 and found.retry_after is None:
        entry.not_before_s = now_s + QUICK_S[0] + chance() * (QUICK_S[1] - QUICK_S[0])
        return True
    if found.retry_after is not None:
        delay_s = after_hint_s(found.retry_after, chance())
    else:
        delay_s = backoff_s(POLICY, entry.failures, entry.last_wait_s, chance())
    entry.last_wait_s = delay_s
    entry.not_before_s = now_s + delay_s
    return False


def repaired(request: ChainRequest, answer: Answer, complaint: str) -> ChainRequest:
    """The request again, with the answer that was wrong and what was wrong with it."""
    wrong = answer.text or "; ".join(f"{call.name}({call.arguments})" for call in answer.tool_calls) or "(nothing)"
    told = (
        *request.messages,
        {"role": "assistant", "content": wrong[:4000]},
        {"role": "user", "content": f"That answer cannot be used: {complaint}. Answer again, correctly, nothing else."},
    )
    return replace(request, messages=told, prompt=f"{request.prompt}\n\n{told[-1]['content']}")


def estimated(request: ChainRequest, answer: Answer | None) -> Usage:
    """Tokens by length, a quarter of the characters, where a provider told none."""
    sent = sum(len(str(message.get("content", ""))) for message in request.messages) or len(request.prompt)
    return Usage(sent // 4, 0 if answer is None else len(answer.text) // 4, 0, estimated=True)


def line_of(error: BaseException) -> str:
    """One line for operators, without secrets."""
    if isinstance(error, AnswerProblem):
        return error.reason
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - a __str__ may raise anything
        text = ""
    return redacted(f"{type(error).__name__}: {text}".splitlines()[0][:300])
