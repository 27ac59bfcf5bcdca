"""Answers of models that were paid for, kept in the journal of their turn until it is committed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec
import structlog

from actors.store_errors import StoreError

if TYPE_CHECKING:
    from actors.node import Node
    from actors.session.notes import TurnInHand

_log = structlog.get_logger(__name__)

Answer = TypeVar("Answer")


class PaidAnswers(Generic[Answer]):
    """Those of one shape."""

    def __init__(self, node: Node, shape: type[Answer]) -> None:
        """shape: what msgspec reads them as."""
        self._node = node
        self._shape = shape

    def kept(self, turn: TurnInHand, step: str) -> Answer | None:
        """What an earlier attempt of the turn has paid for; None where nothing is there or can be read."""
        try:
            raw = self._node.store.read_journal(turn.entry, step)
            return msgspec.json.decode(raw, type=self._shape) if raw else None
        except (StoreError, msgspec.MsgspecError):
            return None

    def keep(self, turn: TurnInHand, step: str, answer: Answer) -> None:
        """Have it serve the turn's later attempts; what cannot be kept is asked for again."""
        try:
            self._node.store.write_journal(turn.entry, step, msgspec.json.encode(answer))
        except StoreError as error:
            _log.warning(
                "an answer could not be kept", chat_id=turn.chat_id, reason=str(error), next="asked again if need be"
            )


def digest_of(messages: Any) -> str:
    """Of the whole request: the same question finds its answer, and no other one does."""
    return hashlib.blake2b(msgspec.json.encode(messages), digest_size=10).hexdigest()
