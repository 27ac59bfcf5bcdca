"""What a desk is made with: its world, its bounds, and how each type is worked on."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from supervision.circuit_breaker import CircuitBreaker
from supervision.dead_letters.machine import Rules


class Chance(Protocol):
    """What the desk asks of chance; see random.Random."""

    def random(self) -> float:
        """From 0 to 1."""

    def getrandbits(self, k: int, /) -> int:
        """So many bits."""


class DeskWorld(Protocol):
    """What the desk needs of the world."""

    @property
    def random(self) -> Chance:
        """Chance."""

    def now(self) -> float:
        """Monotonic seconds."""

    def wall(self) -> float:
        """Unix seconds."""

    def lock(self) -> AbstractContextManager[Any]:
        """A lock between threads."""


@dataclass(frozen=True, slots=True)
class Registration:
    """How items of one type are worked on. check: whether an attempt of unknown outcome happened."""

    handler: Callable[[Any], Any]
    rules: Rules
    timeout_s: float
    breaker: CircuitBreaker | None
    check: Callable[[Any], Any] | None


@dataclass(frozen=True, slots=True)
class DeskLimits:
    """Bounds. replays_per_s: how fast a replay of many becomes due. finished_kept_s: how long what is done is kept."""

    items_max: int = 100_000
    size_bytes_max: int = 1 << 30
    age_s_max: float = 30 * 86_400.0
    finished_kept_s: float = 7 * 86_400.0
    replays_per_s: float = 50.0
