"""The circuit breaker before a service: closed, open, half-open.

    from supervision.circuit_breaker import CircuitBreaker, CircuitBreakerPresets

    breaker = CircuitBreaker(CircuitBreakerPresets.database(), name="ledger")
    with breaker: ...

The decisions stand in supervision.breaking.machine, which an actor may own as well as the façade here.
"""

from __future__ import annotations

from supervision.breaking.events import BreakerEvent, BreakerStatistics, CircuitOpenError, CircuitState
from supervision.breaking.facade import CircuitBreaker
from supervision.breaking.machine import Permit
from supervision.breaking.settings import BreakerSettings, CircuitBreakerPresets
from supervision.breaking.snapshot import BreakerRecord

__all__ = [
    "BreakerEvent",
    "BreakerRecord",
    "BreakerSettings",
    "BreakerStatistics",
    "CircuitBreaker",
    "CircuitBreakerPresets",
    "CircuitOpenError",
    "CircuitState",
    "Permit",
]
