"""What a breaker goes by, the presets for kinds of endpoints, and what counts as the endpoint's fault."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from supervision.classification.verdicts import Cause

QUOTA_OPEN_S: Final = 900.0
"""A spent quota or budget whose reset nobody tells is tried again after a quarter of an hour."""

REFUSED_OPEN_S: Final = 300.0
"""A refused key or a model that is gone needs a person; looking again after five minutes notices that one was there."""

OVERLOAD_OPEN_S_MAX: Final = 10.0
"""An overload without a hint passes in seconds, so the breaker does not sit out its whole preset for it."""


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """One kind of endpoint. Source of the model: resilience4j's CircuitBreakerConfig.

    failures_max: consecutive failures that open it. open_s: how long it stays open where the cause says nothing else.
    failure_rate, calls_min, window_calls, window_s: it also opens when, of the calls of the last window_s (at most
    window_calls), at least calls_min of them, this share failed. slow_call_s, slow_rate: calls slower than this count,
    and this share of them opens it. probes_max: calls admitted at once while half-open, each a lease of probe_lease_s;
    successes_to_close: how many of them must succeed.
    """

    kind: str
    failures_max: int
    open_s: float
    failure_rate: float = 0.5
    calls_min: int = 6
    window_calls: int = 20
    window_s: float = 300.0
    slow_call_s: float = 20.0
    slow_rate: float = 0.8
    probes_max: int = 2
    probe_lease_s: float = 60.0
    successes_to_close: int = 1

    def __post_init__(self) -> None:
        whole = (self.failures_max, self.calls_min, self.window_calls, self.probes_max, self.successes_to_close)
        if min(whole) < 1 or self.calls_min > self.window_calls:
            raise ValueError(f"not a breaker's settings: {self}")
        if not (0 < self.failure_rate <= 1 and 0 < self.slow_rate <= 1):
            raise ValueError(f"rates lie above 0 and up to 1: {self}")
        if min(self.open_s, self.window_s, self.slow_call_s, self.probe_lease_s) <= 0:
            raise ValueError(f"times are positive: {self}")


class CircuitBreakerPresets:
    """Settings by the kind of endpoint; the endpoint itself is the breaker's name."""

    @staticmethod
    def ai_model() -> BreakerSettings:
        """A model behind HTTP: 3 failures, 30 s."""
        return BreakerSettings("ai_model", 3, 30.0, slow_call_s=25.0, probe_lease_s=40.0)

    @staticmethod
    def database() -> BreakerSettings:
        """A database or Redis: 5 failures, 10 s."""
        return BreakerSettings("database", 5, 10.0, calls_min=10, window_calls=50, slow_call_s=5.0,
                               probe_lease_s=15.0)  # fmt: skip

    @staticmethod
    def external_api() -> BreakerSettings:
        """Any HTTP service: 5 failures, 60 s."""
        return BreakerSettings("external_api", 5, 60.0, calls_min=10, slow_call_s=15.0)

    @staticmethod
    def file_service() -> BreakerSettings:
        """Downloads and converters: 3 failures, 20 s."""
        return BreakerSettings("file_service", 3, 20.0, slow_call_s=30.0)

    @staticmethod
    def webhook() -> BreakerSettings:
        """A receiver of ours: 10 failures, 120 s."""
        return BreakerSettings("webhook", 10, 120.0, calls_min=20, window_calls=40, window_s=600.0, slow_call_s=15.0)


# The endpoint did its work, and the request was at fault, or the caller left.
NOT_ITS_FAULT: Final = frozenset({
    Cause.CANCELLED, Cause.INVALID_REQUEST, Cause.CONTEXT_LENGTH, Cause.REQUEST_TOO_LARGE, Cause.CONTENT_FILTER,
    Cause.CONSTRAINT, Cause.DB_STATEMENT, Cause.DB_DEADLOCK, Cause.DB_SERIALIZATION, Cause.USER_INPUT,
    Cause.PDF_CORRUPT,
    Cause.NOT_A_PDF, Cause.PDF_ENCRYPTED, Cause.DOCUMENT_TYPE, Cause.DOCUMENT_TOO_LARGE, Cause.RECIPIENT_BLOCKED,
    Cause.NONE_SUCCESS, Cause.NOT_FOUND,
})  # fmt: skip

# One answer like these is enough: the next call will be told the same.
DECISIVE: Final = frozenset(
    {Cause.QUOTA_EXCEEDED, Cause.BUDGET_EXCEEDED, Cause.AUTH, Cause.MODEL_NOT_FOUND, Cause.BANNED_FOR_NOW}
)
_QUOTA: Final = frozenset({Cause.QUOTA_EXCEEDED, Cause.BUDGET_EXCEEDED, Cause.BANNED_FOR_NOW})
_REFUSED: Final = frozenset({Cause.AUTH, Cause.MODEL_NOT_FOUND, Cause.PERMISSION, Cause.CONFIG_ERROR, Cause.TLS})
_LOADED: Final = frozenset(
    {Cause.OVERLOADED, Cause.RATE_LIMIT, Cause.STORE_BUSY, Cause.STORE_LOADING, Cause.DB_CONNECTION_LIMIT}
)


def opening_s(settings: BreakerSettings, cause: Cause | None, retry_after_s: float | None) -> float:
    """How long an opening lasts, by its cause: until the hint, else until the cause may have gone."""
    if retry_after_s is not None and retry_after_s > 0:
        return retry_after_s
    if cause in _QUOTA:
        return max(settings.open_s, QUOTA_OPEN_S)
    if cause in _REFUSED:
        return max(settings.open_s, REFUSED_OPEN_S)
    if cause in _LOADED:
        return min(settings.open_s, OVERLOAD_OPEN_S_MAX)
    return settings.open_s
