"""Shows from a native thread that this node's leases are alive, also while its hub is busy for a while.

It stops by itself when the hub has been silent for HUB_SILENT_S, so that a wedged node does not own for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import structlog

from actors.partition.store import SCRIPTS
from actors.store_errors import ScriptMissing, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.node import Node
    from actors.redis_connection.dedicated import BlockingConnection
    from supervision.world import NativeThread, Timer

_log = structlog.get_logger(__name__)

BEAT_S: Final = 1.0
STEP_S: Final = 0.1
HUB_SILENT_S: Final = 10.0
HUB_SHOWS_ITSELF_S: Final = 0.5


class Beat:
    """The thread that beats. `on_lost` is called on the hub with the numbers of partitions whose lease is another's."""

    def __init__(self, node: Node, on_lost: Callable[[dict[int, str]], object]) -> None:
        """Start with `start`, end with `stop`."""
        self._node = node
        self._world: Any = node.world
        self._on_lost = on_lost
        self._stopping = False
        self._hub_seen_s = 0.0
        self._count = 0
        self._thread: NativeThread | None = None
        self._timer: Timer | None = None
        self._connections: dict[str, BlockingConnection] = {}

    def start(self) -> None:
        """Begin to beat."""
        self._show()
        self._thread = self._world.native_thread(self._run, name="lease beats")

    def stop(self) -> None:
        """Stop beating; returns when the thread has ended, or after a few seconds."""
        self._stopping = True
        if self._timer is not None:
            self._timer.cancel()
        if self._thread is not None:
            self._thread.join(3.0)

    def _show(self) -> None:
        self._hub_seen_s = self._world.now()
        self._timer = self._world.call_later(HUB_SHOWS_ITSELF_S, self._show)

    def _run(self) -> None:
        away = False
        try:
            while not self._stopping:
                silent_s = self._world.now() - self._hub_seen_s
                if silent_s < HUB_SILENT_S:
                    away = self._beat_once(away=away)
                self._pause()
            if self._node.draining:
                self._leave(away=away)
        finally:
            for connection in self._connections.values():
                connection.close()

    def _pause(self) -> None:
        """Until the next beat, in short steps: whoever stops the beat waits for this thread."""
        for _ in range(round(BEAT_S / STEP_S)):
            if self._stopping:
                return
            self._world.native_sleep(STEP_S)

    def _beat_once(self, *, away: bool) -> bool:
        """Beat for every lease; says whether the store is away."""
        try:
            self._count += 1
            lost = {
                number: held.fence
                for number, held in dict(self._node.leases).items()
                if not self._beat(number, held.fence)
            }
            self._show_node()
        except (StoreError, OSError) as error:
            if not away:
                _log.warning("leases cannot be beaten", reason=str(error), next="tried again every second")
            return True
        if lost:
            self._world.call_soon_threadsafe(self._on_lost, lost)
        return False

    def _show_node(self) -> None:
        """Be counted among those who share the partitions, until this node drains: then others may have its share."""
        nodes, node_id = self._node.store.keys.nodes, self._node.node_id
        if self._node.draining:
            self._connection(nodes).call("HDEL", nodes, node_id)
        else:
            self._connection(nodes).call("HSET", nodes, node_id, f"{self._node.incarnation}:{self._count}")

    def _leave(self, *, away: bool) -> None:
        """Be struck from the list of nodes, so that nobody waits for this one to stand still."""
        try:
            if not away:
                self._show_node()
        except (StoreError, OSError) as error:
            _log.info("not struck from the list of nodes", reason=str(error), next="the others wait a few seconds")

    def _beat(self, number: int, fence: str) -> bool:
        key = self._node.store.keys.partition(number).lease
        connection, script = self._connection(key), SCRIPTS["lease_beat"]
        try:
            return int(connection.call("EVALSHA", script.sha, 1, key, fence)) > 0
        except ScriptMissing:
            return int(connection.call("EVAL", script.source, 1, key, fence)) > 0

    def _connection(self, key: str) -> BlockingConnection:
        """One connection for a single server; in a cluster one for each key, so that each follows its slot."""
        name = key if self._node.endpoint.cluster else ""
        if name not in self._connections:
            self._connections[name] = self._node.endpoint.blocking(key, role="beat")
        return self._connections[name]
