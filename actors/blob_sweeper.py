"""Strikes attachments from the files once no open message refers to them. In the store they go by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from actors.blobs import FileBlobs
from actors.logs import actor_logger
from actors.store_errors import StoreError
from supervision.actor import GeventActor
from supervision.supervisor import ChildSpec
from supervision.world import WaitTimeout

if TYPE_CHECKING:
    from actors.node import Node

SWEEP_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Sweep:
    """Look at the files."""


class BlobSweeper(GeventActor):
    """Looks at the files of the partitions that this node holds, now and then."""

    def __init__(self, node: Node) -> None:
        """Whose files they are."""
        super().__init__()
        self._node = node

    def on_start(self) -> None:
        """Begin with the first period."""
        self._log = actor_logger(self)
        self.send_every(SWEEP_S, Sweep())

    def on_receive(self, message: Any) -> Any:
        """Sweep once."""
        if not isinstance(message, Sweep):
            return super().on_receive(message)
        try:
            self._sweep()
        except (StoreError, OSError, WaitTimeout) as error:
            self._log.warning("attachments could not be swept", reason=str(error), next=f"tried again in {SWEEP_S:g} s")
        return None

    def _sweep(self) -> None:
        blobs = self._node.blobs
        if not isinstance(blobs, FileBlobs):
            return
        struck = 0
        for partition in list(self._node.leases):
            for digest in blobs.orphans(self._node.world.wall(), partition):
                if not self._node.store.is_referred_to(partition, digest):
                    blobs.strike(partition, digest)
                    struck += 1
        if struck:
            self._log.info("attachments of settled messages were struck", count=struck)


def supervised(node: Node) -> ChildSpec:
    """The node's sweeper."""
    return ChildSpec(id="sweeper", start=partial(BlobSweeper.start, node))
