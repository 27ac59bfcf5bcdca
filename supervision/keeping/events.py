"""What operators are told: one record an event, and the structured log as the place where it goes by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Level = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class OperatorEvent:
    """Something an operator should know. name: what happened, as an identifier; next_step: what is done about it."""

    name: str
    level: Level
    next_step: str
    facts: Mapping[str, Any] = field(default_factory=dict)


OnEvent = Callable[[OperatorEvent], object]


def log_event(event: OperatorEvent) -> None:
    """Write it to the structured log, secrets taken out."""
    import structlog

    from messages.redaction import redact

    log = structlog.get_logger("supervision")
    getattr(log, event.level)(event.name, next=event.next_step, **redact(dict(event.facts)))
