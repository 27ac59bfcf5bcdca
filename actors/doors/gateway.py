"""The channel's door: what is published on the inbox is taken into its partition.

Every node hears everything. A message with an id is taken in by every node, and the store makes it one; one without an
id, and one that cannot be read, only by the node that owns partition 0.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from actors.doors.intake import (
    RETRY_S,
    Arrival,
    Item,
    is_overloaded,
    open_arrival,
    refusal_at,
    take_in_once,
    waves_of,
)
from actors.doors.subscriber import Subscriber
from actors.logs import actor_logger
from messages.errors import InvalidMessage
from supervision.actor import GeventActor
from supervision.supervisor import ChildSpec

if TYPE_CHECKING:
    from actors.node import Node

BATCH_MAX: Final = 256
WAIT_FOR_LEASES_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Heard:
    """There is something in the buffer."""


@dataclass(frozen=True, slots=True)
class BeginToListen:
    """The store may be there by now."""


@dataclass(frozen=True, slots=True)
class TryAgain:
    """The store may be back by now."""


class Gateway(GeventActor):
    """Takes what the subscriber hears into the partitions, batch by batch."""

    def __init__(self, node: Node) -> None:
        """Whose inbox it is."""
        super().__init__()
        self._node = node
        self._subscriber = Subscriber(node, self._heard_from_thread)
        self._told = False
        self._waiting = False
        self._count = 0
        # What was opened and is not in yet: a chat's next letter is in a later wave.
        self._waves: deque[list[Item]] = deque()

    def on_start(self) -> None:
        """Listen as soon as the node knows whether partition 0 is its own."""
        self._log = actor_logger(self)
        self._node.names["gateway"] = self.actor_ref
        self.actor_ref.tell(BeginToListen())

    def on_stop(self) -> None:
        """Stop listening, and take in what was heard, unless the store is away: the channel keeps nothing."""
        self._subscriber.stop()
        if not self._work():
            self._log.warning(
                "what was heard last is dropped", reason="the store is away", next="streams keep what they hold"
            )

    def on_failure(self, *_: Any) -> None:
        """Stop listening; the next gateway hears what is published then."""
        self._subscriber.stop(wait=False)

    def on_receive(self, message: Any) -> Any:
        """Begin, or empty the buffer."""
        match message:
            case BeginToListen():
                if self._node.access is None or not self._node.knows_leases:
                    self.send_after(WAIT_FOR_LEASES_S, BeginToListen())
                else:
                    self._subscriber.start()
            case Heard():
                self._told = False
                self._go_on()
            case TryAgain():
                self._waiting = False
                self._go_on()
            case _:
                return super().on_receive(message)
        return None

    def _heard_from_thread(self) -> None:
        if not self._told and self.actor_ref.is_alive():
            self._told = True
            self.actor_ref.tell(Heard())

    def _go_on(self) -> None:
        # Between two tries back to the mailbox: a gateway that waits for the store can still be stopped at once.
        if not self._waiting and not self._work():
            self._waiting = True
            self.send_after(RETRY_S, TryAgain())

    def _work(self) -> bool:
        """Take in what was heard, wave by wave; False when the store is away, or not known to be what it was."""
        if not self._node.is_open:
            return False
        while self._waves or self._hear():
            self._waves[0] = take_in_once(self._node, self._waves[0])
            if self._waves[0]:
                return False
            self._waves.popleft()
        return True

    def _hear(self) -> bool:
        """Open the next batch; False when there is none."""
        if self._node.access is None:
            return False
        while not self._waves and (batch := self._subscriber.take(BATCH_MAX)):
            self._waves = waves_of([item for raw in batch if (item := self._opened(raw)) is not None])
        return bool(self._waves)

    def _opened(self, raw: bytes) -> Item | None:
        """What is to be done about one message; None when that is another node's business."""
        alone = 0 in self._node.leases
        self._count += 1
        fallback_id = f"c-{self._node.node_id}-{self._node.incarnation}-{self._count}"[-128:]
        opened = open_arrival(self._node, Arrival(raw, fallback_id))
        if isinstance(opened, InvalidMessage):
            return refusal_at(self._node, opened, raw, fallback_id) if alone else None
        if is_overloaded(self._node):
            what = "the store's memory is nearly full"
            busy = InvalidMessage("overloaded", what, opened.message.chat_id, opened.message_id)
            return refusal_at(self._node, busy, raw, fallback_id) if alone else None
        return opened if alone or opened.message_id != fallback_id else None


def supervised(node: Node) -> ChildSpec:
    """The node's gateway."""
    return ChildSpec(id="gateway", start=partial(Gateway.start, node), shutdown_s=5.0)
