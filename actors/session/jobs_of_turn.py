"""Has an actor of jobs work for a turn; what it has done once serves every later attempt of the turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

import msgspec
import structlog

from actors.store_errors import StoreError
from messages.light import light_record

if TYPE_CHECKING:
    from actors.node import Node
    from actors.session.notes import TurnInHand

_log = structlog.get_logger(__name__)

BUSY_RETRY_S: Final = 0.25


class WithFile(Protocol):
    """What a job comes to. digest: of the file it has put into the blob store; empty where there is none."""

    @property
    def digest(self) -> str:
        """Of the file."""


Done = TypeVar("Done", bound=WithFile)


@light_record
class Trade:
    """What operators read of a kind of jobs: the actor's name, who does them, what is done, and what comes next."""

    actor: str
    worker: str
    subject: str
    file: str
    again: str
    unnoted: str


class JobsOfTurns(Generic[Done]):
    """Asks the actor of one trade, and keeps what it has done in the turn's journal."""

    def __init__(self, node: Node, trade: Trade, done: type[Done], grace_s: float) -> None:
        """done: what a job comes to. grace_s: what the actor may take beyond the deadline that it is given."""
        self._node = node
        self._trade = trade
        self._done = done
        self._grace_s = grace_s

    def ask(self, turn: TurnInHand, message: Any, by_s: float) -> Done | None:
        """What the actor answers; waits while it restarts. None where it was not to be had by by_s."""
        world, trade = self._node.world, self._trade
        while (left_s := by_s - world.now()) > 0:
            worker = self._node.whereis(trade.actor)
            try:
                if worker is not None:
                    done: Done = worker.ask(message, timeout=left_s + self._grace_s)
                    return done
            except Exception as error:  # noqa: BLE001 - it is busy or restarts, or the store is away
                _log.warning(
                    f"a {trade.subject} found no {trade.worker}", chat_id=turn.chat_id, message_id=turn.message_id,
                    reason=repr(error), next="tried again while there is time",
                )  # fmt: skip
            world.sleep(BUSY_RETRY_S)
        return None

    def kept(self, turn: TurnInHand, step: str) -> Done | None:
        """What an earlier attempt of the turn has had done, where its file is still there."""
        try:
            raw = self._node.store.read_journal(turn.entry, step)
            kept = msgspec.json.decode(raw, type=self._done) if raw else None
            if kept is not None and kept.digest:
                self._node.blobs.get(turn.entry.partition, kept.digest)
        except Exception as error:  # noqa: BLE001 - not kept, not readable or not there any more: it is done again
            _log.info(
                f"a {self._trade.file} is not there", chat_id=turn.chat_id, reason=repr(error), next=self._trade.again
            )
            return None
        return kept

    def keep(self, turn: TurnInHand, step: str, done: Done) -> None:
        """Have it serve the turn's later attempts; what cannot be noted is done again."""
        try:
            self._node.store.write_journal(turn.entry, step, msgspec.json.encode(done))
        except StoreError as error:
            _log.warning(
                f"a {self._trade.file} could not be noted", chat_id=turn.chat_id, reason=str(error),
                next=self._trade.unnoted,
            )  # fmt: skip
