"""Brings messages that came straight into a partition where their chat does not live to the one where it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import structlog
from msgspec.structs import replace

from actors.partition.commits import TakenIn
from actors.partition.refusals import refusal_of_broken, refusal_of_reuse
from actors.partition.store import Taken
from actors.store_errors import StoreError, StoreNotReady, StoreRefusal

if TYPE_CHECKING:
    from actors.node import Node
    from actors.partition.commits import Commit
    from actors.partition.entries import SeenEntry
    from supervision.actor import GeventActorRef

_log = structlog.get_logger(__name__)

RETRY_S: Final = 0.5


class Strays:
    """Forwards for one owner, for as long as that lives; the next one reads again what is not struck yet.

    A message is taken in where it belongs (once, by its id), and then struck here.
    """

    def __init__(self, node: Node, owner: GeventActorRef[Any], partition: int) -> None:
        """partition: where the strays are."""
        self._node = node
        self._owner = owner
        self._intake = node.store.keys.partition(partition).intake

    def forward(self, entry: SeenEntry) -> None:
        """Take it in where it belongs; tried again while the store is away."""
        if not self._owner.is_alive():
            return
        message = replace(entry.message, message_id=entry.message_id)

        def taken(answer: Any) -> None:
            if isinstance(answer, Taken) and answer.how is TakenIn.REUSED:
                said = (entry.digest, answer.week)
                self._refuse(entry, refusal_of_reuse(self._home(entry), message, entry.message_id, *self._when(), said))
            elif isinstance(answer, Taken):
                self._strike(entry)
            elif isinstance(answer, StoreRefusal) and not isinstance(answer, StoreNotReady):
                self._refuse(entry, refusal_of_broken(self._home(entry), message, entry.message_id, *self._when()))
            else:
                self._again(entry, answer)

        self._node.store.submit_take_in(message, entry.message_id, entry.digest, taken)

    def _home(self, entry: SeenEntry) -> int:
        return self._node.store.keys.partition_of(entry.message.chat_id)

    def _when(self) -> tuple[str, str]:
        return self._node.at(), self._node.world.nonce()

    def _refuse(self, entry: SeenEntry, commit: Commit) -> None:
        def done(answer: Any) -> None:
            if isinstance(answer, StoreError):
                self._again(entry, answer)
            else:
                self._strike(entry)

        self._node.store.submit_commit(commit, done)

    def _strike(self, entry: SeenEntry) -> None:
        # When this is lost the entry is forwarded once more, which changes nothing.
        self._node.store.submit(self._intake, ("XDEL", self._intake, entry.entry_id), lambda _: None)

    def _again(self, entry: SeenEntry, error: StoreError) -> None:
        _log.warning(
            "a stray message could not be forwarded", chat_id=entry.message.chat_id, message_id=entry.message_id,
            reason=str(error), next=f"tried again in {RETRY_S:g} s",
        )  # fmt: skip
        self._node.world.call_later(RETRY_S, self.forward, entry)
