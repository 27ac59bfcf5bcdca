"""What a run of the chain tells its owner to do."""

from __future__ import annotations

from dataclasses import dataclass

from supervision.breaking.machine import Permit
from supervision.tiers.config import ChainRequest, ChainResult, ModelConfig


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request to one model, to be answered within timeout_s."""

    id: int
    config: ModelConfig
    request: ChainRequest
    timeout_s: float
    started_s: float
    permit: Permit | None = None
    hedge: bool = False
    repair: bool = False


@dataclass(frozen=True, slots=True)
class Start:
    """Send this attempt, and tell `ended` what came of it."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop these attempts; nothing more is to be told of them."""

    attempts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AskBudget:
    """Ask the account's retry budget for one extra request, and tell `allowed`."""

    account: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing to do until until_s, or until a running attempt ends."""

    until_s: float


@dataclass(frozen=True, slots=True)
class Finish:
    """This is the answer."""

    result: ChainResult


Command = Start | Cancel | AskBudget | Pause | Finish
