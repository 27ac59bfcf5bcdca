"""The node's connection to its store: reaches it, fixes what a deployment fixes once, keeps the pipeline going."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import structlog

from actors.blobs import FileBlobs, StoreBlobs
from actors.logs import Seldom, actor_logger
from actors.node import StoreAccess
from actors.partition.keys import Keys, partitions_key
from actors.partition.store import SCRIPTS, Store
from actors.persistence.rebuilder import Look
from actors.pipeline import PipeLimits, Pipeline
from actors.redis_connection import connect, unix_url
from actors.store_errors import StoreDenied, StoreError, UnsuitableStore
from supervision.actor import GeventActor
from supervision.supervisor import ChildSpec

if TYPE_CHECKING:
    from actors.blobs import BlobStore
    from actors.node import Node
    from actors.redis_connection import Endpoint

_log = structlog.get_logger(__name__)

RETRY_S: Final = 0.5
WATCH_S: Final = 1.0
FLAPS_S: Final = 10.0
# Many connections pay where the server syncs its file between two looks at each of them (decision 0055). Where it does
# not, two are enough for one batch to be made while another is on its way, and cost a tenth less of the daemon's time.
LANES_UNSYNCED: Final = 2


@dataclass(frozen=True, slots=True)
class Reach:
    """Try to reach the store."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Look whether the pipeline is well."""


class StoreConnection(GeventActor):
    """Owns the pipeline. A store that is away is no failure of this actor: it tries again for as long as it takes."""

    def __init__(self, node: Node) -> None:
        """Whose store it is."""
        super().__init__()
        self._node = node
        self._pipeline: Pipeline | None = None
        self._told = False
        # A server that was restarted is missed by one connection after the other.
        self._away = Seldom(FLAPS_S)

    def on_start(self) -> None:
        """Try at once; a store that will never do is said at the start, one that is away is waited for."""
        self._log = actor_logger(self)
        self._reach()

    def on_stop(self) -> None:
        """Hang up. Who submits afterwards hears that the store is away."""
        if self._pipeline is not None:
            self._pipeline.stop()

    def on_failure(self, *_: Any) -> None:
        """The same, after a crash."""
        self.on_stop()

    def on_receive(self, message: Any) -> Any:
        """Try again, or look after what is there."""
        match message:
            case Reach():
                self._reach()
            case Watch():
                if self._pipeline is not None and self._pipeline.fault is not None:
                    raise self._pipeline.fault
                self.send_after(WATCH_S, Watch())
            case _:
                return super().on_receive(message)
        return None

    def _reach(self) -> None:
        try:
            endpoint = connect(self._url())
            limits = PipeLimits() if endpoint.syncs_each_round() else PipeLimits(lanes=LANES_UNSYNCED)
            pipeline = Pipeline(endpoint, SCRIPTS.values(), limits, on_change=self._changed)
            pipeline.start()
            self._pipeline = pipeline
            self._node.access = self._access(endpoint, pipeline)
        except (UnsuitableStore, StoreDenied):
            raise
        except StoreError as error:
            if self._pipeline is not None:
                self._pipeline.stop()
                self._pipeline = None
            if not self._told:
                self._log.warning("the store cannot be reached", reason=str(error), next="tried again until it can")
                self._told = True
            self.send_after(RETRY_S, Reach())
            return
        self._told = False
        self.send_after(WATCH_S, Watch())

    def _url(self) -> str:
        return self._node.settings.daemon.redis_url or unix_url(str(self._node.paths.server_socket))

    def _access(self, endpoint: Endpoint, pipeline: Pipeline) -> StoreAccess:
        settings = self._node.settings.daemon
        partitions = _stored_partitions(pipeline, settings.prefix, settings.partitions)
        embedded = not settings.redis_url
        store = Store(
            self._node.world, pipeline, Keys(settings.prefix, partitions), shares_blobs=not embedded,
            follow=self._node.files.follow,
        )  # fmt: skip
        blobs: BlobStore = (
            FileBlobs(self._node.world, self._node.paths.root / "blobs")
            if embedded
            else StoreBlobs(self._node.world, store)
        )
        # The rebuilder says what generation the store is of, before anything is done with it.
        known = self._node.access.generation if self._node.access is not None else 0
        return StoreAccess(endpoint, store, blobs, known)

    def _changed(self, ready: bool) -> None:  # noqa: FBT001 - the pipeline's callback
        # Another store may be behind the address when it is back: nothing is asked of it before that is known, and
        # nothing is left waiting for the first connection that would be handed out by a store that was set back.
        self._node.is_open = False
        if ready:
            rebuilder = self._node.whereis("rebuilder")
            if rebuilder is not None:
                rebuilder.tell(Look())
        if self._told and ready:
            self._log.info("the store is back", next="what waited goes on")
            self._told = False
        elif not ready and not self._node.draining and self._away.is_due(self._node.world.now()):
            self._log.warning(
                "the store is away", reason=self._pipeline.trouble if self._pipeline is not None else "",
                next="reconnecting; what is under way is repeated under its nonce",
            )  # fmt: skip
            self._told = True


def _stored_partitions(pipeline: Pipeline, prefix: str, wanted: int) -> int:
    """The number of partitions of this deployment: the first start's, whatever is configured now."""
    key = partitions_key(prefix)
    pipeline.call("SET", key, wanted, "NX", key=key)
    stored = int(pipeline.call("GET", key, key=key))
    if stored != wanted:
        _log.warning(
            "the number of partitions is fixed", configured=wanted, stored=stored, next="the stored one is used"
        )
    return stored


def supervised(node: Node) -> ChildSpec:
    """The node's connection to its store."""
    return ChildSpec(id="connection", start=partial(StoreConnection.start, node), start_timeout_s=20.0, shutdown_s=10.0)
