"""A world whose clock is pushed by hand, and a desk over a real file in it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from random import Random
from typing import Any

from supervision.dead_letter_queue import Desk, DeskLimits, Office, SqliteLetterStore
from supervision.dead_letters.inline import InlineLane
from supervision.state_persistence import OperatorEvent

BEGAN_S = 1_700_000_000.0


class HandWorld:
    """Times are seconds; chance comes from a seed."""

    def __init__(self, seed: int = 1) -> None:
        self.random = Random(seed)
        self.passed_s = 0.0

    def now(self) -> float:
        """Monotonic."""
        return self.passed_s

    def wall(self) -> float:
        """Unix time."""
        return BEGAN_S + self.passed_s

    def lock(self) -> AbstractContextManager[Any]:
        """One thread needs none."""
        return contextlib.nullcontext()


class DeskUnderTest:
    """A desk, its store and its office, in one thread."""

    def __init__(self, path: Path, world: HandWorld | None = None, limits: DeskLimits | None = None) -> None:
        self.world = world or HandWorld()
        self.limits = limits or DeskLimits()
        self.events: list[OperatorEvent] = []
        self.store = SqliteLetterStore(path, self.limits.items_max, self.limits.size_bytes_max, self.world.wall)
        self.desk = Desk(self.store, self.limits, self.world, self.events.append, InlineLane())
        self.office = Office(self.desk, path.parent / "archive")
        self.desk.open()

    def register(self, kind: str, **options: Any) -> None:
        """See Desk.register."""
        given: dict[str, Any] = {
            "policy": {"max_retries": 2, "min_delay_s": 1.0, "max_delay_s": 10.0}, "service": None, "breaker": None,
            "check": None, "delivery": None, "timeout_s": 30.0, **options,
        }  # fmt: skip
        handler: Callable[[Any], Any] = given.pop("handler", lambda _payload: None)
        self.desk.register(kind, handler, **given)

    def close(self) -> None:
        """Let go of the file."""
        self.desk.close()
