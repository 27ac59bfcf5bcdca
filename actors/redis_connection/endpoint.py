"""A store, found and looked at: makes every kind of connection to it."""

import contextlib
from collections.abc import Sequence
from typing import Any, Final

import structlog
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection, Connection, UnixDomainSocketConnection
from redis.retry import Retry

from actors.redis_connection.dedicated import BlockingConnection, Subscription
from actors.redis_connection.facts import ServerFacts, ServerIdentity, check_suitable, server_facts
from actors.redis_connection.tls import TlsConnection, make_context
from actors.redis_connection.topology import Topology, read_topology, slot_of
from actors.redis_connection.urls import NodeAddress, StoreUrl, parse_url
from actors.redis_connection.wire import SocketWire
from actors.store_errors import (
    ClusterDown,
    StoreAway,
    StoreError,
    StoreLoading,
    StoreReadOnly,
    StoreRefusal,
    UnsuitableStore,
)
from supervision import world

_log = structlog.get_logger("actors.redis_connection")
_CALL_S: Final = 5.0
_CONNECT_S: Final = 3.0


def connect(url: str | StoreUrl) -> "Endpoint":
    """Find the store, and see that it will do.

    Raises UnsuitableStore for a URL or a server that will never do, StoreDenied for a wrong password, StoreAway,
    StoreLoading and other StoreErrors for what may be over in a moment: the caller tries again.
    """
    endpoint = Endpoint(parse_url(url) if isinstance(url, str) else url)
    endpoint.discover()
    return endpoint


class Endpoint:
    """Makes connections; holds none. cluster and topology are known after discover()."""

    def __init__(self, url: StoreUrl) -> None:
        self.url = url
        self.cluster = url.cluster
        self.topology: Topology | None = None
        self._tls_context: Any = None

    def __repr__(self) -> str:
        return f"Endpoint({str(self.url)!r}, {'cluster' if self.cluster else 'single server'})"

    @property
    def masters(self) -> tuple[NodeAddress, ...]:
        """The servers that hold keys: one, or a cluster's masters."""
        return self.topology.masters if self.topology is not None else self.url.seeds[:1]

    def discover(self) -> None:
        """Look at every server that holds keys. Raises as connect() does."""
        self.cluster = self._facts_of_first_seed().cluster
        if self.cluster:
            if self.url.options.get("db"):
                raise UnsuitableStore("a cluster has database 0 only: take the database out of the store's URL.")
            self.topology = self.fetch_topology()
        elif self.url.cluster:
            raise UnsuitableStore(f"{self.url} is asked for as a cluster, and the server there is none.")
        for node in self.masters:
            facts = self.facts(node)
            check_suitable(facts)
            if facts.loading:
                raise StoreLoading(f"LOADING {node} is reading its data")
            if facts.role not in {"master", ""}:
                raise StoreReadOnly(f"READONLY {node} is a replica")
            if not facts.append_only:
                _log.warning("store.not_append_only", server=str(node), next="what a failing server held is lost")

    def wire(
        self, node: NodeAddress | None = None, *, role: str = "pipeline", connect_timeout_s: float = _CONNECT_S
    ) -> SocketWire:
        """Return a new wire to a server, not yet opened; without a node, to the first.

        role names it in CLIENT LIST; connect_timeout_s bounds each step of opening it.
        """
        address = node or self.masters[0]
        return SocketWire(self._connection(address, role, connect_timeout_s), str(address), world.current().now)

    def facts(self, node: NodeAddress | None = None) -> ServerFacts:
        """Ask one server about itself, over a connection of its own. Raises StoreError."""
        with contextlib.closing(self.wire(node, role="facts")) as wire:
            return server_facts(wire.call("INFO", timeout_s=_CALL_S))

    def syncs_each_round(self) -> bool:
        """Say whether the server syncs its file in each round of its event loop. Raises StoreError.

        One that does not tell, as managed ones often do not, counts as one that does.
        """
        with contextlib.closing(self.wire(role="facts")) as wire:
            try:
                answer = wire.call("CONFIG", "GET", "appendfsync", timeout_s=_CALL_S)
            except StoreRefusal:
                return True
        return answer[-1:] in ([b"always"], [])

    def server_identity(self, key: str | None = None) -> ServerIdentity:
        """Return who holds a key (or the first server) just now. Raises StoreError."""
        return self.facts(self.node_of(key)).identity

    def node_of(self, key: str | None) -> NodeAddress | None:
        """Return the server that should hold a key; None: the first, or nobody serves its slot."""
        return self.topology.nodes[slot_of(key)] if self.topology is not None and key is not None else None

    def fetch_topology(self, also: Sequence[NodeAddress] = ()) -> Topology:
        """Ask the cluster's servers, one after another, who holds what. Keeps nothing. Raises StoreError."""
        last: StoreError = StoreAway(f"{self.url} cannot be reached", sent=False)
        for node in dict.fromkeys((*also, *(self.topology.masters if self.topology else ()), *self.url.seeds)):
            try:
                with contextlib.closing(self.wire(node, role="topology")) as wire:
                    topology = read_topology(wire.call("CLUSTER", "SLOTS", timeout_s=_CALL_S), node)
            except StoreError as error:
                last = error
            except ValueError as error:
                last = StoreAway(f"{node}: {error}", sent=False)
            else:
                if topology.masters:
                    return topology
                last = ClusterDown(f"CLUSTERDOWN {node} knows of no slot that is served")
        raise last

    def blocking(self, key: str | None = None, *, role: str = "reader") -> BlockingConnection:
        """Return a connection for commands that wait in the server, such as XREAD BLOCK, on this key's server."""
        return BlockingConnection(self, key, role)

    def subscription(self, channels: Sequence[str], *, role: str = "subscriber") -> Subscription:
        """Return a subscription to channels, not yet opened. In a cluster PUBLISH reaches every server."""
        return Subscription(self, channels, role)

    def _facts_of_first_seed(self) -> ServerFacts:
        last: StoreError | None = None
        for node in self.url.seeds:
            try:
                return self.facts(node)
            except StoreRefusal:
                raise
            except StoreError as error:
                last = error
        raise last or StoreAway(f"{self.url} names no server", sent=False)

    def _connection(self, address: NodeAddress, role: str, connect_timeout_s: float) -> AbstractConnection:
        options: dict[str, Any] = {
            "client_name": f"unfailing-{role}",
            **self.url.options,
            "socket_connect_timeout": connect_timeout_s,
            "socket_timeout": connect_timeout_s,
            "protocol": 2,
            "driver_info": None,
            "retry": Retry(NoBackoff(), 0),
        }
        if address.path:
            # redis-py's annotations say abstract; its pools build it just so.
            return UnixDomainSocketConnection(path=address.path, **options)  # type: ignore[abstract, no-untyped-call]
        options.update(host=address.host, port=address.port)
        if not self.url.tls:
            return Connection(**options)  # type: ignore[no-untyped-call]
        options = {name: value for name, value in options.items() if not name.startswith("ssl_")}
        if self._tls_context is None:
            self._tls_context = make_context(self.url.options)
        return TlsConnection(context=self._tls_context, **options)
