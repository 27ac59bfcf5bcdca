"""From a URL to connections: what the store is, whether it will do, and every kind of connection to it."""

from actors.redis_connection.dedicated import BlockingConnection, Published, Subscription
from actors.redis_connection.endpoint import Endpoint, connect
from actors.redis_connection.facts import (
    Memory,
    ServerFacts,
    ServerIdentity,
    check_suitable,
    memory_of,
    server_facts,
)
from actors.redis_connection.topology import Redirection, Topology, read_redirection, read_topology, slot_of
from actors.redis_connection.urls import NodeAddress, StoreUrl, parse_url, unix_url
from actors.redis_connection.wire import SocketWire, Wire

__all__ = [
    "BlockingConnection",
    "Endpoint",
    "Memory",
    "NodeAddress",
    "Published",
    "Redirection",
    "ServerFacts",
    "ServerIdentity",
    "SocketWire",
    "StoreUrl",
    "Subscription",
    "Topology",
    "Wire",
    "check_suitable",
    "connect",
    "memory_of",
    "parse_url",
    "read_redirection",
    "read_topology",
    "server_facts",
    "slot_of",
    "unix_url",
]
