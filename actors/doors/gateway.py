"""The channel's door: what is published on the inbox is taken into its partition.

Every node hears everything. A message with an id is taken in by every node, and the store makes it one; one without an
id, and one that cannot be read, only by the node that owns partition 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import structlog

from actors.doors.intake import Arrival, Letter, is_overloaded, open_arrival, refuse, take_in
from actors.doors.subscriber import Subscriber
from messages.errors import InvalidMessage
from supervision.actor import GeventActor
from supervision.supervisor import ChildSpec

if TYPE_CHECKING:
    from actors.node import Node

_log = structlog.get_logger(__name__)

BATCH_MAX: Final = 256
WAIT_FOR_STORE_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Heard:
    """There is something in the buffer."""


@dataclass(frozen=True, slots=True)
class BeginToListen:
    """The store may be there by now."""


class Gateway(GeventActor):
    """Takes what the subscriber hears into the partitions, batch by batch."""

    def __init__(self, node: Node) -> None:
        """Whose inbox it is."""
        super().__init__()
        self._node = node
        self._subscriber = Subscriber(node, self._heard_from_thread)
        self._told = False
        self._count = 0

    def on_start(self) -> None:
        """Listen as soon as the store has been reached."""
        self._node.names["gateway"] = self.actor_ref
        self.actor_ref.tell(BeginToListen())

    def on_stop(self) -> None:
        """Stop listening, and take in what was heard."""
        self._subscriber.stop()
        while batch := self._subscriber.take(BATCH_MAX):
            self._take(batch)

    def on_failure(self, *_: Any) -> None:
        """Stop listening; the next gateway hears what is published then."""
        self._subscriber.stop()

    def on_receive(self, message: Any) -> Any:
        """Begin, or empty the buffer."""
        match message:
            case BeginToListen():
                if self._node.access is None:
                    self.send_after(WAIT_FOR_STORE_S, BeginToListen())
                else:
                    self._subscriber.start()
            case Heard():
                self._told = False
                while batch := self._subscriber.take(BATCH_MAX):
                    self._take(batch)
            case _:
                return super().on_receive(message)
        return None

    def _heard_from_thread(self) -> None:
        if not self._told and self.actor_ref.is_alive():
            self._told = True
            self.actor_ref.tell(Heard())

    def _take(self, batch: list[bytes]) -> None:
        letters: list[Letter] = []
        alone = 0 in self._node.leases
        for raw in batch:
            self._count += 1
            fallback_id = f"c-{self._node.node_id}-{self._node.incarnation}-{self._count}"[-128:]
            opened = open_arrival(self._node, Arrival(raw, fallback_id))
            if isinstance(opened, InvalidMessage):
                if alone:
                    refuse(self._node, opened, raw, fallback_id)
            elif is_overloaded(self._node):
                if alone:
                    message = opened.message
                    busy = InvalidMessage(
                        "overloaded", "the store's memory is nearly full", message.chat_id, opened.message_id
                    )
                    refuse(self._node, busy, raw, fallback_id)
            elif alone or opened.message_id != fallback_id:
                letters.append(opened)
        take_in(self._node, letters)


def supervised(node: Node) -> ChildSpec:
    """The node's gateway."""
    return ChildSpec(id="gateway", start=partial(Gateway.start, node), shutdown_s=10.0)
