"""Which server of a cluster holds which slot. Pure."""

import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from actors.redis_connection.urls import NodeAddress

SLOTS: Final = 16384


@lru_cache(maxsize=8192)
def slot_of(key: str | bytes) -> int:
    """Return the cluster slot of a key: CRC-16/XMODEM of its hash tag, or of the whole key when it has none.

    Source: Redis Cluster specification, "Key distribution model" and "Hash tags".
    """
    raw = key.encode() if isinstance(key, str) else key
    start = raw.find(b"{")
    if start >= 0:
        end = raw.find(b"}", start + 1)
        if end > start + 1:
            raw = raw[start + 1 : end]
    return binascii.crc_hqx(raw, 0) % SLOTS


@dataclass(frozen=True, slots=True)
class Topology:
    """A cluster's slots. Invariant: nodes has SLOTS entries; None where nobody serves the slot."""

    nodes: tuple[NodeAddress | None, ...]

    @property
    def masters(self) -> tuple[NodeAddress, ...]:
        """Every server that holds a slot, each once, in the order of its first slot."""
        return tuple(dict.fromkeys(node for node in self.nodes if node is not None))

    def moved(self, slot: int, node: NodeAddress) -> "Topology":
        """Return the same with one slot elsewhere, as a MOVED answer says."""
        return Topology((*self.nodes[:slot], node, *self.nodes[slot + 1 :]))


@dataclass(frozen=True, slots=True)
class Redirection:
    """A MOVED or ASK answer: where the slot is now, or where this one request has to go (asking)."""

    slot: int
    node: NodeAddress
    asking: bool


def read_topology(reply: Sequence[Any], asked: NodeAddress) -> Topology:
    """Read the answer to CLUSTER SLOTS. asked: the server that gave it, which may leave out its own address.

    Raises ValueError when the answer is not of that form.
    """
    nodes: list[NodeAddress | None] = [None] * SLOTS
    try:
        for first, last, master, *_ in reply:
            node = _address(master[0], int(master[1]), asked)
            nodes[int(first) : int(last) + 1] = [node] * (int(last) + 1 - int(first))
    except (TypeError, IndexError, ValueError) as error:
        raise ValueError(f"not an answer to CLUSTER SLOTS: {error}") from error
    if len(nodes) != SLOTS:
        raise ValueError("not an answer to CLUSTER SLOTS: slots beyond the last")
    return Topology(tuple(nodes))


def read_redirection(text: str, asked: NodeAddress) -> Redirection | None:
    """Read `MOVED slot host:port` or `ASK slot host:port`; None when the text is neither."""
    kind, _, rest = text.partition(" ")
    slot, _, address = rest.partition(" ")
    host, _, port = address.rpartition(":")
    if kind not in {"MOVED", "ASK"} or not (_is_number(slot) and _is_number(port)) or int(slot) >= SLOTS:
        return None
    return Redirection(int(slot), _address(host.strip("[]"), int(port), asked), asking=kind == "ASK")


def _address(host: str | bytes | None, port: int, asked: NodeAddress) -> NodeAddress:
    # An empty or unknown host means "the one you reached me by" (cluster-preferred-endpoint-type).
    name = host.decode() if isinstance(host, bytes) else host
    return NodeAddress(host=asked.host if name in {None, "", "?"} else str(name), port=port or asked.port)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
